//! Shows findings: to people, and to programs in the forms that they read.

mod github;
mod human;
mod json;
pub(crate) mod sarif;

use std::io::{self, Write};

use clap::ValueEnum;

use crate::finding::Finding;

/// How findings are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, as a compiler shows its own.
    #[default]
    Human,
    /// One JSON document.
    Json,
    /// Annotations of a GitHub workflow.
    Github,
    /// SARIF 2.1.0, which code scanners show.
    Sarif,
}

/// Writes findings to standard output.
pub(crate) fn write(findings: &[Finding], format: Format, colour: bool) -> anyhow::Result<()> {
    let out = &mut io::stdout().lock();
    match format {
        Format::Human => human::write(findings, colour, out)?,
        Format::Json => json::write(findings, out)?,
        Format::Github => github::write(findings, out)?,
        Format::Sarif => sarif::write(findings, out)?,
    }
    Ok(out.flush()?)
}
