//! The program against the real servers: what Prometheus and Jaeger hold is what the program counted itself.
#![expect(clippy::panic, reason = "cases fail by panicking")]

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Output};

use serde_json::Value;
use throughline_rig::{
    Case, CollectorConfig, DEADLINE, Jaeger, Need, Prometheus, PrometheusConfig, Rig, eventually, run,
};

fn main() -> ExitCode {
    run(&[
        Case::new(
            "what_it_counts_is_what_prometheus_and_jaeger_hold",
            &[Need::Collector, Need::Prometheus, Need::Jaeger],
            through_a_collector,
        ),
        Case::new("it_pushes_straight_into_prometheus", &[Need::Prometheus], straight_into_prometheus),
        Case::new("the_key_is_shown_nowhere", &[], the_key_is_shown_nowhere),
        Case::new("a_collector_that_is_not_there_is_said", &[], without_collector),
        Case::new("an_exporter_it_does_not_know_is_refused", &[], unknown_exporter),
    ])
}

/// Runs it with this environment, and with nothing of the test's own that it would look at.
fn output(length: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-client"));
    for (name, _) in std::env::vars() {
        if ["GEMINI_", "OTEL_", "THROUGHLINE_", "RUST_LOG"].iter().any(|own| name.starts_with(own)) {
            command.env_remove(name);
        }
    }
    let command = command.args(["--for", length]).args(arguments).envs(environment.iter().copied());
    command.output().expect("it starts")
}

/// With this seed, the first dozen requests fail in each way that a stand-in can fail.
const SEED: &str = "92";

/// What it counted itself.
struct Counted {
    all: BTreeMap<String, f64>,
    /// Failed requests, by what went wrong.
    errors: BTreeMap<String, f64>,
}

impl Counted {
    /// Runs it, and reads its last two lines.
    fn of(length: &str, environment: &[(&str, &str)]) -> Self {
        Self::said_by(&output(length, &["--seed", SEED], environment))
    }

    fn said_by(output: &Output) -> Self {
        let (said, log) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{}\n{said}\n{log}", output.status);
        let mut lines = said.lines().rev();
        let counted: Value = serde_json::from_str(lines.next().expect("a last line")).expect("it is JSON");
        assert_eq!(counted["service"], "llm-client");
        let errors = lines.next().and_then(|line| line.split_once(": ")).expect("the errors").1;
        let errors = serde_json::from_str(errors).expect("they are JSON");
        Self { all: totals(&counted["counted"]), errors: totals(&errors) }
    }

    fn total(&self, name: &str) -> f64 {
        self.all.get(name).copied().unwrap_or_else(|| panic!("no {name} was counted: {:?}", self.all))
    }

    /// Holds all of it against what is stored.
    fn assert_stored(&self, prometheus: &Prometheus) {
        for (name, total) in &self.all {
            prometheus.await_value(&format!("sum({name})"), *total);
        }
        for (kind, total) in &self.errors {
            prometheus.await_value(&format!("sum(llm_errors_total{{error_type=\"{kind}\"}})"), *total);
        }
        assert_eq!(prometheus.query("sum by (error_type) (llm_errors_total)").len(), self.errors.len());
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn totals(json: &Value) -> BTreeMap<String, f64> {
    let totals = json.as_object().into_iter().flatten();
    totals.map(|(name, total)| (name.clone(), total.as_f64().expect("a number"))).collect()
}

/// Metrics and spans go to a Collector over OTLP/HTTP, and from there to their stores.
fn through_a_collector(rig: &Rig) {
    let (prometheus, jaeger) = (rig.prometheus(PrometheusConfig::default()), rig.jaeger());
    let collector = rig.collector(CollectorConfig {
        metrics_to: Some(prometheus.otlp_url()),
        traces_to: Some(jaeger.otlp_grpc()),
        ..CollectorConfig::default()
    });
    let endpoint = collector.otlp_http_url();
    let counted = Counted::of("4s", &[("OTEL_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    counted.assert_stored(&prometheus);
    for kind in ["rate_limit", "server_error", "invalid_response", "timeout"] {
        assert!(counted.errors.contains_key(kind), "{kind} in {:?}", counted.errors);
    }
    assert_all_names(&prometheus);
    assert_cost(&prometheus);
    assert_spans(&jaeger, &counted);
}

/// Every metric that the kit names for such a program is stored, under the name that it has in Prometheus.
fn assert_all_names(prometheus: &Prometheus) {
    for name in [
        "gen_ai_client_operation_duration_seconds_bucket",
        "gen_ai_client_operation_time_to_first_chunk_seconds_bucket",
        "gen_ai_client_operation_time_per_output_chunk_seconds_bucket",
        "gen_ai_client_token_usage_bucket",
        "llm_requests_total",
        "llm_errors_total",
        "llm_duration_seconds_bucket",
        "llm_tokens_total",
        "llm_tokens_prompt_total",
        "llm_tokens_completion_total",
        "llm_tokens_rate_per_second_bucket",
        "llm_cost_total",
        "bot_executions_total",
        "bot_failures_total",
        "bot_duration_seconds_bucket",
        "bot_queue_depth",
        "bot_time_since_success_seconds",
        "narrative_executions_total",
        "narrative_duration_seconds_bucket",
        "narrative_act_duration_seconds_bucket",
        "narrative_json_success_total",
        "narrative_json_failures_total",
        "pipeline_generated_total",
        "pipeline_curated_total",
        "pipeline_published_total",
        "pipeline_stage_latency_seconds_bucket",
    ] {
        assert!(!prometheus.query(name).is_empty(), "{name}");
    }
    assert_eq!(prometheus.value("sum(bot_queue_depth)"), Some(0.0), "nobody waits at the end");
}

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
fn assert_spans(jaeger: &Jaeger, counted: &Counted) {
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
    let environment =
        [("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint.as_str())];
    Counted::of("2s", &environment).assert_stored(&prometheus);
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
    let counted = Counted::said_by(&output);
    assert_eq!(counted.errors.keys().collect::<Vec<_>>(), ["network"]);
    assert!(said.contains("gen_ai.input.messages"), "{said}");
    assert!(said.contains("llm.requests") || said.contains("llm_requests"), "{said}");
    assert!(!said.contains(KEY) && !log.contains(KEY), "{said}\n{log}");
}

fn without_collector(_: &Rig) {
    let environment = [("OTEL_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")];
    let output = output("1s", &[], &environment);
    assert!(Counted::said_by(&output).total("llm_requests_total") > 0.0);
    let log = text(&output.stderr);
    assert!(log.lines().any(|line| line.starts_with("telemetry: ")), "{log}");
}

fn unknown_exporter(_: &Rig) {
    let output = output("1s", &[], &[("OTEL_EXPORTER", "otlp-http")]);
    let log = text(&output.stderr);
    assert!(!output.status.success() && log.contains("OTEL_EXPORTER"), "{log}");
    assert!(log.contains("write stdout or otlp"), "{log}");
}
