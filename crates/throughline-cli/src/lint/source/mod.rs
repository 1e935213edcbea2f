//! Stale code in Rust sources: found by what names stand for, not by what they look like.
//!
//! `imports.rs` reads the `use` declarations, `names.rs` resolves paths with them, `kinds.rs` guesses what methods are
//! called on, `walk.rs` goes through the code with all three, `matched.rs` says which rule speaks of a path, `fixes.rs` makes
//! its fix, `pipeline.rs` writes whole expressions anew, and `behaviour.rs` looks for what compiles and does something else.
//! `syn` parses, so comments, strings and `cfg` confuse nothing. Arguments of macros are read where they are expressions;
//! generated code is not seen.

mod behaviour;
mod fixes;
pub(crate) mod imports;
pub(crate) mod kinds;
mod matched;
pub(crate) mod names;
mod pipeline;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

use self::imports::Imports;
use self::names::Names;
use self::walk::Walk;
use super::rules::Minor;
use crate::finding::{Finding, SourceFile};

/// What is known of the package that a source belongs to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    /// The OpenTelemetry minor that the package gets; none when it cannot be known.
    pub(crate) minor: Option<Minor>,
    /// What code calls crates that have another name in the registry (with `_` for `-`).
    pub(crate) aliases: HashMap<String, String>,
    /// Whether code is a piece of a document.
    pub(crate) fragment: bool,
}

/// What was found in a source.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) findings: Vec<Finding>,
    /// Whether gRPC is asked for.
    pub(crate) grpc: bool,
}

/// Checks code of a file, in which each byte has the place that it has in the file. An error says why it cannot be parsed.
pub(crate) fn check(file: &Arc<SourceFile>, code: &str, package: &Package) -> Result<Checked, syn::Error> {
    let code = Code::parse(code, package.fragment)?;
    let imports = Imports::read(&package.aliases, |reader| code.show(reader));
    let telemetry = file.text.contains("opentelemetry");
    let names = Names::new(&imports, &package.aliases, telemetry, package.fragment);
    let mut walk = Walk::new(file, package.minor, &imports, &names);
    walk.imports();
    code.show(&mut walk);
    let checked = walk.finish();
    // The parser keeps what spans refer to until it is told that nobody asks any more.
    proc_macro2::extra::invalidate_current_thread_spans();
    Ok(checked)
}

/// Parsed code.
enum Code {
    File(syn::File),
    /// Statements outside of any function, as documents have them.
    Statements(Vec<syn::Stmt>),
}

impl Code {
    fn parse(text: &str, fragment: bool) -> Result<Self, syn::Error> {
        match syn::parse_file(text) {
            Ok(file) => Ok(Self::File(file)),
            Err(_) if fragment => {
                syn::parse::Parser::parse_str(syn::Block::parse_within, text).map(Self::Statements)
            }
            Err(problem) => Err(problem),
        }
    }

    fn show(&self, visitor: &mut impl for<'ast> syn::visit::Visit<'ast>) {
        match self {
            Self::File(file) => visitor.visit_file(file),
            Self::Statements(statements) => {
                for statement in statements {
                    visitor.visit_stmt(statement);
                }
            }
        }
    }
}
