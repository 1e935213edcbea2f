//! No scrape endpoint in this build.
#![expect(clippy::unused_self, reason = "the shape of `enabled.rs`")]

use std::net::SocketAddr;

use throughline_metrics::MeterProvider;

use crate::config::TelemetryConfig;
use crate::error::Error;
use crate::selection::Selection;
use crate::settings::Settings;
use crate::status::ExporterStatus;

/// Nobody is scraped unless somebody asks for it, and then it is refused.
pub(crate) const IS_BUILT_IN: bool = false;

/// Nothing to start, but perhaps something to refuse.
#[derive(Debug)]
pub(crate) struct Plan;

impl Plan {
    pub(crate) fn new(_config: &TelemetryConfig, selection: &Selection, settings: &mut Settings<'_>) -> Self {
        if let Some(source) = &selection.metrics.prometheus {
            settings.not_compiled_in("the Prometheus scrape endpoint", "prometheus", source.clone());
        }
        Self
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape of `enabled.rs`")]
    pub(crate) fn start(self, _provider: &MeterProvider) -> Result<Prometheus, Error> {
        Ok(Prometheus { address: None })
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
