//! Goes through a file's code and compares each path, call and method with the rules.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, Token};

use super::imports::Imports;
use super::kinds::Kinds;
use super::matched::Matched;
use super::names::{Names, today};
use super::pipeline::{self, Pipelines};
use super::{Checked, behaviour, fixes};
use crate::finding::{Edit, Finding, Fix, SourceFile};
use crate::lint::rules::{FixRule, Minor, Pattern, RULES, Rule};

/// A walk through one file, and what it has found by now.
pub(super) struct Walk<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    pub(super) minor: Option<Minor>,
    imports: &'a Imports,
    pub(super) names: &'a Names<'a>,
    pub(super) kinds: Kinds,
    /// The functions around, the innermost last.
    pub(super) functions: Vec<Function>,
    pub(super) pipelines: Pipelines,
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
        minor: Option<Minor>,
        imports: &'a Imports,
        names: &'a Names<'a>,
    ) -> Self {
        let mut kinds = Kinds::default();
        kinds.enter();
        Self {
            file,
            minor,
            imports,
            names,
            kinds,
            functions: Vec::new(),
            pipelines: Pipelines::new(&file.text),
            uses: HashMap::new(),
            called: HashSet::new(),
            renames: Vec::new(),
            done: Checked::default(),
        }
    }

    /// Compares what is imported.
    pub(super) fn imports(&mut self) {
        for leaf in &self.imports.leaves {
            let Some(matched) = Matched::path(&leaf.path, 0) else { continue };
            let fix = fixes::leaf(self.file, &matched, leaf);
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
            fix.edits.extend(uses.iter().map(|range| Edit::new(range.clone(), new)));
        }
        self.done
    }

    /// Notes what a rule has found.
    pub(super) fn found(&mut self, rule: &'static Rule, range: Range<usize>, edits: Vec<Edit>) {
        let (severity, message) = rule.judge(self.minor);
        self.done.findings.push(Finding {
            id: &rule.id,
            severity,
            message,
            file: Arc::clone(self.file),
            range,
            help: rule.help.clone(),
            fix: (!edits.is_empty()).then_some(Fix { confidence: rule.confidence, edits }),
        });
    }

    /// The same of a function that is called, whose name no other rule need look at.
    pub(super) fn found_call(
        &mut self,
        rule: &'static Rule,
        function: &syn::ExprPath,
        range: Range<usize>,
        edits: Vec<Edit>,
    ) {
        self.called.insert(function.span().byte_range().start);
        self.found(rule, range, edits);
    }

    /// What a rule has found at this place, last.
    pub(super) fn finding(&mut self, id: &str, start: usize) -> Option<&mut Finding> {
        let mut findings = self.done.findings.iter_mut().rev();
        findings.find(|finding| finding.id == id && finding.range.start == start)
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
        for (rule, pattern) in RULES.patterns() {
            let Pattern::Call { call: wanted, min_args } = pattern else { continue };
            if *wanted == full && self.count(&call.args) >= *min_args {
                let edits = fixes::call(self.file, rule, call, function);
                let range = if *min_args > 0 { call.span() } else { function.span() };
                self.found_call(rule, function, range.byte_range(), edits);
            }
        }
    }

    /// How many arguments a call has; those under `cfg` are one, of which there are several.
    fn count(&self, arguments: &Punctuated<Expr, Token![,]>) -> usize {
        let conditional =
            |argument: &&Expr| self.file.get(&argument.span().byte_range()).starts_with("#[cfg");
        let alternatives = arguments.iter().filter(conditional).count();
        arguments.len() - alternatives.saturating_sub(1)
    }

    fn method(&mut self, call: &ExprMethodCall) {
        let method = call.method.to_string();
        if matches!(&*method, "with_tonic" | "tonic") && self.names.is_telemetry() {
            self.done.grpc = true;
        }
        let Some(kind) = self.kinds.of(&call.receiver, self.names) else { return };
        for (rule, pattern) in RULES.patterns() {
            let Pattern::Method { method: wanted, on, min_args } = pattern else { continue };
            if *wanted == method && on == kind && self.count(&call.args) >= *min_args {
                let edits = fixes::method(self.file, rule, call);
                self.found(rule, call.method.span().byte_range(), edits);
            }
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
        pipeline::call(self, call);
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        pipeline::method(self, call);
        self.method(call);
        behaviour::method(self, call);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        let kind = self.kinds.of_local(local, self.names);
        behaviour::local(self, local, kind);
        pipeline::local(self, local, kind);
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
