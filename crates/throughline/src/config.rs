//! What an application asks for: [`TelemetryConfig`].
//!
//! Plain values with the name of the method that set them; `settings.rs` joins them with the environment, and
//! `init.rs` builds from the result.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use throughline_core::name::TranslationStrategy;
use throughline_core::resource::Detector;
use throughline_core::{Clock, KeyValue, SystemClock};
use throughline_metrics::TemporalityPreference;
use throughline_metrics::view::View;

/// What telemetry a service is to have.
///
/// The defaults run: metrics on, scraped at `http://127.0.0.1:9464/metrics`, nothing pushed anywhere. What a method
/// sets wins over the environment, which wins over the default; [`describe`](crate::TelemetryProviders::describe) says
/// which it was. The service name alone is the other way round: the one given to [`new`](Self::new) is what the
/// program calls itself, and `OTEL_SERVICE_NAME` is what the deployment calls it.
///
/// ```
/// use std::time::Duration;
/// use throughline::TelemetryConfig;
///
/// let config = TelemetryConfig::new("shop")
///     .with_service_version(env!("CARGO_PKG_VERSION"))
///     .with_prometheus_address(([127, 0, 0, 1], 0).into())
///     .with_export_interval(Duration::from_secs(15));
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
    pub(crate) prometheus: Option<bool>,
    pub(crate) prometheus_address: Option<SocketAddr>,
    pub(crate) translation: Option<TranslationStrategy>,
    pub(crate) scope_labels: bool,
    pub(crate) otlp_endpoint: Option<OtlpEndpoint>,
    pub(crate) otlp_protocol: Option<OtlpProtocol>,
    pub(crate) otlp_headers: Option<Vec<(String, String)>>,
    pub(crate) otlp_timeout: Option<Duration>,
    pub(crate) otlp_compression: Option<OtlpCompression>,
    pub(crate) export_interval: Option<Duration>,
    pub(crate) temporality: Option<TemporalityPreference>,
    pub(crate) views: Vec<View>,
    pub(crate) cardinality_limit: Option<usize>,
    pub(crate) idle_expiry: Option<Duration>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Where to push to, as asked for in code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OtlpEndpoint {
    /// A base URL, to which `/v1/metrics` is added.
    Base(String),
    /// The URL itself.
    Metrics(String),
    /// The base URL of a Prometheus with its OTLP receiver on.
    Prometheus(String),
}

/// How OTLP is encoded on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// Protobuf over HTTP.
    #[default]
    HttpProtobuf,
    /// JSON over HTTP.
    HttpJson,
}

impl fmt::Display for OtlpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        })
    }
}

/// How pushed bodies are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtlpCompression {
    /// Not at all.
    #[default]
    None,
    /// With gzip.
    Gzip,
}

impl fmt::Display for OtlpCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
        })
    }
}

/// Where environment variables are looked up.
#[derive(Clone)]
pub(crate) struct Environment(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The variable's value; empty is as good as unset, as the specification has it.
    pub(crate) fn value(&self, variable: &str) -> Option<String> {
        (self.0)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }
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
            environment: Environment(Arc::new(|variable| std::env::var(variable).ok())),
            prometheus: None,
            prometheus_address: None,
            translation: None,
            scope_labels: true,
            otlp_endpoint: None,
            otlp_protocol: None,
            otlp_headers: None,
            otlp_timeout: None,
            otlp_compression: None,
            export_interval: None,
            temporality: None,
            views: Vec::new(),
            cardinality_limit: None,
            idle_expiry: None,
            clock: Arc::new(SystemClock),
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

    /// Looks variables up with this function instead of in the process' environment.
    pub fn with_environment(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.environment = Environment(Arc::new(lookup));
        self
    }

    /// Reads no environment variables.
    pub fn without_environment(self) -> Self {
        self.with_environment(|_| None)
    }

    /// Asks for the scrape endpoint at this address, `127.0.0.1:9464` unless set; port 0 takes a free one. An address
    /// that is not of this machine alone is served without authentication to whoever can reach it.
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
        self.scope_labels = false;
        self
    }

    /// Pushes to this OTLP/HTTP receiver: a base URL such as `http://localhost:4318`, to which `/v1/metrics` is added.
    /// Needs the cargo feature `otlp-http`.
    pub fn with_otlp_endpoint(mut self, base_url: impl Into<String>) -> Self {
        self.otlp_endpoint = Some(OtlpEndpoint::Base(base_url.into()));
        self
    }

    /// Pushes metrics to exactly this URL. Needs the cargo feature `otlp-http`.
    pub fn with_otlp_metrics_endpoint(mut self, url: impl Into<String>) -> Self {
        self.otlp_endpoint = Some(OtlpEndpoint::Metrics(url.into()));
        self
    }

    /// Pushes straight into a Prometheus that runs with `--web.enable-otlp-receiver`, at a base URL such as
    /// `http://localhost:9090`. Needs the cargo feature `otlp-http`.
    pub fn with_otlp_to_prometheus(mut self, base_url: impl Into<String>) -> Self {
        self.otlp_endpoint = Some(OtlpEndpoint::Prometheus(base_url.into()));
        self
    }

    /// Sets the encoding of what is pushed.
    pub fn with_otlp_protocol(mut self, protocol: OtlpProtocol) -> Self {
        self.otlp_protocol = Some(protocol);
        self
    }

    /// Adds a header to every push, such as one with a token. Values are never shown.
    pub fn with_otlp_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.otlp_headers.get_or_insert_default().push((name.into(), value.into()));
        self
    }

    /// Sets how long one push may take in all, retries included; 10 s unless set.
    pub fn with_otlp_timeout(mut self, timeout: Duration) -> Self {
        self.otlp_timeout = Some(timeout);
        self
    }

    /// Sets the compression of what is pushed.
    pub fn with_otlp_compression(mut self, compression: OtlpCompression) -> Self {
        self.otlp_compression = Some(compression);
        self
    }

    /// Sets how often metrics are pushed; every 60 s unless set.
    pub fn with_export_interval(mut self, interval: Duration) -> Self {
        self.export_interval = Some(interval);
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

    /// Sets the clock, for tests.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
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
            .field("otlp_endpoint", &self.otlp_endpoint)
            .finish_non_exhaustive()
    }
}
