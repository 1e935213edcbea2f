//! Spans and log records: decided, recorded, and put into the process' `tracing` subscriber.
//!
//! Called by `init.rs`. What records them is `throughline-trace`; what pushes them is decided in `otlp/records/`. When
//! spans are exported nowhere none is recorded, but there are traces all the same: log lines and exemplars carry their ids,
//! and what callers say of a trace goes on to those who are called.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use throughline_core::KeyValue;
use throughline_metrics::{Meter, Observer};
use throughline_trace::layer::{Targets, TelemetryLayer, TelemetryLayerBuilder};
use throughline_trace::sampler::Sampler;
use throughline_trace::{
    DropReason, LogLimits, LogReader, LoggerProvider, SpanLimits, SpanReader, TracerProvider,
};
use tracing_subscriber::layer::SubscriberExt as _;

use super::console::Console;
use super::gate::{Gate, LogFilter};
use super::sampler;
use crate::config::{ConsoleFormat, TelemetryConfig};
use crate::console::{self, Taps};
use crate::error::{Error, Source};
use crate::otlp;
use crate::providers::TelemetryProviders;
use crate::settings::{Definition, Settings, catalogue, parse};
use crate::status::ExporterStatus;

/// What was decided about spans and log records.
#[derive(Debug)]
pub(crate) struct Plan {
    sampler: Sampler,
    limits: SpanLimits,
    log_limits: LogLimits,
    baggage: Vec<String>,
    filter: Targets,
    console: ConsoleFormat,
    no_color: bool,
    exports_spans: bool,
    exports_logs: bool,
    taps: Taps,
}

impl Plan {
    pub(crate) fn new(
        config: &TelemetryConfig,
        (otlp, shown): (&otlp::Plan, &console::Plan),
        settings: &mut Settings<'_>,
    ) -> Self {
        let exports_spans = otlp.pushes_spans() || shown.shows_spans();
        Self {
            sampler: sampler(config, exports_spans, settings),
            limits: span_limits(config, settings),
            log_limits: log_limits(config, settings),
            baggage: baggage(config, settings),
            filter: filter(config, settings),
            console: log_console(config, shown.shows_logs(), settings),
            no_color: settings.variable("NO_COLOR").is_some(),
            exports_spans,
            exports_logs: otlp.pushes_logs() || shown.shows_logs(),
            taps: Taps::of(shown),
        }
    }

    /// Makes the recorders. Nothing global is touched yet.
    pub(crate) fn start(self, config: &TelemetryConfig) -> Records {
        let (traces, logs) = (self.traces(config), self.logs(config));
        let filter = LogFilter::new(self.filter);
        let mut layer = config.records.layer.clone().with_tracer(traces.tracer(SCOPE));
        if self.exports_logs {
            layer = layer.with_logger(logs.logger(SCOPE));
        }
        let console = (self.console != ConsoleFormat::None)
            .then(|| Console::new(self.console, self.no_color, config.clock()));
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
        let mut builder = TracerProvider::builder().with_sampler(self.sampler.clone());
        if let Some(clock) = &config.clock {
            builder = builder.with_clock(Arc::clone(clock));
        }
        if !self.exports_spans {
            return builder.without_recording().build();
        }
        let builder = builder.with_limits(self.limits).with_baggage_attributes(self.baggage.iter().cloned());
        match config.records.traces.keep_errors {
            Some(keep) => builder.with_keep_errors(keep).build(),
            None => builder.build(),
        }
    }

    fn logs(&self, config: &TelemetryConfig) -> LoggerProvider {
        let builder = LoggerProvider::builder().with_limits(self.log_limits);
        match &config.clock {
            Some(clock) => builder.with_clock(Arc::clone(clock)).build(),
            None => builder.build(),
        }
    }
}

/// The scope of what comes from `tracing`: its targets are attributes.
const SCOPE: &str = "tracing";

fn sampler(config: &TelemetryConfig, exports_spans: bool, settings: &mut Settings<'_>) -> Sampler {
    let code = config.records.traces.sampler.clone().map(|sampler| ("with_sampling", sampler));
    let arguments = settings.given(&catalogue::TRACES_SAMPLER_ARGUMENT);
    let argument = arguments.first().map(|argument| argument.text.as_str());
    if argument.is_some() && code.is_none() && settings.given(&catalogue::TRACES_SAMPLER).is_empty() {
        settings.warn("OTEL_TRACES_SAMPLER_ARG has no effect without OTEL_TRACES_SAMPLER: set that to parentbased_traceidratio");
    }
    let parse = |name: &str| sampler::parse(name, argument);
    let sampler = settings.decide(&catalogue::TRACES_SAMPLER, code, parse);
    if !exports_spans {
        let what = "ids only, since spans go nowhere";
        settings.note_fact("traces.recorded", what.to_owned(), Source::Default);
    }
    sampler
}

fn baggage(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Vec<String> {
    let code = config.records.traces.baggage.clone().map(|keys| ("with_baggage_attributes", Keys(keys)));
    let parse = |list: &str| {
        let keys = list.split(',').map(str::trim).filter(|key| !key.is_empty());
        Ok(Keys(keys.map(str::to_owned).collect()))
    };
    settings.choose(&catalogue::TRACES_BAGGAGE, code, parse).map_or_else(Vec::new, |Keys(keys)| keys)
}

/// Keys as a list.
struct Keys(Vec<String>);

impl std::fmt::Display for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

fn span_limits(config: &TelemetryConfig, settings: &mut Settings<'_>) -> SpanLimits {
    let mut limits = SpanLimits::default();
    let code = config.records.traces.limits;
    for (limit, definition, code) in [
        (&mut limits.attributes, &catalogue::SPAN_ATTRIBUTES, code.map(|code| code.attributes)),
        (&mut limits.value_bytes, &catalogue::SPAN_VALUE_BYTES, code.map(|code| code.value_bytes)),
        (&mut limits.events, &catalogue::SPAN_EVENTS, code.map(|code| code.events)),
        (&mut limits.links, &catalogue::SPAN_LINKS, code.map(|code| code.links)),
        (
            &mut limits.attributes_per_event,
            &catalogue::EVENT_ATTRIBUTES,
            code.map(|code| code.attributes_per_event),
        ),
        (
            &mut limits.attributes_per_link,
            &catalogue::LINK_ATTRIBUTES,
            code.map(|code| code.attributes_per_link),
        ),
    ] {
        decide_limit(limit, definition, code, settings);
    }
    limits
}

fn log_limits(config: &TelemetryConfig, settings: &mut Settings<'_>) -> LogLimits {
    let mut limits = LogLimits::default();
    let code = config.records.logs.limits;
    let (attributes, value_bytes) = (code.map(|code| code.attributes), code.map(|code| code.value_bytes));
    decide_limit(&mut limits.attributes, &catalogue::LOG_ATTRIBUTES, attributes, settings);
    decide_limit(&mut limits.value_bytes, &catalogue::LOG_VALUE_BYTES, value_bytes, settings);
    limits
}

/// A limit that nobody changed is not worth a line of the description.
fn decide_limit(
    limit: &mut u32,
    definition: &'static Definition,
    code: Option<u32>,
    settings: &mut Settings<'_>,
) {
    let code = code.filter(|code| code != limit).map(|code| ("with_limits", code));
    *limit = settings.choose(definition, code, parse::limit).unwrap_or(*limit);
}

fn filter(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Targets {
    let code = config.records.logs.filter.as_deref();
    let checked = code.map(|directives| (directives, parse_filter(directives)));
    let code = match checked {
        Some((directives, Err(problem))) => {
            settings.problem_of(&catalogue::LOGS_FILTER, Source::Code("with_filter"), directives, problem);
            None
        }
        Some((_, Ok(filter))) => Some(("with_filter", filter)),
        None => None,
    };
    settings.decide(&catalogue::LOGS_FILTER, code, parse_filter)
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
    let nobody_asks = code.is_none() && settings.given(&catalogue::LOGS_CONSOLE).is_empty();
    if shown && nobody_asks {
        let format = ConsoleFormat::None;
        settings.note(&catalogue::LOGS_CONSOLE, format.to_string(), Source::Default, Vec::new());
        return format;
    }
    settings.decide(&catalogue::LOGS_CONSOLE, code, |text| match text {
        "text" => Ok(ConsoleFormat::Text),
        "json" => Ok(ConsoleFormat::Json),
        "none" => Ok(ConsoleFormat::None),
        _ => Err("is no format; write text, json or none".to_owned()),
    })
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

    /// Makes metrics of what is dropped before any exporter sees it.
    pub(crate) fn observe(&self, meter: &Meter) {
        let (traces, logs) = (self.traces, self.logs);
        let dropped = move |observer: &Observer<'_, u64>| {
            for (signal, drops) in [("traces", traces.drops()), ("logs", logs.drops())] {
                for (reason, count) in drops {
                    let signal = KeyValue::new("throughline.signal", signal);
                    let reason = KeyValue::new("throughline.reason", reason.as_str());
                    observer.observe(count, &[signal, reason][..]);
                }
            }
        };
        meter
            .u64_observable_counter("throughline.recorder.dropped")
            .with_unit("{item}")
            .with_description(
                "Spans and log records that were dropped before an exporter took them, by reason.",
            )
            .with_callback(dropped)
            .build();
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

/// Records no more spans that are started by the process' provider.
pub(crate) fn stop_global_traces() {
    if let Some(provider) = throughline_trace::global() {
        provider.sampler().set(Sampler::always_off());
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
