//! Shows a report: to people, and to programs in the forms that they read.

mod human;
mod json;
mod junit;
mod sarif;

use std::io::{self, Write as _};

use clap::ValueEnum;

use super::check::Report;

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: a line a hop, and what to do first.
    #[default]
    Human,
    /// One JSON document; its schema is in the repository
    Json,
    /// `JUnit`'s XML: a test case a check
    Junit,
    /// SARIF 2.1.0
    Sarif,
}

/// Writes a report to standard output.
pub(crate) fn write(report: &Report, format: Format, colour: bool) -> anyhow::Result<()> {
    let out = &mut io::stdout().lock();
    match format {
        Format::Human => human::write(report, colour, out)?,
        Format::Json => json::write(report, out)?,
        Format::Junit => junit::write(report, out)?,
        Format::Sarif => sarif::write(report, out)?,
    }
    Ok(out.flush()?)
}
