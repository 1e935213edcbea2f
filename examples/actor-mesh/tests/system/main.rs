//! The program against the real servers: what all of its processes counted is what they store.
#![expect(clippy::panic, reason = "cases fail by panicking")]

mod program;
mod relay;
mod traces;

use std::process::{Command, ExitCode};

use throughline_instruments::actor::KIT;
use throughline_rig::{
    Case, Counted, Document, Need, Page, Prometheus, PrometheusConfig, Rig, System, http, run,
};

use program::{end, interrupt, kill_worker, start};
use relay::Relay;

fn main() -> ExitCode {
    run(&[
        Case::new(
            "what_all_processes_count_is_what_is_stored",
            &[Need::Prometheus, Need::Jaeger, Need::Throughline],
            what_all_processes_count_is_what_is_stored,
        ),
        Case::new("deltas_are_stored_as_totals", &[Need::Prometheus], deltas_are_stored_as_totals),
        Case::new(
            "a_worker_that_is_killed_fires_an_alert_and_comes_back",
            &[Need::Alertmanager, Need::Prometheus, Need::Throughline],
            a_worker_that_is_killed_fires_an_alert_and_comes_back,
        ),
        Case::new("it_ends_by_itself_and_without_servers", &[], it_ends_by_itself),
        Case::new("a_backend_is_chosen_by_the_variable_of_the_runtime", &[], backends),
        Case::new("the_usage_example_of_the_document_runs", &[], the_usage_example_runs),
    ])
}

/// As the document has it.
const PROMOTED: [&str; 7] = [
    "service.instance.id",
    "service.name",
    "service.namespace",
    "service.version",
    "deployment.environment",
    "k8s.cluster.name",
    "k8s.namespace.name",
];

fn prometheus(rig: &Rig, features: &[&str]) -> Prometheus {
    rig.prometheus(config(features))
}

fn config(features: &[&str]) -> PrometheusConfig {
    PrometheusConfig {
        translation_strategy: "NoTranslation".to_owned(),
        promote_resource_attributes: PROMOTED.map(str::to_owned).to_vec(),
        out_of_order_window: "30m".to_owned(),
        features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        ..PrometheusConfig::default()
    }
}

/// The variables of the document.
fn environment(metrics: &str) -> Vec<(&'static str, String)> {
    vec![
        ("HYPERACTOR_OTEL_BACKEND", "prometheus".to_owned()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", metrics.to_owned()),
        ("OTEL_SERVICE_NAME", "monarch".to_owned()),
        ("OTEL_RESOURCE_ATTRIBUTES", "k8s.cluster.name=rig".to_owned()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "200".to_owned()),
    ]
}

/// Straight into Prometheus, under their own names, although each process' first push comes last but one; and into Jaeger.
fn what_all_processes_count_is_what_is_stored(rig: &Rig) {
    // Who pushes is no target; without any, there would be no `up`.
    let target = Page::serve("text/plain; version=0.0.4", "");
    let prometheus = rig.prometheus(PrometheusConfig { targets: vec![target.address()], ..config(&[]) });
    let jaeger = rig.jaeger();
    let relay = Relay::start(format!("{}/v1/metrics", prometheus.otlp_url()));
    let mut environment = environment(&relay.url());
    environment.push(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/v1/traces", jaeger.otlp_http_url())));
    environment.push(("OTEL_SERVICE_INSTANCE_ID", "mesh".to_owned()));
    let (counted, said) = end(start(&["--for", "3s", "--procs", "3"], &environment));
    assert!(!said.contains("not all of which arrived"), "{said}");

    assert_happened(&counted);
    assert_stored(&prometheus, &counted);
    assert_recorded(rig, &prometheus);
    assert_known_by_their_resource(&prometheus, &counted);
    assert_out_of_order(&prometheus, relay.late());
    traces::assert_counted(&jaeger, &counted);
}

/// Everything that can go wrong did.
fn assert_happened(counted: &Counted) {
    let of = |name: &str| counted.of(name) as u64;
    for name in ["actor.message_receive_errors", "proc_mesh.actor_failures", "mailbox.undeliverable_messages"]
    {
        assert!(of(name) > 0, "{name}: {counted:?}");
    }
}

fn assert_stored(prometheus: &Prometheus, counted: &Counted) {
    counted.assert_stored(prometheus);
    for (histogram, counter) in [
        ("actor.message_handler_duration.ns", "actor.messages_received"),
        ("message.e2e_latency.us", "actor.messages_received"),
        ("channel.remote_message_send_size", "channel.throughput.messages"),
        ("channel.latency.us", "channel.throughput.messages"),
        ("http_request_duration_seconds", "http_requests_total"),
    ] {
        let count = prometheus.value(&format!("sum({{\"{histogram}_count\"}})"));
        assert_eq!(count, Some(counted.of(counter)), "{histogram}");
    }
    for name in ["actor.message_queue_size", "proc_mesh.active_procs"] {
        assert_eq!(prometheus.value(&format!("sum({{\"{name}\"}})")), Some(0.0), "{name}");
    }
}

/// Every metric of the kit is recorded, every name of the document is stored, and every panel and rule has its data.
fn assert_recorded(rig: &Rig, prometheus: &Prometheus) {
    prometheus.assert_stores(KIT.definitions().map(|definition| definition.name));
    let document = include_str!("../../../../crates/throughline-cli/tests/lint/actor_runtime.md");
    Document::read(document).assert_stored(prometheus);
    SYSTEM.assert_charted(rig, prometheus);
}

const SYSTEM: System =
    System { name: "actor-mesh", naming: &["--path", "otlp", "--strategy", "NoTranslation"] };

/// Each process is an instance; what is not promoted is joined from `target_info`.
fn assert_known_by_their_resource(prometheus: &Prometheus, counted: &Counted) {
    let instances =
        prometheus.query(r#"count by ("service.instance.id", "k8s.cluster.name") ({"mailbox.posts"})"#);
    let mut ids: Vec<_> = instances.iter().map(|sample| sample.label("service.instance.id")).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["mesh-0", "mesh-1", "mesh-2", "mesh-3"]);
    assert!(instances.iter().all(|sample| sample.label("k8s.cluster.name") == "rig"));

    let joined = prometheus.query(
        r#"sum by ("mesh.role") ({"mailbox.posts"} * on (job, instance) group_left ("mesh.role") target_info)"#,
    );
    let of = |role: &str| {
        let sample = joined.iter().find(|sample| sample.label("mesh.role") == role);
        sample.unwrap_or_else(|| panic!("no {role} in {joined:?}")).value
    };
    let posts = of("controller") + of("worker");
    assert!(posts.total_cmp(&counted.of("mailbox.posts")).is_eq(), "{joined:?}");
    // The document's own query.
    let rate = prometheus.query(
        r#"rate(http_requests_total[2m]) * on (job, instance) group_left ("k8s.cluster.name") target_info"#,
    );
    assert!(
        !rate.is_empty() && rate.iter().all(|sample| sample.label("k8s.cluster.name") == "rig"),
        "{rate:?}"
    );
}

/// Prometheus took what came late, and refused nothing.
fn assert_out_of_order(prometheus: &Prometheus, late: usize) {
    assert_eq!(late, 4, "each process pushed late once");
    let page = http::get(&format!("{}/metrics", prometheus.url())).expect("its own metrics").body;
    let own = |name: &str| -> f64 {
        let lines = page.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    assert!(own("prometheus_tsdb_head_out_of_order_samples_appended_total") > 0.0);
    for refused in ["prometheus_tsdb_out_of_order_samples_total", "prometheus_tsdb_too_old_samples_total"] {
        assert!(own(refused).total_cmp(&0.0).is_eq(), "{refused}");
    }
}

/// With the temporality that the document calls experimental.
fn deltas_are_stored_as_totals(rig: &Rig) {
    let prometheus = prometheus(rig, &["otlp-deltatocumulative"]);
    let mut environment = environment(&format!("{}/v1/metrics", prometheus.otlp_url()));
    environment.push(("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta".to_owned()));
    let (counted, said) = end(start(&["--for", "1s", "--procs", "2"], &environment));
    assert!(!said.contains("not all of which arrived"), "{said}");
    assert_stored(&prometheus, &counted);
}

/// What is posted to it meanwhile does not arrive, which is counted; once it was started again, all is well.
fn a_worker_that_is_killed_fires_an_alert_and_comes_back(rig: &Rig) {
    let (alertmanager, rules) = (rig.alertmanager(), SYSTEM.rules(rig, &["--faster", "200"]));
    let prometheus = rig.prometheus(PrometheusConfig {
        rule_folder: Some(rules.path().to_owned()),
        alertmanagers: vec![alertmanager.address()],
        ..config(&[])
    });
    let environment = environment(&format!("{}/v1/metrics", prometheus.otlp_url()));
    let mut program = start(&["--procs", "1"], &environment);
    kill_worker(&mut program, 1);
    alertmanager.await_firing("MailboxPostsBudgetBurnsFast");
    alertmanager.await_resolved("MailboxPostsBudgetBurnsFast");
    interrupt(&program);
    let (counted, _) = end(program);
    for (name, expected) in [("proc_mesh.proc_failures", 1.0), ("channel.reconnections", 1.0)] {
        assert_eq!(counted.of(name) as u64, 1, "{name}");
        prometheus.await_value(&format!("sum({{\"{name}\"}})"), expected);
    }
    prometheus.await_value(r#"sum({"proc_mesh.active_procs"})"#, 0.0);
    let lost = r#"sum({"mailbox.undeliverable_messages", error_type="unreachable"}) > bool 0"#;
    prometheus.await_value(lost, 1.0);
}

fn it_ends_by_itself(_rig: &Rig) {
    // Nothing listens there.
    let (counted, said) =
        end(start(&["--for", "300ms", "--procs", "2"], &environment("http://127.0.0.1:1/")));
    assert!(counted.of("mailbox.posts") > 0.0 && said.contains("not all of which arrived"), "{said}");
}

fn backends(_rig: &Rig) {
    let backend = |name: &str| vec![("HYPERACTOR_OTEL_BACKEND", name.to_owned())];
    let (counted, said) = end(start(&["--for", "300ms", "--procs", "1"], &backend("none")));
    assert!(counted.of("mailbox.posts") > 0.0 && said.contains("pushed nowhere"), "{said}");
    let refused = start(&["--for", "300ms"], &backend("scuba")).wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("write prometheus or none"), "{said}");
}

fn the_usage_example_runs(_rig: &Rig) {
    let status = Command::new(env!("CARGO_BIN_EXE_actor-mesh-usage")).status().expect("it starts");
    assert!(status.success(), "{status}");
}
