//! What follows from definitions, by a shop that has one of each.

use throughline::core::{AttributeDef, InstrumentKind, NumberKind};
use throughline::{MetricDef, TranslationStrategy};

use super::chart::{Chart, Kind, charts, failing};
use super::metric::Metric;
use super::rules::{Objective, Pace, Rule, of_kit};

const OUTCOME: AttributeDef =
    AttributeDef { key: "outcome", values: &["ok", "failed", "timed_out"], cardinality: Some(3) };
const ROUTE: AttributeDef = AttributeDef { key: "http.route", values: &[], cardinality: None };
const ERROR: AttributeDef = AttributeDef { key: "error.type", values: &[], cardinality: None };
const ADDRESS: AttributeDef = AttributeDef { key: "server.address", values: &[], cardinality: None };

const fn def(name: &'static str, kind: InstrumentKind, unit: &'static str) -> MetricDef {
    MetricDef::new(name, kind, NumberKind::F64).with_unit(unit)
}

const SHOP: [MetricDef; 9] = [
    def("shop.requests", InstrumentKind::Counter, "{request}").with_attributes(&[ADDRESS, OUTCOME, ROUTE]),
    def("shop.request.duration", InstrumentKind::Histogram, "s").with_attributes(&[ROUTE, ERROR]),
    def("shop.errors", InstrumentKind::Counter, "{error}").with_attributes(&[ERROR]),
    def("shop.wait", InstrumentKind::Histogram, "s").with_bounds(&[]),
    def("shop.body.size", InstrumentKind::Histogram, "By"),
    def("shop.queue.size", InstrumentKind::UpDownCounter, "{item}"),
    def("shop.queue.capacity", InstrumentKind::UpDownCounter, "{item}"),
    def("shop.cpu", InstrumentKind::ObservableCounter, "s"),
    def("shop.load", InstrumentKind::Gauge, "1"),
];

fn metrics(strategy: TranslationStrategy) -> Vec<Metric> {
    SHOP.into_iter().filter_map(|def| Metric::new(def, strategy)).collect()
}

fn shop(strategy: TranslationStrategy) -> Vec<Chart> {
    charts(&metrics(strategy))
}

/// The first question of the panel of this title.
#[track_caller]
fn question(charts: &[Chart], title: &str) -> String {
    let chart = charts.iter().find(|chart| chart.title == title);
    chart.unwrap_or_else(|| panic!("no `{title}`")).queries[0].expression.clone()
}

#[test]
fn panels_follow_from_definitions() {
    let charts = shop(TranslationStrategy::default());
    let titles: Vec<_> = charts.iter().map(|chart| &*chart.title).collect();
    assert_eq!(
        titles,
        [
            "shop.requests: rate",
            "shop.request.duration: rate",
            "shop.wait: rate",
            "shop.requests: part that failed",
            "shop.request.duration: part that failed",
            "shop.errors: rate",
            "shop.errors: part of all",
            "shop.request.duration: p50, p95, p99",
            "shop.request.duration: distribution",
            "shop.wait: mean",
            "shop.queue.size: of its limit",
            "shop.queue.size: now",
            "shop.queue.capacity: now",
            "shop.cpu: of all time",
            "shop.load: largest",
            "shop.body.size: p50, p95, p99",
            "shop.body.size: distribution",
        ]
    );
    let with_exemplars = charts.iter().filter(|chart| chart.kind == Kind::LinesWithExemplars);
    assert_eq!(with_exemplars.count(), 2);
}

#[test]
fn failures_are_a_part_of_what_there_is_of_their_kind() {
    let counters = [
        "llm.cost",
        "llm.requests",
        "llm.errors",
        "mailbox.posts",
        "mailbox.undeliverable_messages",
        "mesh.sent",
        "mesh.received",
        "mesh.actor_failures",
    ];
    let counters = counters.map(|name| def(name, InstrumentKind::Counter, ""));
    let metrics: Vec<_> =
        counters.into_iter().filter_map(|def| Metric::new(def, TranslationStrategy::default())).collect();
    let pairs: Vec<_> = failing(&metrics).map(|(failed, all)| (failed.def.name, all.def.name)).collect();
    assert_eq!(
        pairs,
        [("llm.errors", "llm.requests"), ("mailbox.undeliverable_messages", "mailbox.posts")],
        "and not one of two"
    );
}

#[test]
fn questions_are_those_of_the_definitions() {
    let charts = shop(TranslationStrategy::default());
    let chosen = r#"job=~"$service", instance=~"$instance""#;
    let over = "[$__rate_interval]";
    assert_eq!(
        question(&charts, "shop.requests: rate"),
        format!("topk(10, sum by (http_route, outcome) (rate(shop_requests_total{{{chosen}}}{over})))")
    );
    let all = format!("sum(rate(shop_requests_total{{{chosen}}}{over}))");
    let failed = format!(r#"sum(rate(shop_requests_total{{{chosen}, outcome=~"failed|timed_out"}}{over}))"#);
    assert_eq!(
        question(&charts, "shop.requests: part that failed"),
        format!("({failed} or 0 * {all}) / {all}")
    );
    assert_eq!(
        question(&charts, "shop.errors: part of all"),
        format!("sum(rate(shop_errors_total{{{chosen}}}{over})) / {all}")
    );
    assert_eq!(
        question(&charts, "shop.queue.size: of its limit"),
        format!("sum(shop_queue_size{{{chosen}}}) / sum(shop_queue_capacity{{{chosen}}})")
    );
}

#[test]
fn names_as_they_are_stand_in_quotes() {
    let charts = shop(TranslationStrategy::NoTranslation);
    let chosen = r#"job=~"$service", instance=~"$instance""#;
    let over = "[$__rate_interval]";
    let duration = "shop.request.duration";
    assert_eq!(
        question(&charts, &format!("{duration}: p50, p95, p99")),
        format!(r#"histogram_quantile(0.5, sum by (le) (rate({{"{duration}_bucket", {chosen}}}{over})))"#)
    );
    let all = format!(r#"sum(rate({{"{duration}_count", {chosen}}}{over}))"#);
    let failed = format!(r#"sum(rate({{"{duration}_count", {chosen}, "error.type"!=""}}{over}))"#);
    assert_eq!(
        question(&charts, &format!("{duration}: part that failed")),
        format!("({failed} or 0 * {all}) / {all}")
    );
}

#[test]
fn rules_follow_from_definitions() {
    let objective = Objective::parse("99.9").expect("an objective");
    let rules = of_kit(&metrics(TranslationStrategy::default()), objective, Pace::REAL);
    let alerts: Vec<_> = rules
        .iter()
        .filter_map(|rule| match rule {
            Rule::Alert(alert) => Some((&*alert.name, &*alert.expression)),
            Rule::Record { .. } => None,
        })
        .collect();
    let names: Vec<_> = alerts.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "ShopRequestDurationSecondsBudgetBurnsFast",
            "ShopRequestDurationSecondsBudgetBurnsSlowly",
            "ShopRequestsBudgetBurnsFast",
            "ShopRequestsBudgetBurnsSlowly",
            "ShopRequestDurationSecondsSlow",
            "ShopQueueSizeNearLimit",
        ]
    );
    let ratio = "job:shop_requests:error_ratio_rate";
    assert_eq!(
        alerts[2].1,
        format!(
            "(({ratio}1h > 0.0144 and {ratio}5m > 0.0144) or ({ratio}6h > 0.006 and {ratio}30m > 0.006)) and \
             job:shop_requests:increase1h >= 100"
        )
    );
    assert_eq!(
        alerts[4].1,
        "job:shop_request_duration_seconds:p99_rate5m > 2.5 and \
                             job:shop_request_duration_seconds:increase1h >= 100"
    );
}
