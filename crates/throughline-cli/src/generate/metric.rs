//! What can be asked of a metric, as its definition says: its rate, its quantiles, which of its measurements failed.
//!
//! Charts and rules ask the same questions, of other series (what a viewer chose, or every service) and over other times.

use throughline::core::name::FamilyKind;
use throughline::core::unit::default_bounds;
use throughline::core::{AttributeDef, InstrumentKind};
use throughline::{MetricDef, TranslationStrategy};

use super::promql::{aggregate, label, quoted, ratio, selector};

/// A metric under a translation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub(crate) def: MetricDef,
    strategy: TranslationStrategy,
}

/// Whose series are asked for, and over what time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// Matchers that every selector has.
    pub(crate) matchers: &'a [&'static str],
    /// Labels that every answer keeps.
    pub(crate) by: &'a [&'static str],
    /// The time that a rate is over.
    pub(crate) range: &'a str,
}

impl Scope<'_> {
    /// The labels that an answer has which keeps these too.
    pub(crate) fn grouping(&self, more: &[String]) -> Vec<String> {
        self.by.iter().map(|label| (*label).to_owned()).chain(more.iter().cloned()).collect()
    }
}

/// What a metric is for those who look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// How often something happens.
    Events,
    /// How often something goes wrong.
    Failures,
    /// How much time is spent, of all the time there is.
    TimeSpent,
    /// How long something takes.
    Durations,
    /// How large something is, or how many at once.
    Sizes,
    /// How many there are.
    Level,
    /// How much it is at the moment.
    Value,
}

impl Metric {
    /// A metric that has a name in Prometheus; none of ours has not.
    pub(crate) fn new(def: MetricDef, strategy: TranslationStrategy) -> Option<Self> {
        strategy.metric_name(def.name, def.unit, def.kind.into()).ok()?;
        Some(Self { def, strategy })
    }

    /// The name of its family, under its own translation.
    pub(crate) fn family(&self) -> String {
        self.family_under(self.strategy)
    }

    /// A name that every Prometheus takes, for what is recorded of it.
    pub(crate) fn plain_family(&self) -> String {
        let name = self.family_under(TranslationStrategy::default());
        name.strip_suffix("_total").map_or_else(|| name.clone(), str::to_owned)
    }

    fn family_under(&self, strategy: TranslationStrategy) -> String {
        strategy.metric_name(self.def.name, self.def.unit, self.def.kind.into()).unwrap_or_default()
    }

    pub(crate) fn shape(&self) -> Shape {
        let is_time = matches!(self.def.unit, "s" | "ms" | "us" | "ns");
        match FamilyKind::from(self.def.kind) {
            FamilyKind::Counter if self.is_of(FAILURES) => Shape::Failures,
            FamilyKind::Counter if is_time => Shape::TimeSpent,
            FamilyKind::Counter => Shape::Events,
            FamilyKind::Histogram if is_time => Shape::Durations,
            FamilyKind::Histogram => Shape::Sizes,
            FamilyKind::UpDown => Shape::Level,
            FamilyKind::Gauge => Shape::Value,
        }
    }

    /// Whether a word of its name is one of these.
    pub(crate) fn is_of(&self, words: &[&str]) -> bool {
        self.words().any(|word| words.contains(&word))
    }

    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.def.name.split(['.', '_'])
    }

    /// The bounds of a histogram; empty where it has a sum and a count alone.
    pub(crate) fn bounds(&self) -> &'static [f64] {
        match self.def.kind {
            InstrumentKind::Histogram => self.def.bounds.unwrap_or_else(|| default_bounds(self.def.unit)),
            _ => &[],
        }
    }

    /// The selector of its series, or of those with this behind the name.
    pub(crate) fn series(&self, suffix: &str, scope: &Scope<'_>, matcher: Option<String>) -> String {
        let matchers: Vec<_> = scope.matchers.iter().map(|text| (*text).to_owned()).chain(matcher).collect();
        selector(&format!("{}{suffix}", self.family()), &matchers)
    }

    /// How often: of a counter itself, of a histogram its count.
    pub(crate) fn rate(&self, scope: &Scope<'_>, by: &[String], matcher: Option<String>) -> String {
        self.growth("rate", scope, by, matcher)
    }

    /// How many.
    pub(crate) fn increase(&self, scope: &Scope<'_>, by: &[String], matcher: Option<String>) -> String {
        self.growth("increase", scope, by, matcher)
    }

    fn growth(&self, function: &str, scope: &Scope<'_>, by: &[String], matcher: Option<String>) -> String {
        let series = self.series(self.count_suffix(), scope, matcher);
        aggregate("sum", &scope.grouping(by), &format!("{function}({series}[{}])", scope.range))
    }

    /// What stands behind the name of the series that counts.
    pub(crate) fn count_suffix(&self) -> &'static str {
        if self.def.kind == InstrumentKind::Histogram { "_count" } else { "" }
    }

    /// The part of the measurements that failed, where they say so.
    pub(crate) fn error_ratio(&self, scope: &Scope<'_>) -> Option<String> {
        let Failed { matcher: failed, .. } = self.failed()?;
        Some(ratio(&self.rate(scope, &[], Some(failed)), &self.rate(scope, &[], None)))
    }

    pub(crate) fn quantile(&self, quantile: &str, scope: &Scope<'_>) -> String {
        let buckets = format!("rate({}[{}])", self.series("_bucket", scope, None), scope.range);
        format!(
            "histogram_quantile({quantile}, {})",
            aggregate("sum", &scope.grouping(&["le".to_owned()]), &buckets)
        )
    }

    pub(crate) fn mean(&self, scope: &Scope<'_>, by: &[String]) -> String {
        let sum = format!("rate({}[{}])", self.series("_sum", scope, None), scope.range);
        format!("{} / {}", aggregate("sum", &scope.grouping(by), &sum), self.rate(scope, by, None))
    }

    /// Which of its measurements failed.
    pub(crate) fn failed(&self) -> Option<Failed> {
        if self.shape() == Shape::Failures {
            return None;
        }
        let of = |key: &str| self.def.attributes.iter().find(|attribute| attribute.key == key);
        FAILED.iter().find_map(|(key, matcher)| {
            let (matcher, value) = matcher(of(key)?)?;
            let label = self.label(key);
            Some(Failed {
                matcher: format!("{label}{matcher}"),
                example: format!("{label}={}", quoted(&value)),
            })
        })
    }

    /// The labels that its series are told apart by in a chart, and whether their values are few.
    pub(crate) fn groups(&self) -> (Vec<String>, bool) {
        let is_shown = |attribute: &&AttributeDef| !HIDDEN.contains(&attribute.key);
        let is_few = |attribute: &&AttributeDef| {
            !attribute.values.is_empty() || attribute.cardinality.is_some_and(|values| values <= VALUES_FEW)
        };
        let shown = || self.def.attributes.iter().filter(is_shown);
        let few = shown().filter(is_few);
        let many = shown().filter(|attribute| !is_few(attribute)).take(1);
        let chosen: Vec<_> = many.chain(few).take(GROUPS_MAX).collect();
        let all_few = chosen.iter().all(is_few);
        (chosen.into_iter().map(|attribute| self.label(attribute.key)).collect(), all_few)
    }

    /// The label of an attribute, as `PromQL` writes it.
    pub(crate) fn label(&self, key: &str) -> String {
        label(&self.strategy.label_name(key))
    }
}

/// Words of names that count what goes wrong.
const FAILURES: &[&str] =
    &["dropped", "error", "errors", "failed", "failure", "failures", "lost", "rejected", "undeliverable"];

/// More lines than this are too many for a legend.
const VALUES_FEW: usize = 16;

/// Labels that a chart tells series apart by.
const GROUPS_MAX: usize = 2;

/// Attributes that say where something is, or the same for all: they do not help to tell series apart.
const HIDDEN: &[&str] = &[
    "network.protocol.name",
    "network.protocol.version",
    "network.transport",
    "otel.component.type",
    "server.address",
    "server.port",
    "url.scheme",
];

/// Which measurements of a metric failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    /// What matches the series of those.
    pub(crate) matcher: String,
    /// The label of one of them.
    pub(crate) example: String,
}

/// Of an attribute, what matches the values of failures, and one of these values.
type FailedWhen = fn(&AttributeDef) -> Option<(String, String)>;

/// Attributes that say whether something failed, the most telling first. Where they are left out, it did not.
const FAILED: &[(&str, FailedWhen)] = &[
    ("error.type", |_| Some(when(r#"!="""#, "timeout"))),
    ("error_type", |_| Some(when(r#"!="""#, "timeout"))),
    ("outcome", by_word),
    ("status", by_word),
    ("result", by_word),
    ("success", |_| Some(when(r#"="false""#, "false"))),
    ("http.response.status_code", |_| Some(when(r#"=~"5..""#, "500"))),
    ("rpc.response.status_code", |_| Some(when(r#"!~"0|OK|""#, "INTERNAL"))),
];

fn when(matcher: &str, example: &str) -> (String, String) {
    (matcher.to_owned(), example.to_owned())
}

/// Every value that does not say that it went well; of values that are not known, those that say that it did not.
fn by_word(attribute: &AttributeDef) -> Option<(String, String)> {
    if attribute.values.is_empty() {
        return Some(when(r#"=~"(?i)5..|err.*|fail.*|time.?out.*|panic.*|reject.*""#, "error"));
    }
    let bad: Vec<_> = attribute.values.iter().copied().filter(|value| !WELL.contains(value)).collect();
    let example = bad.first().filter(|_| bad.len() < attribute.values.len())?;
    Some(when(&format!("=~{}", quoted(&bad.join("|"))), example))
}

/// Values that say that it went well.
const WELL: &[&str] = &[
    "accepted",
    "allow",
    "allowed",
    "closed",
    "complete",
    "completed",
    "continue",
    "done",
    "hit",
    "modified",
    "modify",
    "normal",
    "ok",
    "pass",
    "passed",
    "processed",
    "succeeded",
    "success",
];
