//! No scrape endpoint in this build.
#![expect(clippy::unused_self, reason = "the shape of `enabled.rs`")]

use std::net::SocketAddr;

use throughline_metrics::MeterProvider;

use crate::config::TelemetryConfig;
use crate::error::{Error, Source};
use crate::settings::Settings;
use crate::status::ExporterStatus;

/// Nothing to start, but perhaps something to refuse.
#[derive(Debug)]
pub(crate) struct Plan {
    asked_for: bool,
}

impl Plan {
    pub(crate) fn new(config: &TelemetryConfig, _settings: &mut Settings<'_>) -> Self {
        Self { asked_for: config.prometheus == Some(true) }
    }

    pub(crate) fn start(self, _provider: &MeterProvider) -> Result<Prometheus, Error> {
        if !self.asked_for {
            return Ok(Prometheus { address: None });
        }
        let source = Source::Code("with_prometheus_address");
        Err(Error::NotCompiledIn {
            exporter: "the Prometheus scrape endpoint",
            feature: "prometheus",
            source,
        })
    }
}

/// No endpoint.
#[derive(Debug)]
pub(crate) struct Prometheus {
    pub(crate) address: Option<SocketAddr>,
}

impl Prometheus {
    pub(crate) fn status(&self) -> ExporterStatus {
        Box::new(|| serde_json::Value::Null)
    }

    #[cfg(feature = "runtime")]
    #[expect(clippy::needless_pass_by_ref_mut, reason = "the shape of `enabled.rs`")]
    pub(crate) fn task(
        &mut self,
        _: impl Fn() -> String + Send + Sync + 'static,
    ) -> Option<crate::exporters::Task> {
        None
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn stop(&self) {}
}
