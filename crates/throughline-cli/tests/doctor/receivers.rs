//! Faults of receivers: pipelines that are not there, answers that refuse, and a Prometheus that is sent to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use throughline_rig::{Collector, CollectorConfig, PrometheusConfig, Rig, http};

use crate::examination::{ENDPOINT, METRICS_ENDPOINT, PROTOCOL, Patient, mended, sending_to};
use crate::fake::{Fake, Response};
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
    let waiting = json!({ "processors": ["batch"] });
    let late = json!({
        "processors": { "batch": { "timeout": "1m" } },
        "service": { "pipelines": { "metrics": waiting, "traces": waiting, "logs": waiting } },
    });
    for protocol in ["http/protobuf", "http/json"] {
        let collector = with_pipelines(rig, &all, &late, None);
        let patient = looking_at_collector(&collector).with(PROTOCOL, protocol);
        patient.examine().found(
            &format!("a batch that waits for a minute ({protocol})"),
            "collector",
            "D406",
        );
    }
    let small =
        json!({ "receivers": { "otlp": { "protocols": { "http": { "max_request_body_size": 10 } } } } });
    let collector = with_pipelines(rig, &all, &small, None);
    let examined = sending_to(collector.otlp_http_url()).examine();
    let (hop, id) = examined.first();
    assert!(hop == "accepted" && ["D308", "D313"].contains(&id), "{:#}", examined.report);
}

/// A receiver that takes connections and says who it is, and no more.
fn silent() -> Fake {
    Fake::answering(|head| head.starts_with("GET ").then(|| Response::new("404 Not Found", "", "")))
}

/// Answers that real servers give when something is in front of them, or wrong with them.
pub(crate) fn answers(_: &Rig) {
    for protocol in ["http/protobuf", "http/json"] {
        let patient = sending_to(silent().url()).with(PROTOCOL, protocol);
        patient.examine().found(&format!("no answer to what is sent ({protocol})"), "accepted", "D314");
    }
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

/// A sample of the same series that is ahead in time.
fn push_ahead(prometheus: &throughline_rig::Prometheus) {
    let ahead = SystemTime::now() + Duration::from_secs(60);
    let nanoseconds = ahead.duration_since(UNIX_EPOCH).expect("it is later").as_nanos().to_string();
    let attribute = |key: &str| json!({ "key": key, "value": { "stringValue": "throughline-doctor" } });
    let point = json!({ "asDouble": 1.0, "timeUnixNano": nanoseconds });
    let metric = json!({ "name": "throughline.doctor.probe", "gauge": { "dataPoints": [point] } });
    let request = json!({ "resourceMetrics": [{
        "resource": { "attributes": [attribute("service.name"), attribute("service.instance.id")] },
        "scopeMetrics": [{ "metrics": [metric] }],
    }]});
    let url = format!("{}/v1/metrics", prometheus.otlp_url());
    let answer = http::post(&url, "application/json", request.to_string().as_bytes()).expect("it answers");
    assert!(answer.is_success(), "{answer:?}");
}

pub(crate) fn out_of_order(rig: &Rig) {
    for protocol in ["http/protobuf", "http/json"] {
        let patient = |prometheus: &throughline_rig::Prometheus| {
            push_ahead(prometheus);
            let metrics = format!("{}/v1/metrics", prometheus.otlp_url());
            Patient::new().with(METRICS_ENDPOINT, metrics).with(PROTOCOL, protocol)
        };
        let in_order =
            PrometheusConfig { out_of_order_window: "0s".to_owned(), ..PrometheusConfig::default() };
        let examined = patient(&rig.prometheus(in_order)).examine();
        let found = examined.found(&format!("a sample behind another ({protocol})"), "accepted", "D315");
        let raw = found.fix()["yaml"].as_str().map(str::to_owned);
        let mended = rig.prometheus(PrometheusConfig { raw, ..PrometheusConfig::default() });
        patient(&mended).examine().is_green();
        found.mended_by("prometheus_file");
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
    for signal in ["traces", "logs"] {
        let variable = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.to_uppercase());
        let there = Patient::new().with(&variable, format!("{}/v1/{signal}", on.url()));
        let there = there.with(METRICS_ENDPOINT, format!("{}/v1/metrics", on.otlp_url()));
        mended(&format!("{signal} of their own endpoint to Prometheus"), &there, "accepted", "D305");
    }
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
