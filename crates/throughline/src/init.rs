//! Start-up: one call, from a configuration to running telemetry.
//!
//! Settings are decided first, so that all problems are reported at once and before anything is opened; then the
//! engine is made, ports are bound, the exporter thread is started, and at last the globals are installed. Whatever
//! fails leaves nothing behind.

use throughline_core::Resource;
use throughline_core::propagation::{Propagators, set_global_propagators};
use throughline_metrics::exemplar::ExemplarFilter;
use throughline_metrics::{MeterProvider, statics};

use crate::config::TelemetryConfig;
use crate::error::{Error, Source};
use crate::providers::{DISABLED, Description, TelemetryProviders};
use crate::settings::Settings;
use crate::{console, otlp, prometheus, records, resource};

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
    let mut settings = Settings::new(&config.environment);
    if !is_enabled(&config, &mut settings) {
        return Ok(TelemetryProviders::disabled(Description::new(String::new(), settings.finish()?)));
    }
    let (resource, service) = resource::resource(&config, &mut settings);
    let prometheus = prometheus::Plan::new(&config, &mut settings);
    let otlp = otlp::Plan::new(&config, &mut settings);
    let console = console::Plan::new(&config, &service, &mut settings);
    let records = records::Plan::new(&config, (&otlp, &console), &mut settings);
    let propagators = propagators(&mut settings);
    let exemplars = exemplars(&mut settings);
    let description = Description::new(service, settings.finish()?);

    let provider = provider(&config, resource, exemplars);
    let prometheus = prometheus.start(&provider)?;
    let records = records.start(&config);
    let otlp = otlp.start(&provider, &records, &config)?;
    let console = console.start(&provider, &records)?;
    let providers =
        TelemetryProviders::start(provider.clone(), records, (prometheus, otlp, console), description)?;
    if config.globals {
        // Dropping `providers` ends what was started.
        if statics::global().is_some() {
            return Err(Error::GlobalsTaken);
        }
        providers.records().install()?;
        set_global_propagators(propagators);
        statics::install_global(provider.clone()).map_err(|_refused| Error::GlobalsTaken)?;
        opentelemetry::global::set_meter_provider(provider);
    }
    tracing::info!(target: "throughline", "{}", providers.describe());
    Ok(providers)
}

fn is_enabled(config: &TelemetryConfig, settings: &mut Settings<'_>) -> bool {
    let variable = "OTEL_SDK_DISABLED";
    let source = if config.enabled {
        // As the specification has it, only `true` is true.
        let disabled = settings.variable(&[variable]).filter(|(_, value)| value.eq_ignore_ascii_case("true"));
        disabled.map(|_| Source::Environment(variable))
    } else {
        Some(Source::Code("disabled"))
    };
    let is_enabled = source.is_none();
    if let Some(source) = source {
        settings.decided(DISABLED, &true, source);
    }
    is_enabled
}

/// How contexts go to other processes and come from them.
fn propagators(settings: &mut Settings<'_>) -> Propagators {
    let parse = |names: &str| names.parse::<Propagators>().map_err(|error| error.to_string());
    settings.decide("propagators", None, &["OTEL_PROPAGATORS"], parse, Propagators::default())
}

fn exemplars(settings: &mut Settings<'_>) -> ExemplarFilter {
    let variable = "OTEL_METRICS_EXEMPLAR_FILTER";
    let Some((_, name)) = settings.variable(&[variable]) else { return ExemplarFilter::default() };
    match ExemplarFilter::parse(&name) {
        Some(filter) => {
            settings.decided("metrics.exemplar_filter", &name, Source::Environment(variable));
            filter
        }
        None => {
            let what = "is no filter of exemplars; write trace_based, always_on or always_off";
            settings.problem(Source::Environment(variable), name, what);
            ExemplarFilter::default()
        }
    }
}

fn provider(config: &TelemetryConfig, resource: Resource, exemplars: ExemplarFilter) -> MeterProvider {
    let mut builder = MeterProvider::builder()
        .with_resource(resource)
        .with_exemplar_filter(exemplars)
        .with_cardinality_limit(
            config.metrics.cardinality_limit.unwrap_or(throughline_metrics::DEFAULT_LIMIT),
        )
        .with_clock(std::sync::Arc::clone(&config.clock));
    for view in &config.metrics.views {
        builder = builder.with_view(view.clone());
    }
    if let Some(idle) = config.metrics.idle_expiry {
        builder = builder.with_idle_expiry(idle);
    }
    builder.build()
}
