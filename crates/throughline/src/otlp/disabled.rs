//! No OTLP in this build.
#![expect(clippy::needless_pass_by_ref_mut, reason = "the shape of `enabled.rs`")]

use throughline_metrics::MeterProvider;

use crate::config::TelemetryConfig;
use crate::error::{Error, Source};
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
        let asked_for = super::destination(&super::METRICS, &metrics.export, export, settings);
        Self { asked_for: asked_for.map(|(_, source)| source) }
    }

    pub(crate) fn start(
        self,
        _provider: &MeterProvider,
        _config: &TelemetryConfig,
    ) -> Result<Option<Otlp>, Error> {
        match self.asked_for {
            None => Ok(None),
            Some(source) => {
                Err(Error::NotCompiledIn { exporter: "an OTLP exporter", feature: "otlp-http", source })
            }
        }
    }
}

/// There is never one.
#[derive(Debug)]
pub(crate) enum Otlp {}

impl Otlp {
    pub(crate) fn status(&self) -> ExporterStatus {
        match *self {}
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn task(&mut self) -> Option<crate::exporters::Task> {
        match *self {}
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn flush(&self) -> tokio::sync::oneshot::Receiver<crate::ShutdownReport> {
        match *self {}
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn shutdown(
        &self,
        _: std::time::Duration,
    ) -> tokio::sync::oneshot::Receiver<crate::ShutdownReport> {
        match *self {}
    }
}
