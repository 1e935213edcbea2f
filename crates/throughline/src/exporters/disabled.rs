//! No exporters in this build.
#![expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the shape of `enabled.rs`")]

use std::sync::Arc;
use std::time::Duration;

use throughline_core::Resource;

use super::ShutdownReport;
use crate::console::Console;
use crate::error::Error;
use crate::otlp::Otlp;
use crate::prometheus::Prometheus;
use crate::status::Status;

/// Nothing runs.
#[derive(Debug)]
pub(crate) struct Exporters;

impl Exporters {
    pub(crate) fn start(_: Prometheus, _: Otlp, _: Console, _: &Arc<Status>) -> Result<Self, Error> {
        Ok(Self)
    }

    pub(crate) fn forked(&self, _: &Resource) -> Result<Option<Self>, Error> {
        Ok(None)
    }

    pub(crate) fn make_global(&self) {}

    pub(crate) fn flush(&self) -> impl Future<Output = ShutdownReport> + Send + use<> {
        std::future::ready(ShutdownReport::default())
    }

    pub(crate) fn shutdown_blocking(self, _timeout: Duration) -> ShutdownReport {
        ShutdownReport::default()
    }
}

/// There is nothing to wait for.
pub(crate) async fn on_a_thread(work: impl FnOnce() -> ShutdownReport + Send + 'static) -> ShutdownReport {
    work()
}
