//! Goes through a file's code and compares each path, call and method with the rules.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, Token};

use super::Checked;
use super::behaviour;
use super::imports::{Imports, Leaf};
use super::kinds::Kinds;
use super::names::{Names, today};
use super::pipeline::{self, Around};
use crate::finding::{Confidence, Edit, Finding, Fix, Severity, SourceFile};
use crate::lint::rules::{FixRule, Minor, Pattern, RULES, Rule, rule};

/// Where a provider is kept that the program shuts down elsewhere.
const KEPT: &str = "/// The provider, for the end of the program.
static TRACER_PROVIDER: std::sync::OnceLock<opentelemetry_sdk::trace::SdkTracerProvider> = std::sync::OnceLock::new();";
const KEEP: &str = "let _ = TRACER_PROVIDER.set(provider.clone());";
const SHUT_DOWN: &str = "let _ = TRACER_PROVIDER.get().map(|provider| provider.shutdown())";

pub(super) struct Walk<'a> {
    file: &'a Arc<SourceFile>,
    /// Where the code begins in the file.
    offset: usize,
    minor: Option<Minor>,
    imports: &'a Imports,
    pub(super) names: &'a Names<'a>,
    pub(super) kinds: Kinds,
    /// The functions around, the innermost last.
    pub(super) functions: Vec<Function>,
    /// Locals that are exporters of before 0.27, which pipelines are given.
    exporters: HashMap<String, (Expr, Range<usize>)>,
    /// Whether the file shuts down the global provider, so that a provider must be kept for it.
    keeps_provider: bool,
    /// Where each imported name is used.
    uses: HashMap<String, Vec<Range<usize>>>,
    /// Where functions begin that a rule about calls has found: no other rule need look at their names.
    called: HashSet<usize>,
    /// Findings whose fix renames an import, and with it all of its uses.
    renames: Vec<(usize, String, String)>,
    done: Checked,
}

/// A function that is being looked at.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) parameters: Vec<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        file: &'a Arc<SourceFile>,
        offset: usize,
        minor: Option<Minor>,
        imports: &'a Imports,
        names: &'a Names<'a>,
    ) -> Self {
        let mut kinds = Kinds::default();
        kinds.enter();
        let (functions, uses, called, renames) = (Vec::new(), HashMap::new(), HashSet::new(), Vec::new());
        Self {
            file,
            offset,
            minor,
            imports,
            names,
            kinds,
            functions,
            exporters: HashMap::new(),
            keeps_provider: file.text.contains("shutdown_tracer_provider()")
                && file.text.contains("new_pipeline()"),
            uses,
            called,
            renames,
            done: Checked::default(),
        }
    }

    /// Compares what is imported.
    pub(super) fn imports(&mut self) {
        for leaf in &self.imports.leaves {
            let Some(matched) = Matched::path(&leaf.path, 0) else { continue };
            let fix = self.leaf_fix(&matched, leaf);
            let range = if leaf.alias.is_some() { leaf.ident.clone() } else { leaf.whole.clone() };
            self.found(matched.rule, range, fix);
            if !matched.rest.is_empty() || leaf.renamed {
                continue;
            }
            let new = match &matched.rule.fix {
                Some(FixRule::Rename(new)) => Some(new.as_str()),
                Some(FixRule::Path(path)) => path.rsplit("::").next(),
                _ => None,
            };
            if let (Some(new), Some(alias)) =
                (new.filter(|new| leaf.alias.as_deref() != Some(*new)), &leaf.alias)
            {
                self.renames.push((self.done.findings.len() - 1, alias.clone(), new.to_owned()));
            }
        }
    }

    pub(super) fn finish(mut self) -> Checked {
        for (finding, alias, new) in &self.renames {
            let (Some(uses), Some(fix)) = (self.uses.get(alias), &mut self.done.findings[*finding].fix)
            else {
                continue;
            };
            fix.edits.extend(uses.iter().map(|range| Edit::new(shift(range, self.offset), new)));
        }
        self.done
    }

    /// Gives the finding at the start of a pipeline the fix that replaces all of it.
    fn pipeline(&mut self, call: &ExprMethodCall) {
        let ends = matches!(&*call.method.to_string(), "install_batch" | "install_simple" | "build");
        if !ends || self.kinds.of(&call.receiver, self.names) != Some("otlp pipeline") {
            return;
        }
        let around = Around {
            minor: self.minor,
            text: &|expr| self.text(&expr.span().byte_range()).to_owned(),
            local: &|name| self.exporters.get(name).map(|(exporter, _)| exporter),
            keep: self.keeps_provider.then_some(KEEP),
        };
        let Some(new) = pipeline::rewrite(call, &around) else { return };
        let range = call.span().byte_range();
        let new = new.replace('\n', &format!("\n{}", self.indent(range.start)));
        let found = self
            .done
            .findings
            .iter_mut()
            .rev()
            .find(|finding| finding.id == "P701" && finding.range.start == range.start + self.offset);
        if let Some(finding) = found {
            let mut edits = vec![Edit::new(shift(&range, self.offset), new)];
            // An exporter that was declared before stands in the new expression.
            let written = self.file.text.get(shift(&range, self.offset)).unwrap_or_default();
            let used =
                self.exporters.iter().filter(|(name, _)| written.contains(&format!("with_exporter({name})")));
            edits.extend(used.map(|(_, (_, declared))| Edit::remove(shift(declared, self.offset))));
            if self.keeps_provider {
                let end = self.file.text.len();
                edits.push(Edit::new(end..end, format!("\n{KEPT}\n")));
            }
            finding.fix = Some(Fix { confidence: Confidence::Review, edits });
        }
    }

    /// Notes what a rule has found, with edits that are relative to the code.
    pub(super) fn found(&mut self, rule: &'static Rule, range: Range<usize>, edits: Vec<Edit>) {
        let shifted = edits.into_iter().map(|edit| Edit::new(shift(&edit.range, self.offset), edit.text));
        let edits: Vec<Edit> = shifted.collect();
        let (severity, message) = rule.judge(self.minor);
        self.done.findings.push(Finding {
            id: &rule.id,
            severity,
            message,
            file: Arc::clone(self.file),
            range: shift(&range, self.offset),
            help: rule.help.clone(),
            fix: (!edits.is_empty()).then_some(Fix { confidence: rule.confidence, edits }),
        });
    }

    fn text(&self, range: &Range<usize>) -> &str {
        self.file.text.get(shift(range, self.offset)).unwrap_or_default()
    }

    /// The spaces that the line of a place begins with.
    fn indent(&self, at: usize) -> String {
        let at = at + self.offset;
        let line = self.file.text.get(self.file.lines(&(at..at))).unwrap_or_default();
        line.chars().take_while(|c| c.is_whitespace()).collect()
    }

    fn rest(&self, from: usize) -> &str {
        self.file.text.get(from + self.offset..).unwrap_or_default()
    }

    /// How an import is rewritten.
    fn leaf_fix(&self, matched: &Matched, leaf: &Leaf) -> Vec<Edit> {
        match &matched.rule.fix {
            Some(FixRule::Rename(new)) if matched.rest.is_empty() => vec![Edit::new(leaf.ident.clone(), new)],
            Some(FixRule::Path(_) | FixRule::Parent(_)) => {
                self.moved(&format!("{}{}", matched.target(), matched.rest), leaf)
            }
            Some(FixRule::Remove | FixRule::Flatten) if leaf.grouped => {
                vec![Edit::remove(self.with_comma(&leaf.whole))]
            }
            Some(FixRule::Remove | FixRule::Flatten) => vec![Edit::remove(self.with_line(&leaf.item))],
            _ => Vec::new(),
        }
    }

    /// The import stands somewhere else now.
    fn moved(&self, path: &str, leaf: &Leaf) -> Vec<Edit> {
        let suffix = match (&leaf.alias, leaf.renamed) {
            (Some(alias), true) => format!(" as {alias}"),
            (None, _) => "::*".to_owned(),
            _ => String::new(),
        };
        if !leaf.grouped {
            return vec![Edit::new(leaf.whole.clone(), format!("{path}{suffix}"))];
        }
        let after = leaf.item.end..leaf.item.end;
        vec![Edit::remove(self.with_comma(&leaf.whole)), Edit::new(after, format!("\nuse {path}{suffix};"))]
    }

    /// A piece of a list together with the comma that goes with it.
    fn with_comma(&self, range: &Range<usize>) -> Range<usize> {
        let after = self.rest(range.end);
        let spaces = after.len() - after.trim_start().len();
        if after.trim_start().starts_with(',') {
            let next = after.get(spaces + 1..).unwrap_or_default();
            let gap = next.len() - next.trim_start_matches([' ', '\n', '\t']).len();
            return range.start..range.end + spaces + 1 + gap;
        }
        let before = self.text(&(0..range.start));
        let kept = before.trim_end().strip_suffix(',').map_or(range.start, str::len);
        kept..range.end
    }

    /// A declaration together with the end of its line.
    fn with_line(&self, range: &Range<usize>) -> Range<usize> {
        range.start..range.end + usize::from(self.rest(range.end).starts_with('\n'))
    }

    /// Remembers an exporter that a pipeline may be given.
    fn exporter(&mut self, local: &syn::Local, kind: Option<&str>) {
        if let (Some("otlp exporter builder"), syn::Pat::Ident(name), Some(init)) =
            (kind, &local.pat, &local.init)
        {
            let declared = ((*init.expr).clone(), local.span().byte_range());
            self.exporters.insert(name.ident.to_string(), declared);
        }
    }

    fn path(&mut self, path: &syn::Path) {
        let Some(first) = path.segments.first() else { return };
        let name = first.ident.to_string();
        if self.imports.name(&name).is_some() {
            self.uses.entry(name).or_default().push(first.ident.span().byte_range());
        }
        if self.called.contains(&first.ident.span().byte_range().start) {
            return;
        }
        let Some((full, known)) = self.names.resolve_known(path) else { return };
        let Some(matched) = Matched::path(&full, known) else { return };
        let last = path.segments.len().saturating_sub(matched.segments_after() + 1);
        let Some(segment) = path.segments.iter().nth(last) else { return };
        let segment = segment.ident.span().byte_range();
        let written = first.ident.span().byte_range().start..segment.end;
        let edits = match &matched.rule.fix {
            Some(FixRule::Rename(new)) => vec![Edit::new(segment, new)],
            Some(FixRule::Path(_) | FixRule::Parent(_)) => vec![Edit::new(written.clone(), matched.target())],
            _ => Vec::new(),
        };
        self.found(matched.rule, written, edits);
    }

    fn call(&mut self, call: &ExprCall) {
        let Expr::Path(function) = &*call.func else { return };
        let Some(full) = self.names.resolve(&function.path) else { return };
        let full = today(&full);
        for (rule, pattern) in patterns() {
            let Pattern::Call { call: wanted, min_args } = pattern else { continue };
            if *wanted == full && self.count(&call.args) >= *min_args {
                let edits = self.call_fix(rule, call, function);
                self.called.insert(function.span().byte_range().start);
                let range = if *min_args > 0 { call.span() } else { function.span() };
                self.found(rule, range.byte_range(), edits);
            }
        }
    }

    /// `global::shutdown_tracer_provider()` shuts down the provider that the pipeline of the same file has kept.
    fn shut_down(&mut self, call: &ExprCall) {
        let Expr::Path(function) = &*call.func else { return };
        let full = self.names.resolve(&function.path);
        if !self.keeps_provider || full.as_deref() != Some("opentelemetry::global::shutdown_tracer_provider")
        {
            return;
        }
        let Some(rule) = rule("P103") else { return };
        self.called.insert(function.span().byte_range().start);
        self.found(rule, function.span().byte_range(), vec![Edit::new(call.span().byte_range(), SHUT_DOWN)]);
    }

    /// How many arguments a call has; those under `cfg` are one, of which there are several.
    fn count(&self, arguments: &Punctuated<Expr, Token![,]>) -> usize {
        let conditional = |argument: &&Expr| self.text(&argument.span().byte_range()).starts_with("#[cfg");
        let alternatives = arguments.iter().filter(conditional).count();
        arguments.len() - alternatives.saturating_sub(1)
    }

    fn call_fix(&self, rule: &Rule, call: &ExprCall, function: &syn::ExprPath) -> Vec<Edit> {
        let argument =
            |index: usize| call.args.get(index).map(|argument| self.text(&argument.span().byte_range()));
        match &rule.fix {
            Some(FixRule::KeepArgs(count)) => keep(&call.args, *count),
            Some(FixRule::Unwrap) => {
                argument(0).map(|text| Edit::new(call.span().byte_range(), text)).into_iter().collect()
            }
            Some(FixRule::Call(template)) => {
                let written = self.text(&function.path.span().byte_range());
                let start = written.rsplit_once("::").map_or("", |(start, _)| start);
                let mut text = template.replace("$0", start);
                for index in 0..call.args.len() {
                    text = text.replace(&format!("${}", index + 1), argument(index).unwrap_or_default());
                }
                vec![Edit::new(call.span().byte_range(), text)]
            }
            _ => Vec::new(),
        }
    }

    fn method(&mut self, call: &ExprMethodCall) {
        let method = call.method.to_string();
        if matches!(&*method, "with_tonic" | "tonic") && self.names.is_telemetry() {
            self.done.grpc = true;
        }
        let Some(kind) = self.kinds.of(&call.receiver, self.names) else { return };
        for (rule, pattern) in patterns() {
            let Pattern::Method { method: wanted, on, min_args } = pattern else { continue };
            if *wanted == method && on == kind && self.count(&call.args) >= *min_args {
                let edits = self.method_fix(rule, call);
                self.found(rule, call.method.span().byte_range(), edits);
            }
        }
    }

    fn method_fix(&self, rule: &Rule, call: &ExprMethodCall) -> Vec<Edit> {
        match &rule.fix {
            Some(FixRule::Rename(new)) => vec![Edit::new(call.method.span().byte_range(), new)],
            Some(FixRule::KeepArgs(count)) => keep(&call.args, *count),
            Some(FixRule::Remove) => {
                let end = call.span().byte_range().end;
                vec![Edit::remove(call.receiver.span().byte_range().end..end)]
            }
            Some(FixRule::Flatten) => {
                let text = |expr: &Expr| self.text(&expr.span().byte_range()).to_owned();
                let settings = call.args.first().and_then(|argument| pipeline::settings(argument, &text));
                let range = call.receiver.span().byte_range().end..call.span().byte_range().end;
                settings.map(|settings| Edit::new(range, settings)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn function(&mut self, signature: &syn::Signature, inside: impl FnOnce(&mut Self)) {
        self.kinds.enter();
        self.kinds.parameters(signature.inputs.iter(), self.names);
        let parameters = signature.inputs.iter().filter_map(|input| match input {
            syn::FnArg::Typed(typed) => match &*typed.pat {
                syn::Pat::Ident(name) => Some(name.ident.to_string()),
                _ => None,
            },
            syn::FnArg::Receiver(_) => None,
        });
        let parameters = parameters.collect();
        self.functions.push(Function { name: signature.ident.to_string(), parameters });
        inside(self);
        self.functions.pop();
        self.kinds.leave();
    }
}

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_item_use(&mut self, _: &'ast syn::ItemUse) {}

    fn visit_file(&mut self, file: &'ast syn::File) {
        // Fields first: methods stand before or after their struct.
        for item in &file.items {
            if let syn::Item::Struct(item) = item {
                for field in &item.fields {
                    if let Some(name) = &field.ident {
                        self.kinds.field(name.to_string(), &field.ty, self.names);
                    }
                }
            }
        }
        visit::visit_file(self, file);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.path(path);
        visit::visit_path(self, path);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        self.call(call);
        self.shut_down(call);
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        self.pipeline(call);
        self.method(call);
        behaviour::method(self, call);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        let kind = self.kinds.of_local(local, self.names);
        behaviour::local(self, local, kind);
        self.exporter(local, kind);
        let pattern = if let syn::Pat::Type(typed) = &local.pat { &typed.pat } else { &local.pat };
        self.kinds.declare(pattern, kind);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, |walk| visit::visit_item_fn(walk, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, |walk| visit::visit_impl_item_fn(walk, item));
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(arguments) = call.parse_body_with(parser) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
    }
}

/// A path that a rule speaks of.
struct Matched {
    rule: &'static Rule,
    /// The path in the rule.
    path: &'static str,
    /// What the path has after the rule's, such as `::trace::Config`.
    rest: String,
}

impl Matched {
    /// The rule that says most of a path, beyond the segments that are `known` from an import.
    fn path(full: &str, known: usize) -> Option<Self> {
        let now = today(full);
        let moved = segments(full) - segments(&now);
        let forms = [(full, known), (&*now, known.saturating_sub(moved))];
        let matches = patterns().filter_map(|(rule, pattern)| {
            let Pattern::Path { path } = pattern else { return None };
            forms.iter().find_map(|(form, known)| {
                let rest = form.strip_prefix(path.as_str())?;
                let below = rest.is_empty() || rest.starts_with("::");
                (below && segments(path) > *known).then(|| (segments(path), rule, &**path, rest.to_owned()))
            })
        });
        let (_, rule, path, rest) = matches.max_by_key(|(length, ..)| *length)?;
        Some(Self { rule, path, rest })
    }

    /// Where what was matched stands now.
    fn target(&self) -> String {
        match &self.rule.fix {
            Some(FixRule::Path(new)) => new.clone(),
            Some(FixRule::Parent(parent)) => {
                format!("{parent}::{}", self.path.rsplit("::").next().unwrap_or_default())
            }
            _ => self.path.to_owned(),
        }
    }

    fn segments_after(&self) -> usize {
        self.rest.matches("::").count()
    }
}

fn segments(path: &str) -> usize {
    path.split("::").count()
}

fn patterns() -> impl Iterator<Item = (&'static Rule, &'static Pattern)> {
    RULES.all.iter().flat_map(|rule| rule.patterns.iter().map(move |pattern| (rule, pattern)))
}

/// Drops the arguments after the first so many.
fn keep(arguments: &Punctuated<Expr, Token![,]>, count: usize) -> Vec<Edit> {
    let end = |argument: &Expr| argument.span().byte_range().end;
    let (Some(kept), Some(last)) = (arguments.iter().nth(count - 1), arguments.last()) else {
        return Vec::new();
    };
    vec![Edit::remove(end(kept)..end(last))]
}

fn shift(range: &Range<usize>, offset: usize) -> Range<usize> {
    range.start + offset..range.end + offset
}

impl Rule {
    /// How bad it is for a package that has this version, and in what words.
    pub(crate) fn judge(&self, minor: Option<Minor>) -> (Severity, String) {
        match (minor, self.since) {
            (Some(minor), Some(since)) if minor < since => {
                (Severity::Note, format!("{} (since {since}; this is {minor})", self.title))
            }
            (_, Some(since)) => (self.severity, format!("{} (since {since})", self.title)),
            (_, None) => (self.severity, self.title.clone()),
        }
    }
}
