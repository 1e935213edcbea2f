//! `throughline lint` on documents, rules' own examples, and workspaces.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde::Deserialize;
use tempfile::TempDir;

use super::command::throughline;

#[test]
fn documents_give_exactly_the_findings_beside_them() {
    for name in ["inference_server", "llm_bot", "stream_processor", "actor_runtime", "mcp_server"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/lint/{name}.md"));
        let text = fs::read_to_string(&path).unwrap();
        let found = findings(&[path.to_str().unwrap()]).into_iter().map(|finding| {
            let line = text.lines().nth(finding.place.line - 1).unwrap_or_default();
            format!("{} {}", finding.id, line.trim())
        });
        let found: Vec<String> = found.collect();
        let expected = fs::read_to_string(path.with_extension("expected")).unwrap();
        assert_eq!(found, expected.lines().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn what_only_looks_stale_is_left_alone() {
    let folder = package("0.33", "", DECOYS);
    assert_eq!(ids(&folder), Vec::<String>::new());
}

const DECOYS: &str = r#"
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Of ours, not of `opentelemetry::global`.
fn shutdown_tracer_provider() {}

struct Resource;
impl Resource {
    fn new(_: Vec<u8>) -> Self {
        Self
    }
}

macro_rules! counter {
    ($meter:expr) => {
        $meter.u64_counter("requests").build()
    };
}

fn main() {
    tracing_subscriber::registry().with(tracing_subscriber::fmt::layer()).init();
    let text = "meter.u64_counter(\"x\").init() and opentelemetry_otlp::new_pipeline()";
    // opentelemetry::global::shutdown_tracer_provider() was the old way.
    let _ = (Resource::new(Vec::new()), text);
    let meter = opentelemetry::global::meter("x");
    counter!(meter);
    shutdown_tracer_provider();
}
"#;

#[derive(Deserialize)]
struct Rules {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    #[serde(default)]
    old: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    fix: Option<toml::Value>,
}

#[test]
fn every_rule_finds_its_own_example_and_its_fix_gives_the_new_form() {
    let rules: Rules = toml::from_str(include_str!("../../src/lint/rules.toml")).unwrap();
    let folder = TempDir::new().unwrap();
    let document = folder.path().join("example.md");
    let check = |code: &str| {
        let text = format!("About opentelemetry.\n\n```rust\n{code}\n```\n");
        fs::write(&document, &text).unwrap();
        (findings(&[document.to_str().unwrap()]), text)
    };
    let mut wrong = Vec::new();
    for rule in rules.rule.iter().filter(|rule| !rule.old.is_empty()) {
        let (found, text) = check(&rule.old);
        let Some(finding) = found.iter().find(|finding| finding.id == rule.id) else {
            wrong.push(format!("{} does not find its example", rule.id));
            continue;
        };
        if rule.new.is_empty() {
            continue;
        }
        let (again, new) = check(&rule.new);
        if again.iter().any(|finding| finding.id == rule.id) {
            wrong.push(format!("{} finds the new form", rule.id));
        }
        if rule.fix.is_some() {
            let made = finding.fix.as_ref().map(|fix| fix.applied(&text));
            if made.as_deref() != Some(&new) {
                wrong.push(format!("{}: its fix makes {made:?}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn two_versions_are_found_with_the_way_of_each() {
    let folder = package("0.33", "library = \"1\"", "fn main() {}");
    fs::write(folder.path().join("Cargo.lock"), include_str!("../lint/two_versions.lock")).unwrap();
    let output = lint(&[folder.path().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("error[V001]") && said.contains("app → library 1.2.0 → opentelemetry 0.30.0"),
        "{said}"
    );
}

#[test]
fn companions_and_features_that_do_not_fit_are_found() {
    let dependencies = r#"
tracing-opentelemetry = "0.33"
opentelemetry-otlp = { version = "0.33", features = ["tls", "serialize"] }
opentelemetry-prometheus = "0.28"
opentelemetry-jaeger = "0.22"
"#;
    let source = "
fn main() {
    let _exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().build();
}
";
    let folder = package("0.33", dependencies, source);
    let mut found = ids(&folder);
    found.sort();
    // The exporter of Jaeger is of another version, too.
    assert_eq!(found, ["F001", "F101", "F103", "V002", "V002", "V002", "V005"]);
}

#[test]
fn a_version_that_is_behind_makes_notes_of_what_will_break() {
    let source = "fn main() { opentelemetry::global::meter(\"x\").u64_counter(\"y\").init(); }";
    let folder = package("0.26", "", source);
    let found = findings(&[folder.path().to_str().unwrap()]);
    let found: Vec<_> = found.iter().map(|finding| (&*finding.id, &*finding.severity)).collect();
    assert_eq!(found, [("V004", "note"), ("P101", "note")]);
    assert_eq!(lint(&[folder.path().to_str().unwrap()]).status.code(), Some(0), "it compiles today");
    assert_eq!(lint(&["--fail-on", "note", folder.path().to_str().unwrap()]).status.code(), Some(1));
}

#[test]
fn a_finding_is_silenced_with_a_reason_alone() {
    let source = r#"
fn main() {
    let meter = opentelemetry::global::meter("x");
    // throughline: allow(P101) reason = "a type of ours has an init"
    meter.u64_counter("a").init();
    // throughline: allow(P101)
    meter.u64_counter("b").init();
}
"#;
    let folder = package("0.33", "", source);
    assert_eq!(ids(&folder), ["L001", "P101"]);
}

#[test]
fn a_baseline_leaves_out_what_was_there() {
    let source = "fn main() { opentelemetry::global::meter(\"x\").u64_counter(\"y\").init(); }";
    let folder = package("0.33", "", source);
    let (path, baseline) = (folder.path().to_str().unwrap(), folder.path().join("known.txt"));
    let baseline = baseline.to_str().unwrap();
    assert_eq!(lint(&["--write-baseline", baseline, path]).status.code(), Some(0));
    assert_eq!(lint(&["--baseline", baseline, path]).status.code(), Some(0));
    let twice =
        format!("{source}\nfn other() {{ opentelemetry::global::meter(\"x\").u64_counter(\"z\").init(); }}");
    fs::write(folder.path().join("src/main.rs"), twice).unwrap();
    assert_eq!(lint(&["--baseline", baseline, path]).status.code(), Some(1), "a new one is found");
}

#[test]
fn configurations_beside_the_code_are_looked_at_with_all_that_findings_have() {
    let folder = package("0.33", "", "fn main() {}");
    let (path, file) = (folder.path().to_str().unwrap(), folder.path().join("otel-collector.yaml"));
    let collector = |comment: &str| {
        format!(
            "receivers:\n  otlp: {{protocols: {{grpc: {{endpoint: 0.0.0.0:4317}}}}}}\nexporters:\n{comment}  logging:\n\
             service:\n  pipelines:\n    traces: {{receivers: [otlp], exporters: [logging]}}\n"
        )
    };
    fs::write(&file, collector("")).unwrap();
    assert_eq!(ids(&folder), ["D913", "D910"]);
    let said = lint(&[path]);
    let frame = String::from_utf8_lossy(&said.stdout);
    assert!(frame.contains("error[D910]") && frame.contains("otel-collector.yaml:4:3"), "{frame}");
    assert!(String::from_utf8_lossy(&said.stderr).contains("in 3 files"), "{said:?}");
    let sarif = lint(&["--format", "sarif", path]).stdout;
    let sarif: serde_json::Value = serde_json::from_slice(&sarif).unwrap();
    assert_eq!(sarif["runs"][0]["results"][1]["ruleId"], "D910");
    assert_eq!(lint(&["--allow", "D9", path]).status.code(), Some(0));

    let baseline = folder.path().join("known.txt");
    let baseline = baseline.to_str().unwrap();
    assert_eq!(lint(&["--write-baseline", baseline, path]).status.code(), Some(0));
    assert_eq!(lint(&["--baseline", baseline, path]).status.code(), Some(0));

    fs::write(&file, collector("  # throughline: allow(D910) reason=\"an old Collector\"\n")).unwrap();
    assert_eq!(ids(&folder), ["D913"]);
    assert_eq!(throughline(&["doctor", "static", path]).output().unwrap().status.code(), Some(0));
    fs::write(&file, collector("  # throughline: allow(D910)\n")).unwrap();
    assert_eq!(ids(&folder), ["D913", "D910", "L001"]);
}

#[test]
fn stacks_in_other_folders_say_nothing_of_a_file() {
    let folder = package("0.33", "", "fn main() {}");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let scrape =
        "scrape_configs:\n  - job_name: app\n    static_configs: [{targets: [\"localhost:8000\"]}]\n";
    write("stack/compose.yaml", "services:\n  prometheus: {image: \"prom/prometheus:v3.0.0\"}\n");
    write("elsewhere/prometheus.yml", scrape);
    assert_eq!(ids(&folder), Vec::<String>::new());
    write("stack/prometheus.yml", scrape);
    assert_eq!(ids(&folder), ["D901"]);
}

#[test]
fn what_cannot_be_read_is_said_and_is_not_success() {
    let folder = package("0.33", "", "use opentelemetry::KeyValue;\nfn main( {");
    let output = lint(&[folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("could not be read") && said.contains("main.rs"), "{said}");
}

#[test]
fn programs_read_findings_as_sarif_and_annotations() {
    let source = "fn main() { opentelemetry::global::meter(\"x\").u64_counter(\"y\").init(); }";
    let folder = package("0.33", "", source);
    let path = folder.path().to_str().unwrap();
    let sarif: serde_json::Value =
        serde_json::from_slice(&lint(&["--format", "sarif", path]).stdout).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "P101");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 1);
    assert_eq!(
        result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"],
        "build"
    );
    let annotations = String::from_utf8(lint(&["--format", "github", path]).stdout).unwrap();
    assert!(
        annotations.starts_with("::error file=") && annotations.contains("title=P101::"),
        "{annotations}"
    );
}

#[test]
fn the_guide_is_what_the_rules_say() {
    let output = throughline(&["explain", "--markdown"]).output().unwrap();
    let written =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/migrating.md")).unwrap();
    assert!(
        String::from_utf8(output.stdout).unwrap() == written,
        "docs/migrating.md is stale: write it anew with `throughline explain --markdown > docs/migrating.md`"
    );
}

#[test]
fn every_id_is_explained() {
    let list = throughline(&["explain"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let ids: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(ids.len() > 100 && ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1));
    let output = throughline(&["explain", "p303"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("P303: ") && said.contains("PeriodicReader::builder(exporter)"), "{said}");
    assert_eq!(throughline(&["explain", "Z999"]).output().unwrap().status.code(), Some(3));
}

/// A package with a dependency on this OpenTelemetry.
fn package(version: &str, dependencies: &str, source: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let manifest =
        format!("[package]\nname = \"app\"\n[dependencies]\nopentelemetry = \"{version}\"\n{dependencies}\n");
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/main.rs"), source).unwrap();
    folder
}

fn lint(arguments: &[&str]) -> Output {
    throughline(&[&["lint"], arguments].concat()).output().unwrap()
}

fn ids(folder: &TempDir) -> Vec<String> {
    findings(&[folder.path().to_str().unwrap()]).into_iter().map(|finding| finding.id).collect()
}

fn findings(arguments: &[&str]) -> Vec<Finding> {
    let output = lint(&[&["--format", "json"], arguments].concat());
    let document: Document = serde_json::from_slice(&output.stdout).unwrap();
    document.findings
}

#[derive(Deserialize)]
struct Document {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    id: String,
    severity: String,
    #[serde(rename = "where")]
    place: Place,
    fix: Option<Fix>,
}

#[derive(Deserialize)]
struct Place {
    #[serde(rename = "file")]
    _file: PathBuf,
    line: usize,
}

#[derive(Deserialize)]
struct Fix {
    edits: Vec<Edit>,
}

#[derive(Deserialize)]
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

impl Fix {
    fn applied(&self, text: &str) -> String {
        let mut edits: Vec<&Edit> = self.edits.iter().collect();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.start));
        let mut text = text.to_owned();
        for edit in edits {
            text.replace_range(edit.start..edit.end, &edit.text);
        }
        text
    }
}
