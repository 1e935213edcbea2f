//! One trace through two processes of ours and two of a stranger's, over HTTP headers, as Jaeger shows it; and what a log
//! line, a span and an exemplar have in common.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use throughline_rig::{DEADLINE, Jaeger, PrometheusConfig, Rig, eventually};

use crate::hop::{Hop, elsewhere, first_line};
use crate::jaeger::{find, parent, tag};

/// The Python OpenTelemetry SDK asks our shop, which asks another Python, which asks our bank: the stranger is the root,
/// and the stranger is in the middle.
pub(crate) fn one_trace_through_ours_and_strangers(rig: &Rig) {
    let jaeger = rig.jaeger();
    let receiver = jaeger.otlp_http_url();
    let bank = Hop::start("bank", &receiver, None);
    let mut broker = stranger(&rig.python(), "pass", &bank.url(), &jaeger);
    let shop = Hop::start("shop", &receiver, Some(&format!("http://127.0.0.1:{}/", first_line(&mut broker))));
    let mut client = stranger(&rig.python(), "ask", &shop.url(), &jaeger);
    let trace_id = first_line(&mut client);
    for mut process in [client, broker] {
        assert!(process.wait().expect("it ends").success());
    }
    for hop in [shop, bank] {
        let (delivered, _log) = hop.end();
        assert!(delivered.contains("spans delivered and 0 not"), "{delivered}");
    }

    let trace = whole_trace(&jaeger, &trace_id, 8);
    let chain = [
        ("stranger-ask", "ask", "client"),
        ("shop", "GET /", "server"),
        ("shop", "call", "client"),
        ("stranger-pass", "pass", "server"),
        ("stranger-pass", "ask", "client"),
        ("bank", "GET /", "server"),
    ];
    let spans = chain.map(|(service, name, kind)| {
        let span = span_of(&trace, service, name);
        assert_eq!(tag(span, "span.kind"), kind, "{service} {name}");
        span
    });
    assert_eq!(spans[0]["references"], json!([]), "the stranger is the root");
    for pair in spans.windows(2) {
        assert_eq!(parent(pair[1]), &pair[0]["spanID"], "{} under {}", pair[1], pair[0]);
    }
    for service in ["shop", "bank"] {
        assert_what_ours_said(&trace, service);
    }
}

fn assert_what_ours_said(trace: &Value, service: &str) {
    let request = span_of(trace, service, "GET /");
    assert_eq!(tag(request, "answer"), 42);
    // The stranger's baggage: what was allowed, and nothing else of it.
    assert_eq!(tag(request, "tenant"), "blue");
    assert!(request["tags"].as_array().is_some_and(|tags| tags.iter().all(|tag| tag["key"] != "card")));
    let event = &request["logs"][0]["fields"];
    assert_eq!(find(event, "key", "event")["value"], "looked up");
    assert_eq!(find(event, "key", "rows")["value"], 3);
    let link = find(&request["references"], "refType", "FOLLOWS_FROM");
    assert_eq!(link["traceID"].as_str(), Some(&*elsewhere().trace_id().to_string()));
    assert_eq!(link["spanID"].as_str(), Some(&*elsewhere().span_id().to_string()));
    let query = span_of(trace, service, "query");
    assert_eq!(parent(query), &request["spanID"]);
    let exception = &query["logs"][0]["fields"];
    assert_eq!(find(exception, "key", "event")["value"], "exception");
    assert_eq!(find(exception, "key", "exception.message")["value"], "invalid digit found in string");
    assert_eq!(find(exception, "key", "exception.type")["value"], "core::num::error::ParseIntError");
}

/// The log line on the console, the span in Jaeger and the exemplar in Prometheus are of one trace.
pub(crate) fn a_log_line_a_span_and_an_exemplar_agree(rig: &Rig) {
    let jaeger = rig.jaeger();
    let shop = Hop::start("shop", &jaeger.otlp_http_url(), None);
    let mut client = stranger(&rig.python(), "ask", &shop.url(), &jaeger);
    let trace_id = first_line(&mut client);
    assert!(client.wait().expect("it ends").success());
    let targets = vec![shop.metrics.clone()];
    let prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
    let exemplars = eventually(DEADLINE, "an exemplar", || {
        let found = prometheus.query_exemplars("hop_duration_seconds_bucket");
        found.as_array().filter(|series| !series.is_empty()).cloned()
    });
    let (_delivered, log) = shop.end();

    let exemplar = &exemplars[0]["exemplars"][0];
    let line = log.iter().find(|line| line["message"] == "looked up");
    let line = line.unwrap_or_else(|| panic!("no such line in {log:?}"));
    let trace = whole_trace(&jaeger, &trace_id, 3);
    let span = span_of(&trace, "shop", "GET /");
    assert_eq!(exemplar["value"], "0.25");
    for id in [&exemplar["labels"]["trace_id"], &line["trace_id"], &span["traceID"]] {
        assert_eq!(*id, *trace_id);
    }
    for id in [&exemplar["labels"]["span_id"], &line["span_id"]] {
        assert_eq!(id, &span["spanID"]);
    }
    assert_eq!(line["fields"]["rows"], 3);
}

fn stranger(python: &Path, mode: &str, url: &str, jaeger: &Jaeger) -> Child {
    Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/stranger.py"))
        .args([mode, url, &format!("{}/v1/traces", jaeger.otlp_http_url())])
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts")
}

fn whole_trace(jaeger: &Jaeger, id: &str, spans: usize) -> Value {
    eventually(DEADLINE, "the whole trace", || {
        let trace = jaeger.trace(id)?;
        (trace["spans"].as_array()?.len() == spans).then_some(trace)
    })
}

/// The span of this name of this service.
#[track_caller]
fn span_of<'a>(trace: &'a Value, service: &str, name: &str) -> &'a Value {
    let mut spans = trace["spans"].as_array().into_iter().flatten();
    let found = spans.find(|span| {
        let process = span["processID"].as_str().unwrap_or_default();
        span["operationName"] == name && trace["processes"][process]["serviceName"] == service
    });
    found.unwrap_or_else(|| panic!("no {name} of {service} in {trace:#}"))
}
