//! The program against the real servers: what it counted is what they store, whichever way that came.
#![expect(clippy::panic, reason = "cases fail by panicking")]

mod program;
mod traces;

use std::process::ExitCode;

use throughline::core::name::{FamilyKind, TranslationStrategy};
use throughline_instruments::stream::KIT;
use throughline_rig::{
    Case, CollectorConfig, Counted, Document, Need, Prometheus, PrometheusConfig, Rig, System, run,
};

use program::Program;
use traces::Traces;

fn main() -> ExitCode {
    run(&[
        Case::new(
            "what_it_counts_is_what_is_stored",
            &[Need::Collector, Need::Prometheus, Need::Jaeger, Need::Throughline],
            what_it_counts_is_what_is_stored,
        ),
        Case::new(
            "faults_fire_their_alerts_and_recovery_resolves_them",
            &[Need::Alertmanager, Need::Collector, Need::Prometheus, Need::Throughline],
            faults_fire_their_alerts,
        ),
        Case::new("it_ends_by_itself_and_without_servers", &[], it_ends_by_itself),
        Case::new("the_usage_example_of_the_document_runs", &[], the_usage_example_runs),
    ])
}

/// Scraped as totals and pushed as deltas, metrics are what the program counted; and so are the spans.
fn what_it_counts_is_what_is_stored(rig: &Rig) {
    let jaeger = rig.jaeger();
    let collector = rig.collector(CollectorConfig {
        traces_to: Some(jaeger.otlp_grpc()),
        overlay: Some(DELTA_TO_CUMULATIVE.to_owned()),
        ..CollectorConfig::default()
    });
    let mut program = Program::start(
        &["--listen", "127.0.0.1:0", "--rate", "400", "--events", "900"],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.otlp_grpc_url()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
            ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ],
    );
    let (scraped, pushed) = (program.scrape_address(), collector.prometheus_exporter_address());
    let prometheus = rig.prometheus(PrometheusConfig {
        targets: vec![scraped.clone(), pushed.clone()],
        ..PrometheusConfig::default()
    });
    let counted = program.counted();
    assert_accounts(&counted);
    for instance in [&scraped, &pushed] {
        assert_stored(&prometheus, instance, &counted);
        assert_recorded(&prometheus, instance);
    }
    SYSTEM.assert_charted(rig, &prometheus);
    let document = include_str!("../../../../crates/throughline-cli/tests/lint/stream_processor.md");
    Document::read(document).assert_stored(&prometheus);
    let deltas = collector.own_metric("otelcol_deltatocumulative_datapoints");
    assert!(deltas > 0.0, "what was pushed was no delta");

    let spans = counted.of("messaging_client_sent_messages_total")
        + counted.of("messaging_client_consumed_messages_total")
        + counted.of("processor_window_triggers_total");
    let traces = Traces::read(&jaeger, spans as usize);
    traces.assert_counted(&counted);
    traces.assert_messages_are_followed();
    traces.assert_results_link_to_their_events();

    assert_eq!(program.interrupt().expect("it counted"), counted, "nothing was counted since");
}

const SYSTEM: System = System { name: "stream-processor", naming: &[] };

const DELTA_TO_CUMULATIVE: &str = "
processors: {deltatocumulative: {}}
service: {pipelines: {metrics: {processors: [deltatocumulative, batch]}}}
";

/// Nothing is lost on the way through the program.
fn assert_accounts(counted: &Counted) {
    let of = |name: &str| counted.of(name) as u64;
    let ended = of("processor_events_processed_total") + of("processor_events_dropped_total");
    assert_eq!(of("processor_events_received_total"), ended, "{counted:?}");
    assert_eq!(of("processor_windows_created_total"), of("processor_window_triggers_total"), "{counted:?}");
    assert!(of("processor_deduplication_count_total") >= 18 && of("processor_late_events_total") > 0);
    assert!(of("processor_aggregation_errors_total") > 0 && of("events_processed_total") > 0);
}

/// All of it, and exactly that.
fn assert_stored(prometheus: &Prometheus, instance: &str, counted: &Counted) {
    counted.assert_stored_as(prometheus, &format!("instance=\"{instance}\""));
    let value = |promql: &str| prometheus.value(&promql.replace("$i", &format!("instance=\"{instance}\"")));
    let processed = Some(counted.of("processor_events_processed_total"));
    assert_eq!(value("sum(processor_processing_duration_seconds_count{$i})"), processed, "{instance}");
    assert_eq!(value("sum(processor_windows_active{$i})"), Some(0.0), "{instance}");
    assert_eq!(value("sum(processor_state_size_bytes{$i})"), Some(0.0), "{instance}");
    let failed = value("sum(processor_events_processed_total{$i, error_type=\"out_of_range\"})");
    assert!(failed.is_some_and(|failed| failed > 0.0), "{instance}: {failed:?}");
    let lag = value("max(processor_watermark_lag_seconds{$i})");
    assert!(lag.is_some_and(|lag| lag > 0.0), "{instance}: {lag:?}");
}

/// Every metric of the kit is recorded.
fn assert_recorded(prometheus: &Prometheus, instance: &str) {
    for definition in KIT.definitions() {
        let kind = FamilyKind::from(definition.kind);
        let name = TranslationStrategy::default().metric_name(definition.name, definition.unit, kind);
        let count = if kind == FamilyKind::Histogram { "_count" } else { "" };
        let series = format!("{}{count}{{instance=\"{instance}\"}}", name.expect("a name"));
        assert!(!prometheus.query(&series).is_empty(), "{series}");
    }
}

/// A backlog makes it late; a Collector that is away is down as a target, and does not take what is pushed.
fn faults_fire_their_alerts(rig: &Rig) {
    let (alertmanager, rules) = (rig.alertmanager(), SYSTEM.rules(rig, &["--faster", "200"]));
    let mut collector = rig.collector(CollectorConfig {
        overlay: Some(DELTA_TO_CUMULATIVE.to_owned()),
        ..CollectorConfig::default()
    });
    let program = Program::start(
        &["--listen", "127.0.0.1:0", "--rate", "200", "--backlog", "1600"],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.otlp_grpc_url()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ],
    );
    let _prometheus = rig.prometheus(PrometheusConfig {
        targets: vec![program.scrape_address(), collector.prometheus_exporter_address()],
        rule_folder: Some(rules.path().to_owned()),
        alertmanagers: vec![alertmanager.address()],
        ..PrometheusConfig::default()
    });
    alertmanager.await_firing("ProcessorWatermarkLagSecondsBehind");
    alertmanager.await_resolved("ProcessorWatermarkLagSecondsBehind");
    collector.kill();
    for alert in ["TargetDown", "TelemetryNotDelivered"] {
        alertmanager.await_firing(alert);
    }
    collector.restart();
    for alert in ["TargetDown", "TelemetryNotDelivered"] {
        alertmanager.await_resolved(alert);
    }
}

fn it_ends_by_itself(_rig: &Rig) {
    // Nothing listens there.
    let nowhere = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let program = Program::start(&["--for", "300ms", "--listen", "127.0.0.1:0"], &[nowhere]);
    let (counted, said) = program.end();
    assert_accounts_of_a_short_run(&counted);
    assert!(said.contains("not all of which arrived"), "{said}");
}

fn assert_accounts_of_a_short_run(counted: &Counted) {
    let ended = counted.of("processor_events_processed_total") + counted.of("processor_events_dropped_total");
    assert!(ended > 0.0 && ended.total_cmp(&counted.of("processor_events_received_total")).is_eq());
}

fn the_usage_example_runs(_rig: &Rig) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stream-processor-usage"));
    let status = command.env("OTEL_SDK_DISABLED", "true").status().expect("it starts");
    assert!(status.success(), "{status}");
}
