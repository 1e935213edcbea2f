//! `throughline doctor` as far as it goes without servers: files, forms, findings as data.
#![expect(clippy::unwrap_used, clippy::panic, clippy::string_slice, reason = "cases fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::command::throughline;

fn doctor(arguments: &[&str]) -> Output {
    let arguments: Vec<_> = ["doctor"].iter().chain(arguments).copied().collect();
    throughline(&arguments).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn samples() -> Vec<PathBuf> {
    let folders = fs::read_dir(package().join("tests/static")).unwrap();
    folders.map(|folder| folder.unwrap().path()).collect()
}

/// What is found in a folder: `FILE:LINE:COLUMN: SEVERITY ID`, a line each.
fn found(folder: &Path) -> String {
    let output = doctor(&["static", "--format", "json", &folder.to_string_lossy()]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let line = |finding: &Value| {
        let place = &finding["where"];
        let file =
            Path::new(place["file"].as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
        let (severity, id) = (finding["severity"].as_str().unwrap(), finding["id"].as_str().unwrap());
        format!("{file}:{}:{}: {severity} {id}\n", place["line"], place["column"])
    };
    report["findings"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn files_have_exactly_the_expected_findings() {
    let samples = samples();
    assert!(!samples.is_empty());
    for folder in samples {
        let expected = fs::read_to_string(folder.join("expected")).unwrap();
        assert_eq!(found(&folder), expected, "{}", folder.display());
    }
}

#[test]
fn fixes_of_files_mend_what_they_are_of() {
    for folder in samples() {
        let copy = tempfile::tempdir().unwrap();
        copy_all(&folder, copy.path());
        let output = doctor(&["static", "--fix", &copy.path().to_string_lossy()]);
        // What is in no list, or has no name here, takes a person.
        let left = fs::read_to_string(folder.join("left")).unwrap_or_default();
        assert_eq!(found(copy.path()), left, "{}", text(&output.stdout));
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_all(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

#[test]
fn what_is_not_there_could_not_be_done() {
    let output = doctor(&["static", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(3));
}

/// What the toolkit writes for a cluster is well, and what makes its Collector unreachable is found there too.
#[test]
fn files_of_a_cluster_are_looked_at() {
    let cluster = package().join("../../deploy/kubernetes");
    assert_eq!(found(&cluster), "");
    let copy = tempfile::tempdir().unwrap();
    copy_all(&cluster, copy.path());
    let file = copy.path().join("gateway.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("limits: {memory: 1Gi}", "limits: {}").replace("port: 4317}", "port: 14317}"),
    )
    .unwrap();
    let found = found(copy.path());
    assert!(found.contains("warning D917") && found.contains("warning D914"), "{found}");
}

#[test]
fn nothing_configured_is_told_with_what_to_do() {
    let output = doctor(&[]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in [
        "settings   broken",
        "First broken hop: settings",
        "D003",
        "export OTEL_EXPORTER_OTLP_ENDPOINT=",
        "throughline explain D003",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    assert!(!said.contains('\x1b'), "no colour where nobody sees it");
}

#[test]
fn secrets_are_not_repeated() {
    for format in ["human", "json", "junit", "sarif"] {
        let server = "http://me:hunter2@127.0.0.1:1";
        let output = throughline(&["doctor", "--format", format, "--prometheus", server])
            .args(["--collector-metrics", server, "--traces-api", server, "--scrape", server])
            .args(["--grafana", server, "--grafana-token", "hunter2"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hunter2@127.0.0.1:1")
            .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2")
            .output()
            .expect("it runs");
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(said.contains("127.0.0.1:1") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn machines_get_their_forms() {
    let output = doctor(&["--format", "sarif"]);
    let sarif: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "D003");
    let junit = text(&doctor(&["--format", "junit"]).stdout);
    assert!(junit.contains("<testsuite name=\"settings\" tests=\"1\" failures=\"1\""), "{junit}");
    let json: Value = serde_json::from_slice(&doctor(&["--format", "json"]).stdout).unwrap();
    let schema = fs::read_to_string(package().join("src/doctor/report.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    fits(&json, &schema, &schema, "report");
    let output = doctor(&["run", "--format", "json", "--", env!("CARGO_BIN_EXE_throughline"), "send"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    fits(&json, &schema, &schema, "report");
    assert_eq!(json["application"]["signals"].as_array().unwrap().len(), 3);
}

/// As much of JSON Schema as the schema uses.
#[track_caller]
fn fits(value: &Value, schema: &Value, root: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(value, &root["$defs"][name.trim_start_matches("#/$defs/")], root, place);
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(kinds.contains(&kind), "{place} is {kind}, not {kinds:?}: {value}");
    if let Some(known) = schema["enum"].as_array() {
        assert!(known.contains(value), "{place} is {value}, not one of {known:?}");
    }
    for required in schema["required"].as_array().filter(|_| value.is_object()).into_iter().flatten() {
        assert!(value.get(required.as_str().unwrap()).is_some(), "{place} has no {required}");
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let of_member = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        let of_member =
            of_member.unwrap_or_else(|| panic!("{place} has {name}, which the schema does not know"));
        fits(member, of_member, root, name);
    }
    for item in value.as_array().into_iter().flatten() {
        fits(item, &schema["items"], root, place);
    }
}

#[test]
fn help_fits_a_screen() {
    for arguments in [&["-h"][..], &["static", "-h"], &["run", "-h"]] {
        let help = text(&doctor(arguments).stdout);
        assert!(help.lines().count() <= 40 && help.lines().all(|line| line.chars().count() <= 120), "{help}");
    }
}

#[test]
fn the_guide_is_what_the_findings_say() {
    let output = throughline(&["explain", "--markdown=no-data"]).output().unwrap();
    let written = fs::read_to_string(package().join("../../docs/no-data.md")).unwrap();
    assert!(
        text(&output.stdout) == written,
        "docs/no-data.md is stale: write it anew with `throughline explain --markdown=no-data > docs/no-data.md`"
    );
}

/// Every finding was seen: by a real fault in `tests/doctor/`, or in a file of `tests/static/`.
#[test]
fn every_finding_has_a_fault() {
    let mut injected = BTreeSet::new();
    for entry in fs::read_dir(package().join("tests/doctor")).unwrap() {
        injected.extend(ids(&fs::read_to_string(entry.unwrap().path()).unwrap()));
    }
    for folder in samples() {
        injected
            .extend(ids(&fs::read_to_string(folder.join("expected")).unwrap().replace([' ', '\n'], "\"")));
    }
    let explained = explained();
    let never: Vec<_> = explained.difference(&injected).collect();
    assert!(never.is_empty(), "no case has a fault for {never:?}");
}

/// The ids among the quoted words of a text.
fn ids(text: &str) -> BTreeSet<String> {
    let quoted = text.split('"').filter(|word| word.len() == 4 && word.starts_with('D'));
    quoted.filter(|word| u16::from_str_radix(&word[1..], 16).is_ok()).map(str::to_owned).collect()
}

fn explained() -> BTreeSet<String> {
    let output = throughline(&["explain"]).output().unwrap();
    let listed = text(&output.stdout);
    listed.lines().filter(|line| line.starts_with('D')).map(|line| line[..4].to_owned()).collect()
}

/// Every id that the source names is explained, and every one that is explained is named.
#[test]
fn every_finding_is_explained() {
    let mut named = BTreeSet::new();
    let mut folders = vec![package().join("src/doctor")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("troubles.rs")
            {
                named.extend(ids(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert_eq!(named, explained());
    let said = text(&throughline(&["explain", "D302"]).output().unwrap().stdout);
    assert!(said.starts_with("D302: 404 page not found"), "{said}");
}
