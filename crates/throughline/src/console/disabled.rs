//! No console exporter in this build.
#![expect(clippy::unused_self, reason = "the shape of `enabled.rs`")]

use throughline_metrics::MeterProvider;

use crate::config::TelemetryConfig;
use crate::error::Error;
use crate::records::Records;
use crate::selection::Selection;
use crate::settings::Settings;
use crate::status::ExporterStatus;

/// Nothing to start.
#[derive(Debug)]
pub(crate) struct Plan;

impl Plan {
    pub(crate) fn new(
        _: &TelemetryConfig,
        Selection { metrics, traces, logs }: &Selection,
        _service: &str,
        settings: &mut Settings<'_>,
    ) -> Self {
        for source in [metrics, traces, logs].into_iter().filter_map(|signal| signal.console.clone()) {
            settings.not_compiled_in("the console exporter", "console", source);
        }
        Self
    }

    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
    pub(crate) fn shows_spans(&self) -> bool {
        false
    }

    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
    pub(crate) fn shows_logs(&self) -> bool {
        false
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape of `enabled.rs`")]
    pub(crate) fn start(self, _: &MeterProvider, _: &Records) -> Result<Console, Error> {
        Ok(Console)
    }
}

/// Shows nothing.
#[derive(Debug)]
pub(crate) struct Console;

impl Console {
    pub(crate) fn status(&self) -> Option<ExporterStatus> {
        None
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn forked(&self) -> Self {
        Self
    }

    #[cfg(feature = "runtime")]
    #[expect(clippy::needless_pass_by_ref_mut, reason = "the shape of `enabled.rs`")]
    pub(crate) fn task(&mut self) -> Option<crate::exporters::Task> {
        None
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn flush(&self) -> impl Future<Output = Option<crate::exporters::Delivery>> + Send + use<> {
        std::future::ready(None)
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn shutdown(&self) -> impl Future<Output = Option<crate::exporters::Delivery>> + Send + use<> {
        std::future::ready(None)
    }
}
