//! What works is said to work, every time.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use throughline_rig::{Collector, CollectorConfig, Jaeger, Prometheus, PrometheusConfig, Rig};

use crate::command::throughline;
use crate::examination::{ENDPOINT, Patient};

/// How often a healthy stack is looked at.
const RUNS: usize = 50;

/// A Collector that gives metrics to Prometheus both ways and traces to Jaeger.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) collector: Collector,
    pub(crate) prometheus: Prometheus,
    pub(crate) jaeger: Jaeger,
}

impl Stack {
    /// Metrics are pushed into Prometheus by the Collector.
    pub(crate) fn pushing(rig: &Rig, prometheus: PrometheusConfig) -> Self {
        let jaeger = rig.jaeger();
        let prometheus = rig.prometheus(prometheus);
        let collector = rig.collector(CollectorConfig {
            metrics_to: Some(prometheus.otlp_url()),
            traces_to: Some(jaeger.otlp_grpc()),
            ..CollectorConfig::default()
        });
        Self { collector, prometheus, jaeger }
    }

    /// Metrics are scraped from the Collector by Prometheus.
    pub(crate) fn scraped(rig: &Rig, honor_labels: bool) -> Self {
        let jaeger = rig.jaeger();
        let traces_to = Some(jaeger.otlp_grpc());
        let collector = rig.collector(CollectorConfig { traces_to, ..CollectorConfig::default() });
        let prometheus = rig.prometheus(PrometheusConfig {
            targets: vec![collector.prometheus_exporter_address()],
            honor_labels,
            ..PrometheusConfig::default()
        });
        Self { collector, prometheus, jaeger }
    }

    /// A program that sends to it over HTTP, and all hops looked at.
    pub(crate) fn patient(&self) -> Patient {
        looking_at_collector(&self.collector)
            .looking_at("--prometheus", self.prometheus.url())
            .looking_at("--traces-api", self.jaeger.url())
    }
}

/// A program that sends to this Collector, whose own metrics are looked at.
pub(crate) fn looking_at_collector(collector: &Collector) -> Patient {
    Patient::new()
        .with(ENDPOINT, collector.otlp_http_url())
        .looking_at("--collector-metrics", collector.own_metrics_url())
}

pub(crate) fn every_time(rig: &Rig) {
    let pushing = Stack::pushing(rig, PrometheusConfig::default());
    let scraped = Stack::scraped(rig, true);
    for _ in 0..RUNS / 2 {
        pushing.patient().examine().is_green();
        scraped.patient().examine().is_green();
    }
}

pub(crate) fn all_protocols(rig: &Rig) {
    let stack = Stack::pushing(rig, PrometheusConfig::default());
    for (protocol, endpoint) in [
        ("http/protobuf", stack.collector.otlp_http_url()),
        ("http/json", stack.collector.otlp_http_url()),
        ("grpc", stack.collector.otlp_grpc_url()),
    ] {
        let patient = stack.patient().with(ENDPOINT, endpoint);
        patient.with("OTEL_EXPORTER_OTLP_PROTOCOL", protocol).examine().is_green();
    }
    let spans = stack.collector.own_metric("otelcol_receiver_accepted_spans");
    assert!((spans - 3.0).abs() < f64::EPSILON, "{spans} spans: one for each run");
}

pub(crate) fn read_only(rig: &Rig) {
    let stack = Stack::pushing(rig, PrometheusConfig::default());
    let examined = stack.patient().flag("--read-only").examine();
    assert_eq!(examined.status, Some(0), "{:#}", examined.report);
    assert!(stack.collector.own_metric("otelcol_receiver_accepted_spans").abs() < f64::EPSILON);
    assert!(stack.prometheus.query("{__name__=~\"throughline.*\"}").is_empty());
}

pub(crate) fn one_series(rig: &Rig) {
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let patient = Patient::new()
        .with("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", format!("{}/v1/metrics", prometheus.otlp_url()))
        .looking_at("--prometheus", prometheus.url());
    for _ in 0..3 {
        patient.examine().is_green();
    }
    assert_eq!(prometheus.series("{__name__=~\".+\"}").len(), 1, "however often it runs");
}

/// It is looked again until the receiver is back.
pub(crate) fn watched(rig: &Rig) {
    let mut collector = rig.collector(CollectorConfig::default());
    collector.kill();
    let mut watching = throughline(&["doctor", "--watch"])
        .env(ENDPOINT, collector.otlp_http_url())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("its output")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("reach      broken")), "it is down");
    collector.restart();
    assert!(lines.any(|line| line.starts_with("Everything that was looked at works")), "it is back");
    assert!(watching.wait().expect("it ends").success());
}
