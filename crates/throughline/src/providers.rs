//! Running telemetry: what [`init_telemetry`](crate::init_telemetry) returns.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use throughline_metrics::{CatalogueEntry, Meter, MeterProvider};

use crate::error::Error;
use crate::exporters::{Exporters, ShutdownReport};
use crate::otlp::Otlp;
use crate::prometheus::Prometheus;
use crate::records::Records;
use crate::settings::Setting;
use crate::status::{Status, StatusHandle};

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
    pub fn status(&self) -> serde_json::Value {
        self.status.to_json()
    }

    /// A handle that shows the status after the shutdown as well.
    pub fn status_handle(&self) -> StatusHandle {
        StatusHandle(Arc::clone(&self.status))
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
    pub async fn shutdown(mut self) -> ShutdownReport {
        match self.exporters.take() {
            Some(exporters) => exporters.shutdown(SHUTDOWN_TIMEOUT).await,
            None => ShutdownReport::default(),
        }
    }

    /// As [`shutdown`](Self::shutdown), blocking the caller.
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

/// The setting that is there only when telemetry is off.
pub(crate) const DISABLED: &str = "disabled";

/// The effective pipeline: what is exported where, and which source decided each setting.
#[derive(Clone, Debug)]
pub struct Description {
    pub(crate) service: String,
    pub(crate) settings: Vec<Setting>,
    /// The address bound, when port 0 left it to the system.
    pub(crate) address: Option<SocketAddr>,
}

impl Description {
    pub(crate) fn new(service: String, settings: Vec<Setting>) -> Self {
        Self { service, settings, address: None }
    }

    /// The settings, in order of decision.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }
}

/// One line for what happens, then one for each setting.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value =
            |name| self.settings.iter().find(|setting| setting.name == name).map(|setting| &setting.value);
        if value("disabled").is_some_and(|disabled| disabled == "true") {
            return write!(f, "telemetry is disabled ({})", self.settings[0].source);
        }
        write!(f, "telemetry of `{}`: ", self.service)?;
        match self.address {
            Some(address) => {
                let scheme = if value("prometheus.tls.certificate").is_some() { "https" } else { "http" };
                write!(f, "scraped at {scheme}://{address}/metrics")?;
            }
            None => f.write_str("no scrape endpoint")?,
        }
        let pushed: Vec<_> = ["metrics.otlp.endpoint", "traces.otlp.endpoint", "logs.otlp.endpoint"]
            .into_iter()
            .filter_map(|name| value(name).filter(|endpoint| *endpoint != "none"))
            .map(String::as_str)
            .collect();
        if pushed.is_empty() {
            f.write_str("; pushed nowhere")?;
        } else {
            write!(f, "; pushed to {}", pushed.join(", "))?;
        }
        let width = self.settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
        self.settings.iter().try_for_each(|Setting { name, value, source }| {
            write!(f, "\n  {name:width$} = {value}  ({source})")
        })
    }
}
