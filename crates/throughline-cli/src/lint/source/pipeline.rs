//! `new_pipeline()…install_batch(…)`, written anew: an exporter and a provider, built apart.
//!
//! The result of the expression stays what it was: a `Result` of a tracer before 0.24, of a provider since, and the global
//! provider is set where it was set. What is not understood is left for people.

use syn::{Expr, ExprMethodCall};

use crate::lint::rules::Minor;

/// What a pipeline is for.
#[derive(Clone, Copy)]
struct Signal {
    /// The method that says so.
    method: &'static str,
    exporter: &'static str,
    provider: &'static str,
    global: Option<&'static str>,
    /// What the pipeline gave before 0.24, from `provider`.
    before: &'static str,
}

const SIGNALS: [Signal; 3] = [
    Signal {
        method: "tracing",
        exporter: "opentelemetry_otlp::SpanExporter",
        provider: "opentelemetry_sdk::trace::SdkTracerProvider",
        global: Some("opentelemetry::global::set_tracer_provider"),
        before: "opentelemetry::trace::TracerProvider::tracer(&provider, \"opentelemetry-otlp\")",
    },
    Signal {
        method: "metrics",
        exporter: "opentelemetry_otlp::MetricExporter",
        provider: "opentelemetry_sdk::metrics::SdkMeterProvider",
        global: Some("opentelemetry::global::set_meter_provider"),
        before: "provider",
    },
    Signal {
        method: "logging",
        exporter: "opentelemetry_otlp::LogExporter",
        provider: "opentelemetry_sdk::logs::SdkLoggerProvider",
        global: None,
        before: "opentelemetry::logs::LoggerProvider::logger(&provider, \"opentelemetry-otlp\")",
    },
];

/// Since this minor a pipeline returned a provider, and set nothing.
const RETURNS_PROVIDER: Minor = Minor(24);

/// What is known of the code around a pipeline.
pub(super) struct Around<'a> {
    pub(super) minor: Option<Minor>,
    /// The text of an expression.
    pub(super) text: &'a dyn Fn(&Expr) -> String,
    /// What a name was declared as.
    pub(super) local: &'a dyn Fn(&str) -> Option<&'a Expr>,
    /// A statement to run with the `provider` of traces.
    pub(super) keep: Option<&'static str>,
}

/// The calls that make an exporter and a provider.
#[derive(Default)]
struct Parts {
    exporter: String,
    provider: String,
    reader: String,
    finish: String,
}

/// How a chain that ends in `call` is written today.
pub(super) fn rewrite(call: &ExprMethodCall, around: &Around<'_>) -> Option<String> {
    let chain = chain(call);
    let signal = SIGNALS.into_iter().find(|signal| chain.iter().any(|call| call.method == signal.method))?;
    let mut parts = Parts::default();
    for call in chain {
        parts.take(call, around)?;
    }
    let Parts { exporter, provider, finish, .. } = parts;
    let old = around.minor.is_some_and(|minor| minor < RETURNS_PROVIDER);
    let global = signal.global.filter(|_| old).map(|set| format!("    {set}(provider.clone());\n"));
    let keep = around.keep.filter(|_| signal.method == "tracing").map(|keep| format!("    {keep}\n"));
    let (global, keep) = (global.unwrap_or_default(), keep.unwrap_or_default());
    let made = format!("{}::builder(){provider}{finish}.build()", signal.provider);
    let inside = if old || !keep.is_empty() {
        let result = if old { signal.before } else { "provider" };
        format!("{{\n    let provider = {made};\n{global}{keep}    {result}\n}}")
    } else {
        made
    };
    Some(format!("{}::builder(){exporter}.build().map(|exporter| {inside})", signal.exporter))
}

impl Parts {
    /// Takes in one call of a pipeline; none when it is not understood.
    fn take(&mut self, call: &ExprMethodCall, around: &Around<'_>) -> Option<()> {
        let argument = || call.args.first();
        let text = || Some((around.text)(argument()?));
        match &*call.method.to_string() {
            "tracing" | "metrics" | "logging" | "with_aggregation_selector" => {}
            "with_exporter" => self.exporter += &transport(argument()?, around)?,
            "with_trace_config" | "with_log_config" => self.provider += &settings(argument()?, around.text)?,
            "with_resource" | "with_view" => self.provider += &written(call, around.text),
            "with_period" => self.reader = format!(".with_interval({})", text()?),
            "with_timeout" => self.exporter += &written(call, around.text),
            "with_temporality_selector" => self.exporter += temporality(&text()?)?,
            "install_batch" => self.finish = String::from(".with_batch_exporter(exporter)"),
            "install_simple" => self.finish = String::from(".with_simple_exporter(exporter)"),
            "build" => self.finish = metrics_reader(&self.reader),
            _ => return None,
        }
        Some(())
    }
}

fn metrics_reader(settings: &str) -> String {
    if settings.is_empty() {
        return ".with_periodic_exporter(exporter)".to_owned();
    }
    format!(".with_reader(opentelemetry_sdk::metrics::PeriodicReader::builder(exporter){settings}.build())")
}

/// The calls of a chain, the first one first.
fn chain(call: &ExprMethodCall) -> Vec<&ExprMethodCall> {
    let calls = std::iter::successors(Some(call), |call| match &*call.receiver {
        Expr::MethodCall(call) => Some(call),
        _ => None,
    });
    let mut calls: Vec<_> = calls.collect();
    calls.reverse();
    calls
}

/// What an exporter was told, for today's builder: `new_exporter().tonic().with_endpoint(e)` is `.with_tonic().with_endpoint(e)`.
fn transport(exporter: &Expr, around: &Around<'_>) -> Option<String> {
    let exporter = match exporter {
        Expr::Path(path) => (around.local)(&path.path.get_ident()?.to_string())?,
        other => other,
    };
    let Expr::MethodCall(call) = exporter else { return None };
    let mut calls = String::new();
    for call in chain(call) {
        match &*call.method.to_string() {
            "tonic" => calls += ".with_tonic()",
            "http" => calls += ".with_http()",
            "with_env" => {}
            "with_export_config" => return None,
            _ => calls += &written(call, around.text),
        }
    }
    Some(calls)
}

/// What a configuration was told, for the provider's own builder: `config().with_sampler(s)` is `.with_sampler(s)`.
pub(super) fn settings(config: &Expr, text: &dyn Fn(&Expr) -> String) -> Option<String> {
    match config {
        Expr::MethodCall(call) => Some(settings(&call.receiver, text)? + &written(call, text)),
        Expr::Call(call) if call.args.is_empty() => Some(String::new()),
        _ => None,
    }
}

/// A method call as it is written, without what it is called on.
fn written(call: &ExprMethodCall, text: &dyn Fn(&Expr) -> String) -> String {
    let arguments: Vec<String> = call.args.iter().map(text).collect();
    format!(".{}({})", call.method, arguments.join(", "))
}

fn temporality(selector: &str) -> Option<&'static str> {
    if selector.contains("Delta") {
        return Some(".with_temporality(opentelemetry_sdk::metrics::Temporality::Delta)");
    }
    selector.contains("Default").then_some("")
}
