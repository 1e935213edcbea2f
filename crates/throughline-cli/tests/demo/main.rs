//! `throughline demo`, and `cardinality`, against real servers: what the demo counted is what they store.
#![expect(clippy::panic, reason = "cases fail by panicking")]

mod cardinality;
#[path = "../support/command.rs"]
mod command;

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ExitCode, Stdio};
use std::sync::{Arc, Mutex};

use command::throughline;
use throughline_rig::{Case, CollectorConfig, DEADLINE, Need, PrometheusConfig, Rig, eventually, http, run};

fn main() -> ExitCode {
    run(&[
        Case::new("what_it_counts_is_what_prometheus_stores", &[Need::Prometheus], scraped),
        Case::new("it_pushes_where_the_environment_says", &[Need::Prometheus], pushed),
        Case::new("it_pushes_to_a_collector", &[Need::Collector], pushed_to_collector),
        Case::new("a_load_arrives_whole", &[Need::Collector], loaded),
        Case::new("cardinality_is_what_prometheus_says", &[Need::Prometheus], cardinality::as_the_store_says),
        Case::new(
            "what_is_left_is_what_was_said",
            &[Need::Prometheus],
            cardinality::what_is_printed_does_what_it_says,
        ),
        Case::new("cardinality_of_the_demo", &[Need::Prometheus], cardinality::of_the_demo),
        Case::new("promtool_finds_nothing_to_complain_about", &[Need::Promtool], linted),
        Case::new("the_reference_parser_reads_it", &[Need::Python], parsed),
    ])
}

const REQUESTS: u64 = 300;

/// How the service answers, by route and status: the same arithmetic as `demo/load.rs` and `demo/service.rs`.
fn expected() -> BTreeMap<(String, String), f64> {
    let mut answers = BTreeMap::new();
    for number in 1..=REQUESTS {
        let route = ["/search", "/thumbnail", "/checkout"][(number % 3) as usize];
        let status = match number {
            _ if route != "/checkout" => "200",
            _ if number % 97 == 0 => "500",
            _ if number % 20 == 0 => "402",
            _ => "200",
        };
        *answers.entry((route.to_owned(), status.to_owned())).or_insert(0.0) += 1.0;
    }
    answers
}

/// A demo under way; ended when dropped.
struct Demo {
    process: Child,
    scrape: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Demo {
    /// Starts a demo that makes its requests quickly, and waits until they are answered.
    fn answered(environment: &[(&str, &str)]) -> Self {
        let requests = REQUESTS.to_string();
        let mut process =
            throughline(&["demo", "--listen", "127.0.0.1:0", "--rate", "2000", "--requests", &requests])
                .envs(environment.iter().copied())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the binary starts");
        let log = gather(process.stderr.take().expect("its log"));
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut line_with = |what: &str| {
            let found = lines.by_ref().map_while(Result::ok).find(|line| line.contains(what));
            found.unwrap_or_else(|| panic!("the demo says nothing of `{what}`"))
        };
        let scrape = line_with("scrape http").split_whitespace().nth(1).expect("a URL").to_owned();
        let done = line_with("all requests are made");
        assert!(done.contains(&format!("{REQUESTS} requests")), "{done}");
        // The demo ends when nobody reads what it says.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { process, scrape, log }
    }

    fn page(&self) -> String {
        http::get(&self.scrape).expect("a scrape").body
    }

    fn address(&self) -> String {
        self.scrape.trim_start_matches("http://").trim_end_matches("/metrics").to_owned()
    }
}

/// The lines of a log, as they come.
fn gather(log: ChildStderr) -> Arc<Mutex<Vec<String>>> {
    let gathered = Arc::<Mutex<Vec<_>>>::default();
    let lines = Arc::clone(&gathered);
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            lines.lock().expect("nobody panics with it").push(line);
        }
    });
    gathered
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _already_ended = self.process.kill().is_err();
        let _status = self.process.wait();
    }
}

/// Holds what a Prometheus stores against what the demo did.
fn assert_stored(prometheus: &throughline_rig::Prometheus) {
    prometheus.await_value("sum(http_server_request_duration_seconds_count)", REQUESTS as f64);
    let stored: BTreeMap<_, _> = prometheus
        .query("http_server_request_duration_seconds_count")
        .iter()
        .map(|sample| {
            let label = |name| sample.label(name).to_owned();
            ((label("http_route"), label("http_response_status_code")), sample.value)
        })
        .collect();
    assert_eq!(stored, expected());
    let orders: f64 = expected()
        .iter()
        .filter(|((route, status), _)| route == "/checkout" && status == "200")
        .map(|(_, n)| n)
        .sum();
    assert_eq!(prometheus.value("sum(demo_orders_total)"), Some(orders));
    assert_eq!(prometheus.value("http_server_active_requests"), Some(0.0));
    assert_eq!(prometheus.value("histogram_count(demo_response_size_bytes)"), Some(REQUESTS as f64));
    assert_eq!(prometheus.query("target_info").len(), 1);
    assert!(prometheus.value("demo_uptime_seconds").is_some_and(|uptime| uptime > 0.0));
}

fn scraped(rig: &Rig) {
    let demo = Demo::answered(&[("RUST_LOG", "info")]);
    let prometheus = rig.prometheus(PrometheusConfig {
        targets: vec![demo.address()],
        native_histograms: true,
        ..PrometheusConfig::default()
    });
    assert_stored(&prometheus);
    let target = &prometheus.targets()[0];
    assert_eq!((target["health"].as_str(), target["lastError"].as_str()), (Some("up"), Some("")), "{target}");
    let exemplars = eventually(DEADLINE, "exemplars", || {
        let found = prometheus.query_exemplars("http_server_request_duration_seconds_bucket");
        found.as_array().filter(|series| !series.is_empty()).cloned()
    });
    let id = exemplars[0]["exemplars"][0]["labels"]["trace_id"].as_str().expect("a trace id").to_owned();
    // The request that the exemplar stands for is in the log, and is one of the service.
    let log = demo.log.lock().expect("nobody panics with it");
    let lines: Vec<_> = log.iter().filter(|line| line.contains(&id)).collect();
    assert!(lines.iter().any(|line| line.contains("GET /")), "{id} in {lines:?}");
    let answered = log.iter().filter(|line| line.contains("GET /")).count() as u64;
    assert_eq!(answered, REQUESTS, "each request has a line");
}

fn pushed(rig: &Rig) {
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let endpoint = format!("{}/v1/metrics", prometheus.otlp_url());
    let _demo = Demo::answered(&[
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &endpoint),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("OTEL_SERVICE_NAME", "renamed"),
    ]);
    assert_stored(&prometheus);
    assert_eq!(prometheus.query(r#"target_info{job="renamed"}"#).len(), 1);
}

fn pushed_to_collector(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    let mut process = throughline(&["demo", "--for", "1s", "--listen", "127.0.0.1:0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.otlp_http_url())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut said = String::new();
    process.stdout.take().expect("its output").read_to_string(&mut said).expect("text");
    assert!(process.wait().expect("it ends").success(), "{said}");
    // The interval is a minute: what arrived was flushed at the end.
    let delivered = said.lines().find_map(|line| line.strip_prefix("flushed: ")).expect("a report");
    let points: f64 = delivered.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number");
    assert!(points > 0.0 && delivered.contains(" 0 not"), "{delivered}");
    let accepted = collector.own_metric("otelcol_receiver_accepted_metric_points");
    assert!((accepted - points).abs() < f64::EPSILON, "{accepted} accepted, {delivered}");

    let spans = eventually(DEADLINE, "spans", || {
        let spans = collector.received_spans();
        let accepted = collector.own_metric("otelcol_receiver_accepted_spans");
        (accepted > 0.0 && spans.len() as f64 >= accepted).then_some(spans)
    });
    let of_kind = |kind: u8| spans.iter().filter(move |span| span["kind"] == kind);
    let (server, client) = (of_kind(2), of_kind(3));
    let client: HashSet<_> =
        client.map(|span| (span["traceId"].to_string(), span["spanId"].to_string())).collect();
    let mut requests = 0;
    for request in server {
        requests += 1;
        let caller = (request["traceId"].to_string(), request["parentSpanId"].to_string());
        assert!(client.contains(&caller), "{request}");
    }
    assert!(requests > 0 && said.contains(&format!("answered {requests} requests")), "{requests}: {said}");
}

fn linted(rig: &Rig) {
    rig.promtool_check_metrics(&Demo::answered(&[]).page()).expect("promtool is content");
}

fn parsed(rig: &Rig) {
    let demo = Demo::answered(&[]);
    let accept = [("accept", "application/openmetrics-text;version=1.0.0")];
    let page = http::get_with(&demo.scrape, &[], &accept).expect("a scrape");
    assert!(page.content_type.starts_with("application/openmetrics-text"), "{}", page.content_type);
    let families = rig.parse_openmetrics(&page.body).expect("the reference parser reads it");
    let names: Vec<_> =
        families.as_array().expect("families").iter().filter_map(|family| family["name"].as_str()).collect();
    assert!(
        names.contains(&"http_server_request_duration_seconds") && names.contains(&"demo_orders"),
        "{names:?}"
    );
}

/// What `load` says it made is what the Collector says it was given.
fn loaded(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    for (protocol, endpoint) in
        [("http/json", collector.otlp_http_url()), ("grpc", collector.otlp_grpc_url())]
    {
        let before = ["spans", "log_records"].map(|what| accepted(&collector, what));
        let arguments = [
            "load",
            "--for",
            "2s",
            "--spans",
            "500",
            "--logs",
            "300",
            "--endpoint",
            &endpoint,
            "--protocol",
            protocol,
        ];
        let output = throughline(&arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        for ((what, line), before) in
            [("spans", "spans "), ("log_records", "log records")].into_iter().zip(before)
        {
            let made = said.lines().find_map(|said| said.strip_prefix(line)).expect("a line");
            let made: f64 = made.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number");
            assert!((accepted(&collector, what) - before - made).abs() < 0.5, "{protocol} {what}: {said}");
        }
        let output = throughline(&["send", "--endpoint", &endpoint, "--protocol", protocol]).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let sent =
        |metrics: Vec<serde_json::Value>| metrics.iter().any(|metric| metric["name"] == "throughline.send");
    eventually(DEADLINE, "the metric of `send`", || sent(collector.received_metrics()).then_some(()));
}

fn accepted(collector: &throughline_rig::Collector, what: &str) -> f64 {
    collector.own_metric(&format!("otelcol_receiver_accepted_{what}"))
}
