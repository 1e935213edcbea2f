//! No OTLP in this build.
#![expect(clippy::unused_self, reason = "the shape of `enabled.rs`")]

use throughline_metrics::MeterProvider;

use super::{LOGS, METRICS, TRACES, destination};
use crate::config::{ExportConfig, TelemetryConfig};
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
    pub(crate) fn new(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Self {
        let TelemetryConfig { export, metrics, .. } = config;
        let of_metrics = destination(&METRICS, &metrics.export, export, settings);
        let none = ExportConfig::new();
        let of_others =
            || [TRACES, LOGS].into_iter().find_map(|names| destination(&names, &none, export, settings));
        Self { asked_for: of_metrics.or_else(of_others).map(|(_, source)| source) }
    }

    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
    pub(crate) fn pushes_spans(&self) -> bool {
        false
    }

    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
    pub(crate) fn pushes_logs(&self) -> bool {
        false
    }

    pub(crate) fn start(
        self,
        _provider: &MeterProvider,
        _records: &Records,
        _config: &TelemetryConfig,
    ) -> Result<Otlp, Error> {
        match self.asked_for {
            None => Ok(Otlp),
            Some(source) => {
                Err(Error::NotCompiledIn { exporter: "an OTLP exporter", feature: "otlp-http", source })
            }
        }
    }
}

/// Pushes nothing.
#[derive(Debug)]
pub(crate) struct Otlp;

impl Otlp {
    pub(crate) fn status(&self) -> Option<ExporterStatus> {
        None
    }

    #[cfg(feature = "runtime")]
    #[expect(clippy::needless_pass_by_ref_mut, reason = "the shape of `enabled.rs`")]
    pub(crate) fn tasks(&mut self) -> Vec<crate::exporters::Task> {
        Vec::new()
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn flush(&self) -> impl Future<Output = crate::ShutdownReport> + Send + 'static {
        std::future::ready(crate::ShutdownReport::default())
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn shutdown(
        &self,
        _: std::time::Duration,
    ) -> impl Future<Output = crate::ShutdownReport> + Send + 'static {
        std::future::ready(crate::ShutdownReport::default())
    }
}
