//! Set-up of OpenTelemetry's SDK: exporters, readers, providers, propagators, and where they are shut down.
//!
//! Set-up is a value (an exporter, a provider …) of a local of `main` or of a function beside it that returns one. All of it is
//! read, or nothing is changed: a call that is not known may set something that matters. `values.rs` reads the expressions,
//! `rest.rs` what else `main` does with them, `elsewhere.rs` looks for set-up that is somewhere else.

mod elsewhere;
mod rest;
mod values;

use std::collections::HashSet;

use syn::spanned::Spanned;
use syn::{Block, Expr, Item, ItemFn, Local, Pat, ReturnType, Stmt};

use self::elsewhere::Elsewhere;
use self::rest::{Rest, shut_down};
use super::program::Program;
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
                self.start.get_or_insert_with(|| statement.span().byte_range().start);
                self.edits.push(Edit::remove(range));
            } else {
                self.rest.push(statement);
            }
        }
        Ok(())
    }

    fn main_local(&mut self, local: &Local) -> Result<bool, Left> {
        let kind = self.kinds.of_local(local, self.program.names);
        // `let _ = provider.shutdown();` is a use.
        let is_set_up = local_name(local).is_some() && kind.is_some_and(|kind| SET_UP.contains(&kind));
        let (Some(init), true) = (&local.init, is_set_up) else { return Ok(false) };
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
                Err(Left::at(call, what))
            }
            _ => Ok(false),
        }
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
        let at = self.start.unwrap_or_else(|| program.main.block.span().byte_range().end);
        edits.extend(self.edits);
        let indent = program.file.indent(at);
        let start = format!("{indent}let {binding} = {start}\n");
        place(&mut edits, program.lines(at..at).start, start);
        let mut change = Change { edits, ..Change::default() };
        change.needs.features.insert(self.settings.feature());
        Ok(change)
    }
}

/// Puts text where something is removed, if it is, so that both are one edit.
fn place(edits: &mut Vec<Edit>, at: usize, text: String) {
    match edits.iter_mut().find(|edit| edit.range.start == at && edit.text.is_empty()) {
        Some(edit) => edit.text = text,
        None => edits.push(Edit::new(at..at, text)),
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
