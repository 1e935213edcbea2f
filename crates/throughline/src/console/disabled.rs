//! No console exporter in this build.
#![expect(clippy::unused_self, reason = "the shape of `enabled.rs`")]

use throughline_metrics::MeterProvider;

use crate::config::TelemetryConfig;
use crate::error::{Error, Source};
use crate::records::Records;
use crate::settings::Settings;
use crate::status::ExporterStatus;

/// Nothing to start, but perhaps something to refuse.
#[derive(Debug)]
pub(crate) struct Plan {
    asked_for: Option<Source>,
}

impl Plan {
    pub(crate) fn new(config: &TelemetryConfig, _service: &str, settings: &mut Settings<'_>) -> Self {
        let console = &config.console;
        let signals = [
            (console.metrics, "OTEL_METRICS_EXPORTER"),
            (console.traces, "OTEL_TRACES_EXPORTER"),
            (console.logs, "OTEL_LOGS_EXPORTER"),
        ];
        let asked_for =
            signals.into_iter().find_map(|(code, variable)| super::asked_for(code, variable, settings));
        Self { asked_for }
    }

    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
    pub(crate) fn shows_spans(&self) -> bool {
        false
    }

    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
    pub(crate) fn shows_logs(&self) -> bool {
        false
    }

    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
    pub(crate) fn taps(&self) -> Taps {
        Taps
    }

    pub(crate) fn start(self, _: &MeterProvider, _: &Records) -> Result<Console, Error> {
        match self.asked_for {
            None => Ok(Console),
            Some(source) => {
                Err(Error::NotCompiledIn { exporter: "the console exporter", feature: "console", source })
            }
        }
    }
}

/// Nothing sees what others take out.
#[derive(Debug, Default)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
pub(crate) struct Taps;

#[cfg_attr(not(feature = "otlp-http"), expect(dead_code, reason = "nobody takes records out"))]
impl Taps {
    pub(crate) fn spans<R>(&self, reader: R) -> R {
        reader
    }

    pub(crate) fn logs<R>(&self, reader: R) -> R {
        reader
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
