//! The rules that follow from what a kit's metrics can tell: how much fails, how long it takes, how full it is.
//!
//! Budgets are burnt as the SRE workbook has it: two windows each, a long one that something is lost and a short one that it
//! still is. A service with next to no traffic wakes nobody: below [`EVENTS_MIN`] an hour, one failure is a large part.

use super::super::chart::{failing, pairs};
use super::super::metric::{Failed, Metric, Scope, Shape};
use super::super::promql::{aggregate, label, ratio, selector};
use super::{Alert, Case, Pace, Rule, Severity, TEST_LABELS, camel};

/// What part of all should go well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objective {
    percent: f64,
}

impl Objective {
    /// An objective in percent.
    ///
    /// # Errors
    /// When nothing may fail, or all.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let percent = text.parse().map_err(|_not_a_number| format!("`{text}` is no number"))?;
        let is_some = 0.0 < percent && percent < 100.0;
        if is_some {
            Ok(Self { percent })
        } else {
            Err("it must be above 0 and below 100, such as 99.9".to_owned())
        }
    }

    /// How much of all may fail when the budget is used up this many times too fast, but never more than all.
    fn burning(self, factor: f64) -> f64 {
        let part = (100.0 - self.percent) / 100.0 * factor;
        (part.min(0.99) * 1e6).round() / 1e6
    }
}

/// Fewer than this in an hour are too few to judge by.
const EVENTS_MIN: u32 = 100;

/// Over which times the part that failed is recorded.
const WINDOWS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

/// An alert on a budget: twice a long window, a short one, and how many times too fast.
struct Burn {
    name: &'static str,
    windows: [(&'static str, &'static str, f64); 2],
    hold: &'static str,
    severity: Severity,
    says: &'static str,
}

const BURNS: [Burn; 2] = [
    Burn {
        name: "BudgetBurnsFast",
        windows: [("1h", "5m", 14.4), ("6h", "30m", 6.0)],
        hold: "2m",
        severity: Severity::Page,
        says: "at this rate the month's budget of errors is used up in days",
    },
    Burn {
        name: "BudgetBurnsSlowly",
        windows: [("1d", "2h", 3.0), ("3d", "6h", 1.0)],
        hold: "15m",
        severity: Severity::Ticket,
        says: "at this rate the month's budget of errors does not last",
    },
];

/// A thing that can fail: what counts all of it, and what counts those that did.
struct Judged<'a> {
    all: &'a Metric,
    failed: (&'a Metric, Option<Failed>),
}

const fn per_job(range: &str) -> Scope<'_> {
    Scope { matchers: &[], by: &["job"], range }
}

/// The rules of one kit.
pub(crate) fn of_kit(metrics: &[Metric], objective: Objective, pace: Pace) -> Vec<Rule> {
    let judged = judged(metrics);
    let budgets = judged.iter().flat_map(|judged| budget(judged, objective, pace));
    let durations = judged.iter().map(|judged| judged.all).filter(|metric| is_latency(metric));
    let durations = durations.flat_map(|metric| latency(metric, pace));
    let full = pairs(metrics).map(|(used, limit)| Rule::Alert(near_limit(used, limit)));
    let behind =
        metrics.iter().filter(|metric| is_lag(metric)).map(|metric| Rule::Alert(behind(metric, pace)));
    budgets.chain(durations).chain(full).chain(behind).collect()
}

/// What can fail, each once: a counter beside a histogram of the same attributes counts the same.
fn judged(metrics: &[Metric]) -> Vec<Judged<'_>> {
    let says_itself = |shape| {
        let of_shape = metrics.iter().filter(move |metric| metric.shape() == shape);
        of_shape.filter_map(|all| Some(Judged { all, failed: (all, Some(all.failed()?)) }))
    };
    let mut judged: Vec<_> = says_itself(Shape::Durations).collect();
    let counted = says_itself(Shape::Events);
    let beside = failing(metrics).map(|(failed, all)| Judged { all, failed: (failed, None) });
    let is_new = |judged: &[Judged<'_>], one: &Judged<'_>| {
        judged.iter().all(|other| other.all.def.attributes != one.all.def.attributes)
    };
    for one in counted {
        if is_new(&judged, &one) {
            judged.push(one);
        }
    }
    let by_itself: Vec<_> = judged.iter().map(|one| one.all.def.name).collect();
    judged.extend(beside.filter(|one| !by_itself.contains(&one.all.def.name)));
    judged
}

fn budget(judged: &Judged<'_>, objective: Objective, pace: Pace) -> Vec<Rule> {
    let name = judged.all.plain_family();
    let recorded = WINDOWS.map(|window| Rule::Record {
        name: format!("job:{name}:error_ratio_rate{window}"),
        expression: judged.ratio(&per_job(&pace.time(window))),
    });
    let events = Rule::Record {
        name: format!("job:{name}:increase1h"),
        expression: judged.all.increase(&per_job(&pace.time("1h")), &[], None),
    };
    let alerts = BURNS.iter().map(|burn| Rule::Alert(burn.alert(judged, objective, pace)));
    recorded.into_iter().chain([events]).chain(alerts).collect()
}

impl Judged<'_> {
    fn ratio(&self, scope: &Scope<'_>) -> String {
        let (metric, failed) = &self.failed;
        let matcher = failed.as_ref().map(|failed| failed.matcher.clone());
        ratio(&metric.rate(scope, &[], matcher), &self.all.rate(scope, &[], None))
    }

    /// As many fail as do not, against none.
    fn case(&self) -> Case {
        let (metric, failed) = &self.failed;
        let example = failed.as_ref().map(|failed| &*failed.example);
        let bad = test_series(metric, metric.count_suffix(), example);
        let good = test_series(self.all, self.all.count_suffix(), None);
        let count = |series: &String, each: u32| (series.clone(), format!("0+{each}x60"));
        Case {
            bad: vec![count(&bad, 10), count(&good, 10)],
            good: vec![count(&bad, 0), count(&good, 10)],
            labels: vec![("job", "shop".to_owned())],
        }
    }
}

impl Burn {
    fn alert(&self, judged: &Judged<'_>, objective: Objective, pace: Pace) -> Alert {
        let name = judged.all.plain_family();
        let one = |(long, short, factor): &(&str, &str, f64)| {
            let limit = objective.burning(*factor);
            format!(
                "(job:{name}:error_ratio_rate{long} > {limit} and job:{name}:error_ratio_rate{short} > {limit})"
            )
        };
        let windows: Vec<_> = self.windows.iter().map(one).collect();
        Alert {
            name: format!("{}{}", camel(&name), self.name),
            expression: format!("({}) and {}", windows.join(" or "), enough(&name, pace)),
            hold: self.hold,
            severity: self.severity,
            summary: format!("{{{{ $labels.job }}}} fails too much of `{}`", judged.all.def.name),
            description: format!(
                "{} Of {} % that should go well, too little does: {}.",
                judged.all.def.description, objective.percent, self.says
            ),
            may_be_empty: None,
            case: judged.case(),
        }
    }
}

/// That there is enough to judge by.
fn enough(name: &str, pace: Pace) -> String {
    format!("job:{name}:increase1h >= {}", pace.events(EVENTS_MIN))
}

/// Whether it matters how long it takes: a session lasts as long as somebody wants it to.
fn is_latency(metric: &Metric) -> bool {
    metric.shape() == Shape::Durations && metric.bounds().len() > 2 && !metric.is_of(LASTING)
}

const LASTING: &[&str] = &["connection", "connections", "lifetime", "session", "sessions"];

/// The p99 should not be among the longest quarter of what the definition expects.
fn latency(metric: &Metric, pace: Pace) -> [Rule; 2] {
    let name = metric.plain_family();
    let (place, bounds) = (metric.bounds().len() * 3 / 4 - 1, metric.bounds());
    let (limit, next) = (bounds[place], bounds[place + 1]);
    let record = format!("job:{name}:p99_rate5m");
    let alert = Alert {
        name: format!("{}Slow", camel(&name)),
        expression: format!("{record} > {limit} and {}", enough(&name, pace)),
        hold: "10m",
        severity: Severity::Ticket,
        summary: format!("{{{{ $labels.job }}}} is slow in `{}`", metric.def.name),
        description: format!(
            "{} One in a hundred takes more than {limit} {}.",
            metric.def.description, metric.def.unit
        ),
        may_be_empty: None,
        case: latency_case(metric, limit, next),
    };
    [
        Rule::Record { name: record, expression: metric.quantile("0.99", &per_job(&pace.time("5m"))) },
        Rule::Alert(alert),
    ]
}

/// All just above the limit, against all below it.
fn latency_case(metric: &Metric, limit: f64, next: f64) -> Case {
    let bucket = |le: &str, each: u32| {
        (test_series(metric, "_bucket", Some(&format!(r#"le="{le}""#))), format!("0+{each}x60"))
    };
    let count = (test_series(metric, "_count", None), "0+10x60".to_owned());
    let at = |below: u32| {
        vec![
            bucket(&limit.to_string(), below),
            bucket(&next.to_string(), 10),
            bucket("+Inf", 10),
            count.clone(),
        ]
    };
    Case { bad: at(0), good: at(10), labels: vec![("job", "shop".to_owned())] }
}

fn near_limit(used: &Metric, limit: &Metric) -> Alert {
    let by: Vec<_> = ["job", "instance"].map(label).to_vec();
    let scope = Scope { matchers: &[], by: &[], range: "" };
    let of = |metric: &Metric| aggregate("sum", &by, &metric.series("", &scope, None));
    let at = |level: u32| {
        let series = |metric: &Metric, value: u32| (test_series(metric, "", None), format!("{value}+0x60"));
        vec![series(used, level), series(limit, 100)]
    };
    Alert {
        name: format!("{}NearLimit", camel(&used.plain_family())),
        expression: format!("{} / {} > 0.9", of(used), of(limit)),
        hold: "10m",
        severity: Severity::Ticket,
        summary: format!("`{}` of {{{{ $labels.instance }}}} is near its limit", used.def.name),
        description: format!(
            "{} More than nine tenths of `{}` are used.",
            used.def.description, limit.def.name
        ),
        may_be_empty: None,
        case: Case {
            bad: at(95),
            good: at(50),
            labels: vec![("instance", "a".to_owned()), ("job", "shop".to_owned())],
        },
    }
}

/// Whether it says how far behind the time of day something is.
fn is_lag(metric: &Metric) -> bool {
    metric.shape() == Shape::Value && metric.def.unit == "s" && metric.is_of(&["lag"])
}

/// Results that are older than this are no news.
const LAG_SECONDS_MAX: u32 = 300;

fn behind(metric: &Metric, pace: Pace) -> Alert {
    let scope = Scope { matchers: &[], by: &[], range: "" };
    let by: Vec<_> = ["job", "instance"].map(label).to_vec();
    let at = |seconds: u32| vec![(test_series(metric, "", None), format!("{seconds}+0x60"))];
    Alert {
        name: format!("{}Behind", camel(&metric.plain_family())),
        expression: format!(
            "{} > {}",
            aggregate("max", &by, &metric.series("", &scope, None)),
            pace.seconds(LAG_SECONDS_MAX)
        ),
        hold: "10m",
        severity: Severity::Ticket,
        summary: format!("{{{{ $labels.instance }}}} is behind in `{}`", metric.def.name),
        description: format!("{} It is more than {LAG_SECONDS_MAX} s.", metric.def.description),
        may_be_empty: None,
        case: Case {
            bad: at(2 * LAG_SECONDS_MAX),
            good: at(LAG_SECONDS_MAX / 10),
            labels: vec![("instance", "a".to_owned()), ("job", "shop".to_owned())],
        },
    }
}

/// A series of a metric, of the service in the tests.
pub(super) fn test_series(metric: &Metric, suffix: &str, matcher: Option<&str>) -> String {
    let matchers: Vec<_> = TEST_LABELS.into_iter().chain(matcher).map(str::to_owned).collect();
    selector(&format!("{}{suffix}", metric.family()), &matchers)
}
