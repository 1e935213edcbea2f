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

    /// What stands there.
    pub(crate) fn get(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The spaces that the line of a place begins with.
    pub(crate) fn indent(&self, at: usize) -> String {
        let line = self.get(&self.lines(&(at..at)));
        line.chars().take_while(|c| c.is_whitespace()).collect()
    }

    /// A piece of a list together with the comma that goes with it, and with its lines when it has them for itself.
    pub(crate) fn with_comma(&self, range: &Range<usize>) -> Range<usize> {
        let (before, after) = (self.get(&(0..range.start)), self.get(&(range.end..self.text.len())));
        let Some(next) = after.trim_start().strip_prefix(',') else {
            return before.trim_end().strip_suffix(',').map_or(range.start, str::len)..range.end;
        };
        let (start, rest) = (before.trim_end_matches([' ', '\t']), next.trim_start_matches([' ', '\t']));
        if start.ends_with('\n') && rest.starts_with('\n') {
            return start.len()..self.text.len() - rest.len() + 1;
        }
        range.start..self.text.len() - next.trim_start_matches([' ', '\n', '\t']).len()
    }

    /// A declaration together with the end of its line.
    pub(crate) fn with_line(&self, range: &Range<usize>) -> Range<usize> {
        range.start..range.end + usize::from(self.get(&(range.end..self.text.len())).starts_with('\n'))
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
    use super::{Edit, SourceFile, apply};

    /// The text without a piece of a list.
    fn without(text: &str, piece: &str) -> String {
        let start = text.find(piece).unwrap();
        let file = SourceFile { path: "Cargo.toml".into(), text: text.to_owned() };
        apply(text, &[Edit::remove(file.with_comma(&(start..start + piece.len())))]).0
    }

    #[test]
    fn a_piece_of_a_list_goes_with_its_comma_and_its_line() {
        let lines = "features = [\n    \"a\",\n    \"b\",\n    \"c\",\n]\n";
        assert_eq!(without(lines, "\"b\""), "features = [\n    \"a\",\n    \"c\",\n]\n");
        assert_eq!(without(lines, "\"c\""), "features = [\n    \"a\",\n    \"b\",\n]\n");
        let line = "features = [\"a\", \"b\", \"c\"]";
        assert_eq!(without(line, "\"a\""), "features = [\"b\", \"c\"]");
        assert_eq!(without(line, "\"c\""), "features = [\"a\", \"b\"]");
        assert_eq!(without("[\n  \"a\",\n  \"b\"\n]", "\"b\""), "[\n  \"a\"\n]");
        assert_eq!(without("[\"a\"]", "\"a\""), "[]");
    }

    #[test]
    fn edits_are_made_from_front_to_back_and_never_overlap() {
        let edits =
            [Edit::new(4..7, "two"), Edit::new(0..3, "one"), Edit::new(5..6, "lost"), Edit::remove(7..8)];
        assert_eq!(apply("aaa bbb.", &edits), ("one two".to_owned(), 3));
    }
}
