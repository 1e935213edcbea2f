//! `prometheus`: a registry stays what it is, and joins this toolkit's metrics with its names.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ItemFn, Local, Pat, Stmt};

use super::program::Program;
use super::{Change, Left};
use crate::finding::Edit;

/// Functions that make a registry, or give the one of the process.
const MADE: [&str; 2] = ["prometheus::Registry::new", "prometheus::Registry::new_custom"];
const DEFAULT: [&str; 2] = ["prometheus::gather", "prometheus::default_registry"];

pub(super) fn rewrite(program: &Program<'_>) -> Result<Change, Left> {
    let mut uses = Uses { program, made: 0, default: false, encoders: Vec::new(), function: None };
    uses.visit_file(program.code);
    let made = program
        .main
        .block
        .stmts
        .iter()
        .filter_map(|statement| Some((statement, registry(program, statement)?)));
    let made: Vec<(&Stmt, String)> = made.collect();
    if uses.made > made.len() {
        let what =
            "a registry that `main` does not make: give it to `telemetry.meter_provider().add_producer(…)`";
        return Err(Left::at(&program.main.sig, what));
    }
    let (after, registry) = match &*made {
        [] if !uses.default => return Ok(Change::default()),
        [] => (None, "prometheus::default_registry()"),
        [(statement, name)] => (Some(*statement), &**name),
        [_, (second, _), ..] => return Err(Left::at(*second, "there is more than one registry here")),
    };
    let start = program.start("env!(\"CARGO_PKG_NAME\")", Vec::new());
    let text = format!(
        "    let telemetry = {start}\n    telemetry\n        .meter_provider()\n        \
         .add_producer(throughline_instruments::prometheus::RegistryProducer::new({registry}.clone()));\n"
    );
    let mut change = Change {
        edits: vec![Edit::new(place(program, after), text)],
        left: uses.encoders,
        ..Change::default()
    };
    change.needs.bridges.insert("prometheus");
    Ok(change)
}

/// After a statement of `main`, or before the first.
fn place(program: &Program<'_>, after: Option<&Stmt>) -> std::ops::Range<usize> {
    let brace = program.main.block.brace_token.span.open().byte_range();
    let range = after.map_or(brace, |statement| statement.span().byte_range());
    let end = program.file.with_line(&range).end;
    end..end
}

/// The name of a local that is a new registry.
fn registry(program: &Program<'_>, statement: &Stmt) -> Option<String> {
    let Stmt::Local(Local { pat: Pat::Ident(name), init: Some(init), .. }) = statement else { return None };
    let mut made = &*init.expr;
    loop {
        made = match made {
            Expr::Try(inner) => &inner.expr,
            Expr::MethodCall(call) => &call.receiver,
            Expr::Call(call) => {
                let path = program.called(call)?;
                return MADE.contains(&&*path).then(|| name.ident.to_string());
            }
            _ => return None,
        };
    }
}

/// How a program uses the library.
struct Uses<'a> {
    program: &'a Program<'a>,
    /// How often a registry is made.
    made: usize,
    /// Whether the registry of the process is used.
    default: bool,
    /// Pages that are written by hand.
    encoders: Vec<Left>,
    function: Option<String>,
}

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function = Some(function.sig.ident.to_string());
        visit::visit_item_fn(self, function);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let path = self.program.called(call).unwrap_or_default();
        self.made += usize::from(MADE.contains(&&*path));
        self.default |= DEFAULT.contains(&&*path);
        if path == "prometheus::TextEncoder::new" {
            let function = self.function.as_deref().unwrap_or("this");
            let what = format!(
                "`{function}` still answers with the registry alone; `telemetry.prometheus_service()` is a tower service that \
                 answers with everything, as does http://127.0.0.1:9464/metrics"
            );
            self.encoders.push(Left::at(call, what));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let path = self.program.names.resolve(&call.path).unwrap_or_default();
        // Macros of the old style come without a path.
        let registers = name.starts_with("register_") && !name.ends_with("with_registry");
        self.default |= registers && (path.is_empty() || path.starts_with("prometheus::"));
        visit::visit_macro(self, call);
    }
}
