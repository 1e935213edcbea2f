//! `throughline migrate`: what it shows, what it writes, and what it puts back. That whole programs of old releases compile
//! afterwards is shown by `cargo xtask samples`, which needs the registry.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use super::command::throughline;

const SAMPLES: [&str; 16] = [
    "0.17", "0.18", "0.19", "0.20", "0.21", "0.22", "0.23", "0.24", "0.25", "0.26", "0.27", "0.28", "0.29",
    "0.30", "0.31", "0.32",
];

#[test]
fn nothing_is_left_of_any_old_release() {
    for version in SAMPLES {
        let folder = sample(version);
        let path = folder.path();
        let output = migrate(path, &[]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{version}: {said}");
        assert!(said.contains("+opentelemetry"), "{version}: {said}");
        assert!(
            !fs::read_to_string(path.join("Cargo.toml")).unwrap().contains("0.33"),
            "nothing is written unasked"
        );
    }
}

#[test]
fn what_cannot_be_rewritten_is_left_for_people_with_its_place() {
    let folder = package("use opentelemetry_otlp::ExportConfig;\nfn main() {}\n");
    let output = migrate(folder.path(), &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("left for you: ") && said.contains("main.rs:1: P707"), "{said}");
}

#[test]
fn what_does_not_compile_is_put_back() {
    // No crate of this name is anywhere, so cargo refuses whatever the code.
    let folder = package("fn main() { opentelemetry::global::meter(\"x\").u64_counter(\"y\").init(); }\n");
    let manifest = folder.path().join("Cargo.toml");
    let before =
        fs::read_to_string(&manifest).unwrap() + "throughline-no-such-crate = { path = \"nowhere\" }\n";
    fs::write(&manifest, &before).unwrap();
    let output = migrate(folder.path(), &["--write", "--allow-dirty"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("everything is as it was"), "{said}");
    assert_eq!(fs::read_to_string(&manifest).unwrap(), before);
    assert!(fs::read_to_string(folder.path().join("src/main.rs")).unwrap().contains(".init()"));
}

#[test]
fn files_that_are_not_committed_are_not_touched() {
    let folder = package("fn main() { opentelemetry::global::meter(\"x\").u64_counter(\"y\").init(); }\n");
    let git = std::process::Command::new("git")
        .args(["init", "--quiet"])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(git.success());
    let output = migrate(folder.path(), &["--write"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("not committed") && said.contains("--allow-dirty"), "{said}");
}

/// The package of a release: its manifest, with the program that it shares with the releases beside it.
fn sample(version: &str) -> TempDir {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let programs = fs::read_dir(samples).unwrap().map(|program| program.unwrap().path());
    let manifest =
        programs.map(|program| program.join(format!("{version}.toml"))).find(|path| path.exists()).unwrap();
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::copy(manifest.with_file_name("main.rs"), folder.path().join("src/main.rs")).unwrap();
    fs::copy(manifest, folder.path().join("Cargo.toml")).unwrap();
    folder
}

fn package(source: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let manifest = "[workspace]\n[package]\nname = \"app\"\n[dependencies]\nopentelemetry = \"0.26\"\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/main.rs"), source).unwrap();
    folder
}

fn migrate(path: &Path, arguments: &[&str]) -> Output {
    throughline(&[&["migrate", path.to_str().unwrap()], arguments].concat()).output().unwrap()
}
