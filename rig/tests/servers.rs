//! The harness itself, against every server it can start.

#![expect(clippy::float_cmp, reason = "small whole numbers are exact")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use throughline_rig::{
    Case, Collector, CollectorConfig, DEADLINE, Need, Page, PrometheusConfig, Rig, eventually, http, run,
};

fn main() -> ExitCode {
    run(&[
        Case::new("prometheus_scrapes_a_page", &[Need::Prometheus], prometheus_scrapes_a_page),
        Case::new("prometheus_reads_exemplars_and_metadata", &[Need::Prometheus], prometheus_reads_exemplars),
        Case::new("prometheus_survives_a_restart", &[Need::Prometheus], prometheus_survives_a_restart),
        Case::new("collector_hands_on_metrics", &[Need::Collector], collector_hands_on_metrics),
        Case::new("collector_overlay_replaces_a_setting", &[Need::Collector], collector_overlay),
        Case::new(
            "collector_feeds_prometheus",
            &[Need::Collector, Need::Prometheus],
            collector_feeds_prometheus,
        ),
        Case::new("collector_feeds_jaeger", &[Need::Collector, Need::Jaeger], collector_feeds_jaeger),
        Case::new("alerts_fire", &[Need::Prometheus, Need::Alertmanager], alerts_fire),
        Case::new("promtool_judges", &[Need::Promtool], promtool_judges),
        Case::new("openmetrics_parser_judges", &[Need::Python], openmetrics_parser_judges),
        Case::new("servers_die_with_their_handle", &[Need::Prometheus], servers_die_with_their_handle),
    ])
}

fn prometheus_scrapes_a_page(rig: &Rig) {
    let page = Page::serve("text/plain; version=0.0.4", "jobs_total{kind=\"a\"} 3\n");
    let targets = vec![page.address()];
    let prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
    assert_eq!(prometheus.value_soon("up"), 1.0);
    assert_eq!(prometheus.query("jobs_total")[0].label("kind"), "a");
    assert_eq!(prometheus.value("1 + 1"), Some(2.0), "a scalar");
    assert_eq!(prometheus.series("jobs_total")[0]["job"], "app");
    assert_eq!(prometheus.targets()[0]["health"], "up");
    assert!(page.asked("accept").is_some_and(|accept| accept.contains("application/openmetrics-text")));
    page.replace("jobs_total{kind=\"a\"} 4\n");
    prometheus.await_value("jobs_total", 4.0);
}

fn prometheus_reads_exemplars(rig: &Rig) {
    let text = "# TYPE jobs counter\n# HELP jobs Jobs done.\njobs_total 3 # {trace_id=\"ab\"} 1.0\n# EOF\n";
    let page = Page::serve("application/openmetrics-text; version=1.0.0; charset=utf-8", text);
    let targets = vec![page.address()];
    let prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
    let exemplars = eventually(DEADLINE, "exemplars of jobs_total", || {
        let found = prometheus.query_exemplars("jobs_total");
        (found != json!([])).then_some(found)
    });
    assert_eq!(exemplars[0]["exemplars"][0]["labels"], json!({"trace_id": "ab"}));
    assert_eq!(prometheus.metadata("jobs")[0]["help"], "Jobs done.");
}

fn prometheus_survives_a_restart(rig: &Rig) {
    let page = Page::serve("text/plain; version=0.0.4", "jobs_total 3\n");
    let targets = vec![page.address()];
    let mut prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
    assert_eq!(prometheus.value_soon("jobs_total"), 3.0);
    prometheus.kill();
    assert!(http::get(prometheus.url()).is_err(), "a killed server must not answer");
    prometheus.restart();
    assert_eq!(prometheus.value_soon("jobs_total"), 3.0);
}

fn collector_hands_on_metrics(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    post(&collector, "/v1/metrics", &counter("jobs", 7));
    let metrics = eventually(DEADLINE, "metric in the file", || {
        Some(collector.received_metrics()).filter(|metrics| !metrics.is_empty())
    });
    assert_eq!(metrics[0]["name"], "jobs");
    assert_eq!(metrics[0]["sum"]["dataPoints"][0]["asInt"], "7");
    let page = http::get(&collector.prometheus_exporter_url()).expect("the Prometheus exporter answers");
    assert!(page.body.contains("\njobs_total{"), "{}", page.body);
    assert_eq!(collector.own_metric("otelcol_receiver_accepted_metric_points"), 1.0);
    assert_eq!(collector.own_metric("otelcol_receiver_refused_metric_points"), 0.0);
    assert!(collector.otlp_grpc_url().starts_with("http://127.0.0.1:"));
}

fn collector_overlay(rig: &Rig) {
    let overlay = "exporters: {prometheus: {namespace: shop}}".to_owned();
    let collector = rig.collector(CollectorConfig { overlay: Some(overlay), ..CollectorConfig::default() });
    post(&collector, "/v1/metrics", &counter("jobs", 7));
    let url = collector.prometheus_exporter_url();
    eventually(DEADLINE, "shop_jobs_total", || {
        http::get(&url).is_ok_and(|page| page.body.contains("\nshop_jobs_total{")).then_some(())
    });
}

fn collector_feeds_prometheus(rig: &Rig) {
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let metrics_to = Some(prometheus.otlp_url());
    let collector = rig.collector(CollectorConfig { metrics_to, ..CollectorConfig::default() });
    post(&collector, "/v1/metrics", &counter("jobs", 7));
    assert_eq!(prometheus.value_soon("jobs_total{job=\"shop\"}"), 7.0);
}

fn collector_feeds_jaeger(rig: &Rig) {
    let jaeger = rig.jaeger();
    let traces_to = Some(jaeger.otlp_grpc());
    let collector = rig.collector(CollectorConfig { traces_to, ..CollectorConfig::default() });
    let id = "5b8efff798038103d269b633813fc60c";
    post(&collector, "/v1/traces", &span(id));
    let trace = eventually(DEADLINE, "trace in Jaeger", || jaeger.trace(id));
    assert_eq!(trace["spans"][0]["operationName"], "checkout");
    assert_eq!(jaeger.services(), ["shop"]);
    // The file exporter flushes on its own time.
    eventually(DEADLINE, "span in the file", || collector.received_spans().pop());
}

fn alerts_fire(rig: &Rig) {
    let alertmanager = rig.alertmanager();
    let rules = "groups: [{name: g, rules: [{alert: Always, expr: vector(1)}]}]";
    let prometheus = rig.prometheus(PrometheusConfig {
        rules: Some(rules.to_owned()),
        alertmanagers: vec![alertmanager.address()],
        ..PrometheusConfig::default()
    });
    let alert = eventually(DEADLINE, "alert", || alertmanager.alerts().pop());
    assert_eq!(alert["labels"]["alertname"], "Always");
    drop(prometheus);
}

fn promtool_judges(rig: &Rig) {
    let good = "# HELP jobs_total Jobs done.\n# TYPE jobs_total counter\njobs_total 3\n";
    assert_eq!(rig.promtool_check_metrics(good), Ok(()));
    let unfit =
        rig.promtool_check_metrics("# TYPE jobs counter\njobs 3\n").expect_err("a counter without _total");
    assert!(unfit.contains("_total"), "{unfit}");
    assert!(rig.promtool_check_metrics("jobs{ 3\n").is_err(), "broken syntax");
    assert_eq!(rig.promtool_check_rules("groups: [{name: g, rules: [{record: a:b, expr: up}]}]"), Ok(()));
    assert!(rig.promtool_check_rules("groups: [{name: g, rules: [{record: a:b, expr: up(}]}]").is_err());
}

fn openmetrics_parser_judges(rig: &Rig) {
    let page = "# TYPE jobs counter\n# UNIT jobs \n# HELP jobs Jobs done.\n\
                jobs_total{kind=\"a\"} 3.0 # {trace_id=\"ab\"} 1.0\n# EOF\n";
    let families = rig.parse_openmetrics(page).expect("a valid page");
    assert_eq!(families[0]["type"], "counter");
    assert_eq!(families[0]["samples"][0]["labels"], json!({"kind": "a"}));
    assert_eq!(families[0]["samples"][0]["exemplar"]["labels"], json!({"trace_id": "ab"}));
    let complaint = rig.parse_openmetrics("jobs_total 3\n").expect_err("no end marker");
    assert!(complaint.contains("EOF"), "{complaint}");
}

fn servers_die_with_their_handle(rig: &Rig) {
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let url = prometheus.url().to_owned();
    let proc_folder = format!("/proc/{}", prometheus.id().expect("it runs"));
    assert!(prometheus.log().contains("Starting Prometheus Server"), "{}", prometheus.log());
    drop(prometheus);
    assert!(http::get(&url).is_err(), "it still answers");
    assert!(fs::metadata(Path::new(&proc_folder)).is_err(), "the process is still there");
}

fn post(collector: &Collector, path: &str, body: &Value) {
    let url = format!("{}{path}", collector.otlp_http_url());
    let answer =
        http::post(&url, "application/json", body.to_string().as_bytes()).expect("the Collector answers");
    assert!(answer.is_success(), "{answer:?}");
}

fn resource() -> Value {
    json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]})
}

fn now_nanos() -> String {
    #[expect(clippy::disallowed_methods, reason = "real servers refuse samples that are too old")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).expect("a clock set after 1970");
    since.as_nanos().to_string()
}

fn counter(name: &str, value: u64) -> Value {
    let point =
        json!({"asInt": value.to_string(), "startTimeUnixNano": now_nanos(), "timeUnixNano": now_nanos()});
    let sum = json!({"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point]});
    let scope = json!({"scope": {"name": "test"}, "metrics": [{"name": name, "sum": sum}]});
    json!({"resourceMetrics": [{"resource": resource(), "scopeMetrics": [scope]}]})
}

fn span(trace_id: &str) -> Value {
    let (start, end) = (now_nanos(), now_nanos());
    let span = json!({
        "traceId": trace_id, "spanId": "eee19b7ec3c1b174", "name": "checkout", "kind": 2,
        "startTimeUnixNano": start, "endTimeUnixNano": end,
    });
    let scope = json!({"scope": {"name": "test"}, "spans": [span]});
    json!({"resourceSpans": [{"resource": resource(), "scopeSpans": [scope]}]})
}
