//! SARIF 2.1.0. Hops are logical locations: there is no file to point at.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::doctor::check::{Check, Report, Verdict};
use crate::doctor::troubles;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let found: Vec<&Check> = report.checks.iter().filter(|check| check.trouble.is_some()).collect();
    let ids: BTreeSet<&str> = found.iter().filter_map(|check| Some(check.trouble.as_ref()?.id)).collect();
    let rules: Vec<Value> = ids.into_iter().map(rule).collect();
    let results: Vec<Value> = found.into_iter().filter_map(result).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "throughline doctor",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn rule(id: &str) -> Value {
    let title = troubles::trouble(id).map_or("", |known| &known.title);
    json!({ "id": id, "shortDescription": { "text": title }, "help": { "text": format!("throughline explain {id}") } })
}

fn result(check: &Check) -> Option<Value> {
    let trouble = check.trouble.as_ref()?;
    let level = match check.verdict {
        Verdict::Broken => "error",
        Verdict::Unknown | Verdict::Warning => "warning",
        Verdict::Ok | Verdict::Skipped => "note",
    };
    Some(json!({
        "ruleId": trouble.id,
        "level": level,
        "message": { "text": format!("{}\n{}", check.evidence, trouble.fix) },
        "locations": [{ "logicalLocations": [{
            "name": check.hop.name(),
            "fullyQualifiedName": format!("{}/{}", check.hop.name(), check.subject),
        }]}],
    }))
}
