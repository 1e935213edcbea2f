//! `// throughline: allow(P101) reason = "…"`: what somebody has decided to keep, and said why.

use std::sync::Arc;

use super::rules::rule;
use crate::finding::Finding;

/// Leaves out what the line of a finding, or the one before it, allows with a reason.
pub(crate) fn apply(findings: &mut Vec<Finding>) {
    let mut without_reason = Vec::new();
    findings.retain(|finding| match allowed(finding) {
        Some(true) => false,
        Some(false) => {
            without_reason.extend(complaint(finding));
            true
        }
        None => true,
    });
    findings.extend(without_reason);
}

/// Whether a finding is allowed: with a reason or without one.
fn allowed(finding: &Finding) -> Option<bool> {
    let text = &finding.file.text;
    let start = finding.file.lines(&finding.range).start;
    let end = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| start + length);
    let own = text.get(start..end)?;
    let before = text.get(..start)?.trim_end_matches('\n').rsplit('\n').next().unwrap_or_default();
    [own, before]
        .into_iter()
        .find_map(|line| {
            let (_, rest) = line.split_once("throughline: allow(")?;
            let (ids, rest) = rest.split_once(')')?;
            ids.split(',').any(|id| id.trim() == finding.id).then_some(())?;
            let (_, reason) = rest.split_once("reason")?.1.split_once('"').unwrap_or_default();
            Some(reason.trim_end().len() > 1)
        })
        .or_else(|| bare(own, finding.id).or_else(|| bare(before, finding.id)))
}

/// An `allow` of this id that says nothing more.
fn bare(line: &str, id: &str) -> Option<bool> {
    let (ids, _) = line.split_once("throughline: allow(")?.1.split_once(')')?;
    ids.split(',').any(|listed| listed.trim() == id).then_some(false)
}

fn complaint(finding: &Finding) -> Option<Finding> {
    let rule = rule("L001")?;
    Some(Finding {
        id: &rule.id,
        severity: rule.severity,
        message: format!("{}: {}", rule.title, finding.id),
        file: Arc::clone(&finding.file),
        range: finding.range.clone(),
        help: rule.help.clone(),
        fix: None,
    })
}
