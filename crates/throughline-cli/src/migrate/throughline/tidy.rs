//! Drops imports of set-up code that nothing refers to any more.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::finding::{Edit, SourceFile, apply};
use crate::lint::source::imports::{Imports, Leaf};

/// Crates whose traits do nothing without their types.
const SET_UP: [&str; 3] = ["opentelemetry_sdk", "opentelemetry_otlp", "metrics_exporter_prometheus"];

/// The text without imports that became idle.
pub(super) fn imports(text: &str) -> String {
    let mut text = text.to_owned();
    // One at a time: what is next to it in braces has another place afterwards.
    while let Some(edit) = idle(&text) {
        text = super::super::rewrite::tidy_imports(&apply(&text, [&edit]).0);
    }
    text
}

fn idle(text: &str) -> Option<Edit> {
    let code = syn::parse_file(text).ok()?;
    let imports = Imports::read(&HashMap::new(), |reader| visit::visit_file(reader, &code));
    let mut used = Used::default();
    used.visit_file(&code);
    let file = SourceFile { path: "main.rs".into(), text: text.to_owned() };
    let edit = imports.leaves.iter().find(|leaf| is_idle(leaf, &used, text)).map(|leaf| {
        Edit::remove(if leaf.grouped { file.with_comma(&leaf.whole) } else { paragraph(&file, &leaf.item) })
    });
    proc_macro2::extra::invalidate_current_thread_spans();
    edit
}

/// A declaration with its line, and with the empty one after it where it has a paragraph for itself.
fn paragraph(file: &SourceFile, range: &Range<usize>) -> Range<usize> {
    let line = file.with_line(range);
    if file.get(&(0..line.start)).ends_with("\n\n") { file.with_line(&line) } else { line }
}

fn is_idle(leaf: &Leaf, used: &Used, text: &str) -> bool {
    let Some(alias) = &leaf.alias else { return false };
    let of = leaf.path.split("::").next().unwrap_or_default();
    match &*leaf.path {
        "opentelemetry::trace::TracerProvider" => !text.contains(".tracer(") && !used.0.contains(alias),
        "opentelemetry::metrics::MeterProvider" => !text.contains(".meter(") && !used.0.contains(alias),
        // Traits that recording needs are seldom named again.
        "opentelemetry::KeyValue" | "opentelemetry::global" => !used.0.contains(alias),
        path if path.starts_with("opentelemetry::") => path.ends_with("Error") && !used.0.contains(alias),
        _ => SET_UP.contains(&of) && !used.0.contains(alias),
    }
}

/// All names that are used, outside of imports.
#[derive(Default)]
struct Used(HashSet<String>);

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Used {
    fn visit_item_use(&mut self, _: &'ast syn::ItemUse) {}

    fn visit_ident(&mut self, name: &'ast syn::Ident) {
        self.0.insert(name.to_string());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        self.tokens(call.tokens.clone());
    }
}

impl Used {
    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => drop(self.0.insert(name.to_string())),
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}
