//! What a command has found: where, how bad, and how to mend it.
//!
//! `lint` makes findings, `report` shows them, `migrate` applies their fixes.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use serde::Deserialize;

/// How bad a finding is. Ordered: a note is less than a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Works today; will not with the current family.
    Note,
    /// Compiles, and does something else than it seems.
    Warning,
    /// Does not compile, or delivers nothing.
    Error,
}

impl Severity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A file that was read: its path as it is shown, and its text.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl SourceFile {
    /// Line and column (in characters) of a byte, both from 1.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// The lines that a range touches, without the end of the last one.
    pub(crate) fn lines(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.text.get(..range.start).and_then(|text| text.rfind('\n')).map_or(0, |at| at + 1);
        let end = self.text.get(range.end..).and_then(|text| text.find('\n'));
        start..end.map_or(self.text.len(), |at| range.end + at)
    }
}

/// One thing found.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// Its stable id, such as `P101`: what `throughline explain` is asked for.
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) file: Arc<SourceFile>,
    /// The bytes of the file that are at fault.
    pub(crate) range: Range<usize>,
    /// What to do about it.
    pub(crate) help: String,
    pub(crate) fix: Option<Fix>,
}

impl Finding {
    /// What findings are ordered by: where they are.
    pub(crate) fn place(&self) -> (&PathBuf, usize, &'static str) {
        (&self.file.path, self.range.start, self.id)
    }
}

/// Edits of one file that mend a finding.
#[derive(Clone, Debug)]
pub(crate) struct Fix {
    pub(crate) confidence: Confidence,
    pub(crate) edits: Vec<Edit>,
}

/// Whether a fix may be applied unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Confidence {
    /// It means the same afterwards.
    Machine,
    /// It is most likely right; somebody should look.
    Review,
}

/// A piece of text that is replaced by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
}

impl Edit {
    pub(crate) fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    pub(crate) fn remove(range: Range<usize>) -> Self {
        Self::new(range, "")
    }
}

/// The text after all edits that do not overlap an earlier one, and how many were made. Removals may overlap.
pub(crate) fn apply<'a>(text: &str, edits: impl IntoIterator<Item = &'a Edit>) -> (String, usize) {
    let mut edits: Vec<&Edit> = edits.into_iter().collect();
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    edits.dedup();
    let (mut out, mut done, mut made) = (String::with_capacity(text.len()), 0, 0);
    for edit in edits {
        if edit.range.start < done {
            // What two edits remove is removed once.
            if edit.text.is_empty() {
                done = done.max(edit.range.end);
            }
            continue;
        }
        out.push_str(text.get(done..edit.range.start).unwrap_or_default());
        out.push_str(&edit.text);
        (done, made) = (edit.range.end, made + 1);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    (out, made)
}

#[cfg(test)]
mod tests {
    use super::{Edit, apply};

    #[test]
    fn edits_are_made_from_front_to_back_and_never_overlap() {
        let edits =
            [Edit::new(4..7, "two"), Edit::new(0..3, "one"), Edit::new(5..6, "lost"), Edit::remove(7..8)];
        assert_eq!(apply("aaa bbb.", &edits), ("one two".to_owned(), 3));
    }
}
