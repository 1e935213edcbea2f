//! Frames with carets, drawn by the crate that draws the compiler's.

use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Patch, Renderer, Snippet};

use crate::finding::{Finding, Severity};

/// Changes that reach further are not shown.
const FIX_LINES: usize = 12;

pub(super) fn write(findings: &[Finding], colour: bool, out: &mut impl Write) -> io::Result<()> {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    for finding in findings {
        writeln!(out, "{}\n", frame(finding, &renderer))?;
    }
    Ok(())
}

fn frame(finding: &Finding, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    // Only the lines that matter: the renderer looks at all that it is given.
    let lines = finding.file.lines(&with_fix(finding));
    let text = finding.file.text.get(lines.clone()).unwrap_or_default();
    let (line, _) = finding.file.position(lines.start);
    let path = finding.file.path.to_string_lossy();
    let local = |range: &Range<usize>| range.start - lines.start..range.end - lines.start;
    let shown = Snippet::source(text)
        .line_start(line)
        .path(path.as_ref())
        .annotation(AnnotationKind::Primary.span(local(&finding.range)));
    let mut report = vec![level.primary_title(finding.message.as_str()).id(finding.id).element(shown)];
    let patches: Vec<_> = finding
        .fix
        .iter()
        .flat_map(|fix| &fix.edits)
        .filter(|edit| lines.start <= edit.range.start && edit.range.end <= lines.end)
        .map(|edit| Patch::new(local(&edit.range), edit.text.as_str()))
        .collect();
    let help = Level::HELP.secondary_title(finding.help.as_str());
    report.push(if patches.is_empty() {
        annotate_snippets::Group::with_title(help)
    } else {
        help.element(Snippet::source(text).line_start(line).path(path.as_ref()).patches(patches))
    });
    renderer.render(&report)
}

/// The finding and what its fix changes, if that is not far away.
fn with_fix(finding: &Finding) -> Range<usize> {
    let edits = finding.fix.iter().flat_map(|fix| &fix.edits).map(|edit| &edit.range);
    let all = edits.fold(finding.range.clone(), |all, edit| all.start.min(edit.start)..all.end.max(edit.end));
    let text = finding.file.text.get(all.clone()).unwrap_or_default();
    if text.matches('\n').count() < FIX_LINES { all } else { finding.range.clone() }
}
