//! What a rule's fix is, as edits: of an import, of a call, of a method.

use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Expr, ExprCall, ExprMethodCall, Token};

use super::imports::Leaf;
use super::matched::Matched;
use super::pipeline;
use crate::finding::{Edit, SourceFile};
use crate::lint::rules::{FixRule, Rule};

/// How an import is rewritten.
pub(super) fn leaf(file: &SourceFile, matched: &Matched, leaf: &Leaf) -> Vec<Edit> {
    match &matched.rule.fix {
        Some(FixRule::Rename(new)) if matched.rest.is_empty() => vec![Edit::new(leaf.ident.clone(), new)],
        Some(FixRule::Path(_) | FixRule::Parent(_)) => {
            moved(file, &format!("{}{}", matched.target(), matched.rest), leaf)
        }
        Some(FixRule::Remove | FixRule::Flatten) if leaf.grouped => {
            vec![Edit::remove(file.with_comma(&leaf.whole))]
        }
        Some(FixRule::Remove | FixRule::Flatten) => vec![Edit::remove(file.with_line(&leaf.item))],
        _ => Vec::new(),
    }
}

/// The import stands somewhere else now.
fn moved(file: &SourceFile, path: &str, leaf: &Leaf) -> Vec<Edit> {
    let suffix = match (&leaf.alias, leaf.renamed) {
        (Some(alias), true) => format!(" as {alias}"),
        (None, _) => "::*".to_owned(),
        _ => String::new(),
    };
    if !leaf.grouped {
        return vec![Edit::new(leaf.whole.clone(), format!("{path}{suffix}"))];
    }
    let after = leaf.item.end..leaf.item.end;
    vec![Edit::remove(file.with_comma(&leaf.whole)), Edit::new(after, format!("\nuse {path}{suffix};"))]
}

/// How the call of a function is rewritten.
pub(super) fn call(file: &SourceFile, rule: &Rule, call: &ExprCall, function: &syn::ExprPath) -> Vec<Edit> {
    let argument =
        |index: usize| call.args.get(index).map(|argument| file.get(&argument.span().byte_range()));
    match &rule.fix {
        Some(FixRule::KeepArgs(count)) => keep(&call.args, *count),
        Some(FixRule::Unwrap) => {
            argument(0).map(|text| Edit::new(call.span().byte_range(), text)).into_iter().collect()
        }
        Some(FixRule::Call(template)) => {
            let written = file.get(&function.path.span().byte_range());
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

/// How the call of a method is rewritten.
pub(super) fn method(file: &SourceFile, rule: &Rule, call: &ExprMethodCall) -> Vec<Edit> {
    let link = || call.receiver.span().byte_range().end..call.span().byte_range().end;
    match &rule.fix {
        Some(FixRule::Rename(new)) => vec![Edit::new(call.method.span().byte_range(), new)],
        Some(FixRule::KeepArgs(count)) => keep(&call.args, *count),
        Some(FixRule::Remove) => vec![Edit::remove(link())],
        Some(FixRule::Flatten) => {
            let settings = call.args.first().and_then(|argument| pipeline::settings(argument, file));
            settings.map(|settings| Edit::new(link(), settings)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Drops the arguments after the first so many.
fn keep(arguments: &Punctuated<Expr, Token![,]>, count: usize) -> Vec<Edit> {
    let end = |argument: &Expr| argument.span().byte_range().end;
    let (Some(kept), Some(last)) = (arguments.iter().nth(count - 1), arguments.last()) else {
        return Vec::new();
    };
    vec![Edit::remove(end(kept)..end(last))]
}
