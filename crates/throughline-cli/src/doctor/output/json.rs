//! One JSON document, as `report.schema.json` describes it. `schema_version` changes when a field is taken away or means
//! something else.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::doctor::check::{Check, Hop, Report};
use crate::doctor::run::Account;
use crate::doctor::troubles;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let hops: Vec<Value> = report.hops().into_iter().map(|each| hop(report, each)).collect();
    let document = json!({
        "schema_version": 1,
        "verdict": report.verdict().name(),
        "elapsed_ms": milliseconds(report.elapsed),
        "hops": hops,
        "first": report.first().map(first),
        "application": report.application.as_ref().map(Account::to_json),
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn hop(report: &Report, hop: Hop) -> Value {
    let checks: Vec<Value> = report.of(hop).map(check).collect();
    json!({ "hop": hop.name(), "verdict": report.verdict_of(hop).name(), "checks": checks })
}

fn check(check: &Check) -> Value {
    json!({
        "subject": check.subject,
        "verdict": check.verdict.name(),
        "latency_ms": check.latency.map(milliseconds),
        "evidence": check.evidence,
        "finding": finding(check),
    })
}

fn first(check: &Check) -> Value {
    json!({
        "hop": check.hop.name(),
        "verdict": check.verdict.name(),
        "evidence": check.evidence,
        "finding": finding(check),
    })
}

fn finding(check: &Check) -> Option<Value> {
    let trouble = check.trouble.as_ref()?;
    let known = troubles::trouble(trouble.id)?;
    Some(json!({
        "id": known.id,
        "title": known.title,
        "help": known.help,
        "fix": trouble.fix.to_json(),
        "explain": format!("throughline explain {}", known.id),
    }))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
