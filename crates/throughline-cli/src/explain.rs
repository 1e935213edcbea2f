//! `throughline explain`: what an id means, why it matters, and what to write instead. Works offline.

use std::process::ExitCode;

use crate::lint::rules::{RULES, rule};

/// Says what the id of a finding means; without an id, lists them all
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  throughline explain P303")]
pub(crate) struct Arguments {
    /// The id, such as P303
    id: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Some(id) = &arguments.id else {
        for rule in &RULES.all {
            say!("{}  {}", rule.id, rule.title);
        }
        return Ok(ExitCode::SUCCESS);
    };
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

/// The title of a finding.
pub(crate) fn title(id: &str) -> Option<&'static str> {
    rule(id).map(|rule| rule.title.as_str())
}
