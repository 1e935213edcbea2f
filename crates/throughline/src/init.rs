//! Start-up: one call, from a configuration to running telemetry.
//!
//! Settings are decided first, so that all problems are reported at once and before anything is opened; then the
//! engine is made, ports are bound, the exporter thread is started, and at last the globals are installed. Whatever
//! fails leaves nothing behind.

use std::fmt;
use std::time::Duration;

use throughline_core::propagation::{Propagators, set_global_propagators};
use throughline_core::{RECORDS, Resource};
use throughline_metrics::exemplar::ExemplarFilter;
use throughline_metrics::view::View;
use throughline_metrics::{MeterProvider, statics};

use crate::config::TelemetryConfig;
use crate::error::Error;
use crate::providers::{Description, TelemetryProviders};
use crate::selection::Selection;
use crate::settings::parse::{self, Shown};
use crate::settings::{Settings, catalogue};
use crate::{console, file, otlp, prometheus, records, resource};

/// Starts telemetry.
///
/// Unless the configuration says otherwise: metrics are scraped at `http://127.0.0.1:9464/metrics`; they are pushed
/// when an OTLP endpoint is configured; `opentelemetry::global` and instruments in statics record here. The effective
/// pipeline is logged once, at info. Keep what is returned until the end of the program, and shut it down then.
///
/// Works inside any async runtime and without one, and does not block.
///
/// # Errors
/// See [`Error`]. Nothing was started then.
///
/// ```
/// use throughline::{TelemetryConfig, init_telemetry};
///
/// # fn main() -> Result<(), throughline::Error> {
/// let config = TelemetryConfig::new("shop");
/// # let config = config.without_prometheus_endpoint().without_globals();
/// let telemetry = init_telemetry(config)?;
///
/// let orders = telemetry.meter("shop").u64_counter("orders").build();
/// orders.add(1, &[]);
///
/// telemetry.shutdown_blocking();
/// # Ok(())
/// # }
/// ```
#[expect(
    clippy::needless_pass_by_value,
    reason = "a configuration is used up; without exporters nothing is moved"
)]
pub fn init_telemetry(config: TelemetryConfig) -> Result<TelemetryProviders, Error> {
    let mut settings = Settings::new(&config);
    let plan = Plan::new(&config, &mut settings);
    let decisions = settings.finish()?;
    let Some(plan) = plan else {
        return Ok(TelemetryProviders::disabled(Description::new(String::new(), decisions)));
    };
    let Plan { resource, service, prometheus, otlp, console, records, propagators, metrics, observes_itself } =
        plan;
    let description = Description::new(service, decisions);

    let provider = metrics.provider(&config, resource);
    let own = observes_itself.then(|| provider.meter(SCOPE));
    let prometheus = prometheus.start(&provider, own.as_ref())?;
    let records = records.start(&config);
    if let Some(meter) = &own {
        records.observe(meter);
    }
    let otlp = otlp.start(&provider, &records, &config, own.as_ref())?;
    let console = console.start(&provider, &records)?;
    let providers =
        TelemetryProviders::start(provider.clone(), records, (prometheus, otlp, console), description)?;
    if config.globals {
        // Dropping `providers` ends what was started.
        if statics::global().is_some() {
            return Err(Error::GlobalsTaken);
        }
        providers.records().install()?;
        providers.make_global();
        set_global_propagators(propagators);
        statics::install_global(provider.clone()).map_err(|_refused| Error::GlobalsTaken)?;
        opentelemetry::global::set_meter_provider(provider);
    }
    tracing::info!(target: "throughline", "{}", providers.describe());
    for warning in providers.describe().warnings() {
        tracing::warn!(target: "throughline", "{warning}");
    }
    Ok(providers)
}

impl TelemetryConfig {
    /// What [`init_telemetry`] would decide, without starting anything: each setting with its source, and the
    /// [error](Description::error) that it would answer with.
    ///
    /// ```
    /// use throughline::TelemetryConfig;
    ///
    /// let description = TelemetryConfig::new("shop").with_otlp_endpoint("localhost:4318").explain();
    /// assert!(description.error().is_some(), "no scheme");
    /// ```
    pub fn explain(&self) -> Description {
        let mut settings = Settings::new(self);
        let plan = Plan::new(self, &mut settings);
        let (decisions, error) = settings.explain();
        let service = plan.map(|plan| plan.service).unwrap_or_default();
        Description::new(service, decisions).with_error(error)
    }
}

/// What was decided, before anything is started.
struct Plan {
    resource: Resource,
    service: String,
    prometheus: prometheus::Plan,
    otlp: otlp::Plan,
    console: console::Plan,
    records: records::Plan,
    propagators: Propagators,
    metrics: Metrics,
    observes_itself: bool,
}

/// The scope of what telemetry says about itself.
const SCOPE: &str = "throughline";

impl Plan {
    /// None when telemetry is disabled, or not in the program.
    fn new(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Option<Self> {
        let extras = file::read(config, settings);
        let code = (!config.enabled).then_some(("disabled", true));
        if settings.switch(&catalogue::DISABLED, code) || !RECORDS {
            return None;
        }
        let (resource, service) = resource::resource(config, &extras, settings);
        let selection = Selection::new(config, settings);
        let prometheus = prometheus::Plan::new(config, &selection, settings);
        let otlp = otlp::Plan::new(config, &selection, settings);
        let observes_itself = observes_itself(config, otlp.pushes(), settings);
        let console = console::Plan::new(config, &selection, &service, settings);
        let records = records::Plan::new(config, (&otlp, &console), settings);
        let propagators = propagators(settings);
        let metrics = Metrics::new(config, extras.views, settings);
        Some(Self {
            resource,
            service,
            prometheus,
            otlp,
            console,
            records,
            propagators,
            metrics,
            observes_itself,
        })
    }
}

/// Whether metrics are made of how telemetry fares. Unless somebody says so, when there is something that can fail.
fn observes_itself(config: &TelemetryConfig, pushes: bool, settings: &mut Settings<'_>) -> bool {
    let code = config.self_telemetry.map(|is_on| ("with_self_telemetry", is_on));
    settings.choose(&catalogue::SELF_TELEMETRY, code, parse_switch).unwrap_or(pushes)
}

fn parse_switch(text: &str) -> Result<bool, String> {
    text.to_ascii_lowercase().parse().map_err(|_neither| "is no switch; write true or false".to_owned())
}

/// How contexts go to other processes and come from them.
fn propagators(settings: &mut Settings<'_>) -> Propagators {
    let parse = |names: &str| names.parse::<Propagators>().map_err(|error| error.to_string());
    settings.decide(&catalogue::PROPAGATORS, None, parse)
}

/// What was decided about the engine.
struct Metrics {
    exemplars: ExemplarFilter,
    limit: usize,
    idle_expiry: Option<Duration>,
    exponential: bool,
    /// Of a file.
    views: Vec<View>,
}

impl Metrics {
    fn new(config: &TelemetryConfig, views: Vec<View>, settings: &mut Settings<'_>) -> Self {
        let limit = config.metrics.cardinality_limit.map(|limit| ("with_cardinality_limit", limit));
        let idle = config.metrics.idle_expiry.map(|idle| ("with_idle_expiry", Shown(idle)));
        Self {
            exemplars: settings.decide(&catalogue::METRICS_EXEMPLARS, None, exemplar_filter).filter,
            limit: settings.decide(&catalogue::METRICS_LIMIT, limit, parse::count),
            idle_expiry: settings
                .choose(&catalogue::METRICS_EXPIRY, idle, parse::time)
                .map(|Shown(idle)| idle),
            exponential: settings.decide(&catalogue::METRICS_HISTOGRAMS, None, histograms)
                == Histograms::Exponential,
            views,
        }
    }

    fn provider(&self, config: &TelemetryConfig, resource: Resource) -> MeterProvider {
        let mut builder = MeterProvider::builder()
            .with_resource(resource)
            .with_exemplar_filter(self.exemplars)
            .with_cardinality_limit(self.limit)
            .with_clock(config.clock());
        if self.exponential {
            builder = builder.with_exponential_histograms();
        }
        for view in self.views.iter().chain(&config.metrics.views) {
            builder = builder.with_view(view.clone());
        }
        if let Some(idle) = self.idle_expiry {
            builder = builder.with_idle_expiry(idle);
        }
        builder.build()
    }
}

fn exemplar_filter(name: &str) -> Result<ShownFilter, String> {
    let filter = ExemplarFilter::parse(name);
    filter
        .map(|filter| ShownFilter { filter, name: name.to_owned() })
        .ok_or_else(|| "is no filter of exemplars; write trace_based, always_on or always_off".to_owned())
}

struct ShownFilter {
    filter: ExemplarFilter,
    name: String,
}

impl fmt::Display for ShownFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What histograms become, in the specification's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Histograms {
    Explicit,
    Exponential,
}

const EXPLICIT: &str = "explicit_bucket_histogram";
const EXPONENTIAL: &str = "base2_exponential_bucket_histogram";

fn histograms(text: &str) -> Result<Histograms, String> {
    match text {
        EXPLICIT => Ok(Histograms::Explicit),
        EXPONENTIAL => Ok(Histograms::Exponential),
        _ => Err(format!("is no aggregation of histograms; write {EXPLICIT} or {EXPONENTIAL}")),
    }
}

impl fmt::Display for Histograms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => EXPLICIT,
            Self::Exponential => EXPONENTIAL,
        })
    }
}
