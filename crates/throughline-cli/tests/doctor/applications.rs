//! `throughline doctor run` in front of real programs: this command's own, and one of the Python SDK that is broken in one way
//! after the other. What the proxy says is what a real Collector counted.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use throughline_rig::{Collector, CollectorConfig, DEADLINE, PrometheusConfig, Rig, eventually};

use crate::command::throughline;
use crate::examination::{ENDPOINT, Examined, PROTOCOL, Patient};
use crate::fake::{Fake, closed_port};
use crate::panicking;
use crate::receivers::with_pipelines;
use crate::tls::Authority;

const BINARY: &str = env!("CARGO_BIN_EXE_throughline");
const APPLICATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doctor/application.py");

/// The time that is given to what has to be asked to end: enough for it to be up.
const ASKED_AFTER: &str = "5s";

/// Runs a program for as long as it takes.
#[track_caller]
fn run(patient: &Patient, command: &[&str]) -> Examined {
    run_for("60s", patient, command)
}

#[track_caller]
fn run_for(time: &str, patient: &Patient, command: &[&str]) -> Examined {
    let mut arguments = vec!["doctor", "run", "--format", "json", "--for", time];
    arguments.extend(patient.arguments.iter().map(String::as_str));
    arguments.push("--");
    arguments.extend(command);
    patient.examined(&mut throughline(&arguments))
}

/// An application of the Python SDK with this fault.
struct Python(String);

impl Python {
    #[track_caller]
    fn run(&self, patient: &Patient, fault: &str) -> Examined {
        run(patient, &[&self.0, APPLICATION, fault])
    }

    #[track_caller]
    fn run_until_asked(&self, patient: &Patient, fault: &str) -> Examined {
        run_for(ASKED_AFTER, patient, &[&self.0, APPLICATION, fault])
    }
}

fn python(rig: &Rig) -> Python {
    Python(rig.python().to_string_lossy().into_owned())
}

fn shop() -> Patient {
    Patient::new().with("OTEL_SERVICE_NAME", "shop")
}

/// The account of a signal.
#[track_caller]
fn signal<'a>(examined: &'a Examined, name: &str) -> &'a Value {
    let signals = examined.report["application"]["signals"].as_array().expect("signals");
    signals
        .iter()
        .find(|signal| signal["signal"] == name)
        .unwrap_or_else(|| panic!("{name}: {:#}", examined.report))
}

#[track_caller]
fn count(examined: &Examined, name: &str, what: &str) -> u64 {
    signal(examined, name)[what].as_u64().expect("a number")
}

/// The verdict of a check of hop `application`.
fn verdict<'a>(examined: &'a Examined, subject: &str) -> &'a str {
    let hops = examined.report["hops"].as_array().expect("hops");
    let checks =
        hops.iter().filter(|hop| hop["hop"] == "application").filter_map(|hop| hop["checks"].as_array());
    let check = checks.flatten().find(|check| check["subject"] == subject);
    check.and_then(|check| check["verdict"].as_str()).unwrap_or("none")
}

/// No finding but that `throughline load` failed: it says so when a busy machine does not reach the rate.
#[track_caller]
fn is_green_at_any_rate(examined: &Examined) {
    let hops = examined.report["hops"].as_array().expect("hops");
    let found = hops.iter().filter_map(|hop| hop["checks"].as_array()).flatten();
    let found: Vec<_> =
        found.filter(|check| !check["finding"].is_null() && check["subject"] != "end").collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// What arrives is what the proxy says was taken, in every protocol.
pub(crate) fn forwarded(rig: &Rig) {
    for (protocol, compression) in [("http/protobuf", "gzip"), ("http/json", "none"), ("grpc", "zstd")] {
        let collector = rig.collector(CollectorConfig::default());
        let url = if protocol == "grpc" { collector.otlp_grpc_url() } else { collector.otlp_http_url() };
        let patient = Patient::new()
            .with(ENDPOINT, url)
            .with(PROTOCOL, protocol)
            .with("OTEL_EXPORTER_OTLP_COMPRESSION", compression);
        let examined =
            run(&patient, &[BINARY, "load", "--for", "2s", "--interval", "500ms", "--service", "shop"]);
        is_green_at_any_rate(&examined);
        let accepted = |items| collector.own_metric(&format!("otelcol_receiver_accepted_{items}"));
        for (name, items) in [("metrics", "metric_points"), ("traces", "spans"), ("logs", "log_records")] {
            let taken = count(&examined, name, "taken");
            assert!(
                taken > 0 && (accepted(items) - taken as f64).abs() < f64::EPSILON,
                "{protocol} {name}: {taken}"
            );
            let encoding = json!([{ "protocol": protocol, "compression": compression }]);
            assert_eq!(signal(&examined, name)["encodings"], encoding);
        }
        arrived(&examined, &collector);
        assert_eq!(verdict(&examined, "flush"), "ok");
    }
}

/// A receiver that speaks TLS is spoken to as the application would.
pub(crate) fn forwarded_over_tls(rig: &Rig) {
    let authority = Authority::new();
    authority.issue("good", "127.0.0.1", false);
    let collector = authority.collector(rig, "good", false);
    for (protocol, url) in [("http/protobuf", collector.otlp_http_url()), ("grpc", collector.otlp_grpc_url())]
    {
        let distrusting =
            Patient::new().with(ENDPOINT, url.replace("http://", "https://")).with(PROTOCOL, protocol);
        let trusting = distrusting.clone().with("OTEL_EXPORTER_OTLP_CERTIFICATE", authority.file("ca.pem"));
        run(&trusting, &[BINARY, "send"]).is_green();
        let examined = run(&distrusting, &[BINARY, "send", "--timeout", "2s"]);
        examined.found(
            &format!("an application's receiver that nobody trusts ({protocol})"),
            "reach",
            "D104",
        );
    }
    eventually(DEADLINE, "all spans", || (collector.received_spans().len() == 2).then_some(()));
}

/// The names of instruments, of scopes and of the service are those that arrived.
#[track_caller]
fn arrived(examined: &Examined, collector: &Collector) {
    let application = &examined.report["application"];
    let points = |metrics: &[Value]| -> usize {
        let of = |metric: &Value| metric["sum"]["dataPoints"].as_array().map_or(0, Vec::len);
        metrics.iter().map(of).sum()
    };
    let instrument = &application["instruments"][0];
    let said = usize::try_from(instrument["points"].as_u64().expect("points")).expect("few");
    let metrics = eventually(DEADLINE, "all points", || {
        let metrics = collector.received_metrics();
        (points(&metrics) >= said).then_some(metrics)
    });
    assert_eq!(points(&metrics), said);
    assert!(metrics.iter().all(|metric| metric["name"] == instrument["name"]), "{instrument}");
    assert_eq!((&instrument["kind"], &instrument["temporality"]), (&json!("counter"), &json!("cumulative")));
    let resource = &collector.received()[0];
    let attributes = resource.as_object().and_then(|it| it.values().next()).expect("a request")[0]["resource"]["attributes"].clone();
    for (key, value) in application["resources"][0].as_object().expect("a resource") {
        let sent = attributes.as_array().expect("attributes").iter().find(|it| it["key"] == *key);
        // `{"stringValue": "…"}`, and numbers are strings, too.
        let sent = sent.and_then(|sent| sent["value"].as_object()?.values().next());
        assert_eq!(sent, Some(value), "{key}");
    }
}

/// Healthy programs have no finding: they end by themselves or when asked, with a receiver or without.
pub(crate) fn healthy(rig: &Rig) {
    let python = python(rig);
    let collector = rig.collector(CollectorConfig::default());
    let to_collector = shop().looking_at("--forward", collector.otlp_http_url());
    for patient in [shop(), to_collector] {
        let examined = python.run(&patient, "none");
        assert_eq!(
            (&examined.report["verdict"], examined.status),
            (&json!("ok"), Some(0)),
            "{:#}",
            examined.report
        );
        for (name, items) in [("metrics", 2), ("traces", 3), ("logs", 1)] {
            assert_eq!(count(&examined, name, "taken"), items, "{name}");
        }
    }
    eventually(DEADLINE, "all spans", || (collector.received_spans().len() == 3).then_some(()));
    let examined = python.run_until_asked(&shop(), "waits");
    examined.is_green();
    assert_eq!(verdict(&examined, "flush"), "ok");
    assert!(examined.report["application"]["asked_to_end_ms"].is_u64());
    run_for(ASKED_AFTER, &Patient::new(), &[BINARY, "demo", "--listen", "127.0.0.1:0"]).is_green();
    // The shell ends at once, and what it started flushes.
    let behind_a_shell = "\"$0\" demo --listen 127.0.0.1:0; true";
    run_for(ASKED_AFTER, &Patient::new(), &["sh", "-c", behind_a_shell, BINARY]).is_green();
    for protocol in ["http/json", "grpc"] {
        run(&Patient::new(), &[BINARY, "send", "--protocol", protocol]).is_green();
    }
}

/// What applications do wrong.
pub(crate) fn faults(rig: &Rig) {
    let python = python(rig);
    let app = |fault: &str, patient: &Patient, mode: &str, id: &str| {
        python.run(patient, mode).found(fault, "application", id);
    };
    app("it exports nothing", &shop(), "silent", "DA01");
    app("no logs, which are asked for", &shop().with("OTEL_LOGS_EXPORTER", "otlp"), "logless", "DA02");
    app("nothing is flushed at its end", &shop(), "unflushed", "DA04");
    app("an exporter's thread dies", &shop(), "dies", "DA06");
    app("metrics go elsewhere, and the SDK says so", &shop(), "half", "DA07");
    app("text is sent to a path of OTLP", &shop(), "posts", "DA09");
    app("it fails", &shop(), "fails", "DA12");
    python.run_until_asked(&shop(), "killed").found("SIGTERM is not handled", "application", "DA04");
    python.run_until_asked(&shop(), "ignores").found("SIGTERM is ignored", "application", "DA05");
    let itself = std::env::current_exe().expect("its path").to_string_lossy().into_owned();
    let panicking = shop().with(panicking::VARIABLE, "1");
    run(&panicking, &[&itself]).found("a thread of the Rust SDK panics", "application", "DA06");
    let mended = |fault: &str, patient: &Patient, mode: &str, id: &str| {
        let examined = python.run(patient, mode);
        let found = examined.found(fault, "application", id);
        python.run(&patient.mended(found.fix()), mode).is_green();
        found.mended_by("environment");
    };
    mended("no service name", &Patient::new(), "none", "DA03");
    mended(
        "a queue that is too short",
        &shop().with("OTEL_BSP_MAX_QUEUE_SIZE", "2").with("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"),
        "drops",
        "DA10",
    );
    let collector = rig.collector(CollectorConfig::default());
    let doubled = shop().with(ENDPOINT, collector.otlp_http_url() + "/v1/traces");
    mended("the base endpoint has the path of a signal", &doubled, "none", "DA08");
    let bare = shop().with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.otlp_http_url());
    mended(
        "a signal's endpoint has no path",
        &bare.with(ENDPOINT, collector.otlp_http_url()),
        "none",
        "DA08",
    );
}

/// What receivers say to it.
pub(crate) fn refused(rig: &Rig) {
    let send = |patient: &Patient| run(patient, &[BINARY, "send", "--timeout", "3s"]);
    let down = Patient::new().with(ENDPOINT, format!("http://127.0.0.1:{}", closed_port()));
    let examined = send(&down);
    examined.found("an application's receiver is down", "reach", "D102");
    assert_eq!(count(&examined, "traces", "items"), 1, "it is recorded all the same");
    assert_eq!(examined.report["application"]["forwarded_to"], json!([]));
    let denies = Fake::http("401 Unauthorized", "", "");
    let denied = Patient::new().with(ENDPOINT, denies.url());
    send(&denied).found("an application's receiver wants credentials", "accepted", "D301");
    let without = with_pipelines(rig, &["metrics", "logs"], &Value::Null, None);
    for (protocol, url) in [("http/protobuf", without.otlp_http_url()), ("grpc", without.otlp_grpc_url())] {
        let patient = Patient::new().with(ENDPOINT, url).with(PROTOCOL, protocol);
        send(&patient).found(
            &format!("no pipeline for an application's traces ({protocol})"),
            "accepted",
            "D302",
        );
    }
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let delta = Patient::new()
        .with("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", format!("{}/v1/metrics", prometheus.otlp_url()))
        .with("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    let load = |patient: &Patient| run(patient, &[BINARY, "load", "--for", "1s", "--interval", "300ms"]);
    let examined = load(&delta);
    let found = examined.found("an application's delta metrics to Prometheus", "accepted", "D307");
    is_green_at_any_rate(&load(&delta.mended(found.fix())));
    found.mended_by("environment");
}

/// Instruments that are declared, and never recorded.
pub(crate) fn declared(_: &Rig) {
    let address = format!("127.0.0.1:{}", closed_port());
    let asking = Patient::new().looking_at("--telemetry", format!("http://{address}/telemetry"));
    let demo = |requests: &str| {
        let command = [BINARY, "demo", "--for", "3s", "--listen", &address, "--requests", requests];
        run(&asking, &command)
    };
    let silent = demo("0");
    silent.found("instruments that are never recorded", "application", "DA11");
    let names = &silent.report["application"]["never_recorded"];
    assert!(names.as_array().is_some_and(|names| !names.is_empty()), "{names}");
    let nobody =
        Patient::new().looking_at("--telemetry", format!("http://127.0.0.1:{}/telemetry", closed_port()));
    let examined = run(&nobody, &[BINARY, "send"]);
    assert_eq!((verdict(&examined, "instruments"), examined.status), ("unknown", Some(3)));
    let examined = run(&Patient::new(), &[BINARY, "send"]);
    assert_eq!((verdict(&examined, "instruments"), examined.status), ("skipped", Some(0)));
}

/// Everything the application prints is passed on, and only the report is on standard output.
pub(crate) fn output(_: &Rig) {
    let started = Instant::now();
    let script = "echo to stdout; echo to stderr >&2; printf 'no end'; sleep 1000 & wait";
    let output =
        throughline(&["doctor", "run", "--for", "1s", "--format", "json", "--", "sh", "-c", script]).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    for part in ["to stdout\n", "to stderr\n", "no end", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:"] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    serde_json::from_slice::<Value>(&output.stdout).expect("a report alone");
    assert!(started.elapsed() < Duration::from_secs(60), "what the shell started was ended, too");
    let missing = throughline(&["doctor", "run", "--", "/nowhere/at/all"]).output().expect("it runs");
    assert_eq!(missing.status.code(), Some(3));
    let nothing = throughline(&["doctor", "run"]).output().expect("it runs");
    assert_eq!(nothing.status.code(), Some(2));
}
