//! Faults of receivers: pipelines that are not there, answers that refuse, and a Prometheus that is sent to.

use serde_json::{Value, json};
use throughline_rig::{Collector, CollectorConfig, PrometheusConfig, Rig};

use crate::examination::{ENDPOINT, METRICS_ENDPOINT, PROTOCOL, Patient, mended, sending_to};
use crate::fake::Fake;
use crate::healthy::looking_at_collector;

/// A Collector with an OTLP receiver and these pipelines, which end in a file.
pub(crate) fn with_pipelines(
    rig: &Rig,
    signals: &[&str],
    more: &Value,
    overlay: Option<String>,
) -> Collector {
    let pipeline = json!({ "receivers": ["otlp"], "exporters": ["file"] });
    let pipelines: serde_json::Map<_, _> =
        signals.iter().map(|signal| ((*signal).to_owned(), pipeline.clone())).collect();
    let reader = json!({ "host": "127.0.0.1", "port": "${env:TELEMETRY_PORT}" });
    let mut config = json!({
        "receivers": { "otlp": { "protocols": {
            "grpc": { "endpoint": "${env:OTLP_GRPC}" },
            "http": { "endpoint": "${env:OTLP_HTTP}" },
        }}},
        "exporters": { "file": { "path": "${env:OUT}", "flush_interval": "100ms" } },
        "extensions": { "health_check": { "endpoint": "${env:HEALTH}" } },
        "service": {
            "extensions": ["health_check"],
            "telemetry": { "metrics": { "readers": [{ "pull": { "exporter": { "prometheus": reader } } }] } },
            "pipelines": pipelines,
        },
    });
    merge(&mut config, more);
    rig.collector(CollectorConfig { raw: Some(config.to_string()), overlay, ..CollectorConfig::default() })
}

fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, more) => *into = more.clone(),
    }
}

pub(crate) fn pipelines(rig: &Rig) {
    for (missing, left, protocol) in [
        ("traces", ["metrics", "logs"], "http/protobuf"),
        ("logs", ["metrics", "traces"], "grpc"),
        ("metrics", ["traces", "logs"], "http/json"),
    ] {
        let patient = |collector: &Collector| {
            let url = if protocol == "grpc" { collector.otlp_grpc_url() } else { collector.otlp_http_url() };
            looking_at_collector(collector).with(ENDPOINT, url).with(PROTOCOL, protocol)
        };
        let collector = with_pipelines(rig, &left, &Value::Null, None);
        let examined = patient(&collector).examine();
        let found = examined.found(&format!("no pipeline for {missing} ({protocol})"), "accepted", "D302");
        let overlay = found.fix()["yaml"].as_str().map(str::to_owned);
        drop(collector);
        patient(&with_pipelines(rig, &left, &Value::Null, overlay)).examine().is_green();
        found.mended_by("collector_file");
    }
    let all = ["metrics", "traces", "logs"];
    let small =
        json!({ "receivers": { "otlp": { "protocols": { "http": { "max_request_body_size": 10 } } } } });
    let collector = with_pipelines(rig, &all, &small, None);
    let examined = sending_to(collector.otlp_http_url()).examine();
    let (hop, id) = examined.first();
    assert!(hop == "accepted" && ["D308", "D313"].contains(&id), "{:#}", examined.report);
}

/// Answers that real servers give when something is in front of them, or wrong with them.
pub(crate) fn answers(_: &Rig) {
    for (status, headers, body, id) in [
        ("401 Unauthorized", "", "", "D301"),
        ("403 Forbidden", "", "", "D301"),
        ("301 Moved Permanently", "Location: https://elsewhere/\r\n", "", "D311"),
        ("404 Not Found", "", "404 page not found", "D302"),
        ("413 Content Too Large", "", "", "D308"),
        ("415 Unsupported Media Type", "", "", "D309"),
        ("503 Service Unavailable", "", "data refused due to high memory usage", "D312"),
        ("500 Internal Server Error", "", "", "D313"),
        ("200 OK", "Content-Type: text/html\r\n", "<html>log in</html>", "D310"),
        (
            "200 OK",
            "Content-Type: application/json\r\n",
            r#"{"partialSuccess":{"rejectedSpans":"1","rejectedDataPoints":"1","rejectedLogRecords":"1","errorMessage":"no"}}"#,
            "D306",
        ),
    ] {
        let server = Fake::http(status, headers, body);
        let json = sending_to(server.url()).with(PROTOCOL, "http/json");
        json.examine().found(
            &format!("the receiver answers {status} {}", &headers.get(..12).unwrap_or_default()),
            "accepted",
            id,
        );
    }
}

pub(crate) fn prometheus(rig: &Rig) {
    let mut off = rig.prometheus(PrometheusConfig { otlp: false, ..PrometheusConfig::default() });
    let metrics_to = |prometheus: &throughline_rig::Prometheus| {
        Patient::new()
            .with(METRICS_ENDPOINT, format!("{}/v1/metrics", prometheus.otlp_url()))
            .looking_at("--prometheus", prometheus.url())
    };
    let examined = metrics_to(&off).examine();
    let found = examined.found("Prometheus without its OTLP receiver", "accepted", "D303");
    let flags = found.fix()["flags"]
        .as_array()
        .expect("flags")
        .iter()
        .map(|flag| flag.as_str().expect("text").to_owned());
    off.kill();
    let on = rig.prometheus(PrometheusConfig {
        otlp: false,
        flags: flags.collect(),
        ..PrometheusConfig::default()
    });
    metrics_to(&on).examine().is_green();
    found.mended_by("prometheus_flags");

    let looking = |patient: Patient| patient.looking_at("--prometheus", on.url());
    mended("Prometheus' address without /api/v1/otlp", &looking(sending_to(on.url())), "accepted", "D304");
    mended("traces and logs to Prometheus", &looking(sending_to(on.otlp_url())), "settings", "D009");
    let delta = metrics_to(&on).with("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    mended("delta metrics to Prometheus", &delta, "accepted", "D307");
    let low = metrics_to(&on).with("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "lowmemory");
    mended("lowmemory metrics to Prometheus", &low, "accepted", "D307");
    let logs = looking(sending_to(on.otlp_url())).with("OTEL_TRACES_EXPORTER", "none");
    mended("logs to Prometheus", &logs, "settings", "D009");
    let path = looking(Patient::new().with(METRICS_ENDPOINT, format!("{}/v1/metrics", on.url())));
    mended("the path of a Collector at Prometheus", &path, "accepted", "D304");
    let grpc = looking(sending_to(on.otlp_url()))
        .with(PROTOCOL, "grpc")
        .with("OTEL_TRACES_EXPORTER", "none")
        .with("OTEL_LOGS_EXPORTER", "none");
    let examined = grpc.examine();
    assert_eq!(examined.first(), ("protocol", "D202"), "{:#}", examined.report);
    for translation_strategy in
        ["NoUTF8EscapingWithSuffixes", "UnderscoreEscapingWithoutSuffixes", "NoTranslation"]
    {
        let translation_strategy = translation_strategy.to_owned();
        let prometheus =
            rig.prometheus(PrometheusConfig { translation_strategy, ..PrometheusConfig::default() });
        metrics_to(&prometheus).examine().is_green();
    }
}
