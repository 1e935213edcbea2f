//! The rules that every service needs: that it is seen, that what it sends arrives, that it does not have too many series.

use super::super::health::{Exporter, overflowed};
use super::super::metric::{Metric, Scope};
use super::super::naming::Naming;
use super::super::promql::{aggregate, label, selector};
use super::objectives::test_series;
use super::{Alert, Case, Pace, Severity, TEST_LABELS};

const ALL: Scope<'static> = Scope { matchers: &[], by: &["job", "instance"], range: "10m" };

/// The alerts on the telemetry of services.
pub(crate) fn of_telemetry(naming: Naming, pace: Pace) -> Vec<Alert> {
    let exporter = Exporter::new(naming).filter(|_| naming.path.pushes());
    let of_exporter = exporter.iter().flat_map(|exporter| of_exporter(exporter, pace));
    [target_down(), service_gone(pace)]
        .into_iter()
        .chain(of_exporter)
        .chain([too_many_series(naming)])
        .collect()
}

fn target_down() -> Alert {
    Alert {
        name: "TargetDown".to_owned(),
        expression: "up == 0".to_owned(),
        hold: "5m",
        severity: Severity::Page,
        summary: "{{ $labels.job }} cannot be scraped at {{ $labels.instance }}".to_owned(),
        description: "Nothing is known of what comes through it. Prometheus says why on its page of targets."
            .to_owned(),
        may_be_empty: None,
        case: levels(|value| vec![(selector("up", &TEST_LABELS.map(str::to_owned)), value)], 0, 1),
    }
}

/// Who pushes is no target: that it is gone shows in nothing but its absence.
fn service_gone(pace: Pace) -> Alert {
    let series = selector("target_info", &TEST_LABELS.map(str::to_owned));
    let there = |values: &str| vec![(series.clone(), values.to_owned())];
    Alert {
        name: "ServiceGone".to_owned(),
        expression: format!(
            "group by (job) (target_info offset {}) unless group by (job) (target_info)",
            pace.time("30m")
        ),
        hold: "5m",
        severity: Severity::Ticket,
        summary: "{{ $labels.job }} says nothing any more".to_owned(),
        description: "It did half an hour ago. It was stopped, or what it sends does not arrive.".to_owned(),
        may_be_empty: None,
        // Gone 20 minutes before the tests look.
        case: Case { bad: there("1+0x40"), good: there("1+0x60"), labels: vec![("job", "shop".to_owned())] },
    }
}

fn of_exporter(exporter: &Exporter, pace: Pace) -> Vec<Alert> {
    vec![
        not_delivered(exporter, pace),
        dropped(exporter, pace),
        ended(exporter),
        queue_fills(exporter),
        spool(exporter),
    ]
}

/// Longer than a receiver needs to start again.
const SILENCE_SECONDS: u32 = 900;

/// An exporter that has nothing to send has no success either: something must wait, too.
fn not_delivered(Exporter { last_success, queue, .. }: &Exporter, pace: Pace) -> Alert {
    let component = last_success.label("otel.component.name");
    let of = |metric: &Metric| metric.series("", &ALL, None);
    let waits = format!("on (job, instance, {component}) {} > 0", of(queue));
    let example = format!(r#"{component}="traces""#);
    let at = |success: &str| {
        let series =
            |metric: &Metric, values: &str| (test_series(metric, "", Some(&example)), values.to_owned());
        vec![series(last_success, success), series(queue, "10+0x60")]
    };
    Alert {
        name: "TelemetryNotDelivered".to_owned(),
        expression: format!(
            "group by (job, instance) (time() - {} > {} and {waits})",
            of(last_success),
            pace.seconds(SILENCE_SECONDS)
        ),
        hold: "5m",
        severity: Severity::Ticket,
        summary: "{{ $labels.job }} delivers nothing from {{ $labels.instance }}".to_owned(),
        description:
            "Something waits, and the last success is over a quarter of an hour ago. `throughline doctor` \
                      finds the hop that is broken."
                .to_owned(),
        may_be_empty: Some("an exporter that never delivered has no last success"),
        case: Case { bad: at("0+0x60"), good: at("0+60x60"), labels: labels() },
    }
}

fn dropped(Exporter { dropped, .. }: &Exporter, pace: Pace) -> Alert {
    let series = test_series(dropped, "", None);
    Alert {
        name: "TelemetryDropped".to_owned(),
        expression: format!(
            "{} > 0",
            dropped.increase(&Scope { range: &pace.time(ALL.range), ..ALL }, &[], None)
        ),
        hold: "0s",
        severity: Severity::Ticket,
        summary: "{{ $labels.job }} gave up telemetry at {{ $labels.instance }}".to_owned(),
        description: "Points, spans or log records are lost; the metric says for which reason.".to_owned(),
        may_be_empty: None,
        case: Case {
            bad: vec![(series.clone(), "0+5x60".to_owned())],
            good: vec![(series, "5+0x60".to_owned())],
            labels: labels(),
        },
    }
}

fn ended(Exporter { alive, .. }: &Exporter) -> Alert {
    level_alert(
        alive,
        "TelemetryExporterEnded",
        "An exporter of {{ $labels.job }} has ended at {{ $labels.instance }}",
        "Nothing is exported until the service starts again.",
        None,
    )
}

fn spool(Exporter { spool_working, .. }: &Exporter) -> Alert {
    level_alert(
        spool_working,
        "TelemetrySpoolBroken",
        "{{ $labels.job }} cannot use its spool at {{ $labels.instance }}",
        "What waits to be delivered is in memory alone: the disk is full, or another process has the file.",
        Some("the service has no spool"),
    )
}

/// An alert on what should be 1.
fn level_alert(
    metric: &Metric,
    name: &str,
    summary: &str,
    description: &str,
    may_be_empty: Option<&'static str>,
) -> Alert {
    Alert {
        name: name.to_owned(),
        expression: format!("{} == 0", aggregate("min", &ALL.grouping(&[]), &metric.series("", &ALL, None))),
        hold: "5m",
        severity: Severity::Ticket,
        summary: summary.to_owned(),
        description: description.to_owned(),
        may_be_empty,
        case: levels(|value| vec![(test_series(metric, "", None), value)], 0, 1),
    }
}

fn queue_fills(Exporter { queue, queue_max, .. }: &Exporter) -> Alert {
    let of = |metric: &Metric| aggregate("sum", &ALL.grouping(&[]), &metric.series("", &ALL, None));
    let series = |value: String| {
        vec![(test_series(queue, "", None), value), (test_series(queue_max, "", None), "100+0x60".to_owned())]
    };
    Alert {
        name: "TelemetryQueueFills".to_owned(),
        expression: format!("{} / {} > 0.8", of(queue), of(queue_max)),
        hold: "10m",
        severity: Severity::Ticket,
        summary: "{{ $labels.job }} can hardly hold what it has to deliver at {{ $labels.instance }}"
            .to_owned(),
        description: "The queue is nearly full; what does not fit is dropped.".to_owned(),
        may_be_empty: None,
        case: levels(series, 90, 10),
    }
}

fn too_many_series(naming: Naming) -> Alert {
    let overflow = overflowed(naming, &Scope { matchers: &[], by: &[], range: "" });
    let label = label(&naming.strategy.label_name("otel.metric.overflow"));
    let matchers: Vec<_> =
        TEST_LABELS.into_iter().map(str::to_owned).chain([format!(r#"{label}="true""#)]).collect();
    let series = selector("orders_total", &matchers);
    let plain = selector("orders_total", &TEST_LABELS.map(str::to_owned));
    Alert {
        name: "TooManySeries".to_owned(),
        expression: format!(
            r#"count by (job, metric) (label_replace({overflow}, "metric", "$1", "__name__", "(.+)")) > 0"#
        ),
        hold: "0s",
        severity: Severity::Ticket,
        summary: "{{ $labels.metric }} of {{ $labels.job }} has reached its limit of series".to_owned(),
        description:
            "What is beyond is counted together. The service's log names the attribute with too many values."
                .to_owned(),
        may_be_empty: Some("no instrument has reached its limit"),
        case: Case {
            bad: vec![(series, "0+1x60".to_owned())],
            good: vec![(plain, "0+1x60".to_owned())],
            labels: vec![("job", "shop".to_owned()), ("metric", "orders_total".to_owned())],
        },
    }
}

/// A level that alarms, and one that does not.
fn levels(series: impl Fn(String) -> Vec<(String, String)>, bad: u32, good: u32) -> Case {
    let at = |level: u32| series(format!("{level}+0x60"));
    Case { bad: at(bad), good: at(good), labels: labels() }
}

fn labels() -> Vec<(&'static str, String)> {
    vec![("instance", "a".to_owned()), ("job", "shop".to_owned())]
}
