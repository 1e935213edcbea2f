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

/// How a chain that ends in `call` is written today; `text` gives the text of an expression, `local` what a name was
/// declared as. `keep` is a statement to run with the `provider`.
pub(super) fn rewrite<'e>(
    call: &'e ExprMethodCall,
    minor: Option<Minor>,
    text: &dyn Fn(&Expr) -> String,
    local: &dyn Fn(&str) -> Option<&'e Expr>,
    keep: Option<&str>,
) -> Option<String> {
    let chain = chain(call);
    let signal = SIGNALS.into_iter().find(|signal| chain.iter().any(|call| call.method == signal.method))?;
    let mut exporter = format!("{}::builder()", signal.exporter);
    let (mut provider, mut reader) = (String::new(), String::new());
    let mut finish = String::new();
    for call in chain {
        let argument = call.args.first();
        match &*call.method.to_string() {
            "tracing" | "metrics" | "logging" => {}
            "with_exporter" => exporter.push_str(&transport(argument?, text, local)?),
            "with_trace_config" | "with_log_config" => provider.push_str(&settings(argument?, text)?),
            "with_resource" => provider.push_str(&format!(".with_resource({})", text(argument?))),
            "with_view" => provider.push_str(&format!(".with_view({})", text(argument?))),
            "with_period" => reader = format!(".with_interval({})", text(argument?)),
            "with_timeout" => exporter.push_str(&format!(".with_timeout({})", text(argument?))),
            "with_temporality_selector" => exporter.push_str(temporality(&text(argument?))?),
            "with_aggregation_selector" => {}
            "install_batch" => finish = ".with_batch_exporter(exporter)".to_owned(),
            "install_simple" => finish = ".with_simple_exporter(exporter)".to_owned(),
            "build" => finish = metrics_reader(&reader),
            _ => return None,
        }
    }
    let old = minor.is_some_and(|minor| minor < RETURNS_PROVIDER);
    let global = signal.global.filter(|_| old).map(|set| format!("    {set}(provider.clone());\n"));
    let keep = keep.filter(|_| signal.method == "tracing").map(|keep| format!("    {keep}\n"));
    let result = if old { signal.before } else { "provider" };
    Some(format!(
        "{exporter}.build().map(|exporter| {{\n    let provider = {}::builder(){provider}{finish}.build();\n{}{}    {result}\n}})",
        signal.provider,
        global.unwrap_or_default(),
        keep.unwrap_or_default(),
    ))
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
fn transport<'e>(
    exporter: &'e Expr,
    text: &dyn Fn(&Expr) -> String,
    local: &dyn Fn(&str) -> Option<&'e Expr>,
) -> Option<String> {
    let exporter = match exporter {
        Expr::Path(path) => local(&path.path.get_ident()?.to_string())?,
        other => other,
    };
    let Expr::MethodCall(call) = exporter else { return None };
    let mut calls = String::new();
    for call in chain(call) {
        let arguments: Vec<String> = call.args.iter().map(|argument| text(argument)).collect();
        match &*call.method.to_string() {
            "tonic" => calls.push_str(".with_tonic()"),
            "http" => calls.push_str(".with_http()"),
            "with_env" => {}
            "with_export_config" => return None,
            method => calls.push_str(&format!(".{method}({})", arguments.join(", "))),
        }
    }
    Some(calls)
}

/// What a configuration was told, for the provider's own builder: `config().with_sampler(s)` is `.with_sampler(s)`.
pub(super) fn settings(config: &Expr, text: &dyn Fn(&Expr) -> String) -> Option<String> {
    match config {
        Expr::MethodCall(call) => {
            let arguments: Vec<String> = call.args.iter().map(|argument| text(argument)).collect();
            Some(format!("{}.{}({})", settings(&call.receiver, text)?, call.method, arguments.join(", ")))
        }
        Expr::Call(call) if call.args.is_empty() => Some(String::new()),
        _ => None,
    }
}

fn temporality(selector: &str) -> Option<&'static str> {
    if selector.contains("Delta") {
        return Some(".with_temporality(opentelemetry_sdk::metrics::Temporality::Delta)");
    }
    selector.contains("Default").then_some("")
}
