//! Running telemetry: what [`init_telemetry`](crate::init_telemetry) returns.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use throughline_metrics::{CatalogueEntry, Meter, MeterProvider};

use crate::error::Error;
use crate::exporters::{Exporters, ShutdownError, ShutdownReport};
use crate::otlp::{self, Otlp};
use crate::prometheus::Prometheus;
use crate::records::{self, Records};
use crate::settings::{Decisions, Definition, Overridden, Setting, catalogue};
use crate::status::Status;

/// How long [`shutdown`](TelemetryProviders::shutdown), and dropping, wait for the last export.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Running telemetry: keep it for as long as the program runs, and shut it down at the end.
///
/// Dropping it flushes too, for up to [`SHUTDOWN_TIMEOUT`], and logs what was not delivered.
#[derive(Debug)]
#[must_use = "telemetry ends when this is dropped; keep it in a variable until the end of `main`"]
pub struct TelemetryProviders {
    provider: MeterProvider,
    description: Description,
    records: Records,
    status: Arc<Status>,
    address: Option<SocketAddr>,
    /// None when disabled, or shut down.
    exporters: Option<Exporters>,
}

impl TelemetryProviders {
    /// Telemetry that does nothing.
    pub(crate) fn disabled(description: Description) -> Self {
        let provider = MeterProvider::disabled();
        let status = Arc::new(Status::new(provider.clone(), description.clone(), Vec::new()));
        let records = Records::disabled();
        Self { provider, description, records, status, address: None, exporters: None }
    }

    /// Starts the exporter thread.
    pub(crate) fn start(
        provider: MeterProvider,
        records: Records,
        prometheus: Prometheus,
        otlp: Otlp,
        mut description: Description,
    ) -> Result<Self, Error> {
        let address = prometheus.address;
        description.address = address;
        let mut exporters = vec![("prometheus", prometheus.status())];
        exporters.extend(records.status().map(|status| ("recorder", status)));
        exporters.extend(otlp.status().map(|status| ("otlp", status)));
        let status = Arc::new(Status::new(provider.clone(), description.clone(), exporters));
        let exporters = Exporters::start(prometheus, otlp, &status)?;
        Ok(Self { provider, description, records, status, address, exporters: Some(exporters) })
    }

    /// Makes its exporters those of the process.
    pub(crate) fn make_global(&self) {
        if let Some(exporters) = &self.exporters {
            exporters.make_global();
        }
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// A meter for the scope of this name: the library or module that records.
    pub fn meter(&self, scope: &'static str) -> Meter {
        self.provider.meter(scope)
    }

    /// The metrics engine, for everything that [`meter`](Self::meter) does not cover.
    pub fn meter_provider(&self) -> &MeterProvider {
        &self.provider
    }

    /// Every metric of this program, recorded or not; sorted by scope and name.
    pub fn catalogue(&self) -> Vec<CatalogueEntry> {
        self.provider.catalogue()
    }

    /// The effective pipeline, and where each setting comes from.
    pub fn describe(&self) -> &Description {
        &self.description
    }

    /// What was recorded, dropped, exported and lost up to now. The scrape endpoint serves the same at `/telemetry`.
    pub fn status(&self) -> Value {
        self.status.to_json()
    }

    /// Where the scrape endpoint listens.
    pub fn prometheus_address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The metrics as OpenMetrics text, for processes without a port. Collects, and runs callbacks.
    #[cfg(feature = "prometheus")]
    pub fn render(&self) -> String {
        self.exporters.as_ref().map_or_else(String::new, |exporters| exporters.prometheus().render())
    }

    /// A handler for the application's own HTTP server: a tower service that answers like `/metrics`. None when
    /// telemetry is disabled.
    #[cfg(feature = "prometheus")]
    pub fn prometheus_service(&self) -> Option<throughline_prometheus::service::MetricsService> {
        let exporters = self.exporters.as_ref()?;
        Some(throughline_prometheus::service::MetricsService::new(exporters.prometheus().exporter.clone()))
    }

    /// Exports what there is now and says what was delivered. Waits as long as an export may take.
    pub async fn flush(&self) -> ShutdownReport {
        match &self.exporters {
            Some(exporters) => exporters.flush().await,
            None => ShutdownReport::default(),
        }
    }

    /// Exports a last time, closes the endpoint, ends the exporter thread, and says what was delivered and what was
    /// not. Takes at most [`SHUTDOWN_TIMEOUT`], under any runtime, and blocks no thread of it.
    ///
    /// # Errors
    /// When something was not delivered: the same report, as an error.
    pub async fn shutdown(mut self) -> Result<ShutdownReport, ShutdownError> {
        let report = match self.exporters.take() {
            Some(exporters) => exporters.shutdown(SHUTDOWN_TIMEOUT).await,
            None => ShutdownReport::default(),
        };
        report.into_result()
    }

    /// As [`shutdown`](Self::shutdown), blocking the caller, with the report in any case.
    pub fn shutdown_blocking(self) -> ShutdownReport {
        self.shutdown_within(SHUTDOWN_TIMEOUT)
    }

    /// As [`shutdown_blocking`](Self::shutdown_blocking), taking at most this long.
    pub fn shutdown_within(mut self, timeout: Duration) -> ShutdownReport {
        self.end(timeout)
    }

    fn end(&mut self, timeout: Duration) -> ShutdownReport {
        self.exporters.take().map(|exporters| exporters.shutdown_blocking(timeout)).unwrap_or_default()
    }
}

impl Drop for TelemetryProviders {
    fn drop(&mut self) {
        let report = self.end(SHUTDOWN_TIMEOUT);
        if !report.is_complete() {
            tracing::warn!(target: "throughline", "telemetry was dropped: {report}");
        }
    }
}

/// Ends the traces of the process before the rest: exports the spans there are, for up to [`SHUTDOWN_TIMEOUT`], and records
/// no more. Does nothing when telemetry left the globals alone, and the second time.
///
/// Blocks its thread. [`TelemetryProviders::shutdown`] ends everything, and is all that most programs need.
pub fn shutdown_tracer_provider() -> ShutdownReport {
    records::stop_global_traces();
    otlp::end_traces(SHUTDOWN_TIMEOUT)
}

/// Ends the pushing of the process' metrics before the rest: pushes a last time, for up to [`SHUTDOWN_TIMEOUT`]. What is
/// scraped stays as it is. Otherwise as [`shutdown_tracer_provider`].
pub fn shutdown_meter_provider() -> ShutdownReport {
    otlp::end_metrics(SHUTDOWN_TIMEOUT)
}

/// The effective pipeline: what is exported where, which source decided each setting, and what that overrode.
#[derive(Clone, Debug)]
pub struct Description {
    pub(crate) service: String,
    decisions: Decisions,
    error: Option<Arc<Error>>,
    /// The address bound, when port 0 left it to the system.
    pub(crate) address: Option<SocketAddr>,
}

impl Description {
    pub(crate) fn new(service: String, decisions: Decisions) -> Self {
        Self { service, decisions, error: None, address: None }
    }

    pub(crate) fn with_error(mut self, error: Option<Error>) -> Self {
        self.error = error.map(Arc::new);
        self
    }

    /// The settings, in order of decision.
    pub fn settings(&self) -> &[Setting] {
        &self.decisions.settings
    }

    /// What works, and is hardly what was meant.
    pub fn warnings(&self) -> &[String] {
        &self.decisions.warnings
    }

    /// Why telemetry would not start; only [`explain`](crate::TelemetryConfig::explain) has any.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_deref()
    }

    /// Service, settings, warnings and problems as JSON.
    pub fn to_json(&self) -> Value {
        let settings: Vec<_> = self.settings().iter().map(setting_to_json).collect();
        let mut json = json!({ "service": self.service, "settings": settings, "warnings": self.warnings() });
        if let Some(error) = &self.error {
            json["error"] = error.to_string().into();
        }
        json
    }

    fn value(&self, definition: &Definition) -> Option<&str> {
        let setting = self.settings().iter().find(|setting| setting.name == definition.name())?;
        Some(&setting.value)
    }
}

pub(crate) fn setting_to_json(setting: &Setting) -> Value {
    let Setting { name, value, source, overrode } = setting;
    let mut json = json!({ "name": name, "value": value, "source": source.to_string() });
    if !overrode.is_empty() {
        let overrode = overrode.iter();
        json["overrode"] = overrode
            .map(|Overridden { value, source }| json!({ "value": value, "source": source.to_string() }))
            .collect();
    }
    json
}

/// One line for what happens, then one for each setting.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let disabled = self.settings().iter().find(|setting| setting.name == catalogue::DISABLED.name());
        if let Some(Setting { source, .. }) = disabled.filter(|setting| setting.value == "true") {
            return write!(f, "telemetry is disabled ({source})");
        }
        write!(f, "telemetry of `{}`: ", self.service)?;
        match self.address {
            Some(address) => write!(f, "scraped at http://{address}/metrics")?,
            None => f.write_str("no scrape endpoint")?,
        }
        let endpoints = [&catalogue::METRICS_OTLP, &catalogue::TRACES_OTLP, &catalogue::LOGS_OTLP];
        let pushed: Vec<_> = endpoints.into_iter().filter_map(|otlp| self.value(&otlp.endpoint)).collect();
        if pushed.is_empty() {
            f.write_str("; pushed nowhere")?;
        } else {
            write!(f, "; pushed to {}", pushed.join(", "))?;
        }
        let width = self.settings().iter().map(|setting| setting.name.len()).max().unwrap_or(0);
        self.settings().iter().try_for_each(|Setting { name, value, source, overrode }| {
            write!(f, "\n  {name:width$} = {value}  ({source}")?;
            for Overridden { value, source } in overrode {
                write!(f, "; not {value} of {source}")?;
            }
            f.write_str(")")
        })
    }
}
