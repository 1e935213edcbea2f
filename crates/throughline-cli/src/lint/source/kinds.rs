//! What kind of value an expression is, as far as rules ask: a guess from names and types that are in sight.
//!
//! Builders are followed from the call that makes them through the methods called on them, locals and parameters from
//! where they are declared, fields from their struct in the same file. What is not in sight has no kind, and no rule of a
//! kind applies to it.

use std::collections::HashMap;

use syn::{Expr, FnArg, GenericArgument, Pat, PathArguments, Type};

use super::names::Names;
use crate::lint::rules::{Kind, RULES};

/// The values in sight.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    /// Locals and parameters, the innermost function last.
    locals: Vec<HashMap<String, &'static str>>,
    /// Fields of the file's structs, by name.
    fields: HashMap<String, &'static str>,
    /// What the file's own functions return, where somebody has said so.
    functions: HashMap<String, &'static str>,
}

impl Kinds {
    pub(crate) fn enter(&mut self) {
        self.locals.push(HashMap::new());
    }

    pub(crate) fn leave(&mut self) {
        self.locals.pop();
    }

    pub(crate) fn parameters<'a>(&mut self, inputs: impl Iterator<Item = &'a FnArg>, names: &Names<'_>) {
        for input in inputs {
            let FnArg::Typed(typed) = input else { continue };
            let kind = of_type(&typed.ty, names);
            self.declare(&typed.pat, kind);
        }
    }

    pub(crate) fn field(&mut self, name: String, ty: &Type, names: &Names<'_>) {
        if let Some(kind) = of_type(ty, names) {
            self.fields.insert(name, kind);
        }
    }

    /// A function of the file returns this kind.
    pub(crate) fn function(&mut self, name: String, kind: &'static str) {
        self.functions.insert(name, kind);
    }

    /// A pattern of one name is of this kind from now on.
    pub(crate) fn declare(&mut self, pattern: &Pat, kind: Option<&'static str>) {
        let (Some(kind), Some(locals)) = (kind, self.locals.last_mut()) else { return };
        if let Pat::Ident(name) = pattern {
            locals.insert(name.ident.to_string(), kind);
        }
    }

    /// The kind of a local declaration's value.
    pub(crate) fn of_local(&self, local: &syn::Local, names: &Names<'_>) -> Option<&'static str> {
        if let Pat::Type(typed) = &local.pat {
            if let Some(kind) = of_type(&typed.ty, names) {
                return Some(kind);
            }
        }
        self.of(&local.init.as_ref()?.expr, names)
    }

    /// The kind of an expression.
    pub(crate) fn of(&self, expr: &Expr, names: &Names<'_>) -> Option<&'static str> {
        match expr {
            Expr::MethodCall(call) => {
                let method = call.method.to_string();
                match self.of(&call.receiver, names).and_then(kind) {
                    Some((name, kind)) => returned(name, kind, &method),
                    None => names.is_telemetry().then(|| telling(&method)).flatten(),
                }
            }
            Expr::Call(call) => {
                let Expr::Path(function) = &*call.func else { return None };
                match names.resolve(&function.path) {
                    Some(path) => find(|kind| &kind.calls, &path),
                    None => self.functions.get(&function.path.get_ident()?.to_string()).copied(),
                }
            }
            Expr::Path(path) => {
                let name = path.path.get_ident()?.to_string();
                self.locals.iter().rev().find_map(|locals| locals.get(&name).copied())
            }
            Expr::Field(field) => match &field.member {
                syn::Member::Named(name) => self.fields.get(&name.to_string()).copied(),
                syn::Member::Unnamed(_) => None,
            },
            Expr::Reference(inner) => self.of(&inner.expr, names),
            Expr::Paren(inner) => self.of(&inner.expr, names),
            Expr::Try(inner) => self.of(&inner.expr, names),
            Expr::Await(inner) => self.of(&inner.base, names),
            _ => None,
        }
    }
}

/// The kind of values of a type, or of what it holds.
pub(crate) fn of_type(ty: &Type, names: &Names<'_>) -> Option<&'static str> {
    match ty {
        Type::Reference(reference) => of_type(&reference.elem, names),
        Type::Path(path) => {
            let resolved = names.resolve(&path.path).and_then(|path| find(|kind| &kind.types, &path));
            resolved.or_else(|| {
                let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
                    return None;
                };
                arguments.args.iter().find_map(|argument| match argument {
                    GenericArgument::Type(ty) => of_type(ty, names),
                    _ => None,
                })
            })
        }
        _ => None,
    }
}

fn kind(name: &'static str) -> Option<(&'static str, &'static Kind)> {
    RULES.kinds.get(name).map(|kind| (name, kind))
}

fn returned(name: &'static str, kind: &'static Kind, method: &str) -> Option<&'static str> {
    match kind.methods.get(method) {
        Some(returned) => Some(returned),
        None if kind.ends.iter().any(|end| end == method) => None,
        // Builders return themselves, and so do `clone`, `unwrap` and `expect`.
        None => Some(name),
    }
}

fn telling(method: &str) -> Option<&'static str> {
    find(|kind| &kind.from_any, method)
}

fn find(list: impl Fn(&'static Kind) -> &'static Vec<String>, wanted: &str) -> Option<&'static str> {
    let mut kinds: Vec<_> = RULES.kinds.iter().collect();
    kinds.sort_by_key(|(name, _)| *name);
    kinds
        .into_iter()
        .find(|(_, kind)| list(kind).iter().any(|entry| entry == wanted))
        .map(|(name, _)| &**name)
}
