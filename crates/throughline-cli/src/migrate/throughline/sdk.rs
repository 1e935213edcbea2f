//! Set-up of OpenTelemetry's SDK: exporters, readers, providers, propagators, and where they are shut down.
//!
//! Set-up is a value (an exporter, a provider …) of a local of `main` or of a function beside it that returns one. All of it is
//! read, or nothing is changed: a call that is not known may set something that matters.

use std::collections::HashSet;
use std::ops::Range;

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprCall, ExprMethodCall, Item, ItemFn, Local, Pat, ReturnType, Stmt, Token};

use super::program::{Program, name};
use super::settings::{Settings, Signal};
use super::{Change, Left};
use crate::finding::Edit;
use crate::lint::source::kinds::{Kinds, of_type};

/// What set-up is made of.
const SET_UP: [&str; 12] = [
    "resource",
    "resource builder",
    "otlp exporter",
    "otlp exporter builder",
    "periodic reader",
    "periodic reader builder",
    "tracer provider",
    "tracer provider builder",
    "meter provider",
    "meter provider builder",
    "logger provider",
    "logger provider builder",
];

/// Where `--to 0.33` keeps the provider of an old pipeline.
const KEPT: &str = "TRACER_PROVIDER";

pub(super) fn rewrite(program: &Program<'_>) -> Result<Change, Left> {
    if !program.file.text.contains("opentelemetry_sdk") {
        return Ok(Change::default());
    }
    let mut setup = SetUp::new(program);
    setup.functions()?;
    setup.main()?;
    if setup.settings.is_empty() {
        return Ok(Change::default());
    }
    setup.finish()
}

/// The set-up of a program, as it is being read.
struct SetUp<'a> {
    program: &'a Program<'a>,
    kinds: Kinds,
    /// Names that stand for set-up: locals of `main`, parameters of closures.
    values: HashSet<String>,
    /// Names of the function that is being read, which mean nothing in `main`.
    hidden: HashSet<String>,
    settings: Settings,
    /// The signal of the exporter that is being read.
    signal: Option<Signal>,
    edits: Vec<Edit>,
    /// Where the new set-up goes.
    start: Option<usize>,
    /// Statements of `main` that are no set-up.
    rest: Vec<&'a Stmt>,
}

impl<'a> SetUp<'a> {
    fn new(program: &'a Program<'a>) -> Self {
        let mut kinds = Kinds::default();
        kinds.enter();
        Self {
            program,
            kinds,
            values: HashSet::new(),
            hidden: HashSet::new(),
            settings: Settings::default(),
            signal: None,
            edits: Vec::new(),
            start: None,
            rest: Vec::new(),
        }
    }

    /// Reads the functions that return set-up; they are not needed any more.
    fn functions(&mut self) -> Result<(), Left> {
        let program = self.program;
        let of_set_up: Vec<_> =
            program.functions().filter_map(|function| Some((function, self.returned(function)?))).collect();
        for (function, kind) in &of_set_up {
            self.kinds.function(function.sig.ident.to_string(), kind);
        }
        for function in program.functions() {
            if of_set_up.iter().any(|(known, _)| known.sig.ident == function.sig.ident) {
                self.function(function)?;
            } else {
                Elsewhere { program, found: None }.look(function)?;
            }
        }
        let kept =
            program.code.items.iter().find(|item| matches!(item, Item::Static(kept) if kept.ident == KEPT));
        self.edits.extend(kept.map(|item| Edit::remove(program.lines(item.span().byte_range()))));
        Ok(())
    }

    fn returned(&self, function: &ItemFn) -> Option<&'static str> {
        let ReturnType::Type(_, ty) = &function.sig.output else { return None };
        of_type(ty, self.program.names).filter(|kind| SET_UP.contains(kind))
    }

    fn function(&mut self, function: &ItemFn) -> Result<(), Left> {
        self.hidden = function.sig.inputs.iter().filter_map(parameter).collect();
        self.kinds.enter();
        let done = self.block(&function.block);
        self.kinds.leave();
        self.hidden.clear();
        let range = self.program.lines(function.span().byte_range());
        // The empty line after it goes, too.
        let end = self.program.file.with_line(&range).end;
        self.edits.push(Edit::remove(range.start..end));
        done
    }

    /// A body that makes set-up, and does nothing else.
    fn block(&mut self, block: &Block) -> Result<(), Left> {
        for statement in &block.stmts {
            match statement {
                Stmt::Local(local) if self.program.text(local).contains(KEPT) => {}
                Stmt::Local(local) => {
                    let Some(init) = &local.init else { return Err(self.unknown(local)) };
                    self.value(&init.expr)?;
                    self.declare(local);
                    self.hidden.extend(local_name(local));
                }
                Stmt::Expr(expr, _) if self.is_install(expr)? => {}
                Stmt::Expr(expr, _) => self.value(expr)?,
                other => return Err(self.unknown(other)),
            }
        }
        Ok(())
    }

    fn declare(&mut self, local: &Local) {
        let pattern = if let Pat::Type(typed) = &local.pat { &typed.pat } else { &local.pat };
        let kind = self.kinds.of_local(local, self.program.names);
        self.kinds.declare(pattern, kind);
        self.values.extend(local_name(local));
    }

    /// Reads `main`: what is set-up there, and what uses it.
    fn main(&mut self) -> Result<(), Left> {
        let main = self.program.main;
        for statement in &main.block.stmts {
            let is_set_up = match statement {
                Stmt::Local(local) => self.main_local(local)?,
                Stmt::Expr(expr, _) => self.is_install(expr)?,
                _ => false,
            };
            if is_set_up {
                let range = self.program.line(statement);
                self.start.get_or_insert(statement.span().byte_range().start);
                self.edits.push(Edit::remove(range));
            } else {
                self.rest.push(statement);
            }
        }
        Ok(())
    }

    fn main_local(&mut self, local: &Local) -> Result<bool, Left> {
        let kind = self.kinds.of_local(local, self.program.names);
        let (Some(init), true) = (&local.init, kind.is_some_and(|kind| SET_UP.contains(&kind))) else {
            return Ok(false);
        };
        self.value(&init.expr)?;
        self.declare(local);
        Ok(true)
    }

    /// Whether a statement makes something global that the toolkit makes global itself.
    fn is_install(&self, expr: &Expr) -> Result<bool, Left> {
        let expr = if let Expr::Try(inner) = expr { &inner.expr } else { expr };
        let Expr::Call(call) = expr else { return Ok(false) };
        match self.program.called(call).as_deref() {
            Some(
                "opentelemetry::global::set_tracer_provider" | "opentelemetry::global::set_meter_provider",
            ) => Ok(true),
            Some("opentelemetry::global::set_text_map_propagator") => {
                let made = call.args.first().map(|made| self.program.text(made)).unwrap_or_default();
                // W3C's are there unless something else is asked for.
                if made.ends_with("TraceContextPropagator::new()")
                    || made.ends_with("BaggagePropagator::new()")
                {
                    return Ok(true);
                }
                let what = "this propagator is not known here: OTEL_PROPAGATORS says which there are to be";
                Err(self.program.left(call, what))
            }
            _ => Ok(false),
        }
    }

    /// Reads an expression that makes set-up.
    fn value(&mut self, expr: &Expr) -> Result<(), Left> {
        match expr {
            Expr::Try(inner) => self.value(&inner.expr),
            Expr::Await(inner) => self.value(&inner.base),
            Expr::Paren(inner) => self.value(&inner.expr),
            Expr::Reference(inner) => self.value(&inner.expr),
            Expr::Block(inner) => self.block(&inner.block),
            Expr::Path(_) if name(expr).is_some_and(|name| self.values.contains(&name)) => Ok(()),
            Expr::Call(call) => self.call(call),
            Expr::MethodCall(call) => {
                self.value(&call.receiver)?;
                self.method(call)
            }
            _ => Err(self.unknown(expr)),
        }
    }

    fn call(&mut self, call: &ExprCall) -> Result<(), Left> {
        let Some(path) = self.program.called(call) else {
            let of_set_up = self.kinds.of(&Expr::Call(call.clone()), self.program.names).is_some();
            return match call.args.first() {
                _ if of_set_up => Ok(()),
                Some(inner) if name(&call.func).is_some_and(|name| name == "Ok") => self.value(inner),
                _ => Err(self.unknown(call)),
            };
        };
        let of_sdk = |end: &str| path.starts_with("opentelemetry_sdk::") && path.ends_with(end);
        match &*path {
            "opentelemetry_otlp::SpanExporter::builder" => self.signal = Some(Signal::Traces),
            "opentelemetry_otlp::MetricExporter::builder" => self.signal = Some(Signal::Metrics),
            "opentelemetry_otlp::LogExporter::builder" => self.signal = Some(Signal::Logs),
            "opentelemetry::global::tracer_provider" | "opentelemetry::global::meter_provider" => {}
            _ if of_sdk("Provider::builder") || of_sdk("Resource::builder") => {}
            _ if of_sdk("PeriodicReader::builder") => return self.first(&call.args, call),
            _ => return Err(self.unknown(call)),
        }
        if let Some(signal) = self.signal {
            let _there_from_now_on = self.settings.export(signal);
        }
        Ok(())
    }

    fn first(&mut self, arguments: &Punctuated<Expr, Token![,]>, of: &impl Spanned) -> Result<(), Left> {
        match arguments.first() {
            Some(argument) => self.value(argument),
            None => Err(self.unknown(of)),
        }
    }

    /// Reads what one call of a builder sets.
    fn method(&mut self, call: &ExprMethodCall) -> Result<(), Left> {
        let method = call.method.to_string();
        match (&*method, call.args.first()) {
            ("build" | "unwrap" | "expect" | "clone", _) => Ok(()),
            (
                "with_batch_exporter"
                | "with_simple_exporter"
                | "with_periodic_exporter"
                | "with_reader"
                | "with_resource",
                Some(value),
            ) => self.value(value),
            ("map", Some(Expr::Closure(closure))) => {
                self.values.extend(closure.inputs.iter().filter_map(pattern_name));
                self.value(&closure.body)
            }
            ("with_sampler", Some(sampler)) => {
                self.settings.sampling = Some(self.sampling(sampler)?);
                Ok(())
            }
            ("with_interval", Some(interval)) => {
                self.settings.interval = Some(self.code(interval)?);
                Ok(())
            }
            ("with_service_name", Some(service)) => {
                self.settings.service = Some(self.code(service)?);
                Ok(())
            }
            ("with_attribute", Some(attribute)) => self.attribute(attribute),
            ("with_attributes", Some(attributes)) => self.attributes(attributes),
            _ => self.exporter_method(&method, call),
        }
    }

    fn exporter_method(&mut self, method: &str, call: &ExprMethodCall) -> Result<(), Left> {
        let Some(signal) = self.signal else { return Err(self.unknown(&call.method)) };
        let value = call.args.first().map(|value| self.code(value)).transpose()?;
        let last = value.as_deref().and_then(|value| value.rsplit("::").next());
        let export = self.settings.export(signal);
        match (method, last) {
            ("with_tonic", None) => export.protocol = Some("Grpc"),
            ("with_http", None) => export.protocol = Some("HttpProtobuf"),
            ("with_protocol", Some("HttpBinary")) => export.protocol = Some("HttpProtobuf"),
            ("with_protocol", Some("HttpJson")) => export.protocol = Some("HttpJson"),
            ("with_protocol", Some("Grpc")) => export.protocol = Some("Grpc"),
            ("with_temporality", Some("Cumulative")) => {}
            ("with_temporality", Some("Delta")) => self.settings.temporality = Some("Delta"),
            ("with_temporality", Some("LowMemory")) => self.settings.temporality = Some("LowMemory"),
            ("with_endpoint", Some(_)) => export.endpoint = value,
            ("with_timeout", Some(_)) => export.timeout = value,
            _ => return Err(self.unknown(&call.method)),
        }
        Ok(())
    }

    fn attributes(&mut self, attributes: &Expr) -> Result<(), Left> {
        match attributes {
            Expr::Reference(inner) => self.attributes(&inner.expr),
            Expr::Array(array) => array.elems.iter().try_for_each(|attribute| self.attribute(attribute)),
            Expr::Macro(made) if made.mac.path.is_ident("vec") => {
                let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
                let Ok(items) = made.mac.parse_body_with(parser) else { return Err(self.unknown(made)) };
                items.iter().try_for_each(|attribute| self.attribute(attribute))
            }
            _ => Err(self.unknown(attributes)),
        }
    }

    fn attribute(&mut self, attribute: &Expr) -> Result<(), Left> {
        let made = if let Expr::Call(call) = attribute { Some(call) } else { None };
        let made =
            made.filter(|call| self.program.called(call).is_some_and(|path| path.ends_with("KeyValue::new")));
        let (Some(key), Some(value)) =
            (made.and_then(|call| call.args.first()), made.and_then(|call| call.args.get(1)))
        else {
            return Err(self.unknown(attribute));
        };
        if self.program.text(key).trim_matches('"') == "service.name" {
            self.settings.service = Some(self.code(value)?);
        } else {
            let attribute = self.code(attribute)?;
            self.settings.attributes.push(attribute);
        }
        Ok(())
    }

    fn sampling(&self, sampler: &Expr) -> Result<String, Left> {
        let text = self.program.text(sampler);
        let kind = text.split('(').next().unwrap_or_default().rsplit("::").next().unwrap_or_default();
        let strategy = |inside: &str| format!("throughline::SamplingStrategy::{inside}");
        let argument = match sampler {
            Expr::Call(call) => call.args.first(),
            _ => None,
        };
        match (kind, argument) {
            ("AlwaysOn" | "AlwaysOff", None) => Ok(strategy(kind)),
            ("TraceIdRatioBased", Some(ratio)) => {
                Ok(strategy(&format!("TraceIdRatio {{ ratio: {} }}", self.code(ratio)?)))
            }
            ("ParentBased", Some(Expr::Call(boxed))) if boxed.args.len() == 1 => {
                let root = self.sampling(&boxed.args[0])?;
                Ok(strategy(&format!("ParentBased {{ root: Box::new({root}) }}")))
            }
            _ => Err(self.unknown(sampler)),
        }
    }

    /// An expression as code for `main`.
    fn code(&self, expr: &Expr) -> Result<String, Left> {
        let mut names = Names::default();
        names.visit_expr(expr);
        match names.0.iter().find(|name| self.hidden.contains(*name)) {
            Some(name) => {
                let what = format!("telemetry is set up in `main`, and `{name}` is another function's");
                Err(self.program.left(expr, what))
            }
            None => Ok(self.program.text(expr).to_owned()),
        }
    }

    fn unknown(&self, place: &impl Spanned) -> Left {
        let text = self.program.text(place);
        let text = text.lines().next().unwrap_or_default();
        self.program.left(place, format!("set-up that is not known here: `{text}`; {BY_HAND}"))
    }

    /// Rewrites the rest of `main`, and says what the new set-up is.
    fn finish(self) -> Result<Change, Left> {
        let program = self.program;
        let mut rest = Rest::new(&self);
        for statement in &self.rest {
            rest.statement(statement);
        }
        if let Some(left) = rest.left.take() {
            return Err(left);
        }
        rest.idle_tracers(&self.rest);
        let is_used = rest.uses_telemetry || !rest.shutdowns.is_empty();
        let mut edits = rest.edits;
        edits.extend(shut_down(program, &rest.shutdowns)?);
        let binding = if is_used { "telemetry" } else { "_telemetry" };
        let start = program.start(self.settings.service(), self.settings.calls());
        let at = self.start.unwrap_or(program.main.block.span().byte_range().end);
        edits.extend(self.edits);
        let indent = program.file.indent(at);
        let start = format!("{indent}let {binding} = {start}\n");
        place(&mut edits, program.lines(at..at).start, start);
        let mut change = Change { edits, ..Change::default() };
        change.needs.features.insert(self.settings.feature());
        Ok(change)
    }
}

const BY_HAND: &str = "what is left of the SDK can be said to `throughline::TelemetryConfig`";

/// Puts text where something is removed, if it is, so that both are one edit.
fn place(edits: &mut Vec<Edit>, at: usize, text: String) {
    match edits.iter_mut().find(|edit| edit.range.start == at && edit.text.is_empty()) {
        Some(edit) => edit.text = text,
        None => edits.push(Edit::new(at..at, text)),
    }
}

/// The last shutdown of a provider becomes that of telemetry; earlier ones go.
fn shut_down(program: &Program<'_>, shutdowns: &[Shutdown<'_>]) -> Result<Vec<Edit>, Left> {
    let Some((last, earlier)) = shutdowns.split_last() else { return Ok(Vec::new()) };
    let new = if program.is_async() {
        "telemetry.shutdown().await"
    } else {
        "telemetry.shutdown_blocking().into_result()"
    };
    let mut edits = vec![Edit::new(last.call.clone(), new)];
    for shutdown in earlier {
        if !shutdown.is_all() {
            let what = "one of several shutdowns, and more; telemetry as a whole is shut down by `telemetry.shutdown()`";
            return Err(program.left(shutdown.statement, what));
        }
        edits.push(Edit::remove(program.line(shutdown.statement)));
    }
    Ok(edits)
}

/// A provider is shut down.
struct Shutdown<'a> {
    statement: &'a Stmt,
    call: Range<usize>,
}

impl Shutdown<'_> {
    /// Whether its statement does nothing else: `provider.shutdown()?;`, `let _ = provider.shutdown();`.
    fn is_all(&self) -> bool {
        let expr = match self.statement {
            Stmt::Local(Local { pat: Pat::Wild(_), init: Some(init), .. }) => &init.expr,
            Stmt::Expr(expr, _) => expr,
            _ => return false,
        };
        matches!(expr, Expr::Try(_) | Expr::MethodCall(_))
            && expr.span().byte_range().start == self.call.start
    }
}

/// What else `main` does with set-up.
struct Rest<'a> {
    program: &'a Program<'a>,
    kinds: &'a Kinds,
    values: &'a HashSet<String>,
    statement: Option<&'a Stmt>,
    shutdowns: Vec<Shutdown<'a>>,
    edits: Vec<Edit>,
    uses_telemetry: bool,
    /// Tracers that a layer had, and all other names that are used.
    tracers: HashSet<String>,
    names: HashSet<String>,
    left: Option<Left>,
}

impl<'a> Rest<'a> {
    fn new(setup: &'a SetUp<'a>) -> Self {
        Self {
            program: setup.program,
            kinds: &setup.kinds,
            values: &setup.values,
            statement: None,
            shutdowns: Vec::new(),
            edits: Vec::new(),
            uses_telemetry: false,
            tracers: HashSet::new(),
            names: HashSet::new(),
            left: None,
        }
    }

    /// A tracer that only the layer had is not needed any more.
    fn idle_tracers(&mut self, statements: &[&Stmt]) {
        for statement in statements {
            let Stmt::Local(local) = statement else { continue };
            let is_idle = |name: &String| self.tracers.contains(name) && !self.names.contains(name);
            if local_name(local).as_ref().is_some_and(is_idle) {
                self.edits.push(Edit::remove(self.program.line(statement)));
            }
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        self.statement = Some(statement);
        self.visit_stmt(statement);
    }

    fn is_set_up(&self, expr: &Expr) -> bool {
        let expr = if let Expr::Reference(inner) = expr { &inner.expr } else { expr };
        name(expr).is_some_and(|name| self.values.contains(&name))
    }

    fn leave(&mut self, place: &impl Spanned, what: &str) {
        self.left.get_or_insert(self.program.left(place, what));
    }

    /// A call of a method on a provider.
    fn provider_method(&mut self, call: &ExprMethodCall) {
        let range = call.span().byte_range();
        match (&*call.method.to_string(), self.statement) {
            ("shutdown" | "force_flush", Some(statement)) => {
                self.shutdowns.push(Shutdown { statement, call: range });
            }
            ("tracer" | "meter", _) => {
                let written = range.start..call.method.span().byte_range().end;
                let global = format!("opentelemetry::global::{}", call.method);
                self.edits.push(Edit::new(written, self.program.short(&global)));
            }
            _ => self.leave(&call.method, "a provider is used in a way that is not known here"),
        }
    }
}

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Rest<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let range = call.span().byte_range();
        let is_layer = call.method == "with_tracer"
            && self.kinds.of(&call.receiver, self.program.names) == Some("tracing layer");
        if is_layer {
            self.uses_telemetry = true;
            self.tracers.extend(call.args.first().and_then(name));
            self.edits.push(Edit::new(range, "telemetry.layer()"));
        } else if self.is_set_up(&call.receiver) {
            self.provider_method(call);
            call.args.iter().for_each(|argument| self.visit_expr(argument));
        } else if let (Some(statement), true) =
            (self.statement, self.program.text(call).starts_with(&format!("{KEPT}.get()")))
        {
            self.shutdowns.push(Shutdown { statement, call: range });
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let Some(name) = path.path.get_ident().map(ToString::to_string) else { return };
        if self.values.contains(&name) {
            self.leave(path, "set-up is used in a way that is not known here");
        }
        self.names.insert(name);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(arguments) = call.parse_body_with(parser) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
    }
}

/// Looks for set-up in functions that return something else.
struct Elsewhere<'a> {
    program: &'a Program<'a>,
    found: Option<Left>,
}

impl Elsewhere<'_> {
    fn look(mut self, function: &ItemFn) -> Result<(), Left> {
        self.visit_item_fn(function);
        self.found.map_or(Ok(()), Err)
    }
}

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Elsewhere<'_> {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let path = self.program.called(call).unwrap_or_default();
        let sets = path.starts_with("opentelemetry::global::set_")
            || path.starts_with("opentelemetry_sdk::") && path.ends_with("Provider::builder");
        if sets {
            let what = "set-up in a function that does not return one provider; have `main` call \
                 `throughline::init_telemetry`, keep what it returns, and drop this";
            self.found.get_or_insert(self.program.left(call, what));
        }
        visit::visit_expr_call(self, call);
    }
}

/// All names that stand alone in an expression.
#[derive(Default)]
struct Names(HashSet<String>);

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Names {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.0.extend(path.path.get_ident().map(ToString::to_string));
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(arguments) = call.parse_body_with(parser) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
    }
}

fn parameter(input: &syn::FnArg) -> Option<String> {
    match input {
        syn::FnArg::Typed(typed) => pattern_name(&typed.pat),
        syn::FnArg::Receiver(_) => None,
    }
}

fn local_name(local: &Local) -> Option<String> {
    pattern_name(if let Pat::Type(typed) = &local.pat { &typed.pat } else { &local.pat })
}

fn pattern_name(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(name) => Some(name.ident.to_string()),
        _ => None,
    }
}
