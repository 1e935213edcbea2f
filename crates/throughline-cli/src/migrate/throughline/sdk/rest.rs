//! What `main` does with providers beside setting them up: it shuts them down, and asks them for tracers and meters.

use std::collections::HashSet;
use std::ops::Range;

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Local, Pat, Stmt, Token};

use super::{KEPT, SetUp, local_name};
use crate::finding::Edit;
use crate::lint::source::kinds::Kinds;
use crate::migrate::throughline::Left;
use crate::migrate::throughline::program::{Program, name};

/// The last shutdown of a provider becomes that of telemetry; earlier ones go.
pub(super) fn shut_down(program: &Program<'_>, shutdowns: &[Shutdown<'_>]) -> Result<Vec<Edit>, Left> {
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
            return Err(Left::at(shutdown.statement, what));
        }
        edits.push(Edit::remove(program.line(shutdown.statement)));
    }
    Ok(edits)
}

/// A provider is shut down.
pub(super) struct Shutdown<'a> {
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
pub(super) struct Rest<'a> {
    program: &'a Program<'a>,
    kinds: &'a Kinds,
    values: &'a HashSet<String>,
    statement: Option<&'a Stmt>,
    pub(super) shutdowns: Vec<Shutdown<'a>>,
    pub(super) edits: Vec<Edit>,
    pub(super) uses_telemetry: bool,
    /// Tracers that a layer had, and all other names that are used.
    tracers: HashSet<String>,
    names: HashSet<String>,
    pub(super) left: Option<Left>,
}

impl<'a> Rest<'a> {
    pub(super) fn new(setup: &'a SetUp<'a>) -> Self {
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
    pub(super) fn idle_tracers(&mut self, statements: &[&Stmt]) {
        for statement in statements {
            let Stmt::Local(local) = statement else { continue };
            let is_idle = |name: &String| self.tracers.contains(name) && !self.names.contains(name);
            if local_name(local).as_ref().is_some_and(is_idle) {
                self.edits.push(Edit::remove(self.program.line(statement)));
            }
        }
    }

    pub(super) fn statement(&mut self, statement: &'a Stmt) {
        self.statement = Some(statement);
        self.visit_stmt(statement);
    }

    fn is_set_up(&self, expr: &Expr) -> bool {
        let expr = if let Expr::Reference(inner) = expr { &inner.expr } else { expr };
        name(expr).is_some_and(|name| self.values.contains(&name))
    }

    fn leave(&mut self, place: &impl Spanned, what: &str) {
        self.left.get_or_insert_with(|| Left::at(place, what));
    }

    /// A call of a method on a provider.
    fn provider_method(&mut self, call: &ExprMethodCall) {
        let range = call.span().byte_range();
        match (&*call.method.to_string(), self.statement) {
            ("shutdown", Some(statement)) => {
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
