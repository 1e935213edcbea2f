//! `new_pipeline()…install_batch(…)`, written anew: an exporter and a provider, built apart.
//!
//! The result of the expression stays what it was: a `Result` of a tracer before 0.24, of a provider since, and the global
//! provider is set where it was set. What is not understood is left for people.

use std::collections::HashMap;
use std::ops::Range;

use syn::spanned::Spanned as _;
use syn::{Expr, ExprCall, ExprMethodCall};

use super::walk::Walk;
use crate::finding::{Confidence, Edit, Fix, SourceFile};
use crate::lint::rules::{Minor, rule};

/// Where a provider is kept that the program shuts down elsewhere.
const KEPT: &str = "/// The provider, for the end of the program.
static TRACER_PROVIDER: std::sync::OnceLock<opentelemetry_sdk::trace::SdkTracerProvider> = std::sync::OnceLock::new();";
const KEEP: &str = "let _ = TRACER_PROVIDER.set(provider.clone());";
const SHUT_DOWN: &str = "let _ = TRACER_PROVIDER.get().map(|provider| provider.shutdown())";

/// What a file has for its pipelines.
pub(super) struct Pipelines {
    /// Locals that are exporters of before 0.27, which pipelines are given, and where they are declared.
    exporters: HashMap<String, (Expr, Range<usize>)>,
    /// Whether the file shuts down the global provider, so that a provider must be kept for it.
    keeps_provider: bool,
}

impl Pipelines {
    pub(super) fn new(text: &str) -> Self {
        let keeps_provider = text.contains("shutdown_tracer_provider()") && text.contains("new_pipeline()");
        Self { exporters: HashMap::new(), keeps_provider }
    }

    /// What removes the declarations of the exporters that a pipeline was given: they stand in the new expression.
    fn without_exporters(&self, pipeline: &str) -> impl Iterator<Item = Edit> {
        let used = |name: &str| pipeline.contains(&format!("with_exporter({name})"));
        let used = self.exporters.iter().filter(move |(name, _)| used(name));
        used.map(|(_, (_, declared))| Edit::remove(declared.clone()))
    }
}

/// Remembers an exporter that a pipeline may be given.
pub(super) fn local(walk: &mut Walk<'_>, local: &syn::Local, kind: Option<&str>) {
    if let (Some("otlp exporter builder"), syn::Pat::Ident(name), Some(init)) =
        (kind, &local.pat, &local.init)
    {
        let declared = ((*init.expr).clone(), local.span().byte_range());
        walk.pipelines.exporters.insert(name.ident.to_string(), declared);
    }
}

/// Gives the finding at the start of a pipeline the fix that replaces all of it.
pub(super) fn method(walk: &mut Walk<'_>, call: &ExprMethodCall) {
    let ends = matches!(&*call.method.to_string(), "install_batch" | "install_simple" | "build");
    if !ends || walk.kinds.of(&call.receiver, walk.names) != Some("otlp pipeline") {
        return;
    }
    let (file, range) = (walk.file, call.span().byte_range());
    let around = Around { minor: walk.minor, file, pipelines: &walk.pipelines };
    let Some(new) = rewrite(call, &around) else { return };
    let new = new.replace('\n', &format!("\n{}", file.indent(range.start)));
    let mut edits = vec![Edit::new(range.clone(), new)];
    edits.extend(walk.pipelines.without_exporters(file.get(&range)));
    if walk.pipelines.keeps_provider {
        let end = file.text.len();
        edits.push(Edit::new(end..end, format!("\n{KEPT}\n")));
    }
    if let Some(finding) = walk.finding("P701", range.start) {
        finding.fix = Some(Fix { confidence: Confidence::Review, edits });
    }
}

/// `global::shutdown_tracer_provider()` shuts down the provider that the pipeline of the same file has kept.
pub(super) fn call(walk: &mut Walk<'_>, call: &ExprCall) {
    let Expr::Path(function) = &*call.func else { return };
    let full = walk.names.resolve(&function.path);
    let shuts_down = full.as_deref() == Some("opentelemetry::global::shutdown_tracer_provider");
    let Some(rule) = rule("P103").filter(|_| walk.pipelines.keeps_provider && shuts_down) else { return };
    let edits = vec![Edit::new(call.span().byte_range(), SHUT_DOWN)];
    walk.found_call(rule, function, function.span().byte_range(), edits);
}

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

/// The code around a pipeline.
struct Around<'a> {
    minor: Option<Minor>,
    file: &'a SourceFile,
    pipelines: &'a Pipelines,
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
fn rewrite(call: &ExprMethodCall, around: &Around<'_>) -> Option<String> {
    let chain = chain(call);
    let signal = SIGNALS.into_iter().find(|signal| chain.iter().any(|call| call.method == signal.method))?;
    let mut parts = Parts::default();
    for call in chain {
        parts.take(call, around)?;
    }
    let Parts { exporter, provider, finish, .. } = parts;
    let old = around.minor.is_some_and(|minor| minor < RETURNS_PROVIDER);
    let global = signal.global.filter(|_| old).map(|set| format!("    {set}(provider.clone());\n"));
    let global = global.unwrap_or_default();
    let keeps = around.pipelines.keeps_provider && signal.method == "tracing";
    let keep = if keeps { format!("    {KEEP}\n") } else { String::new() };
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
        let text = || Some(around.file.get(&argument()?.span().byte_range()));
        match &*call.method.to_string() {
            "tracing" | "metrics" | "logging" | "with_aggregation_selector" => {}
            "with_exporter" => self.exporter += &transport(argument()?, around)?,
            "with_trace_config" | "with_log_config" => self.provider += &settings(argument()?, around.file)?,
            "with_resource" | "with_view" => self.provider += &written(call, around.file),
            "with_period" => self.reader = format!(".with_interval({})", text()?),
            "with_timeout" => self.exporter += &written(call, around.file),
            "with_temporality_selector" => self.exporter += temporality(text()?)?,
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
        Expr::Path(path) => &around.pipelines.exporters.get(&path.path.get_ident()?.to_string())?.0,
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
            _ => calls += &written(call, around.file),
        }
    }
    Some(calls)
}

/// What a configuration was told, for the provider's own builder: `config().with_sampler(s)` is `.with_sampler(s)`.
pub(super) fn settings(config: &Expr, file: &SourceFile) -> Option<String> {
    match config {
        Expr::MethodCall(call) => Some(settings(&call.receiver, file)? + &written(call, file)),
        Expr::Call(call) if call.args.is_empty() => Some(String::new()),
        _ => None,
    }
}

/// A method call as it is written, without what it is called on.
fn written(call: &ExprMethodCall, file: &SourceFile) -> String {
    let arguments: Vec<&str> =
        call.args.iter().map(|argument| file.get(&argument.span().byte_range())).collect();
    format!(".{}({})", call.method, arguments.join(", "))
}

fn temporality(selector: &str) -> Option<&'static str> {
    if selector.contains("Delta") {
        return Some(".with_temporality(opentelemetry_sdk::metrics::Temporality::Delta)");
    }
    selector.contains("Default").then_some("")
}
