//! Code that compiles and does something else than it seems: endpoints, dropped providers, sums that were meant as values,
//! attributes without a bound, names with a suffix of the exporter's.

use syn::spanned::Spanned as _;
use syn::{Expr, ExprMethodCall, Lit, Pat};

use super::walk::Walk;
use crate::finding::Edit;
use crate::lint::rules::rule;

/// Looks at one method call.
pub(super) fn method(walk: &mut Walk<'_>, call: &ExprMethodCall) {
    match &*call.method.to_string() {
        "with_endpoint" => endpoint(walk, call),
        "add" => {
            sum_as_value(walk, call);
            unbounded(walk, call);
        }
        "record" => unbounded(walk, call),
        _ => suffix(walk, call),
    }
}

/// Looks at one `let`.
pub(super) fn local(walk: &mut Walk<'_>, local: &syn::Local, kind: Option<&str>) {
    let provider = kind.is_some_and(|kind| kind.ends_with("provider"));
    if provider && matches!(local.pat, Pat::Wild(_)) {
        found(walk, "S003", &local.pat, Vec::new());
    }
}

fn found(walk: &mut Walk<'_>, id: &str, place: &impl syn::spanned::Spanned, edits: Vec<Edit>) {
    if let Some(rule) = rule(id) {
        walk.found(rule, place.span().byte_range(), edits);
    }
}

/// The methods of a chain, the last first.
fn chain(call: &ExprMethodCall) -> impl Iterator<Item = &ExprMethodCall> {
    std::iter::successors(Some(call), |call| match &*call.receiver {
        Expr::MethodCall(call) => Some(call),
        _ => None,
    })
}

fn endpoint(walk: &mut Walk<'_>, call: &ExprMethodCall) {
    if walk.kinds.of(&call.receiver, walk.names) != Some("otlp exporter builder") {
        return;
    }
    let Some(argument) = call.args.first() else { return };
    let Some(url) = literal(argument) else { return };
    let speaks = |names: [&str; 2]| chain(call).any(|call| names.iter().any(|name| call.method == name));
    let rest = url.split_once("://").map_or(&*url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if speaks(["with_http", "http"]) {
        if host.ends_with(":4317") {
            found(walk, "S002", argument, Vec::new());
        } else if path.is_empty() {
            found(walk, "S001", argument, Vec::new());
        }
    } else if speaks(["with_tonic", "tonic"]) && host.ends_with(":4318") {
        found(walk, "S002", argument, Vec::new());
    }
}

/// The text of a literal, also behind `.to_string()` and the like.
fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        Expr::Reference(inner) => literal(&inner.expr),
        Expr::MethodCall(call) if call.args.is_empty() => literal(&call.receiver),
        _ => None,
    }
}

/// `add` of a parameter, in a function that says it sets something.
fn sum_as_value(walk: &mut Walk<'_>, call: &ExprMethodCall) {
    if walk.kinds.of(&call.receiver, walk.names) != Some("up-down counter") {
        return;
    }
    let Some(function) = walk.functions.last() else { return };
    let Some(Expr::Path(argument)) = call.args.first() else { return };
    let is_parameter = argument
        .path
        .get_ident()
        .is_some_and(|name| function.parameters.iter().any(|parameter| name == parameter));
    if function.name.starts_with("set_") && is_parameter {
        found(walk, "S004", &call.method, Vec::new());
    }
}

/// Keys whose values come from whoever sends requests.
const UNBOUNDED: [&str; 17] = [
    "url",
    "uri",
    "path",
    "query",
    "http.url",
    "url.full",
    "url.path",
    "url.query",
    "http.target",
    "user.id",
    "user_id",
    "session.id",
    "session_id",
    "request.id",
    "request_id",
    "trace_id",
    "client.address",
];

fn unbounded(walk: &mut Walk<'_>, call: &ExprMethodCall) {
    let kind = walk.kinds.of(&call.receiver, walk.names);
    if !matches!(kind, Some("instrument" | "up-down counter")) {
        return;
    }
    let Some(attributes) = call.args.last() else { return };
    let Expr::Array(array) = (match attributes {
        Expr::Reference(inner) => &*inner.expr,
        other => other,
    }) else {
        return;
    };
    for attribute in &array.elems {
        let Expr::Call(made) = attribute else { continue };
        let (Some(key), Some(value)) = (made.args.first().and_then(literal), made.args.iter().nth(1)) else {
            continue;
        };
        let text = quoted(value);
        let random = text.contains("Uuid") || text.contains("uuid");
        if literal(value).is_none() && (random || UNBOUNDED.contains(&&*key)) {
            found(walk, "S005", attribute, Vec::new());
        }
    }
}

fn quoted(expr: &Expr) -> String {
    expr.span().source_text().unwrap_or_default()
}

/// Suffixes that exporters add for kind and unit.
const UNITS: [&str; 5] = ["_seconds", "_milliseconds", "_bytes", "_ratio", "_celsius"];

fn suffix(walk: &mut Walk<'_>, call: &ExprMethodCall) {
    let method = call.method.to_string();
    let making =
        matches!(method.split_once('_'), Some(("u64" | "f64" | "i64", _))) && walk.names.is_telemetry();
    let Some(argument) = call.args.first().filter(|_| making) else { return };
    let Some(name) = literal(argument) else { return };
    let counter = method.ends_with("_counter") && !method.contains("up_down");
    if (counter && name.ends_with("_total")) || UNITS.iter().any(|unit| name.ends_with(unit)) {
        found(walk, "S006", argument, Vec::new());
    }
}
