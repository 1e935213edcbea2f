//! Recording and alerting rules, with the tests that prove them: `objectives.rs` makes those of a kit, `telemetry.rs` those
//! that every service needs. Here they become what Prometheus and `promtool` read.

mod objectives;
mod telemetry;

use serde_json::{Map, Value, json};

use super::naming::Naming;
use super::yaml;
pub(crate) use objectives::{Objective, of_kit};
pub(crate) use telemetry::of_telemetry;

/// The rules of one file.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
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
    /// Series and values, as `promtool` writes them.
    pub(crate) bad: Vec<(String, String)>,
    pub(crate) good: Vec<(String, String)>,
    /// What the alert says besides its severity.
    pub(crate) labels: Vec<(&'static str, String)>,
}

/// When tests look: after every hold, and after enough of each window.
const LOOK_AT: &str = "4h";

/// What series of tests are of.
pub(crate) const TEST_LABELS: [&str; 2] = [r#"job="shop""#, r#"instance="a""#];

impl Group {
    /// The file that Prometheus reads.
    pub(crate) fn to_yaml(&self) -> String {
        let rules: Vec<_> = self.rules.iter().map(Rule::to_value).collect();
        yaml::to_text(HEADER, &json!({"groups": [{"name": self.name, "rules": rules}]}))
    }

    /// The tests that `promtool test rules` runs; `rules` is the file with the rules.
    pub(crate) fn tests(&self, rules: &str) -> String {
        let alerts = self.rules.iter().filter_map(|rule| match rule {
            Rule::Alert(alert) => Some(alert),
            Rule::Record { .. } => None,
        });
        let tests: Vec<_> = alerts.flat_map(|alert| [alert.test(true), alert.test(false)]).collect();
        yaml::to_text(HEADER, &json!({"rule_files": [rules], "evaluation_interval": "1m", "tests": tests}))
    }
}

const HEADER: &str = "Made by `throughline alerts`: change the definitions of the metrics, not this.";

impl Rule {
    fn to_value(&self) -> Value {
        match self {
            Self::Record { name, expression } => json!({"record": name, "expr": expression}),
            Self::Alert(alert) => json!({
                "alert": alert.name,
                "expr": alert.expression,
                "for": alert.hold,
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

    fn test(&self, fires: bool) -> Value {
        let Self { name, severity, case: Case { bad, good, labels }, .. } = self;
        let series = if fires { bad } else { good }.iter();
        let series: Vec<_> = series.map(|(series, values)| json!({"series": series, "values": values})).collect();
        let severity = ("severity", severity.name().to_owned());
        let all: Map<_, _> =
            labels.iter().chain([&severity]).map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let expected = json!({"exp_labels": all, "exp_annotations": {
            "summary": self.expanded(&self.summary), "description": self.expanded(&self.full_description()),
        }});
        let expected = if fires { vec![expected] } else { vec![] };
        let says = if fires { "fires" } else { "is quiet" };
        json!({
            "name": format!("{name} {says}"),
            "interval": "1m",
            "input_series": series,
            "alert_rule_test": [{"alertname": name, "eval_time": LOOK_AT, "exp_alerts": expected}],
        })
    }

    fn expanded(&self, text: &str) -> String {
        let labels = self.case.labels.iter();
        labels.fold(text.to_owned(), |text, (key, value)| text.replace(&format!("{{{{ $labels.{key} }}}}"), value))
    }
}

/// The rules of every service.
pub(crate) fn telemetry_group(naming: &Naming) -> Group {
    Group { name: "telemetry".to_owned(), rules: of_telemetry(naming).into_iter().map(Rule::Alert).collect() }
}

/// `http_server` is `HttpServer`.
fn camel(name: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    name.split('_').map(capital).collect()
}
