//! No OTLP in this build.
#![expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the shape of `enabled.rs`")]

use throughline_metrics::{Meter, MeterProvider};

use crate::config::TelemetryConfig;
use crate::error::Error;
use crate::records::Records;
use crate::selection::Selection;
use crate::settings::catalogue::METRICS_OTLP;
use crate::settings::{Given, Settings};
use crate::status::ExporterStatus;

/// Nothing to start, but perhaps something to refuse.
#[derive(Debug)]
pub(crate) struct Plan;

impl Plan {
    pub(crate) fn new(_config: &TelemetryConfig, selection: &Selection, settings: &mut Settings<'_>) -> Self {
        match selection.pushed() {
            Some(source) => settings.not_compiled_in("an OTLP exporter", "otlp-http", source.clone()),
            None => warn_of_variables(settings),
        }
        Self
    }

    pub(crate) fn pushes(&self) -> bool {
        false
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
        _own: Option<&Meter>,
    ) -> Result<Otlp, Error> {
        Ok(Otlp)
    }
}

/// What is said of pushing although nothing can be pushed.
fn warn_of_variables(settings: &mut Settings<'_>) {
    let given: Vec<_> = METRICS_OTLP.all().into_iter().flat_map(|of_push| settings.given(of_push)).collect();
    for Given { source, .. } in given {
        settings.warn(format!("{source} is set and has no effect: this build has no OTLP exporter; add the cargo feature `otlp-http`"));
    }
}

/// Pushes nothing.
#[derive(Debug)]
pub(crate) struct Otlp;

impl Otlp {
    #[cfg(feature = "runtime")]
    pub(crate) fn make_global(&self) {}

    pub(crate) fn status(&self) -> Option<ExporterStatus> {
        None
    }

    #[cfg(feature = "runtime")]
    #[expect(clippy::needless_pass_by_ref_mut, reason = "the shape of `enabled.rs`")]
    pub(crate) fn tasks(&mut self) -> Vec<crate::exporters::Task> {
        Vec::new()
    }

    #[cfg(feature = "runtime")]
    #[expect(clippy::unnecessary_wraps, reason = "the shape of `enabled.rs`")]
    pub(crate) fn forked(&self, _resource: &throughline_core::Resource) -> Result<Self, Error> {
        Ok(Self)
    }

    #[cfg(feature = "runtime")]
    pub(crate) fn flush(&self) -> impl Future<Output = crate::ShutdownReport> + Send + use<> {
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

/// Nothing is exported.
pub(crate) fn end_traces(_: std::time::Duration) -> crate::ShutdownReport {
    crate::ShutdownReport::default()
}

/// Nothing is exported.
pub(crate) fn end_metrics(_: std::time::Duration) -> crate::ShutdownReport {
    crate::ShutdownReport::default()
}
