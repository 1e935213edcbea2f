//! `metrics` with `metrics-exporter-prometheus`: the recorder is this toolkit's, and so is the page that is scraped.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Stmt};

use super::program::Program;
use super::settings::call;
use super::{Change, Left};
use crate::finding::Edit;

const BUILDER: &str = "metrics_exporter_prometheus::PrometheusBuilder::new";

/// Where the exporter listened unless it was told.
const ADDRESS: &str = "([0, 0, 0, 0], 9000)";

const WITHOUT_SUFFIXES: &str = "throughline::TranslationStrategy::UnderscoreEscapingWithoutSuffixes";

pub(super) fn rewrite(program: &Program<'_>) -> Result<Change, Left> {
    let mut found = None;
    for statement in &program.main.block.stmts {
        let Stmt::Expr(expr, _) = statement else { continue };
        if let Some(chain) = installs(program, expr) {
            found = Some((statement, install(program, expr, &chain)?));
        }
    }
    let mut builders = Builders { program, found: Vec::new() };
    builders.visit_file(program.code);
    let Some((statement, text)) = found else {
        return builders.found.pop().map_or_else(|| Ok(Change::default()), Err);
    };
    let mut change =
        Change { edits: vec![Edit::new(statement.span().byte_range(), text)], ..Change::default() };
    change.needs.bridges.insert("metrics-facade");
    if program.file.text.contains("histogram!") {
        let what = "histograms are not summaries any more: charts of `quantile` take `histogram_quantile`";
        change.left.push(Left::at(statement, what));
    }
    Ok(change)
}

/// The calls on a builder, when they end in `install`, the last one first.
fn installs<'a>(program: &Program<'_>, expr: &'a Expr) -> Option<Vec<&'a ExprMethodCall>> {
    let (mut calls, mut expr) = (Vec::new(), expr);
    loop {
        expr = match expr {
            Expr::Try(inner) => &inner.expr,
            Expr::MethodCall(call) => {
                calls.push(call);
                &call.receiver
            }
            Expr::Call(call) if program.called(call).as_deref() == Some(BUILDER) => break,
            _ => return None,
        };
    }
    calls.iter().any(|call| call.method == "install").then_some(calls)
}

/// The statements that stand for the chain.
fn install(program: &Program<'_>, whole: &Expr, chain: &[&ExprMethodCall]) -> Result<String, Left> {
    let mut address = ADDRESS;
    for call in chain {
        match (&*call.method.to_string(), call.args.first()) {
            ("install" | "unwrap" | "expect", _) => {}
            ("with_http_listener", Some(listener)) => address = program.text(listener),
            _ => {
                let what = "this has no counterpart, or not the same: see `throughline::MetricsConfig` and its views";
                return Err(Left::at(&call.method, what));
            }
        }
    }
    let settings = vec![
        call("with_prometheus_address", &format!("{address}.into()")),
        // Names and labels stay as they were.
        call("with_translation_strategy", WITHOUT_SUFFIXES),
        call("without_scope_labels", ""),
    ];
    let service = "env!(\"CARGO_PKG_NAME\")";
    let start = program.start(service, settings);
    let or_fail =
        if matches!(whole, Expr::Try(_)) { "?" } else { ".expect(\"no other recorder is installed\")" };
    Ok(format!(
        "let telemetry = {start}\n    \
         let recorder = throughline_instruments::metrics_facade::FacadeRecorder::new(&telemetry.meter({service}));\n    \
         metrics::set_global_recorder(recorder){or_fail};"
    ))
}

/// Looks for builders anywhere.
struct Builders<'a> {
    program: &'a Program<'a>,
    found: Vec<Left>,
}

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Builders<'_> {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if self.program.called(call).as_deref() == Some(BUILDER) {
            let what = "only `….install()` in `main` is rewritten: start telemetry with `throughline::init_telemetry`, install \
                 `FacadeRecorder::new(&telemetry.meter(…))`, and serve `telemetry.prometheus_service()` where the handle was rendered";
            self.found.push(Left::at(call, what));
        }
        visit::visit_expr_call(self, call);
    }
}
