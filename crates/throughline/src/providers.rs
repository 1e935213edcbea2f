//! Running telemetry: what [`init_telemetry`](crate::init_telemetry) returns.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use throughline_core::RECORDS;
use throughline_metrics::{CatalogueEntry, Meter, MeterProvider};

use crate::console::Console;
use crate::error::Error;
use crate::exporters::{Exporters, ShutdownError, ShutdownReport};
use crate::otlp::{self, Otlp};
use crate::prometheus::Prometheus;
use crate::records::{self, Records};
use crate::resource;
use crate::running::Running;
use crate::settings::{Decisions, Definition, Overridden, Setting, catalogue};
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
    running: Running,
}

impl TelemetryProviders {
    /// Telemetry that does nothing.
    pub(crate) fn disabled(description: Description) -> Self {
        let provider = MeterProvider::disabled();
        let status = Arc::new(Status::new(provider.clone(), description.clone(), Vec::new()));
        let records = Records::disabled();
        Self { provider, description, records, status, address: None, running: Running::default() }
    }

    /// Starts the exporter thread.
    pub(crate) fn start(
        provider: MeterProvider,
        records: Records,
        (prometheus, otlp, console): (Prometheus, Otlp, Console),
        mut description: Description,
    ) -> Result<Self, Error> {
        let address = prometheus.address;
        description.address = address;
        let mut exporters = vec![("prometheus", prometheus.status())];
        exporters.extend(records.status().map(|status| ("recorder", status)));
        exporters.extend(otlp.status().map(|status| ("otlp", status)));
        exporters.extend(console.status().map(|status| ("console", status)));
        let status = Arc::new(Status::new(provider.clone(), description.clone(), exporters));
        let running = Running::new(Exporters::start(prometheus, otlp, console, &status)?);
        Ok(Self { provider, description, records, status, address, running })
    }

    #[cfg(all(feature = "signals", unix))]
    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    /// Makes its exporters those of the process.
    pub(crate) fn make_global(&self) {
        self.running.ask(Exporters::make_global);
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

    /// What was recorded, dropped, exported and lost up to now, and the [`catalogue`](Self::catalogue). The scrape endpoint serves the same at `/telemetry`.
    pub fn status(&self) -> Value {
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
        let exporter = self.running.ask(|exporters| exporters.prometheus().exporter.clone());
        exporter.map_or_else(String::new, |exporter| crate::prometheus::render(&exporter))
    }

    /// A handler for the application's own HTTP server: a tower service that answers like `/metrics`. None when
    /// telemetry is disabled.
    #[cfg(feature = "prometheus")]
    pub fn prometheus_service(&self) -> Option<throughline_prometheus::service::MetricsService> {
        let exporter = self.running.ask(|exporters| exporters.prometheus().exporter.clone())?;
        Some(throughline_prometheus::service::MetricsService::new(exporter))
    }

    /// Exports what there is now and says what was delivered. Waits as long as an export may take.
    pub async fn flush(&self) -> ShutdownReport {
        match self.running.ask(Exporters::flush) {
            Some(report) => report.await,
            None => ShutdownReport::default(),
        }
    }

    /// Goes on in a forked child: starts the exporter thread that a fork leaves behind. Does nothing in the process that has
    /// one.
    ///
    /// A child that was forked off after telemetry was started records, and exports nothing until this is called; shutting
    /// down, dropping and flushing return at once there. What the parent had not delivered is left to the parent. Ids do
    /// not repeat those of the parent, and what is pushed says by `process.pid` and a new `service.instance.id` that it
    /// comes from another process. Cumulative metrics go on from what the parent had counted; delta ones begin anew. The
    /// scrape endpoint stays with the parent, and so does the spool: the child works from memory until the parent has
    /// ended. A handler of [`signals`](crate#cargo-features) is to be asked for again.
    ///
    /// Whatever lock another thread held at the fork stays locked in the child, in this library as in any: fork before
    /// other threads record, or not at all where that can be.
    ///
    /// # Errors
    /// The parent was exporting at the moment of the fork, or the thread cannot be started.
    pub fn restart_after_fork(&mut self) -> Result<(), Error> {
        let resource = resource::of_child(self.provider.resource());
        if let Some(forked) = self.running.ask(|exporters| exporters.forked(&resource)).transpose()?.flatten()
        {
            // Ends nothing: what ran is in the parent alone.
            self.running = Running::new(forked);
            self.address = None;
        }
        Ok(())
    }

    /// Exports a last time, closes the endpoint, ends the exporter thread, and says what was delivered and what was
    /// not. Takes at most [`SHUTDOWN_TIMEOUT`], under any runtime, and blocks no thread of it.
    ///
    /// # Errors
    /// When something was not delivered: the same report, as an error.
    pub async fn shutdown(mut self) -> Result<ShutdownReport, ShutdownError> {
        // Taken out, so that dropping the rest, or this future, waits for nothing.
        let report = std::mem::take(&mut self.running).end_elsewhere(SHUTDOWN_TIMEOUT).await;
        report.into_result()
    }

    /// As [`shutdown`](Self::shutdown), blocking the caller, with the report in any case.
    pub fn shutdown_blocking(self) -> ShutdownReport {
        self.shutdown_within(SHUTDOWN_TIMEOUT)
    }

    /// As [`shutdown_blocking`](Self::shutdown_blocking), taking at most this long.
    pub fn shutdown_within(self, timeout: Duration) -> ShutdownReport {
        self.running.end(timeout)
    }
}

impl Drop for TelemetryProviders {
    fn drop(&mut self) {
        let report = self.running.end(SHUTDOWN_TIMEOUT);
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
        if !RECORDS {
            return f.write_str("telemetry is not in this program (cargo feature `off`)");
        }
        let disabled = self.settings().iter().find(|setting| setting.name == catalogue::DISABLED.name());
        if let Some(Setting { source, .. }) = disabled.filter(|setting| setting.value == "true") {
            return write!(f, "telemetry is disabled ({source})");
        }
        write!(f, "telemetry of `{}`: ", self.service)?;
        match self.address {
            Some(address) => {
                let tls = self.value(&catalogue::PROMETHEUS_CERTIFICATE);
                let scheme = if tls.is_some() { "https" } else { "http" };
                write!(f, "scraped at {scheme}://{address}/metrics")?;
            }
            None => f.write_str("no scrape endpoint")?,
        }
        let endpoints = [&catalogue::METRICS_OTLP, &catalogue::TRACES_OTLP, &catalogue::LOGS_OTLP];
        let pushed: Vec<_> = endpoints.into_iter().filter_map(|otlp| self.value(&otlp.endpoint)).collect();
        if pushed.is_empty() {
            f.write_str("; pushed nowhere")?;
        } else {
            write!(f, "; pushed to {}", pushed.join(", "))?;
        }
        if let Some(stream) = self.settings().iter().find(|setting| setting.name == "console.stream") {
            write!(f, "; shown on {}", stream.value)?;
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
