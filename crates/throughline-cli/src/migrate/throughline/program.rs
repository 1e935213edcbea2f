//! A file with a `main`, as set-up code is looked for in it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use syn::spanned::Spanned;
use syn::{Expr, ExprCall, Item, ItemFn, ReturnType, Stmt};

use super::settings::{built, call};
use crate::finding::SourceFile;
use crate::lint::source::imports::Imports;
use crate::lint::source::names::{Names, today};

/// The file and what its names stand for.
pub(super) struct Program<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) code: &'a syn::File,
    pub(super) names: &'a Names<'a>,
    pub(super) main: &'a ItemFn,
    /// Whether the application has a subscriber for `tracing` of its own, here or elsewhere.
    has_subscriber: bool,
}

impl Program<'_> {
    /// Shows a file to `look`, if it can be parsed and has a `main`.
    pub(super) fn read<T>(
        file: &Arc<SourceFile>,
        has_subscriber: bool,
        look: impl FnOnce(&Program<'_>) -> T,
    ) -> Option<T> {
        let code = syn::parse_file(&file.text).ok()?;
        let aliases = HashMap::new();
        let imports = Imports::read(&aliases, |reader| syn::visit::visit_file(reader, &code));
        let names = Names::new(&imports, &aliases, file.text.contains("opentelemetry"), false);
        let main = code.items.iter().find_map(|item| match item {
            Item::Fn(function) if function.sig.ident == "main" => Some(function),
            _ => None,
        })?;
        let looked = look(&Program { file, code: &code, names: &names, main, has_subscriber });
        proc_macro2::extra::invalidate_current_thread_spans();
        Some(looked)
    }

    pub(super) fn text(&self, node: &impl Spanned) -> &str {
        self.file.get(&node.span().byte_range())
    }

    /// The path that a call is of, in the names of today.
    pub(super) fn called(&self, call: &ExprCall) -> Option<String> {
        let Expr::Path(function) = &*call.func else { return None };
        Some(today(&self.names.resolve(&function.path)?))
    }

    /// A path as this file can write it: `global::tracer`, if `global` is imported.
    pub(super) fn short(&self, path: &str) -> String {
        let short = path.split("::").skip(1).collect::<Vec<_>>().join("::");
        let stands_for = syn::parse_str(&short).ok().and_then(|short| self.names.resolve(&short));
        if stands_for.as_deref() == Some(path) { short } else { path.to_owned() }
    }

    /// Functions beside `main`.
    pub(super) fn functions(&self) -> impl Iterator<Item = &ItemFn> {
        self.code.items.iter().filter_map(|item| match item {
            Item::Fn(function) if function.sig.ident != "main" => Some(function),
            _ => None,
        })
    }

    pub(super) fn is_async(&self) -> bool {
        self.main.sig.asyncness.is_some()
    }

    /// How `main` does without what failed.
    pub(super) fn or_fail(&self) -> &'static str {
        match self.main.sig.output {
            ReturnType::Default => ".expect(\"telemetry starts\")",
            ReturnType::Type(..) => "?",
        }
    }

    /// What starts telemetry with these settings, as it stands in a statement of `main`.
    pub(super) fn start(&self, service: &str, mut settings: Vec<String>) -> String {
        if self.has_subscriber {
            settings.push(call("without_subscriber", ""));
        }
        let config = built(&format!("throughline::TelemetryConfig::new({service})"), &settings);
        let call = call("init_telemetry", &config).replacen('.', "throughline::", 1);
        format!("{call}{};", self.or_fail()).replace('\n', "\n    ")
    }

    /// A statement with its line.
    pub(super) fn line(&self, statement: &Stmt) -> Range<usize> {
        self.lines(statement.span().byte_range())
    }

    /// A range with the indentation before it and the end of its line.
    pub(super) fn lines(&self, range: Range<usize>) -> Range<usize> {
        let before = self.file.get(&(0..range.start));
        let start = before.trim_end_matches([' ', '\t']).len();
        let end = self.file.with_line(&range).end;
        if before.get(..start).is_some_and(|before| before.ends_with('\n')) { start..end } else { range }
    }
}

/// The name of an expression that is a name alone.
pub(super) fn name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Path(path) => Some(path.path.get_ident()?.to_string()),
        _ => None,
    }
}
