//! What an application asks for: [`TelemetryConfig`].
//!
//! Plain values, one type for what all signals share and one for each signal; `settings.rs` joins them with the
//! environment, and `init.rs` builds from the result.

mod buffer;
mod document;
mod environment;
mod export;
mod metrics;
mod records;
mod scrape;

pub use buffer::{BufferConfig, QueueFull};
pub(crate) use environment::Environment;
pub(crate) use export::Destination;
pub use export::{ExportConfig, Exporter, OtlpCompression, OtlpProtocol, ParseProtocolError};
pub use metrics::MetricsConfig;
pub(crate) use records::Records;
#[cfg(feature = "tracing")]
pub use records::{BatchConfiguration, ConsoleFormat, LogConfig, SamplingStrategy, TraceConfig};
pub(crate) use scrape::ScrapeSecurity;
#[cfg(any(feature = "prometheus", feature = "serde"))]
pub(crate) use scrape::SecretSource;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::console::ConsoleConfig;
use throughline_core::name::TranslationStrategy;
use throughline_core::resource::Detector;
use throughline_core::{Clock, KeyValue, SystemClock};

use crate::settings::Alias;

/// What telemetry a service is to have.
///
/// The defaults run: metrics on, scraped at `http://127.0.0.1:9464/metrics`, nothing pushed anywhere. What a method
/// sets wins over the environment, which wins over the default; [`describe`](crate::TelemetryProviders::describe) says
/// which it was. The service name alone is the other way round: the one given to [`new`](Self::new) is what the
/// program calls itself, and `OTEL_SERVICE_NAME` is what the deployment calls it.
///
/// ```
/// use throughline::TelemetryConfig;
///
/// let config = TelemetryConfig::new("shop")
///     .with_service_version(env!("CARGO_PKG_VERSION"))
///     .with_prometheus_address(([127, 0, 0, 1], 0).into())
///     .with_otlp_endpoint("http://localhost:4318");
/// ```
#[derive(Clone)]
#[must_use = "a configuration does nothing until `init_telemetry` is called with it"]
pub struct TelemetryConfig {
    pub(crate) service_name: String,
    pub(crate) service_name_override: Option<String>,
    pub(crate) resource: Vec<KeyValue>,
    pub(crate) detectors: Option<Vec<Detector>>,
    pub(crate) enabled: bool,
    pub(crate) globals: bool,
    pub(crate) environment: Environment,
    pub(crate) environment_wins: bool,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) file_contents: Option<Arc<str>>,
    pub(crate) prometheus: Option<bool>,
    pub(crate) prometheus_address: Option<SocketAddr>,
    pub(crate) translation: Option<TranslationStrategy>,
    pub(crate) scope_labels: Option<bool>,
    pub(crate) scrape: ScrapeSecurity,
    pub(crate) export: ExportConfig,
    pub(crate) buffer: BufferConfig,
    pub(crate) self_telemetry: Option<bool>,
    pub(crate) metrics: MetricsConfig,
    pub(crate) records: Records,
    pub(crate) console: ConsoleConfig,
    /// The system's, unless one was given.
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

impl TelemetryConfig {
    /// Telemetry for the service of this name, with defaults that run.
    pub fn new(service_name: impl Into<String>) -> Self {
        Self {
            service_name: service_name.into(),
            service_name_override: None,
            resource: Vec::new(),
            detectors: None,
            enabled: true,
            globals: true,
            environment: Environment::of_process(),
            environment_wins: false,
            aliases: Vec::new(),
            file: None,
            file_contents: None,
            prometheus: None,
            prometheus_address: None,
            translation: None,
            scope_labels: None,
            scrape: ScrapeSecurity::default(),
            export: ExportConfig::new(),
            buffer: BufferConfig::new(),
            self_telemetry: None,
            metrics: MetricsConfig::new(),
            records: Records::default(),
            console: ConsoleConfig::new(),
            clock: None,
        }
    }

    /// Sets the service name whatever the environment says.
    pub fn with_service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name_override = Some(name.into());
        self
    }

    /// Sets the resource attribute `service.version`.
    pub fn with_service_version(self, version: impl Into<String>) -> Self {
        self.with_resource_attribute(KeyValue::new("service.version", version.into()))
    }

    /// Adds a resource attribute. It wins over one of the same key in `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn with_resource_attribute(mut self, attribute: KeyValue) -> Self {
        self.resource.push(attribute);
        self
    }

    /// Lets these resource detectors alone find out about process and machine; all of them unless set. None of them
    /// makes a network call.
    pub fn with_resource_detectors(mut self, detectors: impl IntoIterator<Item = Detector>) -> Self {
        self.detectors = Some(detectors.into_iter().collect());
        self
    }

    /// Switches telemetry off: `init_telemetry` succeeds, instruments do nothing, nothing is opened or started.
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// Leaves the process' globals alone: neither `opentelemetry::global` nor instruments in statics record here. What
    /// is wanted in tests, and in a library that brings its own telemetry.
    pub fn without_globals(mut self) -> Self {
        self.globals = false;
        self
    }

    /// Sets the resource attribute `deployment.environment.name`, such as `production`.
    pub fn with_environment(self, name: impl Into<String>) -> Self {
        self.with_resource_attribute(KeyValue::new("deployment.environment.name", name.into()))
    }

    /// Looks variables up with this function instead of in the process' environment. Misspelt names are not noticed
    /// then.
    pub fn with_environment_variables(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.environment = Environment::looked_up(lookup);
        self
    }

    /// Reads no environment variables.
    pub fn without_environment_variables(self) -> Self {
        self.with_environment_variables(|_| None)
    }

    /// Lets these variables of the application's own stand for OpenTelemetry's; see [`Alias`].
    pub fn with_aliases(mut self, aliases: impl IntoIterator<Item = Alias>) -> Self {
        self.aliases.extend(aliases);
        self
    }

    /// Lets environment variables win over what code sets: for a configuration that the application read from a file
    /// of its own.
    pub fn with_environment_first(mut self) -> Self {
        self.environment_wins = true;
        self
    }

    /// Reads this file in OpenTelemetry's declarative configuration format, as `OTEL_CONFIG_FILE` would. What it says
    /// is weaker than code and environment. Needs the cargo feature `config-file`.
    pub fn with_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// As [`with_file`](Self::with_file), with what such a file says: for a configuration that is part of the program. It
    /// stands in for a file, also for one that `OTEL_CONFIG_FILE` names.
    ///
    /// ```
    /// use throughline::TelemetryConfig;
    ///
    /// let config = TelemetryConfig::new("shop").with_file_contents("file_format: \"1.0\"\nlog_level: warn\n");
    /// ```
    pub fn with_file_contents(mut self, yaml: impl Into<Arc<str>>) -> Self {
        self.file_contents = Some(yaml.into());
        self
    }

    /// Asks for the scrape endpoint at this address, `127.0.0.1:9464` unless set; port 0 takes a free one. An address
    /// that is not of this machine alone is served to whoever can reach it, with a warning, unless there is
    /// authentication: [`with_prometheus_bearer_token`](Self::with_prometheus_bearer_token) and its neighbours.
    pub fn with_prometheus_address(mut self, address: SocketAddr) -> Self {
        self.prometheus_address = Some(address);
        self.prometheus = Some(true);
        self
    }

    /// Opens no port. Metrics can still be rendered with [`render`](crate::TelemetryProviders::render), or served by
    /// the application itself.
    pub fn without_prometheus_endpoint(mut self) -> Self {
        self.prometheus = Some(false);
        self
    }

    /// Sets how names become Prometheus names.
    pub fn with_translation_strategy(mut self, strategy: TranslationStrategy) -> Self {
        self.translation = Some(strategy);
        self
    }

    /// Leaves the `otel_scope_*` labels out of what Prometheus scrapes.
    pub fn without_scope_labels(mut self) -> Self {
        self.scope_labels = Some(false);
        self
    }

    /// Pushes to this OTLP receiver: a base URL such as `http://localhost:4318`, to which each signal's path is added.
    /// Short for [`with_export`](Self::with_export) with an endpoint alone. Needs the cargo feature `otlp-http`.
    pub fn with_otlp_endpoint(mut self, base_url: impl Into<String>) -> Self {
        self.export = self.export.with_endpoint(base_url);
        self
    }

    /// Sets where and how everything is pushed. Needs the cargo feature `otlp-http`.
    pub fn with_export(mut self, export: ExportConfig) -> Self {
        self.export = export;
        self
    }

    /// Sets how much is kept of what cannot be pushed yet, in memory and on disk.
    pub fn with_buffer(mut self, buffer: BufferConfig) -> Self {
        self.buffer = buffer;
        self
    }

    /// Keeps everything that is to be pushed on disk until the receiver has taken it. Short for
    /// [`with_buffer`](Self::with_buffer) with a spool alone. Needs the cargo feature `spool`.
    pub fn with_spool(mut self, directory: impl Into<PathBuf>) -> Self {
        self.buffer = self.buffer.with_spool(directory);
        self
    }

    /// Sets whether metrics say how telemetry itself fares: what was exported, failed, waits and was dropped, as
    /// `otel.sdk.*` and `throughline.*`. Unless set, they do when something is pushed: what is to tell of a bad day must be
    /// there before it. Read when somebody collects, a dozen or two series for each signal that is pushed.
    /// [`status`](crate::TelemetryProviders::status) has the same numbers either way.
    pub fn with_self_telemetry(mut self, is_on: bool) -> Self {
        self.self_telemetry = Some(is_on);
        self
    }

    /// Sets what is asked of metrics.
    pub fn with_metrics(mut self, metrics: MetricsConfig) -> Self {
        self.metrics = metrics;
        self
    }

    /// Sets the clock that all signals take their times from, for tests. Without it, that is the system's.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock))
    }
}

/// Shows what was set, without header values.
impl fmt::Debug for TelemetryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryConfig")
            .field("service_name", &self.service_name)
            .field("enabled", &self.enabled)
            .field("prometheus", &self.prometheus)
            .field("prometheus_address", &self.prometheus_address)
            .field("scrape", &self.scrape)
            .field("export", &self.export)
            .field("buffer", &self.buffer)
            .field("metrics", &self.metrics)
            .field("records", &self.records)
            .field("console", &self.console)
            .finish_non_exhaustive()
    }
}
