//! Spans and log records: decided, recorded, and put into the process' `tracing` subscriber.
//!
//! Called by `init.rs`. What records them is `throughline-trace`; what pushes them is decided in `otlp/records/`. When
//! spans are exported nowhere none is recorded, but there are traces all the same: log lines carry their ids.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use throughline_trace::layer::{Targets, TelemetryLayer, TelemetryLayerBuilder};
use throughline_trace::sampler::Sampler;
use throughline_trace::{DropReason, LogReader, LoggerProvider, SpanLimits, SpanReader, TracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;

use super::console::Console;
use super::gate::{Gate, LogFilter};
use crate::config::{ConsoleFormat, TelemetryConfig};
use crate::console::{self, Taps};
use crate::error::{Error, Source};
use crate::otlp;
use crate::providers::TelemetryProviders;
use crate::settings::Settings;
use crate::status::ExporterStatus;

/// What was decided about spans and log records.
#[derive(Debug)]
pub(crate) struct Plan {
    sampler: Sampler,
    limits: SpanLimits,
    filter: Targets,
    console: ConsoleFormat,
    no_color: bool,
    pushes_spans: bool,
    pushes_logs: bool,
    taps: Taps,
}

impl Plan {
    pub(crate) fn new(
        config: &TelemetryConfig,
        (otlp, shown): (&otlp::Plan, &console::Plan),
        settings: &mut Settings<'_>,
    ) -> Self {
        Self {
            sampler: sampler(config, settings),
            limits: limits(config, settings),
            filter: filter(config, settings),
            console: log_console(config, shown.shows_logs(), settings),
            no_color: settings.variable(&["NO_COLOR"]).is_some(),
            pushes_spans: otlp.pushes_spans() || shown.shows_spans(),
            pushes_logs: otlp.pushes_logs() || shown.shows_logs(),
            taps: shown.taps(),
        }
    }

    /// Makes the recorders. Nothing global is touched yet.
    pub(crate) fn start(self, config: &TelemetryConfig) -> Records {
        let (traces, logs) = (self.traces(config), LoggerProvider::default());
        let filter = LogFilter::new(self.filter);
        let mut layer = config.records.layer.clone().with_tracer(traces.tracer(SCOPE));
        if self.pushes_logs {
            layer = layer.with_logger(logs.logger(SCOPE));
        }
        let console = (self.console != ConsoleFormat::None)
            .then(|| Console::new(self.console, self.no_color, Arc::clone(&config.clock)));
        Records {
            traces,
            logs,
            layer,
            filter,
            console,
            taps: self.taps,
            subscriber: config.records.subscriber,
        }
    }

    fn traces(&self, config: &TelemetryConfig) -> TracerProvider {
        let sampler = if self.pushes_spans { self.sampler.clone() } else { Sampler::always_off() };
        let builder = TracerProvider::builder().with_sampler(sampler).with_limits(self.limits);
        match config.records.traces.keep_errors {
            Some(keep) if self.pushes_spans => builder.with_keep_errors(keep).build(),
            _ => builder.build(),
        }
    }
}

/// The scope of what comes from `tracing`: its targets are attributes.
const SCOPE: &str = "tracing";

fn sampler(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Sampler {
    let code = config.records.traces.sampler.clone().map(|sampler| ("with_sampling", sampler));
    let (variable, argument) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
    let argument = settings.variable(&[argument]).map(|(_, argument)| argument);
    let parse = |name: &str| Sampler::parse(name, argument.as_deref()).map_err(|error| error.to_string());
    settings.decide("traces.sampler", code, &[variable], parse, Sampler::default())
}

fn limits(config: &TelemetryConfig, settings: &mut Settings<'_>) -> SpanLimits {
    if let Some(limits) = config.records.traces.limits {
        return limits;
    }
    let mut limits = SpanLimits::default();
    let of_all = "OTEL_ATTRIBUTE_COUNT_LIMIT";
    let length = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
    for (limit, name, variables) in [
        (
            &mut limits.attributes,
            "traces.limits.attributes",
            &["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", of_all][..],
        ),
        (
            &mut limits.value_bytes,
            "traces.limits.value_bytes",
            &["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", length],
        ),
        (&mut limits.events, "traces.limits.events", &["OTEL_SPAN_EVENT_COUNT_LIMIT"]),
        (&mut limits.links, "traces.limits.links", &["OTEL_SPAN_LINK_COUNT_LIMIT"]),
        (
            &mut limits.attributes_per_event,
            "traces.limits.event_attributes",
            &["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"],
        ),
        (
            &mut limits.attributes_per_link,
            "traces.limits.link_attributes",
            &["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"],
        ),
    ] {
        let parse =
            |text: &str| text.parse().map_err(|_not_a_number| "is no limit; write a whole number".to_owned());
        // A limit that nobody changed is not worth a line of the description.
        if settings.variable(variables).is_some() {
            *limit = settings.decide(name, None, variables, parse, *limit);
        }
    }
    limits
}

fn filter(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Targets {
    let parse = |text: &str| parse_filter(text);
    let default = || Targets::new().with_default(tracing::Level::INFO);
    if let Some(directives) = &config.records.logs.filter {
        let source = Source::Code("with_filter");
        return match parse(directives) {
            Ok(filter) => {
                settings.decided("logs.filter", directives, source);
                filter
            }
            Err(problem) => {
                settings.problem(source, directives, problem);
                default()
            }
        };
    }
    settings.decide("logs.filter", None, &["RUST_LOG", "OTEL_LOG_LEVEL"], parse, default())
}

/// Reads a list of levels and targets.
pub(crate) fn parse_filter(text: &str) -> Result<Targets, String> {
    text.parse().map_err(|error| {
        format!("{error}; write a level, or a list such as `info,shop::cart=debug` (filters by field are not known here)")
    })
}

/// What goes to standard error at once. Log records that the console exporter shows are not shown twice unless that was
/// asked for.
fn log_console(config: &TelemetryConfig, shown: bool, settings: &mut Settings<'_>) -> ConsoleFormat {
    let code = config.records.logs.console.map(|format| ("with_console", format));
    let parse = |text: &str| match text {
        "text" => Ok(ConsoleFormat::Text),
        "json" => Ok(ConsoleFormat::Json),
        "none" => Ok(ConsoleFormat::None),
        _ => Err("is no format; write text, json or none".to_owned()),
    };
    let default = if shown { ConsoleFormat::None } else { ConsoleFormat::default() };
    settings.decide("logs.console", code, &["THROUGHLINE_LOG_FORMAT"], parse, default)
}

/// The recorders of spans and log records.
pub(crate) struct Records {
    pub(crate) traces: TracerProvider,
    pub(crate) logs: LoggerProvider,
    layer: TelemetryLayerBuilder,
    pub(crate) filter: LogFilter,
    console: Option<Console>,
    taps: Taps,
    subscriber: bool,
}

impl Records {
    /// Nothing is recorded.
    pub(crate) fn disabled() -> Self {
        let nothing = Targets::new();
        Self {
            traces: TracerProvider::builder().with_sampler(Sampler::always_off()).build(),
            logs: LoggerProvider::default(),
            layer: TelemetryLayer::builder().with_span_filter(nothing.clone()),
            filter: LogFilter::new(nothing),
            console: None,
            taps: Taps::default(),
            subscriber: false,
        }
    }

    /// What the exporter of spans takes them from.
    #[cfg_attr(
        not(any(feature = "console", feature = "otlp-http")),
        expect(dead_code, reason = "nothing is pushed")
    )]
    pub(crate) fn span_reader(&self) -> Option<SpanReader> {
        self.traces.reader().map(|reader| self.taps.spans(reader))
    }

    /// What the exporter of log records takes them from.
    #[cfg_attr(
        not(any(feature = "console", feature = "otlp-http")),
        expect(dead_code, reason = "nothing is pushed")
    )]
    pub(crate) fn log_reader(&self) -> Option<LogReader> {
        self.logs.reader().map(|reader| self.taps.logs(reader))
    }

    /// A layer for a subscriber of the application's own.
    pub(crate) fn layer(&self) -> TelemetryLayer {
        let layer = self.layer.clone().build();
        self.filter.follow(layer.event_filter());
        layer
    }

    /// Makes these the process' recorders, and `tracing`'s subscriber unless the application has its own. What can fail
    /// comes first.
    pub(crate) fn install(&self) -> Result<(), Error> {
        if self.subscriber {
            self.install_subscriber()?;
        }
        throughline_trace::install_global(self.traces).map_err(|_refused| Error::GlobalsTaken)?;
        opentelemetry::global::set_tracer_provider(self.traces);
        Ok(())
    }

    fn install_subscriber(&self) -> Result<(), Error> {
        let gate = Gate::new(self.filter.clone());
        let subscriber =
            tracing_subscriber::registry().with(gate).with(self.layer()).with(self.console.clone());
        tracing::subscriber::set_global_default(subscriber).map_err(|_taken| Error::SubscriberTaken)?;
        if tracing_log::LogTracer::init().is_err() {
            tracing::warn!(
                target: "throughline",
                "the `log` crate has a logger already: its records are not seen here"
            );
        }
        Ok(())
    }

    /// What was dropped before any exporter saw it.
    #[expect(clippy::unnecessary_wraps, reason = "the shape of `disabled.rs`")]
    pub(crate) fn status(&self) -> Option<ExporterStatus> {
        let (traces, logs) = (self.traces, self.logs);
        Some(Box::new(move || {
            json!({
                "dropped_spans": by_reason(traces.drops()),
                "discarded_spans": traces.discarded(),
                "dropped_log_records": by_reason(logs.drops()),
            })
        }))
    }
}

impl TelemetryProviders {
    /// Makes tracers, and says what was dropped. `opentelemetry::global::tracer` and `tracing` record here too, unless
    /// the globals were left alone.
    pub fn tracer_provider(&self) -> TracerProvider {
        self.records().traces
    }

    /// Makes loggers, for bridges from other logging crates.
    pub fn logger_provider(&self) -> LoggerProvider {
        self.records().logs
    }

    /// A layer for a `tracing` subscriber of the application's own, after
    /// [`without_subscriber`](crate::TelemetryConfig::without_subscriber).
    pub fn layer(&self) -> TelemetryLayer {
        self.records().layer()
    }

    /// Changes which log records are kept: a level, or a list such as `info,shop::cart=debug`.
    ///
    /// # Errors
    /// What cannot be read of it. The filter stays as it was then.
    pub fn set_log_filter(&self, directives: &str) -> Result<(), FilterError> {
        let filter = parse_filter(directives).map_err(FilterError)?;
        self.records().filter.set(filter);
        Ok(())
    }
}

/// Directives that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError(String);

impl std::fmt::Display for FilterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FilterError {}

fn by_reason(drops: Vec<(DropReason, u64)>) -> Value {
    drops.into_iter().map(|(reason, count)| (reason.to_string(), count.into())).collect::<Map<_, _>>().into()
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records")
            .field("traces", &self.traces)
            .field("logs", &self.logs)
            .finish_non_exhaustive()
    }
}
