//! Recording and alerting rules, with the tests that prove them: `objectives.rs` makes those of a kit, `telemetry.rs` those
//! that every service needs, `pace.rs` makes their times shorter. Here they become what Prometheus and `promtool` read.

mod objectives;
mod pace;
mod telemetry;

use serde_json::{Map, Value, json};

use super::naming::Naming;
use super::yaml;
pub(crate) use objectives::{Objective, of_kit};
pub(crate) use pace::Pace;
pub(crate) use telemetry::of_telemetry;

/// The rules of one file.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
    pub(crate) pace: Pace,
}

#[derive(Debug)]
pub(crate) enum Rule {
    Record { name: String, expression: String },
    Alert(Alert),
}

/// An alert, and how to make it fire.
#[derive(Debug)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) expression: String,
    /// How long it must be so.
    pub(crate) hold: &'static str,
    pub(crate) severity: Severity,
    /// May name labels, as `{{ $labels.job }}`.
    pub(crate) summary: String,
    pub(crate) description: String,
    /// Why its metrics need not be there, if they need not.
    pub(crate) may_be_empty: Option<&'static str>,
    pub(crate) case: Case,
}

/// Who is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Severity {
    /// Somebody, now.
    Page,
    /// Somebody, on a working day.
    Ticket,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// Series under which an alert fires, and others under which it does not.
#[derive(Debug, Default)]
pub(crate) struct Case {
    pub(crate) bad: Series,
    pub(crate) good: Series,
    /// What the alert says besides its severity.
    pub(crate) labels: Vec<(&'static str, String)>,
}

/// Series and values, as `promtool` writes them: a value for each minute.
pub(crate) type Series = Vec<(String, String)>;

/// When tests look: after every hold. Windows need not be full.
const LOOK_AT: &str = "1h";
/// How often tests evaluate: often enough for the shortest hold, and seldom enough to be quick.
const EVALUATE_EVERY: &str = "5m";

/// What series of tests are of.
pub(crate) const TEST_LABELS: [&str; 2] = [r#"job="shop""#, r#"instance="a""#];

impl Group {
    /// The file that Prometheus reads.
    pub(crate) fn to_yaml(&self) -> String {
        let rules: Vec<_> = self.rules.iter().map(|rule| rule.to_value(self.pace)).collect();
        yaml::to_text(HEADER, &json!({"groups": [{"name": self.name, "rules": rules}]}))
    }

    /// The tests that `promtool test rules` runs; `rules` is the file with the rules. Alerts on the same series are
    /// judged together.
    pub(crate) fn tests(&self, rules: &str) -> String {
        let mut tests: Vec<(&Series, Vec<Value>)> = Vec::new();
        for rule in &self.rules {
            let Rule::Alert(alert) = rule else { continue };
            for (series, fires) in [(&alert.case.bad, true), (&alert.case.good, false)] {
                let judged = alert.judged(fires);
                match tests.iter_mut().find(|(other, _)| *other == series) {
                    Some((_, together)) => together.push(judged),
                    None => tests.push((series, vec![judged])),
                }
            }
        }
        let tests: Vec<_> = tests.into_iter().map(|(series, judged)| test(series, &judged)).collect();
        let file = json!({"rule_files": [rules], "evaluation_interval": EVALUATE_EVERY, "tests": tests});
        yaml::to_text(HEADER, &file)
    }
}

/// A test: what comes in, and which alerts do or do not come of it.
fn test(series: &Series, judged: &[Value]) -> Value {
    let series = series.iter().map(|(series, values)| json!({"series": series, "values": values}));
    json!({"interval": "1m", "input_series": series.collect::<Vec<_>>(), "alert_rule_test": judged})
}

const HEADER: &str = "Made by `throughline alerts`: change the definitions of the metrics, not this.";

impl Rule {
    fn to_value(&self, pace: Pace) -> Value {
        match self {
            Self::Record { name, expression } => json!({"record": name, "expr": expression}),
            Self::Alert(alert) => json!({
                "alert": alert.name,
                "expr": alert.expression,
                "for": pace.time(alert.hold),
                "labels": {"severity": alert.severity.name()},
                "annotations": {"summary": alert.summary, "description": alert.full_description()},
            }),
        }
    }
}

impl Alert {
    fn full_description(&self) -> String {
        let reason = self.may_be_empty.map(|reason| format!(" {}{reason}.", super::MAY_BE_EMPTY));
        format!("{}{}", self.description, reason.unwrap_or_default())
    }

    /// What a test expects: one alert, or none.
    fn judged(&self, fires: bool) -> Value {
        let severity = ("severity", self.severity.name().to_owned());
        let labels = self.case.labels.iter().chain([&severity]);
        let labels: Map<_, _> = labels.map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let annotations = json!({
            "summary": self.expanded(&self.summary),
            "description": self.expanded(&self.full_description()),
        });
        let expected = json!({"exp_labels": labels, "exp_annotations": annotations});
        let expected = if fires { vec![expected] } else { vec![] };
        json!({"alertname": self.name, "eval_time": LOOK_AT, "exp_alerts": expected})
    }

    fn expanded(&self, text: &str) -> String {
        let labels = self.case.labels.iter();
        labels.fold(text.to_owned(), |text, (key, value)| {
            text.replace(&format!("{{{{ $labels.{key} }}}}"), value)
        })
    }
}

/// The rules of every service.
pub(crate) fn telemetry_group(naming: Naming, pace: Pace) -> Group {
    let rules = of_telemetry(naming, pace).into_iter().map(Rule::Alert).collect();
    Group { name: "telemetry".to_owned(), rules, pace }
}

/// `http_server` is `HttpServer`.
fn camel(name: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    name.split('_').map(capital).collect()
}
