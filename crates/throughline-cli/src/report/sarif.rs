//! SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::explain;
use crate::finding::Finding;

pub(super) fn write(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    let ids = findings.iter().map(|finding| finding.id).collect();
    write_run("throughline", ids, &findings.iter().map(result).collect::<Vec<_>>(), out)
}

/// Writes the one run of a tool: the rules of these ids, and what was found.
pub(crate) fn write_run(
    tool: &str,
    ids: BTreeSet<&str>,
    results: &[Value],
    out: &mut impl Write,
) -> io::Result<()> {
    let rules: Vec<Value> = ids.into_iter().map(rule).collect();
    let driver = json!({ "name": tool, "version": env!("CARGO_PKG_VERSION"), "rules": rules });
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "columnKind": "unicodeCodePoints", "results": results }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn rule(id: &str) -> Value {
    let title = explain::title(id).unwrap_or_default();
    let help = format!("throughline explain {id}");
    json!({ "id": id, "shortDescription": { "text": title }, "help": { "text": help } })
}

fn result(finding: &Finding) -> Value {
    json!({
        "ruleId": finding.id,
        "level": finding.severity.name(),
        "message": { "text": format!("{}\n{}", finding.message, finding.help) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": finding.file.path.to_string_lossy().replace('\\', "/") },
            "region": region(finding, &finding.range),
        }}],
        "fixes": fixes(finding),
    })
}

fn fixes(finding: &Finding) -> Vec<Value> {
    let uri = finding.file.path.to_string_lossy().replace('\\', "/");
    let fix = |fix: &crate::finding::Fix| {
        let replacements: Vec<Value> = fix
            .edits
            .iter()
            .map(|edit| {
                json!({ "deletedRegion": region(finding, &edit.range), "insertedContent": { "text": edit.text } })
            })
            .collect();
        json!({
            "description": { "text": finding.help },
            "artifactChanges": [{ "artifactLocation": { "uri": uri }, "replacements": replacements }],
        })
    };
    finding.fix.iter().map(fix).collect()
}

fn region(finding: &Finding, range: &std::ops::Range<usize>) -> Value {
    let ((line, column), (end_line, end_column)) =
        (finding.file.position(range.start), finding.file.position(range.end));
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}
