//! `throughline dashboards`, `alerts` and `config` against the programs that they are for: promtool judges rules and their
//! tests, the Collector and Prometheus start with their configurations, kustomize and Compose read theirs, and every panel
//! has data once every metric of every kit was recorded.

#[path = "../support/command.rs"]
mod command;
mod recorder;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::Duration;

use command::throughline;
use throughline::{
    ExportConfig, MetricsConfig, OtlpProtocol, SpanBuilder, TelemetryConfig, TelemetryProviders,
    TranslationStrategy, init_telemetry,
};
use throughline_rig::{
    Case, CollectorConfig, DEADLINE, Need, Prometheus, PrometheusConfig, Rig, eventually, run,
};

fn main() -> ExitCode {
    run(&[
        Case::new("promtool_takes_the_rules_and_their_tests_pass", &[Need::Promtool], rules),
        Case::new("promtool_takes_the_configuration", &[Need::Promtool], prometheus_configuration),
        Case::new("the_collector_takes_its_configurations", &[Need::Collector], collector_configurations),
        Case::new("kustomize_and_compose_take_their_files", &[Need::Manifests], manifests),
        Case::new("every_panel_has_data_when_scraped", &[Need::Prometheus], scraped),
        Case::new("every_panel_has_data_when_pushed", &[Need::Prometheus], pushed),
        Case::new("every_panel_has_data_under_names_as_they_are", &[Need::Prometheus], untranslated),
        Case::new("the_stack_works_as_it_is_written", STACK, stack),
        Case::new("a_wrong_question_is_named", &[Need::Prometheus], wrong_question),
    ])
}

const STACK: &[Need] = &[Need::Prometheus, Need::Collector, Need::Jaeger];

/// The command's output, which says that all went well.
fn succeed(arguments: &[&str]) -> String {
    let output = throughline(arguments).output().expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn assert_judged(judge: &Path, arguments: &[&str], files: &[PathBuf]) {
    let output = Command::new(judge).args(arguments).args(files).output().expect("it runs");
    assert!(output.status.success(), "{arguments:?} {files:?}: {}", said(&output));
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.is_file()).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// Each way and each translation.
fn variants() -> impl Iterator<Item = (&'static str, &'static str)> {
    let paths = ["scrape", "otlp", "collector"];
    paths.into_iter().flat_map(|path| TranslationStrategy::ALL.map(move |strategy| (path, strategy.as_str())))
}

fn rules(rig: &Rig) {
    for (path, strategy) in variants() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = text(folder.path());
        succeed(&["alerts", "--path", path, "--strategy", strategy, "--out", out]);
        let promtool = rig.promtool();
        assert_judged(&promtool, &["check", "rules", "--lint-fatal"], &files_in(folder.path()));
        // Names are what strategies change; of the ways, the tests are the same.
        if matches!(
            (path, strategy),
            ("otlp", "NoTranslation") | ("collector", "UnderscoreEscapingWithSuffixes")
        ) {
            assert_judged(&promtool, &["test", "rules"], &files_in(&folder.path().join("tests")));
        }
    }
}

fn prometheus_configuration(rig: &Rig) {
    for (path, strategy) in variants() {
        let folder = tempfile::tempdir().expect("a folder");
        let naming = ["--path", path, "--strategy", strategy, "--out", text(folder.path())];
        succeed(&[&["config", "compose"][..], &naming].concat());
        assert_judged(&rig.promtool(), &["check", "config"], &[folder.path().join("prometheus.yml")]);
    }
}

fn collector_configurations(rig: &Rig) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = text(folder.path());
    let judge = rig.executable(Need::Collector).expect("it is needed");
    for metrics_to in ["scrape", "remote-write", "otlp"] {
        succeed(&["config", "collector", "--metrics-to", metrics_to, "--out", out]);
        assert_valid(&judge, &folder.path().join("collector.yaml"));
    }
    succeed(&["config", "k8s", "--out", out]);
    for name in ["agent-collector.yaml", "gateway-collector.yaml"] {
        // Its folder is made when it starts; to be valid, it must be where one can be made.
        let path = folder.path().join(name);
        assert_valid(&judge, &path);
    }
}

fn manifests(rig: &Rig) {
    let judge = rig.executable(Need::Manifests).expect("it is needed");
    let folder = tempfile::tempdir().expect("a folder");
    let below = |name: &str| folder.path().join(name);
    succeed(&["config", "compose", "--out", text(&below("compose"))]);
    assert_judged(&judge, &["compose"], &[below("compose/compose.yaml")]);
    succeed(&["config", "k8s", "--out", text(&below("kubernetes"))]);
    assert_judged(&judge, &["kubernetes"], &[below("kubernetes")]);
}

fn assert_valid(judge: &Path, path: &Path) {
    let queue = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(judge);
    let output = command.arg("validate").arg("--config").arg(path).env("QUEUE", queue.path()).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}: {}", path.display(), said(&output));
}

/// Often enough that nobody waits.
const INTERVAL: Duration = Duration::from_millis(200);

fn config() -> TelemetryConfig {
    TelemetryConfig::new("recorder").without_globals()
}

/// Every metric of every kit, recorded by a service that is set up so.
fn service(config: TelemetryConfig) -> TelemetryProviders {
    let telemetry = init_telemetry(config).expect("telemetry starts");
    recorder::record_all(&telemetry.meter("kits"));
    telemetry
}

/// Waits until every question of the dashboards and rules has an answer.
fn verified(prometheus: &Prometheus, naming: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let below = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let (dashboards, rules) = (below("dashboards"), below("rules"));
    succeed(&[&["dashboards", "--out", &dashboards], naming].concat());
    succeed(&[&["alerts", "--out", &rules], naming].concat());
    let arguments = ["dashboards", "verify", "--prometheus", prometheus.url(), &dashboards, &rules];
    let mut last = String::new();
    let verdict = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually(DEADLINE, "answer to every question", || {
            let output = throughline(&arguments).output().expect("it runs");
            last = said(&output);
            output.status.success().then_some(())
        });
    }));
    assert!(verdict.is_ok(), "{last}");
    assert!(last.contains(" questions, 0 without a good answer"), "{last}");
}

fn scraped(rig: &Rig) {
    let telemetry = service(config());
    let prometheus = rig.prometheus(PrometheusConfig {
        targets: vec![telemetry.prometheus_address().expect("an endpoint").to_string()],
        ..PrometheusConfig::default()
    });
    verified(&prometheus, &["--path", "scrape"]);
}

fn pushed(rig: &Rig) {
    let prometheus = rig.prometheus(taking_otlp(TranslationStrategy::default()));
    let metrics =
        MetricsConfig::new().with_otlp_to_prometheus(prometheus.url()).with_export_interval(INTERVAL);
    let telemetry = service(config().without_prometheus_endpoint().with_metrics(metrics));
    verified(&prometheus, &["--path", "otlp"]);
    drop(telemetry);
}

fn untranslated(rig: &Rig) {
    let strategy = TranslationStrategy::NoTranslation;
    let prometheus = rig.prometheus(taking_otlp(strategy));
    let metrics =
        MetricsConfig::new().with_otlp_to_prometheus(prometheus.url()).with_export_interval(INTERVAL);
    let telemetry = service(
        config().without_prometheus_endpoint().with_translation_strategy(strategy).with_metrics(metrics),
    );
    verified(&prometheus, &["--path", "otlp", "--strategy", strategy.as_str()]);
    drop(telemetry);
}

/// The configuration as it is written, but quicker. It has a target, so that there is an `up`: who only pushes is none.
fn taking_otlp(strategy: TranslationStrategy) -> PrometheusConfig {
    let raw = succeed(&["config", "prometheus", "--path", "otlp", "--strategy", strategy.as_str()]);
    PrometheusConfig {
        raw: Some(raw.replace("_interval: 15s", "_interval: 250ms")),
        ..PrometheusConfig::default()
    }
}

/// Service, Collector, Prometheus and Jaeger, each with the configuration as it is written, at other addresses.
fn stack(rig: &Rig) {
    let jaeger = rig.jaeger();
    let raw = succeed(&["config", "collector"]).replace("jaeger:4317", &jaeger.otlp_grpc());
    let collector = rig.collector(CollectorConfig { raw: Some(raw), ..CollectorConfig::default() });
    let raw = succeed(&["config", "prometheus"])
        .replace("collector:8889", &collector.prometheus_exporter_address())
        .replace("_interval: 15s", "_interval: 250ms");
    let prometheus = rig.prometheus(PrometheusConfig { raw: Some(raw), ..PrometheusConfig::default() });
    let export = ExportConfig::new()
        .with_endpoint(collector.otlp_http_url())
        .with_protocol(OtlpProtocol::HttpProtobuf);
    let metrics = MetricsConfig::new().with_export_interval(INTERVAL);
    // The one here that is for everybody: a span is started without being told of which telemetry.
    let config = TelemetryConfig::new("recorder").without_prometheus_endpoint();
    let telemetry = service(config.with_metrics(metrics).with_export(export));
    drop(SpanBuilder::new("journey").start());
    verified(&prometheus, &[]);
    eventually(DEADLINE, "the service in Jaeger", || {
        jaeger.services().contains(&"recorder".to_owned()).then_some(())
    });
    let report = telemetry.shutdown_blocking();
    assert!(report.is_complete(), "{report}");
}

/// A panel whose metric nobody records, one that is no `PromQL`, and one that may be empty.
fn wrong_question(rig: &Rig) {
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let folder = tempfile::tempdir().expect("a folder");
    let panel = |title: &str, description: &str, expression: &str| serde_json::json!({"title": title, "description": description, "targets": [{"expr": expression}]});
    let dashboard = serde_json::json!({"panels": [
        panel("fine", "", "vector(1)"),
        panel("missing", "", "sum(rate(nobody_total[$__rate_interval]))"),
        panel("broken", "", "sum(rate("),
        panel("quiet", "May be empty: nothing happened.", "nobody_total"),
    ]});
    fs::write(folder.path().join("one.json"), dashboard.to_string()).expect("a file");
    let arguments = ["dashboards", "verify", "--prometheus", prometheus.url(), text(folder.path())];
    let output = throughline(&arguments).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let said = said(&output);
    for part in [
        "`missing` has no answer: there is no nobody_total",
        "`broken` is refused: ",
        "4 questions, 2 without a good answer",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
}
