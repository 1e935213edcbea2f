//! One JSON document. `schema_version` changes when a field is taken away or means something else.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::finding::{Confidence, Finding};

pub(super) fn write(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    let findings: Vec<Value> = findings.iter().map(finding).collect();
    let document = json!({ "schema_version": 1, "findings": findings });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn finding(finding: &Finding) -> Value {
    let ((line, column), (end_line, end_column)) =
        (finding.file.position(finding.range.start), finding.file.position(finding.range.end));
    let fix = finding.fix.as_ref().map(|fix| {
        let edits: Vec<Value> = fix
            .edits
            .iter()
            .map(|edit| json!({ "start": edit.range.start, "end": edit.range.end, "text": edit.text }))
            .collect();
        json!({ "confidence": confidence(fix.confidence), "edits": edits })
    });
    json!({
        "id": finding.id,
        "severity": finding.severity.name(),
        "message": finding.message,
        "help": finding.help,
        "where": {
            "file": finding.file.path,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
        },
        "evidence": finding.file.text.get(finding.range.clone()),
        "fix": fix,
        "explain": format!("throughline explain {}", finding.id),
    })
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Machine => "machine",
        Confidence::Review => "review",
    }
}
