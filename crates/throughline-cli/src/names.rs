//! `throughline names`: what an instrument is called in Prometheus, under each translation strategy.
//!
//! The names come from the one translator, which the exporter, the dashboards and the rules ask, too. Two instruments that
//! get one name are a collision: Prometheus cannot tell their series apart, or refuses them. Kits are looked at one by one,
//! since few programs have two that share a name.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::json;
use throughline::TranslationStrategy;
use throughline::core::name::FamilyKind;
use throughline_instruments::{Kit, kits};

use crate::format::Format;
use crate::generate::catalogue::name_of_kit;
use crate::status;

/// Shows the names that Prometheus stores instruments under
#[derive(Debug, clap::Args)]
#[command(
    before_help = "\
Examples:
  throughline names http.server.request.duration --kind histogram --unit s
  throughline names --kit mcp --strategy NoTranslation
  throughline names --telemetry http://localhost:9464   the instruments of a program
  throughline names --format json",
    after_help = "The exit status is 1 when two instruments would get the same name."
)]
pub(crate) struct Arguments {
    /// The names of instruments; without any, those of the kits
    names: Vec<String>,
    /// The kind of the instruments that are named
    #[arg(long, value_enum, default_value_t = Kind::Counter)]
    kind: Kind,
    /// Their unit, such as `s`, `By` or `{request}`
    #[arg(long, default_value = "")]
    unit: String,
    /// Kits whose instruments are shown; all unless named
    #[arg(long, value_name = "KIT", value_parser = name_of_kit, conflicts_with = "names")]
    kit: Vec<String>,
    /// A program of this toolkit, whose instruments are shown: its `/telemetry`
    #[arg(long, value_name = "URL", conflicts_with_all = ["names", "kit"])]
    telemetry: Option<String>,
    /// Only this translation strategy
    #[arg(long)]
    strategy: Option<TranslationStrategy>,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What an instrument is to Prometheus.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Counter,
    UpDownCounter,
    Gauge,
    Histogram,
}

impl From<Kind> for FamilyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::UpDownCounter => Self::UpDown,
            Kind::Gauge => Self::Gauge,
            Kind::Histogram => Self::Histogram,
        }
    }
}

/// An instrument, as far as its name goes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Instrument {
    /// The kit it is of; empty when it was named.
    kit: &'static str,
    name: String,
    unit: String,
    kind: FamilyKind,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let instruments = instruments(arguments).await?;
    let strategies: Vec<_> = match arguments.strategy {
        Some(strategy) => vec![strategy],
        None => TranslationStrategy::ALL.to_vec(),
    };
    if arguments.format == Format::Json {
        say!("{:#}", to_json(&instruments, &strategies));
    } else {
        for strategy in &strategies {
            table(&instruments, *strategy)?;
        }
    }
    let collisions: Vec<_> =
        strategies.iter().flat_map(|strategy| collisions(&instruments, *strategy)).collect();
    for collision in &collisions {
        match arguments.format {
            Format::Human => say!("{collision}"),
            // There it would not be one document.
            Format::Json => eprintln!("{collision}"),
        }
    }
    Ok(if collisions.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(crate::FOUND) })
}

async fn instruments(
    Arguments { names, kind, unit, kit, telemetry, .. }: &Arguments,
) -> anyhow::Result<Vec<Instrument>> {
    if !names.is_empty() {
        let kind = (*kind).into();
        return Ok(names.iter().map(|name| Instrument::new("", name, unit, kind)).collect());
    }
    if let Some(url) = telemetry {
        let entries = status::instruments(url).await?;
        return Ok(entries
            .iter()
            .map(|of| Instrument::new("", &of.name, &of.unit, of.family_kind()))
            .collect());
    }
    let is_wanted = |found: &&Kit| kit.is_empty() || kit.iter().any(|name| name == found.name);
    let of = |kit: &'static Kit| {
        kit.definitions().map(|def| Instrument::new(kit.name, def.name, def.unit, def.kind.into()))
    };
    let mut instruments: Vec<_> = kits().iter().filter(is_wanted).flat_map(of).collect();
    instruments.sort_by(|a, b| (a.kit, &a.name).cmp(&(b.kit, &b.name)));
    // Sets of a kit share some.
    instruments.dedup();
    Ok(instruments)
}

impl Instrument {
    fn new(kit: &'static str, name: &str, unit: &str, kind: FamilyKind) -> Self {
        Self { kit, name: name.to_owned(), unit: unit.to_owned(), kind }
    }

    /// The name of the family; why there is none, otherwise.
    fn stored(&self, strategy: TranslationStrategy) -> Result<String, String> {
        strategy.metric_name(&self.name, &self.unit, self.kind).map_err(|error| error.to_string())
    }

    fn shown(&self, strategy: TranslationStrategy) -> String {
        match self.stored(strategy) {
            Ok(name) if self.kind == FamilyKind::Histogram => format!("{name}{{_bucket,_sum,_count}}"),
            Ok(name) => name,
            Err(why) => format!("none: {why}"),
        }
    }
}

fn table(instruments: &[Instrument], strategy: TranslationStrategy) -> anyhow::Result<()> {
    let width = |of: fn(&Instrument) -> usize| instruments.iter().map(of).max().unwrap_or(0);
    let (names, units) = (width(|of| of.name.len()), width(|of| of.unit.len()).max("UNIT".len()));
    for of_kit in instruments.chunk_by(|a, b| a.kit == b.kit) {
        let kit = of_kit.first().map_or("", |first| first.kit);
        say!("{kit}{}{strategy}", if kit.is_empty() { "" } else { ", " });
        say!("  {:names$}  {:units$}  STORED AS", "INSTRUMENT", "UNIT");
        for instrument in of_kit {
            let Instrument { name, unit, .. } = instrument;
            say!("  {name:names$}  {unit:units$}  {}", instrument.shown(strategy));
        }
        say!("");
    }
    Ok(())
}

fn to_json(instruments: &[Instrument], strategies: &[TranslationStrategy]) -> serde_json::Value {
    let one = |instrument: &Instrument| {
        let stored: serde_json::Map<_, _> = strategies
            .iter()
            .map(|strategy| (strategy.to_string(), instrument.stored(*strategy).ok().into()))
            .collect();
        json!({ "kit": instrument.kit, "name": instrument.name, "unit": instrument.unit, "stored": stored })
    };
    instruments.iter().map(one).collect()
}

/// A line for each name that several instruments get.
fn collisions(instruments: &[Instrument], strategy: TranslationStrategy) -> Vec<String> {
    let mut by_name: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for instrument in instruments {
        if let Ok(stored) = instrument.stored(strategy) {
            by_name.entry((instrument.kit, stored)).or_default().push(&instrument.name);
        }
    }
    by_name
        .into_iter()
        .filter(|(_, names)| names.len() > 1)
        .map(|((_, stored), names)| {
            format!("collision under {strategy}: {} are all stored as {stored}", names.join(" and "))
        })
        .collect()
}
