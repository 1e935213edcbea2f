//! Something about a file that its author should know: [`Finding`].

use std::fmt;

use super::node::Place;

/// What is wrong, or has no effect, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) place: Place,
    /// What stands there.
    pub(super) value: String,
    pub(super) what: String,
}

impl Finding {
    pub(super) fn new(place: Place, value: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place, value: value.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place: Place { line, column }, value, what } = self;
        write!(f, "{line}:{column} `{value}`: {what}")
    }
}
