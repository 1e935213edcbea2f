//! Code in documents: the fenced blocks of Markdown, Rust and TOML.
//!
//! A block is a fragment: it leaves out imports, mixes languages, and has `…` where code would be. What cannot be parsed is
//! left out, a paragraph at a time; the rest is looked at.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::Report;
use super::manifest::Manifest;
use super::matrix::Matrix;
use super::{source, versions};
use crate::finding::SourceFile;

pub(super) fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md" || extension == "markdown")
}

/// Looks at the code blocks of a document.
pub(super) fn check(file: &Arc<SourceFile>, matrix: &Matrix, report: &mut Report) {
    for (language, range) in blocks(&file.text) {
        let text = file.text.get(range.clone()).unwrap_or_default();
        match language {
            "rust" | "rs" => rust(file, text, range.start, matrix, report),
            "toml" => toml(file, text, range.start, matrix, report),
            _ => {}
        }
    }
}

/// The language and the bytes of each fenced block.
fn blocks(text: &str) -> Vec<(&str, Range<usize>)> {
    let (mut blocks, mut open, mut at) = (Vec::new(), None, 0);
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        if let Some(rest) = line.trim().strip_prefix("```") {
            open = match open {
                Some((language, start)) => {
                    blocks.push((language, start..at));
                    None
                }
                None => Some((rest.split([',', ' ']).next().unwrap_or_default(), next)),
            };
        }
        at = next;
    }
    blocks
}

fn toml(file: &Arc<SourceFile>, text: &str, offset: usize, matrix: &Matrix, report: &mut Report) {
    if let Ok(manifest) = Manifest::parse(&padded(text, offset)) {
        versions::fragment(file, &manifest, matrix, &mut report.findings);
    }
}

fn rust(file: &Arc<SourceFile>, text: &str, offset: usize, matrix: &Matrix, report: &mut Report) {
    let package = source::Package { fragment: true, ..source::Package::default() };
    if let Ok(checked) = source::check(file, &padded(text, offset), &package) {
        report.findings.extend(checked.findings);
        return;
    }
    let mut code = text.to_owned();
    for paragraph in paragraphs(text) {
        let piece = text.get(paragraph.clone()).unwrap_or_default();
        if piece.lines().any(|line| line.starts_with('[')) {
            let manifest = blank(piece, |line| line.starts_with("//"));
            toml(file, &manifest, offset + paragraph.start, matrix, report);
            code.replace_range(paragraph, &blank(piece, |_| true));
        }
    }
    if let Ok(checked) = source::check(file, &padded(&code, offset), &package) {
        report.findings.extend(checked.findings);
    }
}

/// A block at its place: what is before it is blank.
fn padded(text: &str, offset: usize) -> String {
    format!("{}{text}", " ".repeat(offset))
}

/// Runs of lines with no empty line between them.
fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let (mut paragraphs, mut start, mut at) = (Vec::new(), None, 0);
    for line in text.split_inclusive('\n').chain(["\n"]) {
        match (line.trim().is_empty(), start) {
            (true, Some(begin)) => {
                paragraphs.push(begin..at);
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
        at += line.len();
    }
    paragraphs
}

/// The same text with some lines blank, as long as before.
fn blank(text: &str, line_is: impl Fn(&str) -> bool) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let end = if line.ends_with('\n') { "\n" } else { "" };
        if line_is(line) { format!("{}{end}", " ".repeat(line.len() - end.len())) } else { line.to_owned() }
    });
    lines.collect()
}
