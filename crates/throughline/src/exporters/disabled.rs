//! No exporters in this build.
#![expect(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    reason = "the shape of `enabled.rs`"
)]

use std::sync::Arc;
use std::time::Duration;

use super::ShutdownReport;
use crate::error::Error;
use crate::otlp::Otlp;
use crate::prometheus::Prometheus;
use crate::status::Status;

/// Nothing runs.
#[derive(Debug)]
pub(crate) struct Exporters;

impl Exporters {
    pub(crate) fn start(_: Prometheus, _: Otlp, _: &Arc<Status>) -> Result<Self, Error> {
        Ok(Self)
    }

    pub(crate) fn make_global(&self) {}

    pub(crate) async fn flush(&self) -> ShutdownReport {
        ShutdownReport::default()
    }

    pub(crate) fn shutdown_blocking(self, _timeout: Duration) -> ShutdownReport {
        ShutdownReport::default()
    }

    pub(crate) async fn shutdown(self, _timeout: Duration) -> ShutdownReport {
        ShutdownReport::default()
    }
}
