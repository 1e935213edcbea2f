//! What could not be shown as it was recorded: named, logged once, kept for the status page.
//!
//! Found by `view.rs` when it plans the families, read by [`PrometheusExporter::problems`].
//!
//! [`PrometheusExporter::problems`]: crate::PrometheusExporter::problems

use std::fmt;

/// How many problems are kept: enough to see a pattern. Names are the developer's, but scopes can come from plug-ins.
const PROBLEMS_MAX: usize = 100;

/// One instrument that is not, or not wholly, in the exposition, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The name of the metric family.
    pub family: String,
    /// The instrument's own name.
    pub instrument: String,
    /// The name of the scope that created it.
    pub scope: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with an instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// Another instrument has the family, as another type; this one is left out.
    OtherType,
    /// A sample of another family has this family's name, as `x_count` of the histogram `x`; this one is left out.
    NameTaken {
        /// The other family.
        by: String,
    },
    /// The instruments of the family say different units; the first one's is shown.
    OtherUnit,
    /// The instruments of the family say different descriptions; the first one's is shown.
    OtherDescription,
    /// Some series have the labels of another series of the family, and are left out.
    SameLabels,
    /// Its points are differences since the last collection, which Prometheus cannot take; it is left out.
    Delta,
    /// Nothing is left of its name in Prometheus; it is left out.
    NoName,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, instrument, scope, kind } = self;
        write!(f, "instrument `{instrument}` of scope `{scope}` ")?;
        match kind {
            ProblemKind::OtherType => {
                write!(
                    f,
                    "is left out: `{family}` is already an instrument of another type; rename one of them"
                )
            }
            ProblemKind::NameTaken { by } => {
                write!(f, "is left out: `{family}` is the name of a sample of `{by}`; rename one of them")
            }
            ProblemKind::OtherUnit => write!(f, "has another unit than `{family}` already has"),
            ProblemKind::OtherDescription => write!(f, "has another description than `{family}` already has"),
            ProblemKind::SameLabels => write!(
                f,
                "has series with the labels of another series of `{family}`, which are left out; add an attribute or \
                 switch the scope labels on"
            ),
            ProblemKind::Delta => write!(f, "is left out of `{family}`: its points have delta temporality"),
            ProblemKind::NoName => {
                write!(f, "is left out: no character of its name can be in a Prometheus name")
            }
        }
    }
}

/// The problems so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn report(&mut self, problem: Problem) {
        if self.0.len() < PROBLEMS_MAX && !self.0.contains(&problem) {
            tracing::warn!(target: "throughline", "{problem}");
            self.0.push(problem);
        }
    }

    pub(crate) fn as_slice(&self) -> &[Problem] {
        &self.0
    }
}
