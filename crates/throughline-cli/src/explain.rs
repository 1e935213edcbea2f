//! `throughline explain`: what an id means, why it matters, and what to write instead. Works offline.

use std::process::ExitCode;

use clap::ValueEnum;

use crate::doctor::troubles::{self, TROUBLES, trouble};
use crate::lint::rules::{RULES, Rule, rule};

/// Says what the id of a finding means; without an id, lists them all
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:\n  throughline explain P303")]
pub(crate) struct Arguments {
    /// The id, such as P303
    id: Option<String>,
    /// All of them as a guide: docs/migrating.md, or docs/no-data.md
    #[arg(
        long,
        value_name = "GUIDE",
        conflicts_with = "id",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "migrating"
    )]
    markdown: Option<Guide>,
}

/// The pages that are made of findings.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Guide {
    /// What `lint` finds
    Migrating,
    /// What `doctor` finds
    NoData,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match arguments.markdown {
        None => {}
        Some(Guide::Migrating) => return guide().map(|()| ExitCode::SUCCESS),
        Some(Guide::NoData) => return troubles::guide().map(|()| ExitCode::SUCCESS),
    }
    let Some(id) = &arguments.id else {
        for rule in &RULES.all {
            say!("{}  {}", rule.id, rule.title);
        }
        for trouble in &TROUBLES.all {
            say!("{}  {}", trouble.id, trouble.title);
        }
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(trouble) = trouble(id) {
        say!(
            "{}: {}\n\n{}\n\nWhat to do: {}",
            trouble.id,
            trouble.title,
            trouble.explain.trim(),
            trouble.help
        );
        return Ok(ExitCode::SUCCESS);
    }
    let Some(rule) = rule(id) else {
        anyhow::bail!("there is no finding {id}; `throughline explain` lists them")
    };
    say!("{}: {}", rule.id, rule.title);
    if let Some(since) = rule.since {
        say!("Since OpenTelemetry {since}.");
    }
    if !rule.explain.is_empty() {
        say!("\n{}", rule.explain.trim());
    }
    if !rule.old.is_empty() {
        say!("\nBefore:\n    {}", rule.old.replace('\n', "\n    "));
    }
    if !rule.new.is_empty() {
        say!("\nNow:\n    {}", rule.new.replace('\n', "\n    "));
    }
    if !rule.help.is_empty() {
        say!("\nWhat to do: {}", rule.help);
    }
    Ok(ExitCode::SUCCESS)
}

/// The guide: every rule with what it was, what it is, and why.
fn guide() -> anyhow::Result<()> {
    say!("{GUIDE}");
    let mut group = "";
    for rule in &RULES.all {
        let (_, title) = GROUPS.iter().rev().find(|(first, _)| *first <= &*rule.id).unwrap_or(&GROUPS[0]);
        if *title != group {
            group = title;
            say!("\n## {group}");
        }
        entry(rule)?;
    }
    onto()
}

/// Whole programs whose set-up became that of this toolkit.
fn onto() -> anyhow::Result<()> {
    say!("\n{ONTO}");
    for (title, old, new) in PAIRS {
        say!(
            "\n### {title}\n\n```rust,ignore\n// before\n{}```\n\n```rust,ignore\n// now\n{}```",
            code(old),
            code(new)
        );
    }
    Ok(())
}

/// A program without what it says of itself.
fn code(program: &str) -> &str {
    program.split_once("\n\n").map_or(program, |(_, code)| code)
}

fn entry(rule: &Rule) -> anyhow::Result<()> {
    let since = rule.since.map(|since| format!(" (since {since})")).unwrap_or_default();
    say!("\n### {}: {}{since}\n", rule.id, rule.title);
    if !rule.explain.is_empty() {
        say!("{}\n", rule.explain.trim());
    }
    if !rule.old.is_empty() {
        say!("```rust,ignore\n// before\n{}", rule.old);
        if !rule.new.is_empty() {
            say!("// now\n{}", rule.new);
        }
        say!("```\n");
    }
    say!("What to do: {}", rule.help);
    Ok(())
}

const GUIDE: &str = "\
# Migrating

What changed in OpenTelemetry for Rust from 0.17 to today, as `throughline lint` looks for it and, where it can, `throughline
migrate` rewrites it. Generated from the rules by `throughline explain --markdown`.

```sh
throughline lint                 # what is stale, and what does not fit together
throughline migrate              # what would change
throughline migrate --write      # changes it, runs `cargo check`, and puts everything back if that fails
throughline migrate --to throughline   # … and sets up this toolkit: see the end of this page
```";

const ONTO: &str = "\
## Onto this toolkit

`throughline migrate --to throughline` brings code to the current OpenTelemetry, and then puts this toolkit in the place of set-up
code. What records stays as it is: the OpenTelemetry API is implemented, and what other libraries record comes along by
[bridges](bridges.md). Set-up is read in the file of `main`: all of it, or nothing is changed there, and the place of what was not
understood is said, with what to do. As with every migration, what does not compile is put back.";

/// What stands in the guide, before and after; a test holds the one against the other.
const PAIRS: [(&str, &str, &str); 3] = [
    (
        "From the SDK of OpenTelemetry",
        include_str!("../tests/onto/sdk/main.rs"),
        include_str!("../tests/onto/sdk/after.rs"),
    ),
    (
        "From `metrics` with its exporter for Prometheus",
        include_str!("../tests/onto/metrics/main.rs"),
        include_str!("../tests/onto/metrics/after.rs"),
    ),
    (
        "From `prometheus`",
        include_str!("../tests/onto/prometheus/main.rs"),
        include_str!("../tests/onto/prometheus/after.rs"),
    ),
];

/// The first id of each group.
const GROUPS: [(&str, &str); 15] = [
    ("A001", "Advice that is out of date"),
    ("F001", "Features"),
    ("L001", "The tool's own"),
    ("P001", "Crates and modules"),
    ("P101", "Global functions"),
    ("P201", "Metrics: the API"),
    ("P301", "Metrics: the SDK"),
    ("P401", "Traces"),
    ("P501", "Logs"),
    ("P601", "Resource"),
    ("P701", "OTLP"),
    ("P801", "Other exporters"),
    ("P901", "tracing-opentelemetry"),
    ("S001", "Compiles, and does something else"),
    ("V001", "Versions"),
];

/// The title of a finding.
pub(crate) fn title(id: &str) -> Option<&'static str> {
    rule(id).map(|rule| rule.title.as_str()).or_else(|| Some(trouble(id)?.title.as_str()))
}
