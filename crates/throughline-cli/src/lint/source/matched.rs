//! Which rule speaks of a path.

use super::names::today;
use crate::lint::rules::{FixRule, Pattern, RULES, Rule};

/// A path that a rule speaks of.
pub(super) struct Matched {
    pub(super) rule: &'static Rule,
    /// The path in the rule.
    path: &'static str,
    /// What the path has after the rule's, such as `::trace::Config`.
    pub(super) rest: String,
}

impl Matched {
    /// The rule that says most of a path, beyond the segments that are `known` from an import.
    pub(super) fn path(full: &str, known: usize) -> Option<Self> {
        let now = today(full);
        let moved = segments(full) - segments(&now);
        let forms = [(full, known), (&*now, known.saturating_sub(moved))];
        let matches = RULES.patterns().filter_map(|(rule, pattern)| {
            let Pattern::Path { path } = pattern else { return None };
            forms.iter().find_map(|(form, known)| {
                let rest = form.strip_prefix(path.as_str())?;
                let below = rest.is_empty() || rest.starts_with("::");
                (below && segments(path) > *known).then(|| (segments(path), rule, &**path, rest.to_owned()))
            })
        });
        let (_, rule, path, rest) = matches.max_by_key(|(length, ..)| *length)?;
        Some(Self { rule, path, rest })
    }

    /// Where what was matched stands now.
    pub(super) fn target(&self) -> String {
        match &self.rule.fix {
            Some(FixRule::Path(new)) => new.clone(),
            Some(FixRule::Parent(parent)) => {
                format!("{parent}::{}", self.path.rsplit("::").next().unwrap_or_default())
            }
            _ => self.path.to_owned(),
        }
    }

    pub(super) fn segments_after(&self) -> usize {
        self.rest.matches("::").count()
    }
}

fn segments(path: &str) -> usize {
    path.split("::").count()
}
