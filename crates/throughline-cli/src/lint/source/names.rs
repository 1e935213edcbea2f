//! What a path in code stands for, in the names of the crates' own documentation.

use std::collections::HashMap;

use super::imports::Imports;
use crate::lint::rules::{Pattern, RULES};

/// The names of one file.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    imports: &'a Imports,
    /// What code calls crates, and what they are called.
    aliases: &'a HashMap<String, String>,
    /// Whether the text speaks of OpenTelemetry at all.
    telemetry: bool,
    /// Whether it is a piece of a document, where imports are left out.
    fragment: bool,
}

impl<'a> Names<'a> {
    pub(crate) fn new(
        imports: &'a Imports,
        aliases: &'a HashMap<String, String>,
        telemetry: bool,
        fragment: bool,
    ) -> Self {
        Self { imports, aliases, telemetry, fragment }
    }

    pub(crate) fn is_telemetry(&self) -> bool {
        self.telemetry
    }

    /// The whole path that a path stands for.
    pub(crate) fn resolve(&self, path: &syn::Path) -> Option<String> {
        self.resolve_known(path).map(|(path, _)| path)
    }

    /// The whole path, and how many of its segments an import has said already.
    pub(crate) fn resolve_known(&self, path: &syn::Path) -> Option<(String, usize)> {
        let written: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let (first, rest) = written.split_first()?;
        let (start, known) = self.first(first, rest)?;
        let full = std::iter::once(start.as_str())
            .chain(rest.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join("::");
        Some((full, known))
    }

    fn first(&self, first: &str, rest: &[String]) -> Option<(String, usize)> {
        let count = |path: &str| path.split("::").count();
        if let Some(path) = self.imports.name(first) {
            return Some((path.to_owned(), count(path)));
        }
        if self.imports.is_local(first) || matches!(first, "crate" | "self" | "super" | "Self") {
            return None;
        }
        if let Some(name) = self.aliases.get(first) {
            return Some((name.clone(), 0));
        }
        if is_crate(first) && !rest.is_empty() {
            return Some((first.to_owned(), 0));
        }
        if matches!(
            first,
            "Result" | "Option" | "Ok" | "Err" | "Some" | "None" | "Box" | "String" | "Vec" | "Default"
        ) {
            return None; // the prelude's, more likely than a glob's
        }
        let below = self.imports.globs(first).iter().map(|glob| (format!("{glob}::{first}"), count(glob)));
        if let Some(found) = below.clone().find(|(path, _)| is_in_a_rule(path)) {
            return Some(found);
        }
        if self.fragment && self.telemetry {
            let path = RULES.well_known.get(first)?;
            return Some((path.clone(), count(path)));
        }
        None
    }
}

/// Whether the rules, or `migrate`, speak of a crate of this name.
fn is_crate(name: &str) -> bool {
    name.starts_with("opentelemetry")
        || matches!(name, "tracing_opentelemetry" | "metrics_exporter_prometheus" | "prometheus")
}

/// Whether any rule, or kind, is about this path or what is below it.
fn is_in_a_rule(path: &str) -> bool {
    let below =
        |entry: &str| entry == path || entry.strip_prefix(path).is_some_and(|rest| rest.starts_with("::"));
    let patterns = RULES.all.iter().flat_map(|rule| &rule.patterns);
    let in_pattern = |pattern: &Pattern| match pattern {
        Pattern::Path { path } | Pattern::Call { call: path, .. } => below(path),
        _ => false,
    };
    patterns.into_iter().any(in_pattern)
        || RULES.kinds.values().any(|kind| kind.types.iter().chain(&kind.calls).any(|entry| below(entry)))
}

/// The path under today's crate names: `opentelemetry::sdk` was `opentelemetry_sdk` once.
pub(crate) fn today(path: &str) -> String {
    if let Some(rest) = path.strip_prefix("opentelemetry::sdk::") {
        return format!("opentelemetry_sdk::{rest}");
    }
    if let Some(rest) = path.strip_prefix("opentelemetry_api::") {
        return format!("opentelemetry::{rest}");
    }
    path.to_owned()
}
