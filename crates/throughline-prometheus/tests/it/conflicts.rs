//! Names and labels that get in each other's way: one stays, the other is reported.

use throughline_core::AttributeSet;
use throughline_metrics::MeterProvider;
use throughline_metrics::data::{Collection, HistogramValue, MetricData, Number, Temporality};
use throughline_prometheus::{Format, ProblemKind, PrometheusConfig, Renderer};

use crate::sample::{
    Made, OPENMETRICS, PROTOBUF, TEXT, attributes, bytes, collection, counter, described, exporter_of, gauge,
    histogram, in_scope, metric, only, point, render, scope, shop,
};

fn one(value: u64) -> Vec<Made<Number>> {
    vec![point(value, AttributeSet::empty(), Number::U64(value))]
}

fn one_histogram(series: u64) -> MetricData {
    let value = HistogramValue { count: 1, sum: 1.0, buckets: &[1], ..HistogramValue::default() };
    histogram(&[], vec![point(series, AttributeSet::empty(), value)])
}

/// Renders and returns the text without comments, and what was reported about which instrument.
fn shown(
    config: PrometheusConfig,
    collection: &Collection,
    format: Format,
) -> (String, Vec<(String, ProblemKind)>) {
    let mut renderer = Renderer::new(config);
    let text = String::from_utf8(bytes(&mut renderer, collection, format)).expect("UTF-8");
    let samples = text.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect();
    let problems =
        renderer.problems().iter().map(|problem| (problem.instrument.clone(), problem.kind.clone()));
    (samples, problems.collect())
}

fn pair(first: throughline_metrics::data::Metric, second: throughline_metrics::data::Metric) -> Collection {
    collection(vec![in_scope(scope(""), vec![first, second])])
}

#[test]
fn scopes_share_a_family_and_their_labels_tell_them_apart() {
    let collection = collection(vec![
        in_scope(scope("b"), vec![metric(2, "jobs", "", counter(one(2)))]),
        in_scope(scope("a"), vec![metric(1, "jobs", "", counter(one(1)))]),
    ]);
    let text = render(&collection, TEXT);
    let expected = "# TYPE jobs_total counter\n\
        jobs_total{otel_scope_name=\"a\"} 1\n\
        jobs_total{otel_scope_name=\"b\"} 2\n";
    assert_eq!(text, expected);

    let without = PrometheusConfig::default().with_scope_labels(false);
    let (text, problems) = shown(without, &collection, TEXT);
    assert_eq!(text, "jobs_total 1\n", "the series created first stays, wherever its scope sorts");
    assert_eq!(problems, [("jobs".to_owned(), ProblemKind::SameLabels)]);
}

#[test]
fn of_two_types_the_first_stays() {
    let collection = pair(metric(1, "a.b", "", gauge(one(1))), metric(2, "a_b", "", one_histogram(2)));
    for format in [TEXT, OPENMETRICS, PROTOBUF] {
        let mut renderer = Renderer::default();
        bytes(&mut renderer, &collection, format);
        bytes(&mut renderer, &collection, format);
        let problems = renderer.problems();
        assert_eq!(problems.len(), 1, "reported once");
        assert_eq!((&*problems[0].instrument, &problems[0].kind), ("a_b", &ProblemKind::OtherType));
        let said = problems[0].to_string();
        assert!(said.contains("`a_b`") && said.contains("is left out"), "{said}");
    }
}

#[test]
fn samples_of_a_histogram_are_nobody_elses() {
    let taken = |by: &str| ProblemKind::NameTaken { by: by.to_owned() };
    let first = pair(metric(1, "h", "", one_histogram(1)), metric(2, "h.count", "", gauge(one(2))));
    let (_, problems) = shown(PrometheusConfig::default(), &first, TEXT);
    assert_eq!(problems, [("h.count".to_owned(), taken("h"))]);

    let second = pair(metric(1, "h.sum", "", gauge(one(2))), metric(2, "h", "", one_histogram(1)));
    let (text, problems) = shown(PrometheusConfig::default(), &second, TEXT);
    assert_eq!((&*text, problems), ("h_sum 2\n", vec![("h".to_owned(), taken("h_sum"))]));
}

#[test]
fn units_and_descriptions_that_differ_lose_no_points() {
    let first = described("One.", metric(1, "x_seconds", "s", gauge(one(1))));
    let other = described("Other.", metric(2, "x_seconds", "", gauge(one(2))));
    let collection = collection(vec![in_scope(scope("a"), vec![first]), in_scope(scope("b"), vec![other])]);
    let (text, problems) = shown(PrometheusConfig::default(), &collection, OPENMETRICS);
    assert_eq!(text.lines().count(), 2);
    let kinds: Vec<_> = problems.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [ProblemKind::OtherUnit, ProblemKind::OtherDescription]);
}

#[test]
fn in_openmetrics_a_counter_keeps_its_name_when_its_family_is_taken() {
    let collection = pair(metric(1, "x", "", gauge(one(1))), metric(2, "x", "", counter(one(2))));
    let (text, problems) = shown(PrometheusConfig::default(), &collection, OPENMETRICS);
    assert_eq!(text, "x 1\nx_total 2\n");
    assert_eq!(problems, []);
    assert!(render(&collection, OPENMETRICS).contains("# TYPE x_total unknown\n"));
}

#[test]
fn the_target_is_the_resources() {
    let mut collection = shop();
    collection.scopes.push(in_scope(scope("forger"), vec![metric(90, "target.info", "", gauge(one(1)))]));
    let (text, problems) = shown(PrometheusConfig::default(), &collection, TEXT);
    assert_eq!(text.matches("target_info").count(), 1);
    assert_eq!(problems.len(), 1);

    collection.scopes = vec![in_scope(scope("forger"), vec![metric(91, "target", "", gauge(one(1)))])];
    let text = render(&collection, OPENMETRICS);
    assert!(text.starts_with("# HELP target_info") && text.contains("# TYPE target_info gauge\n"), "{text}");
}

#[test]
fn what_prometheus_cannot_take_is_reported() {
    let mut delta = counter(one(1));
    if let MetricData::Sum { temporality, .. } = &mut delta {
        *temporality = Temporality::Delta;
    }
    let (text, problems) = shown(PrometheusConfig::default(), &only(metric(1, "d", "", delta)), TEXT);
    assert_eq!((&*text, problems), ("", vec![("d".to_owned(), ProblemKind::Delta)]));

    let nameless = only(metric(1, "@#", "", gauge(one(1))));
    let (text, problems) = shown(PrometheusConfig::default(), &nameless, TEXT);
    assert_eq!((&*text, problems), ("", vec![("@#".to_owned(), ProblemKind::NoName)]));
}

#[test]
fn attributes_that_differ_only_where_prometheus_sees_nothing_are_one_series() {
    let points = vec![
        point(1, attributes(&[("a", "")]), Number::U64(1)),
        point(2, AttributeSet::empty(), Number::U64(2)),
        point(3, attributes(&[("__name__", "forged")]), Number::U64(3)),
    ];
    let (text, problems) = shown(PrometheusConfig::default(), &only(metric(1, "g", "", gauge(points))), TEXT);
    assert_eq!((&*text, problems), ("g 1\n", vec![("g".to_owned(), ProblemKind::SameLabels)]));
}

#[test]
fn the_exporter_tells_what_its_scrapes_found() {
    let provider = MeterProvider::default();
    provider.meter("one").u64_gauge("a.b_total").build().set(1, &[]);
    provider.meter("other").u64_counter("a_b").build().add(1, &[]);
    let exporter = exporter_of(&provider);
    assert_eq!(exporter.problems(), []);
    exporter.render_text(TEXT);
    exporter.render_text(OPENMETRICS);
    let problems = exporter.problems();
    assert_eq!(problems.len(), 1);
    assert_eq!((&*problems[0].scope, &problems[0].kind), ("other", &ProblemKind::OtherType));
}
