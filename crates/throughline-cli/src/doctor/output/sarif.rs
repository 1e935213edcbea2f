//! SARIF 2.1.0. Hops are logical locations: there is no file to point at.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::doctor::check::{Check, Report, Verdict};
use crate::report::sarif::write_run;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let ids = report.checks.iter().filter_map(|check| Some(check.trouble.as_ref()?.id)).collect();
    let results: Vec<Value> = report.checks.iter().filter_map(result).collect();
    write_run("throughline doctor", ids, &results, out)
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
