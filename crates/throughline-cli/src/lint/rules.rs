//! The rules, as data: `rules.toml` says what is stale since when, and what stands there today.
//!
//! `source/` matches the patterns for Rust, `manifest.rs` those for `Cargo.toml`. What cannot be said as a pattern (two
//! versions in one graph, say) has its id, title and explanation here all the same, and its code in `versions.rs`,
//! `features.rs` or `advice.rs`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::finding::{Confidence, Severity};

/// All rules. The file is part of the program and tests read it, so it parses.
pub(crate) static RULES: LazyLock<Rules> =
    LazyLock::new(|| match toml::from_str(include_str!("rules.toml")) {
        Ok(rules) => rules,
        Err(problem) => unreachable!("rules.toml: {problem}"),
    });

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    #[serde(rename = "rule")]
    pub(crate) all: Vec<Rule>,
    /// What is known of the types that stale methods are called on.
    #[serde(rename = "kind")]
    pub(crate) kinds: HashMap<String, Kind>,
    /// Where names live that fragments of documents use without an import.
    pub(crate) well_known: HashMap<String, String>,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) id: String,
    /// One sentence: what is wrong.
    pub(crate) title: String,
    /// What to do.
    #[serde(default)]
    pub(crate) help: String,
    /// Why, at length, for `throughline explain`.
    #[serde(default)]
    pub(crate) explain: String,
    /// How it was written, and how it is written now: for the guide and the tests.
    #[serde(default)]
    pub(crate) old: String,
    #[serde(default)]
    pub(crate) new: String,
    /// The first OpenTelemetry minor in which the old form is gone, or means something else.
    #[serde(default)]
    pub(crate) since: Option<Minor>,
    /// How bad it is from that version on.
    #[serde(default = "error")]
    pub(crate) severity: Severity,
    /// Any of these is the old form.
    #[serde(default, rename = "match")]
    pub(crate) patterns: Vec<Pattern>,
    /// The old form is right when this feature is on.
    #[serde(default)]
    pub(crate) unless_feature: Option<Feature>,
    #[serde(default)]
    pub(crate) fix: Option<FixRule>,
    #[serde(default = "review")]
    pub(crate) confidence: Confidence,
}

impl Rules {
    /// All patterns, each with its rule.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = (&Rule, &Pattern)> {
        self.all.iter().flat_map(|rule| rule.patterns.iter().map(move |pattern| (rule, pattern)))
    }
}

impl Rule {
    /// How bad it is for a package that has this version, and in what words.
    pub(crate) fn judge(&self, minor: Option<Minor>) -> (Severity, String) {
        match (minor, self.since) {
            (Some(minor), Some(since)) if minor < since => {
                (Severity::Note, format!("{} (since {since}; this is {minor})", self.title))
            }
            (_, Some(since)) => (self.severity, format!("{} (since {since})", self.title)),
            (_, None) => (self.severity, self.title.clone()),
        }
    }
}

fn error() -> Severity {
    Severity::Error
}

fn review() -> Confidence {
    Confidence::Review
}

/// What a rule looks for.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Pattern {
    /// A path, or what is below it, in an import, a type or an expression.
    Path { path: String },
    /// A call of a function, perhaps with at least so many arguments, or one argument that is such a path.
    Call {
        call: String,
        #[serde(default)]
        min_args: usize,
    },
    /// A method of a kind of value.
    Method {
        method: String,
        on: String,
        #[serde(default)]
        min_args: usize,
    },
    /// A cargo feature of a crate, in a manifest.
    Feature { feature: String, of: String },
    /// A crate in a manifest.
    Crate {
        #[serde(rename = "crate")]
        name: String,
    },
}

/// A cargo feature of a crate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Feature {
    pub(crate) feature: String,
    pub(crate) of: String,
}

/// How what was matched is rewritten.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum FixRule {
    /// The last segment, the method or the feature gets this name.
    Rename(String),
    /// The matched path becomes this path.
    Path(String),
    /// The last segment of the matched path stands below this path now.
    Parent(String),
    /// The arguments after so many are dropped.
    KeepArgs(usize),
    /// The method call, or the feature, is dropped.
    Remove,
    /// `.with_config(config().with_sampler(s))` becomes `.with_sampler(s)`; an import is dropped.
    Flatten,
    /// `Unit::new("s")` becomes `"s"`: the call is replaced by its only argument.
    Unwrap,
    /// The call becomes this text, with `$1`, `$2` … for its arguments.
    Call(String),
}

/// A type that rules ask for, and how a value of it comes about.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kind {
    /// Its paths, through the versions.
    #[serde(default)]
    pub(crate) types: Vec<String>,
    /// Functions that return one.
    #[serde(default)]
    pub(crate) calls: Vec<String>,
    /// Methods so telling that their result is one whatever they are called on, in a file that names OpenTelemetry.
    #[serde(default)]
    pub(crate) from_any: Vec<String>,
    /// What its methods return, where it is not the same again.
    #[serde(default)]
    pub(crate) methods: HashMap<String, String>,
    /// Methods that end the chain: what they return is not followed.
    #[serde(default)]
    pub(crate) ends: Vec<String>,
}

/// A minor of the family's 0.x versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Minor(pub(crate) u32);

impl TryFrom<String> for Minor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = text.split('.');
        match (parts.next(), parts.next().map(str::parse)) {
            (Some("0"), Some(Ok(minor))) => Ok(Self(minor)),
            _ => Err(format!("`{text}` is no version 0.x")),
        }
    }
}

impl std::fmt::Display for Minor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0.{}", self.0)
    }
}

/// The rule of this id.
pub(crate) fn rule(id: &str) -> Option<&'static Rule> {
    RULES.all.iter().find(|rule| rule.id.eq_ignore_ascii_case(id))
}
