//! What the names of a file stand for: its `use` declarations, all of them, wherever they are.
//!
//! Scopes are not told apart: a name that two functions import from different places is taken for the first. Names that
//! come through the crate's own modules (`crate::otel::Resource`) are not followed; nothing is said of them.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Ident, ItemUse, UseTree};

/// One name that a `use` brings in.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// What it stands for, such as `opentelemetry_sdk::trace::Config`; for a glob, what is before the `*`.
    pub(crate) path: String,
    /// The name in this file; none for a glob.
    pub(crate) alias: Option<String>,
    /// Its last identifier.
    pub(crate) ident: Range<usize>,
    /// All of the leaf: `trace::Config as C` in `use a::{trace::Config as C}`.
    pub(crate) whole: Range<usize>,
    /// Whether it has a name of its own (`as`).
    pub(crate) renamed: bool,
    /// Whether it stands in braces, and so shares what is before them.
    pub(crate) grouped: bool,
    /// The whole declaration.
    pub(crate) item: Range<usize>,
}

/// What is known of a file's names.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    pub(crate) leaves: Vec<Leaf>,
    names: HashMap<String, String>,
    globs: Vec<String>,
    /// What the file defines itself.
    local: HashSet<String>,
}

impl Imports {
    /// Reads the declarations of a syntax tree by `visit`, which shows it to a visitor.
    pub(crate) fn read(aliases: &HashMap<String, String>, visit: impl FnOnce(&mut Reader<'_>)) -> Self {
        let mut reader = Reader { aliases, imports: Self::default() };
        visit(&mut reader);
        reader.imports
    }

    /// What a name of this file was imported as.
    pub(crate) fn name(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    /// What is before the `*` of each glob, unless the file has such a name itself.
    pub(crate) fn globs(&self, name: &str) -> &[String] {
        if self.local.contains(name) { &[] } else { &self.globs }
    }

    pub(crate) fn is_local(&self, name: &str) -> bool {
        self.local.contains(name)
    }
}

/// Collects `use` declarations and the names of items.
pub(crate) struct Reader<'a> {
    /// What manifests call crates, and what they are called in the registry.
    aliases: &'a HashMap<String, String>,
    imports: Imports,
}

/// Where in a declaration a tree stands.
#[derive(Clone)]
struct Place<'a> {
    /// The segments before it.
    prefix: Vec<String>,
    /// Where what it does not share with others begins.
    start: usize,
    grouped: bool,
    item: &'a Range<usize>,
}

impl Reader<'_> {
    fn tree(&mut self, tree: &UseTree, place: &Place<'_>) {
        match tree {
            UseTree::Path(path) => {
                let below = self.below(place, &path.ident);
                self.tree(&path.tree, &Place { prefix: below, ..place.clone() });
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    let start = tree.span().byte_range().start;
                    self.tree(tree, &Place { start, grouped: true, ..place.clone() });
                }
            }
            UseTree::Name(name) => self.leaf(tree, &name.ident, Some(&name.ident), place),
            UseTree::Rename(rename) => self.leaf(tree, &rename.ident, Some(&rename.rename), place),
            UseTree::Glob(glob) => {
                let star = glob.span().byte_range();
                self.imports.globs.push(place.prefix.join("::"));
                self.push(place.prefix.join("::"), None, star.clone(), star.end, place);
            }
        }
    }

    fn leaf(&mut self, tree: &UseTree, ident: &Ident, alias: Option<&Ident>, place: &Place<'_>) {
        // `use a::b::{self}` brings in `b`.
        let path = if ident == "self" { place.prefix.clone() } else { self.below(place, ident) };
        let named = alias.filter(|alias| *alias != "self").map(ToString::to_string);
        let Some(alias) = named.or_else(|| path.last().cloned()) else { return };
        let path = path.join("::");
        self.imports.names.entry(alias.clone()).or_insert_with(|| path.clone());
        self.push(path, Some(alias), ident.span().byte_range(), tree.span().byte_range().end, place);
    }

    fn push(
        &mut self,
        path: String,
        alias: Option<String>,
        ident: Range<usize>,
        end: usize,
        place: &Place<'_>,
    ) {
        let renamed = alias.as_deref().is_some_and(|alias| path.rsplit("::").next() != Some(alias));
        let Place { start, grouped, item, .. } = place;
        let (whole, item) = (*start..end, (*item).clone());
        self.imports.leaves.push(Leaf { path, alias, ident, whole, renamed, grouped: *grouped, item });
    }

    fn below(&self, place: &Place<'_>, ident: &Ident) -> Vec<String> {
        let segment = self.segment(ident, place.prefix.is_empty());
        place.prefix.iter().cloned().chain([segment]).collect()
    }

    /// A segment; the first one is a crate, under the name that the registry knows.
    fn segment(&self, ident: &Ident, first: bool) -> String {
        let name = ident.to_string();
        if !first {
            return name;
        }
        self.aliases.get(&name).cloned().unwrap_or(name)
    }

    fn defines(&mut self, ident: &Ident) {
        self.imports.local.insert(ident.to_string());
    }
}

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let range = item.span().byte_range();
        let start = item.tree.span().byte_range().start;
        self.tree(&item.tree, &Place { prefix: Vec::new(), start, grouped: false, item: &range });
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.defines(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.defines(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.defines(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.defines(&item.ident);
        visit::visit_item_type(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.defines(&item.ident);
        visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.defines(&item.sig.ident);
        visit::visit_item_fn(self, item);
    }
}
