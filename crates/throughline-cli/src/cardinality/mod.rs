//! `throughline cardinality`: which instrument has how many series, and which of its attributes makes them.
//!
//! | file | what |
//! |---|---|
//! | `page.rs`, `store.rs` | count what a page or a Prometheus has, with `tally.rs` and `shape.rs` |
//! | `program.rs`, `catalogue.rs` | what a program says of itself, and the worst case of the kits |
//! | `instrument.rs` | what was counted, as instruments and attributes |
//! | `declared.rs`, `sources.rs` | where an instrument is declared |
//! | `findings.rs`, `advice.rs` | what is wrong, and what to do |
//! | `output.rs` | the report |
//!
//! Everything is counted, nothing is estimated; what does not fit is an error (`tally::NUMBERS_MAX`).

mod advice;
mod catalogue;
mod declared;
mod findings;
mod instrument;
mod output;
mod page;
mod program;
mod shape;
mod sources;
mod store;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;

use self::findings::findings;
use self::instrument::Instrument;
use crate::format::Format;
use crate::generate::catalogue::name_of_kit;
use crate::http::shown;

/// Says which instrument has how many series, and which attribute to drop
#[derive(Debug, clap::Args)]
#[command(
    before_help = "\
Examples:
  throughline cardinality --scrape http://localhost:9464/metrics        any exporter's page
  throughline cardinality --prometheus http://localhost:9090 --limit 2000
  throughline cardinality --telemetry http://localhost:9464             a program of this toolkit
  throughline cardinality http mcp                                      the worst case of kits",
    after_help = "\
A histogram counts as it does in the store: buckets, sum and count of each set of attributes.
Exit status: 0 nothing found, 1 findings, 2 wrong usage, 3 the source could not be read."
)]
pub(crate) struct Arguments {
    /// Kits whose worst case is shown; without any source, all
    #[arg(value_name = "KIT", value_parser = name_of_kit, conflicts_with_all = ["scrape", "prometheus", "telemetry"])]
    kits: Vec<String>,
    /// A page of metrics
    #[arg(long, value_name = "URL", conflicts_with_all = ["prometheus", "telemetry"])]
    scrape: Option<String>,
    /// A Prometheus: what it has in its head
    #[arg(long, value_name = "URL", conflicts_with = "telemetry")]
    prometheus: Option<String>,
    /// A program that says of itself what it has
    #[arg(long, value_name = "URL")]
    telemetry: Option<String>,
    /// Rust sources to look for the names in
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// The series that an instrument may have: more are a finding
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Show so many instruments, those with most series first
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    top: usize,
    /// How to write the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was looked at, and what was seen.
struct Report {
    source: String,
    /// The one with most series first; one without a bound has more than any other.
    instruments: Vec<Instrument>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let report = read(arguments).await?;
    match arguments.format {
        Format::Human => output::human(&report, arguments.limit, arguments.top)?,
        Format::Json => output::json(&report, arguments.limit, arguments.top)?,
    }
    let is_well =
        report.instruments.iter().all(|instrument| findings(instrument, arguments.limit).is_empty());
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(crate::FOUND) })
}

async fn read(
    Arguments { kits, scrape, prometheus, telemetry, source, .. }: &Arguments,
) -> anyhow::Result<Report> {
    let is_catalogue = scrape.is_none() && prometheus.is_none() && telemetry.is_none();
    let (place, mut instruments) = if let Some(url) = scrape {
        (shown(url), page::read(url).await?)
    } else if let Some(url) = prometheus {
        (shown(url), store::read(url).await?)
    } else if let Some(url) = telemetry {
        (shown(url), program::read(url).await?)
    } else {
        ("the kits, at worst".to_owned(), catalogue::read(kits))
    };
    if !is_catalogue {
        declared::by_kits(&mut instruments);
    }
    if let Some(folder) = source {
        sources::look(folder, &mut instruments)?;
    }
    instruments.sort_by_key(|instrument| std::cmp::Reverse(instrument.series.unwrap_or(usize::MAX)));
    Ok(Report { source: place, instruments })
}
