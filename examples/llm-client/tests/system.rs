//! The program against the real servers: what Prometheus and Jaeger hold is what the program counted itself.
#![expect(clippy::panic, reason = "cases fail by panicking")]

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Output, Stdio};

use serde_json::Value;
use throughline_instruments::gen_ai::KIT;
use throughline_rig::{
    Case, CollectorConfig, Counted, DEADLINE, Document, Jaeger, Need, Page, Prometheus, PrometheusConfig,
    Rig, System, eventually, run,
};

fn main() -> ExitCode {
    run(&[
        Case::new(
            "what_it_counts_is_what_prometheus_and_jaeger_hold",
            &[Need::Collector, Need::Prometheus, Need::Jaeger, Need::Throughline],
            through_a_collector,
        ),
        Case::new(
            "an_api_that_fails_fires_an_alert_until_it_is_well_again",
            &[Need::Alertmanager, Need::Prometheus, Need::Throughline],
            an_api_that_fails,
        ),
        Case::new("it_pushes_straight_into_prometheus", &[Need::Prometheus], straight_into_prometheus),
        Case::new("the_key_is_shown_nowhere", &[], the_key_is_shown_nowhere),
        Case::new("a_collector_that_is_not_there_is_said", &[], without_collector),
        Case::new("an_exporter_it_does_not_know_is_refused", &[], unknown_exporter),
    ])
}

/// Runs it with this environment, and with nothing of the test's own that it would look at.
fn output(length: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    command(&[&["--for", length], arguments].concat(), environment).output().expect("it starts")
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-client"));
    for (name, _) in std::env::vars() {
        if ["GEMINI_", "OTEL_", "THROUGHLINE_", "RUST_LOG"].iter().any(|own| name.starts_with(own)) {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(environment.iter().copied());
    command
}

/// With this seed, the first dozen requests fail in each way that a stand-in can fail.
const SEED: &str = "92";

/// What it counted itself.
struct Told {
    counted: Counted,
    /// Failed requests, by what went wrong.
    errors: BTreeMap<String, f64>,
}

impl Told {
    /// Runs it, and reads its last two lines.
    fn of(length: &str, environment: &[(&str, &str)]) -> Self {
        Self::by(&output(length, &["--seed", SEED], environment))
    }

    fn by(output: &Output) -> Self {
        let (said, log) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{}\n{said}\n{log}", output.status);
        let counted = Counted::parse(&said, "llm-client").expect("a last line");
        let errors = said.lines().rev().nth(1).and_then(|line| line.split_once(": ")).expect("the errors").1;
        let errors: Value = serde_json::from_str(errors).expect("they are JSON");
        let errors = errors.as_object().into_iter().flatten();
        let errors = errors.map(|(name, total)| (name.clone(), total.as_f64().expect("a number"))).collect();
        Self { counted, errors }
    }

    fn total(&self, name: &str) -> f64 {
        let total = self.counted.of(name);
        assert!(total > 0.0, "no {name} was counted: {:?}", self.counted);
        total
    }

    /// Holds all of it against what is stored.
    fn assert_stored(&self, prometheus: &Prometheus) {
        self.counted.assert_stored(prometheus);
        for (kind, total) in &self.errors {
            prometheus.await_value(&format!("sum(llm_errors_total{{error_type=\"{kind}\"}})"), *total);
        }
        assert_eq!(prometheus.query("sum by (error_type) (llm_errors_total)").len(), self.errors.len());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Metrics and spans go to a Collector over OTLP/HTTP, and from there to their stores.
fn through_a_collector(rig: &Rig) {
    // Who pushes is no target; without any, there would be no `up`.
    let target = Page::serve("text/plain; version=0.0.4", "");
    let targets = vec![target.address()];
    let prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
    let jaeger = rig.jaeger();
    let collector = rig.collector(CollectorConfig {
        metrics_to: Some(prometheus.otlp_url()),
        traces_to: Some(jaeger.otlp_grpc()),
        ..CollectorConfig::default()
    });
    let endpoint = collector.otlp_http_url();
    let counted = Told::of(
        "4s",
        &[
            ("OTEL_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ],
    );
    counted.assert_stored(&prometheus);
    for kind in ["rate_limit", "server_error", "invalid_response", "timeout"] {
        assert!(counted.errors.contains_key(kind), "{kind} in {:?}", counted.errors);
    }
    assert_all_names(rig, &prometheus);
    assert_cost(&prometheus);
    assert_spans(&jaeger, &counted);
}

/// Every metric of the kit is stored, every name of the document too, and every panel and rule has its data.
fn assert_all_names(rig: &Rig, prometheus: &Prometheus) {
    prometheus.assert_stores(KIT.definitions().map(|definition| definition.name));
    let document = include_str!("../../../crates/throughline-cli/tests/lint/llm_bot.md");
    Document::read(document).assert_stored(prometheus);
    SYSTEM.assert_charted(rig, prometheus);
    assert_eq!(prometheus.value("sum(bot_queue_depth)"), Some(0.0), "nobody waits at the end");
}

const SYSTEM: System = System { name: "llm-client", naming: &[] };

/// What was paid is what the tokens of each model cost.
fn assert_cost(prometheus: &Prometheus) {
    for (model, input, output) in [("gemini-3.6-flash", 0.50, 3.00), ("gemini-3.1-flash-lite", 0.25, 1.50)] {
        let of = |name: &str| prometheus.value_soon(&format!("sum({name}{{model=\"{model}\"}})"));
        let expected =
            (of("llm_tokens_prompt_total") * input + of("llm_tokens_completion_total") * output) / 1e6;
        let paid = of("llm_cost_total");
        assert!((paid / expected - 1.0).abs() < 1e-9, "{model}: {paid}, and not {expected}");
    }
}

/// There is a span for each request of the model, and a chat is one trace from the driver to the stand-in.
fn assert_spans(jaeger: &Jaeger, counted: &Told) {
    let requests = counted.total("llm_requests_total");
    let traces = eventually(DEADLINE, "a span for each request", || {
        let traces = jaeger.get_json("/api/traces?service=llm-client&limit=10000");
        let of_models = spans(&traces).filter(|span| name(span).starts_with("generate_content ")).count();
        (of_models as f64 >= requests).then_some((of_models, traces))
    });
    let (of_models, traces) = traces;
    assert!((of_models as f64 - requests).abs() < f64::EPSILON, "{of_models} spans of {requests} requests");
    let failed = spans(&traces).filter(|span| name(span).starts_with("generate_content ") && is_error(span));
    assert!((failed.count() as f64 - counted.total("llm_errors_total")).abs() < f64::EPSILON);

    let is_streamed =
        |span: &&Value| name(span) == "generate_content gemini-3.1-flash-lite" && !is_error(span);
    let call = spans(&traces).find(is_streamed).expect("a polished answer");
    let by_id = |id: &Value| spans(&traces).find(|span| span["spanID"] == *id).expect("its parent");
    let answered = spans(&traces).find(|span| parent(span) == Some(&call["spanID"])).expect("the stand-in's");
    let request = by_id(parent(call).expect("it has a parent"));
    let chat = by_id(parent(request).expect("it has a parent"));
    assert_eq!(
        [name(chat), name(request), name(answered)],
        ["POST", "POST /chat", "POST /v1beta/models/{call}"]
    );
    assert_eq!(parent(chat), None, "the driver is the root");
    for span in [chat, request, answered] {
        assert_eq!(span["traceID"], call["traceID"]);
    }
    assert_eq!(tag(call, "gen_ai.provider.name"), "gcp.gemini");
    assert_eq!(tag(call, "gen_ai.response.model"), "gemini-3.1-flash-lite-stand-in");
    assert!(tag(call, "gen_ai.usage.output_tokens").as_u64().is_some_and(|tokens| tokens > 0));
    let said = spans(&traces).flat_map(tags).any(|tag| tag["key"] == "gen_ai.input.messages");
    assert!(!said, "nobody asked for content");
}

fn spans(traces: &Value) -> impl Iterator<Item = &Value> {
    traces.as_array().into_iter().flatten().flat_map(|trace| trace["spans"].as_array().into_iter().flatten())
}

fn name(span: &Value) -> &str {
    span["operationName"].as_str().unwrap_or_default()
}

fn tags(span: &Value) -> impl Iterator<Item = &Value> {
    span["tags"].as_array().into_iter().flatten()
}

#[track_caller]
fn tag<'a>(span: &'a Value, key: &str) -> &'a Value {
    let found = tags(span).find(|tag| tag["key"] == key);
    &found.unwrap_or_else(|| panic!("no {key} in {span:#}"))["value"]
}

fn is_error(span: &Value) -> bool {
    tags(span).any(|tag| tag["key"] == "error" && tag["value"] == true)
}

fn parent(span: &Value) -> Option<&Value> {
    let references = span["references"].as_array()?;
    Some(&references.iter().find(|reference| reference["refType"] == "CHILD_OF")?["spanID"])
}

/// No Collector is needed: Prometheus takes OTLP itself.
fn straight_into_prometheus(rig: &Rig) {
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let endpoint = format!("{}/v1/metrics", prometheus.otlp_url());
    Told::of("2s", &straight_to(&endpoint)).assert_stored(&prometheus);
}

fn straight_to(endpoint: &str) -> [(&str, &str); 3] {
    [
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
    ]
}

/// Of what the stand-in is asked, one in six fails when it is well; so the objective is lower than elsewhere.
fn an_api_that_fails(rig: &Rig) {
    let alertmanager = rig.alertmanager();
    let rules = SYSTEM.rules(rig, &["--faster", "200", "--objective", "90"]);
    let prometheus = rig.prometheus(PrometheusConfig {
        rule_folder: Some(rules.path().to_owned()),
        alertmanagers: vec![alertmanager.address()],
        ..PrometheusConfig::default()
    });
    let endpoint = format!("{}/v1/metrics", prometheus.otlp_url());
    let arguments = ["--for", "10m", "--outage", "10s", "--seed", SEED];
    let mut program = command(&arguments, &straight_to(&endpoint));
    let mut program = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    alertmanager.await_firing("GenAiClientOperationDurationSecondsBudgetBurnsFast");
    alertmanager.await_resolved("GenAiClientOperationDurationSecondsBudgetBurnsFast");
    program.kill().expect("it runs");
    program.wait().expect("it ends");
}

/// Not on standard output, where all telemetry goes with all that is said, nor in the log with all details.
fn the_key_is_shown_nowhere(_: &Rig) {
    const KEY: &str = "AIzaSy-a-key-that-nobody-may-see";
    let environment = [
        ("GEMINI_API_KEY", KEY),
        // Nobody listens there.
        ("GEMINI_BASE_URL", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER", "stdout"),
        ("RUST_LOG", "trace"),
    ];
    let output = output("1s", &["--content", "--every", "100ms"], &environment);
    let (said, log) = (text(&output.stdout), text(&output.stderr));
    let counted = Told::by(&output);
    assert_eq!(counted.errors.keys().collect::<Vec<_>>(), ["network"]);
    assert!(said.contains("gen_ai.input.messages"), "{said}");
    assert!(said.contains("llm.requests") || said.contains("llm_requests"), "{said}");
    assert!(!said.contains(KEY) && !log.contains(KEY), "{said}\n{log}");
}

fn without_collector(_: &Rig) {
    let environment = [("OTEL_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")];
    let output = output("1s", &[], &environment);
    assert!(Told::by(&output).total("llm_requests_total") > 0.0);
    let log = text(&output.stderr);
    assert!(log.lines().any(|line| line.starts_with("telemetry: ")), "{log}");
}

fn unknown_exporter(_: &Rig) {
    let output = output("1s", &[], &[("OTEL_EXPORTER", "otlp-http")]);
    let log = text(&output.stderr);
    assert!(!output.status.success() && log.contains("OTEL_EXPORTER"), "{log}");
    assert!(log.contains("write stdout or otlp"), "{log}");
}
