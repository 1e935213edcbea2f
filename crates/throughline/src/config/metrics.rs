//! What an application asks of its metrics: [`MetricsConfig`].

use std::fmt;
use std::time::Duration;

use throughline_metrics::TemporalityPreference;
use throughline_metrics::view::View;

use super::export::{Destination, ExportConfig};

/// How metrics are kept and pushed.
///
/// ```
/// use std::time::Duration;
/// use throughline::{MetricsConfig, Temporality, TelemetryConfig};
///
/// let metrics = MetricsConfig::new()
///     .with_export_interval(Duration::from_secs(15))
///     .with_temporality(Temporality::Delta)
///     .with_cardinality_limit(10_000);
/// let config = TelemetryConfig::new("shop").with_metrics(metrics);
/// ```
#[derive(Clone, Default)]
#[must_use = "a configuration does nothing until it is part of a `TelemetryConfig`"]
pub struct MetricsConfig {
    pub(crate) export: ExportConfig,
    pub(crate) interval: Option<Duration>,
    pub(crate) temporality: Option<TemporalityPreference>,
    pub(crate) views: Vec<View>,
    pub(crate) cardinality_limit: Option<usize>,
    pub(crate) idle_expiry: Option<Duration>,
}

impl MetricsConfig {
    /// Metrics with defaults that run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where and how metrics are pushed, where that differs from other signals.
    pub fn with_export(mut self, export: ExportConfig) -> Self {
        self.export = export;
        self
    }

    /// Pushes metrics straight into a Prometheus that runs with `--web.enable-otlp-receiver`, at a base URL such as
    /// `http://localhost:9090`.
    pub fn with_otlp_to_prometheus(mut self, base_url: impl Into<String>) -> Self {
        self.export.destination = Some(Destination::Prometheus(base_url.into()));
        self
    }

    /// Sets how often metrics are pushed; every 60 s unless set.
    pub fn with_export_interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Sets the temporality of what is pushed; what is scraped is always cumulative.
    pub fn with_temporality(mut self, temporality: TemporalityPreference) -> Self {
        self.temporality = Some(temporality);
        self
    }

    /// Adds a view.
    pub fn with_view(mut self, view: View) -> Self {
        self.views.push(view);
        self
    }

    /// Sets the limit of series for each instrument; 2000 unless set.
    pub fn with_cardinality_limit(mut self, series: usize) -> Self {
        self.cardinality_limit = Some(series);
        self
    }

    /// Lets series that were not recorded for this long vanish. Off unless set.
    pub fn with_idle_expiry(mut self, idle: Duration) -> Self {
        self.idle_expiry = Some(idle);
        self
    }
}

impl fmt::Debug for MetricsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsConfig")
            .field("export", &self.export)
            .field("interval", &self.interval)
            .field("temporality", &self.temporality)
            .finish_non_exhaustive()
    }
}
