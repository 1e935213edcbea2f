//! The two stacks that documents tell people to start, as they stand in `tests/static/`, really started.

use std::fs;
use std::path::Path;

use throughline_rig::{CollectorConfig, PrometheusConfig, Rig};

use crate::examination::{METRICS_ENDPOINT, Patient};
use crate::healthy::looking_at_collector;

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/static").join(name);
    fs::read_to_string(path).expect("the file is there")
}

/// What the rig needs to know that the Collector is up, below `service`, with which the file ends.
const WATCHED: &str = "  extensions: [health_check]
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: \"${env:TELEMETRY_PORT}\"}}}}]}}
extensions: {health_check: {endpoint: \"${env:HEALTH}\"}}
";

pub(crate) fn stacks(rig: &Rig) {
    scraped(rig);
    pushed(rig);
}

/// A Collector that Prometheus scrapes. It has a pipeline for metrics alone, and the job drops whose metrics they are.
fn scraped(rig: &Rig) {
    let config = file("scraped_in_compose/otel-collector-config.yaml")
        .replace("0.0.0.0:4317", "${env:OTLP_GRPC}")
        .replace("0.0.0.0:4318", "${env:OTLP_HTTP}")
        .replace("0.0.0.0:8889", "${env:PROMETHEUS}");
    let start = |overlay| {
        let raw = Some(format!("{config}{WATCHED}"));
        rig.collector(CollectorConfig { raw, overlay, ..CollectorConfig::default() })
    };
    let as_found = start(None);
    let without_logs = |collector| looking_at_collector(collector).with("OTEL_LOGS_EXPORTER", "none");
    let examined = without_logs(&as_found).examine();
    let found = examined.found("the document's Collector is sent traces", "accepted", "D302");
    let mended = start(found.fix()["yaml"].as_str().map(str::to_owned));
    without_logs(&mended).examine().is_green();
    found.mended_by("collector_file");

    let raw = file("scraped_in_compose/prometheus.yml")
        .replace("localhost:8889", &mended.prometheus_exporter_address())
        .replace("15s", "1s")
        .replace("10s", "1s");
    let prometheus = rig.prometheus(PrometheusConfig { raw: Some(raw), ..PrometheusConfig::default() });
    let patient = without_logs(&mended).looking_at("--prometheus", prometheus.url());
    patient.examine().found("the document's Prometheus scrapes the Collector", "store", "D603");
}

/// A Prometheus that is pushed to.
fn pushed(rig: &Rig) {
    let start = |flags| {
        let raw = Some(file("pushed_directly/prometheus.yml"));
        rig.prometheus(PrometheusConfig { raw, otlp: false, flags, ..PrometheusConfig::default() })
    };
    let patient = |prometheus: &throughline_rig::Prometheus| {
        Patient::new()
            .with(METRICS_ENDPOINT, format!("{}/v1/metrics", prometheus.otlp_url()))
            .looking_at("--prometheus", prometheus.url())
    };
    let as_found = start(Vec::new());
    let examined = patient(&as_found).examine();
    let found = examined.found("the document's Prometheus without its flag", "accepted", "D303");
    let flags = found.fix()["flags"].as_array().into_iter().flatten();
    let flags = flags.filter_map(|flag| flag.as_str().map(str::to_owned)).collect();
    patient(&start(flags)).examine().is_green();
    found.mended_by("prometheus_flags");
}
