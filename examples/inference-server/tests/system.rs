//! The program against the real servers: what it counted is what they store, whatever happens in between.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use throughline_instruments::{Kit, inference, process, runtime};
use throughline_rig::{
    Case, Collector, CollectorConfig, Counted, DEADLINE, Document, Jaeger, Need, Prometheus,
    PrometheusConfig, Rig, System, eventually, http, run,
};

fn main() -> ExitCode {
    const ALL: &[Need] = &[Need::Collector, Need::Prometheus, Need::Jaeger, Need::Throughline];
    run(&[
        Case::new("what_it_counts_is_what_the_servers_store", ALL, counts_are_equal),
        Case::new("a_collector_that_is_away_for_a_while_loses_nothing", ALL, collector_away),
        Case::new(
            "sigterm_lets_what_is_under_way_be_answered",
            &[Need::Collector, Need::Prometheus],
            graceful,
        ),
        Case::new(
            "a_full_queue_fires_an_alert_until_there_is_room",
            &[Need::Alertmanager, Need::Collector, Need::Prometheus, Need::Throughline],
            full_queue,
        ),
        Case::new("requests_are_answered_refused_and_turned_away", &[], answers),
    ])
}

/// A server under way; ended when dropped.
struct Server {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
    url: String,
    _settings: NamedTempFile,
}

impl Server {
    fn start(collector: Option<&Collector>, arguments: &[&str], settings: &str) -> Self {
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(settings.as_bytes()).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_inference-server"));
        command.args(["--listen", "127.0.0.1:0", "--config"]).arg(file.path()).args(arguments);
        match collector {
            Some(collector) => command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.otlp_grpc_url()),
            None => command.env("BITNET_MONITORING_ENABLED", "false"),
        };
        command.envs([("OTEL_METRIC_EXPORT_INTERVAL", "200"), ("OTEL_BSP_SCHEDULE_DELAY", "100")]);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output")).lines();
        let line = output.next().expect("a line").expect("text");
        let url = line.strip_prefix("listening at ").expect("where").to_owned();
        Self { process, output, url, _settings: file }
    }

    fn ask(&self, completion: &Value) -> http::Response {
        let body = completion.to_string();
        let url = format!("{}/v1/completions", self.url);
        http::post(&url, "application/json", body.as_bytes()).expect("an answer")
    }

    /// Asks, and waits for nothing.
    fn connect(&self, completion: &Value) -> TcpStream {
        let (address, body) = (self.url.trim_start_matches("http://"), completion.to_string());
        let mut stream = TcpStream::connect(address).expect("connected");
        write!(
            stream,
            "POST /v1/completions HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("asked");
        stream
    }

    /// Asks for a stream, and waits for its first event.
    fn stream(&self, completion: &Value) -> BufReader<TcpStream> {
        let mut answer = BufReader::new(self.connect(completion));
        let mut line = String::new();
        while !line.starts_with("data:") {
            line.clear();
            assert!(answer.read_line(&mut line).expect("a line") > 0, "the answer has no events");
        }
        answer
    }

    fn await_one_that_waits(&self) {
        eventually(DEADLINE, "one that waits", || {
            let health = http::get(&format!("{}/health", self.url)).expect("an answer");
            let health: Value = serde_json::from_str(&health.body).expect("JSON");
            (health["queue"]["waiting"] == 1).then_some(())
        });
    }

    fn terminate(&self) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
        assert!(sent.success());
    }

    /// Waits for its end, which is a good one, and gives what it counted.
    fn counted(mut self) -> Counted {
        let last = self.output.by_ref().map_while(Result::ok).last().expect("it says what it counted");
        let status = self.process.wait().expect("it ends");
        assert!(status.success(), "{status}: {last}");
        Counted::parse(&last, "bitnet-inference-server").expect("its last line is JSON")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_ended = self.process.kill().is_err();
        let _status = self.process.wait();
    }
}

fn prometheus(rig: &Rig, collector: &Collector) -> Prometheus {
    let targets = vec![collector.prometheus_exporter_address()];
    rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() })
}

/// Collector and Jaeger behind it.
fn traced(rig: &Rig) -> (Collector, Jaeger) {
    let jaeger = rig.jaeger();
    let collector =
        rig.collector(CollectorConfig { traces_to: Some(jaeger.otlp_grpc()), ..CollectorConfig::default() });
    (collector, jaeger)
}

/// Waits until Jaeger has as many spans of this name, and gives their traces.
fn await_spans(jaeger: &Jaeger, name: &str, expected: f64) -> Vec<Value> {
    eventually(DEADLINE, &format!("{expected} spans {name}"), || {
        let traces = jaeger.get_json("/api/traces?service=bitnet-inference-server&limit=100000");
        let traces = traces.as_array().cloned().unwrap_or_default();
        let found = traces.iter().flat_map(spans).filter(|span| span["operationName"] == name).count() as f64;
        assert!(found <= expected, "{found} spans {name} of {expected}");
        found.total_cmp(&expected).is_eq().then_some(traces)
    })
}

fn spans(trace: &Value) -> impl Iterator<Item = &Value> {
    trace["spans"].as_array().into_iter().flatten()
}

/// Each completion belongs to the request that asked for it.
fn assert_nested(traces: &[Value]) {
    for trace in traces {
        for completion in spans(trace).filter(|span| span["operationName"] == COMPLETION_SPAN) {
            let parent = &completion["references"][0]["spanID"];
            let request = spans(trace).find(|span| span["spanID"] == *parent);
            assert_eq!(request.map(|span| &span["operationName"]), Some(&json!(REQUEST_SPAN)), "{trace}");
        }
    }
}

const REQUEST_SPAN: &str = "POST /v1/completions";
const COMPLETION_SPAN: &str = "text_completion bitnet-tiny";

fn counts_are_equal(rig: &Rig) {
    let (collector, jaeger) = traced(rig);
    let prometheus = prometheus(rig, &collector);
    let small = "[server]\nqueue_length = 3\nbatch_size = 2\n[model]\nwidth = 32\nlayers = 2\n";
    let counted = Server::start(Some(&collector), &["--for", "2s"], small).counted();
    counted.assert_stored(&prometheus);
    let requests = counted.of("requests_total");
    await_spans(&jaeger, REQUEST_SPAN, requests);
    assert_nested(&await_spans(&jaeger, COMPLETION_SPAN, requests));
    for status in ["success", "error", "rejected", "cancelled"] {
        let some = prometheus.value(&format!("sum(requests_total{{status=\"{status}\"}})"));
        assert!(some.is_some_and(|some| some > 0.0), "{status}: {some:?}");
    }
    assert_eq!(prometheus.value("sum(queue_depth)"), Some(0.0));
    for metric in ["memory_usage_bytes", "process_cpu_time_seconds_total", "tokio_runtime_workers"] {
        assert!(prometheus.value(&format!("sum({metric})")).is_some_and(|value| value > 0.0), "{metric}");
    }
    let kits = [inference::KIT, process::KIT, runtime::KIT];
    prometheus.assert_stores(kits.iter().flat_map(Kit::definitions).map(|definition| definition.name));
    let document = include_str!("../../../crates/throughline-cli/tests/lint/inference_server.md");
    Document::read(document).assert_stored(&prometheus);
    SYSTEM.assert_charted(rig, &prometheus);
}

const SYSTEM: System = System { name: "inference-server", naming: &[] };

fn collector_away(rig: &Rig) {
    let (mut collector, jaeger) = traced(rig);
    let prometheus = prometheus(rig, &collector);
    let server = Server::start(Some(&collector), &[], "[model]\nwidth = 32\nlayers = 2\n");
    let ask_some = || {
        for seed in 0..10 {
            let answer = server.ask(&json!({ "prompt": "Hello", "seed": seed }));
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    };
    ask_some();
    prometheus.await_value("sum(requests_total)", 10.0);
    await_spans(&jaeger, COMPLETION_SPAN, 10.0);
    collector.kill();
    ask_some();
    let health = eventually(DEADLINE, "a failed push", || {
        let health = http::get(&format!("{}/health", server.url)).expect("an answer");
        health.body.contains("cannot connect to").then_some(health)
    });
    assert_eq!(health.status, 200, "the server does not need its Collector: {}", health.body);
    collector.restart();
    ask_some();
    prometheus.await_value("sum(requests_total)", 30.0);
    await_spans(&jaeger, COMPLETION_SPAN, 30.0);
    server.terminate();
    server.counted().assert_stored(&prometheus);
}

/// A model that is still at it when a test looks.
const SLOW: &str = "[model]\nwidth = 768\n";

fn graceful(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    let prometheus = prometheus(rig, &collector);
    let patient = format!("[server]\nshutdown_seconds = 60\n{SLOW}");
    let server = Server::start(Some(&collector), &[], &patient);
    let idle = TcpStream::connect(server.url.trim_start_matches("http://")).expect("connected");
    prometheus.await_value("sum(active_connections)", 1.0);
    let mut answer = server.stream(&json!({ "prompt": "Once", "max_tokens": 64, "seed": 3, "stream": true }));
    server.terminate();
    let mut rest = String::new();
    answer.read_to_string(&mut rest).expect("the rest of the answer");
    assert!(rest.contains("data: [DONE]"), "{rest}");
    let counted = server.counted();
    drop(idle);
    counted.assert_stored(&prometheus);
    assert_eq!(prometheus.value("sum(requests_total{status=\"success\"})"), Some(1.0));
    assert_eq!(prometheus.value("sum(active_connections)"), Some(0.0));
}

/// One is being answered and one waits; all others are turned away, until the first one hangs up.
fn full_queue(rig: &Rig) {
    let (alertmanager, rules) = (rig.alertmanager(), SYSTEM.rules(rig, &["--faster", "200"]));
    let collector = rig.collector(CollectorConfig::default());
    let _prometheus = rig.prometheus(PrometheusConfig {
        targets: vec![collector.prometheus_exporter_address()],
        rule_folder: Some(rules.path().to_owned()),
        alertmanagers: vec![alertmanager.address()],
        ..PrometheusConfig::default()
    });
    let server = Server::start(Some(&collector), &[], &narrow());
    let long = json!({ "prompt": "Hello", "max_tokens": 60_000, "temperature": 0, "stream": true });
    let (first, second) = (server.stream(&long), server.connect(&long));
    server.await_one_that_waits();
    let alert = "RequestDurationSecondsBudgetBurnsFast";
    eventually(DEADLINE, "alert", || {
        server.ask(&json!({ "prompt": "Hello" }));
        alertmanager.is_firing(alert).then_some(())
    });
    drop((first, second));
    eventually(DEADLINE, "end of the alert", || {
        server.ask(&json!({ "prompt": "Hello", "max_tokens": 1 }));
        (!alertmanager.is_firing(alert)).then_some(())
    });
}

fn narrow() -> String {
    format!("[server]\nqueue_length = 1\nbatch_size = 1\nmax_tokens = 60000\n{SLOW}")
}

fn answers(_rig: &Rig) {
    let server = Server::start(None, &[], &narrow());
    let answer = server.ask(&json!({ "prompt": "Hello", "max_tokens": 4, "seed": 1 }));
    let document: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((answer.status, &document["usage"]["prompt_tokens"]), (200, &json!(5)), "{document}");
    for wrong in [json!({}), json!({ "prompt": 1 }), json!({ "prompt": "", "max_tokens": 99_999 })] {
        assert_eq!(server.ask(&wrong).status, 400, "{wrong}");
    }
    // One is being answered and one waits: there is no place for a third.
    let long = json!({ "prompt": "Hello", "max_tokens": 60_000, "temperature": 0, "stream": true });
    let first = server.stream(&long);
    let waits = server.url.trim_start_matches("http://").to_owned();
    let second = std::thread::spawn(move || {
        let body = json!({ "prompt": "Hello", "max_tokens": 1 }).to_string();
        http::post(&format!("http://{waits}/v1/completions"), "application/json", body.as_bytes())
    });
    server.await_one_that_waits();
    let refused = server.ask(&json!({ "prompt": "Hello" }));
    assert_eq!(refused.status, 503, "{}", refused.body);
    // Who hangs up makes room.
    drop(first);
    assert_eq!(second.join().expect("it asked").expect("an answer").status, 200);
    assert_eq!(http::get(&format!("{}/health/live", server.url)).expect("an answer").status, 200);
    server.terminate();
    let counted = server.counted();
    assert!((counted.of("requests_total") - 7.0).abs() < f64::EPSILON, "{counted:?}");
}
