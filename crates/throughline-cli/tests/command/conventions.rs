//! What holds for every command, whatever it does.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::command::throughline;

/// A command, and how to run it quickly and without servers.
struct Row {
    command: &'static str,
    /// None for those that only have commands of their own.
    arguments: Option<&'static [&'static str]>,
    status: i32,
    /// It can write JSON.
    has_json: bool,
}

const fn row(command: &'static str, arguments: &'static [&'static str], status: i32) -> Row {
    Row { command, arguments: Some(arguments), status, has_json: false }
}

const fn with_json(command: &'static str, arguments: &'static [&'static str], status: i32) -> Row {
    Row { has_json: true, ..row(command, arguments, status) }
}

const fn group(command: &'static str) -> Row {
    Row { arguments: None, ..row(command, &[], 0) }
}

/// Nobody listens there.
const NOBODY: &str = "http://127.0.0.1:9";

const TABLE: [Row; 25] = [
    group(""),
    row("alerts", &["http"], 0),
    with_json("cardinality", &["http"], 0),
    row("completions", &["bash"], 0),
    group("config"),
    row("config collector", &[], 0),
    row("config compose", &[], 0),
    with_json("config explain", &[], 0),
    row("config k8s", &[], 0),
    row("config prometheus", &[], 0),
    row("dashboards", &["http"], 0),
    row("dashboards verify", &["--prometheus", NOBODY, "../../deploy/dashboards"], 3),
    row("demo", &["--for", "1s", "--listen", "127.0.0.1:0", "--requests", "1"], 0),
    with_json("doctor", &["--scrape", NOBODY], 1),
    with_json("doctor run", &["--for", "1s", "--", "true"], 1),
    with_json("doctor static", &["tests/static"], 1),
    row("explain", &[], 0),
    with_json("lint", &["tests/samples/sdk_module"], 1),
    row("load", &[], 3),
    row("man", &[], 0),
    row("migrate", &["tests/samples/sdk_module"], 0),
    with_json("names", &[], 0),
    row("send", &[], 3),
    row("snippet", &["otel"], 0),
    with_json("cardinality", &["--scrape", NOBODY], 3),
];

impl Row {
    fn command(&self, arguments: &[&str]) -> Command {
        let words: Vec<&str> = self.command.split_whitespace().chain(arguments.iter().copied()).collect();
        let mut command = throughline(&words);
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        said(self.command(arguments).output().expect("it runs"))
    }
}

fn said(Output { status, stdout, stderr }: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

fn is_coloured(text: &str) -> bool {
    text.contains('\x1b')
}

#[test]
fn the_table_has_every_command_and_so_has_the_manual() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = throughline(&["man", "--out"]).arg(folder.path()).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let pages = std::fs::read_dir(folder.path()).expect("a folder");
    let pages: BTreeSet<String> = pages
        .map(|page| page.expect("an entry").file_name().to_string_lossy().trim_end_matches(".1").to_owned())
        .collect();
    let table = TABLE.iter().map(|row| format!("throughline {}", row.command).trim().replace(' ', "-"));
    assert_eq!(pages, table.collect());
    for name in &pages {
        judged(&folder.path().join(format!("{name}.1")));
    }
}

/// `groff` finds nothing to complain about, where there is one.
fn judged(page: &Path) {
    let judge = Command::new("groff").args(["-Kutf8", "-man", "-Tutf8", "-ww", "-z"]).arg(page).output();
    if let Ok(Output { status, stderr, .. }) = judge {
        let complaints = String::from_utf8_lossy(&stderr);
        assert!(status.success() && complaints.is_empty(), "{}: {complaints}", page.display());
    }
}

#[test]
fn bash_reads_the_completions() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish"] {
        let (status, script, _) = said(throughline(&["completions", shell]).output().expect("it runs"));
        assert!(status == Some(0) && script.contains("cardinality"), "{shell}: {script}");
        let path = folder.path().join(shell);
        std::fs::write(&path, script).expect("a file");
        // Each has the same flag for it; which of them are here is another matter.
        if let Ok(output) = Command::new(shell).arg("-n").arg(&path).output() {
            assert!(output.status.success(), "{shell}: {output:?}");
        }
    }
}

#[test]
fn help_fits_a_screen_and_begins_with_examples() {
    for row in &TABLE {
        let (status, help, errors) = row.run(&["--help"]);
        assert!(status == Some(0) && errors.is_empty(), "{}: {errors}", row.command);
        let widest = help.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        let lines = help.lines().count();
        assert!(help.starts_with("Examples:\n  "), "{}\n{help}", row.command);
        assert!(lines <= 40 && widest <= 100, "{}: {lines} × {widest}\n{help}", row.command);
        assert_eq!(help, row.run(&["-h"]).1);
    }
}

#[test]
fn what_is_no_flag_is_an_error_that_names_the_nearest() {
    for row in &TABLE {
        let (status, data, errors) = row.run(&["--hepl"]);
        assert!(status == Some(2) && data.is_empty(), "{}: {data}", row.command);
        assert!(errors.contains("--hepl") && errors.contains("'--help'"), "{}: {errors}", row.command);
    }
}

#[test]
fn each_ends_as_it_should_and_colours_nothing_in_a_file() {
    for row in &TABLE {
        let Some(arguments) = row.arguments else { continue };
        let (status, data, talk) = row.run(arguments);
        assert_eq!(status, Some(row.status), "{}: {data}{talk}", row.command);
        assert!(!is_coloured(&data) && !is_coloured(&talk), "{}: {data}{talk}", row.command);
        let is_data = row.status != 3;
        assert_eq!(data.is_empty(), !is_data && !row.command.is_empty(), "{}: {data}{talk}", row.command);
        assert!(row.status != 3 || talk.starts_with("error: "), "{}: {talk}", row.command);
    }
}

#[test]
fn json_is_one_document_and_nothing_else() {
    for row in TABLE.iter().filter(|row| row.has_json && row.status != 3) {
        // Of what comes after a command to run, nothing is for this one.
        let arguments = [&["--format", "json"], row.arguments.unwrap_or_default()].concat();
        let (status, data, talk) = row.run(&arguments);
        assert_eq!(status, Some(row.status), "{}: {talk}", row.command);
        let document: Result<serde_json::Value, _> = serde_json::from_str(&data);
        assert!(document.is_ok(), "{}: {document:?} in {data}", row.command);
    }
}

#[test]
fn the_environment_decides_about_colours() {
    for row in &TABLE {
        let forced = |arguments: &[&str]| {
            let mut command = row.command(arguments);
            command.env("CLICOLOR_FORCE", "1");
            command
        };
        assert!(is_coloured(&said(forced(&["--help"]).output().expect("it runs")).1), "{}", row.command);
        for arguments in [row.arguments.unwrap_or(&["--help"]), &["--help"]] {
            let (_, data, talk) = said(forced(arguments).env("NO_COLOR", "1").output().expect("it runs"));
            assert!(!is_coloured(&data) && !is_coloured(&talk), "{}: {data}{talk}", row.command);
        }
        // Those that colour what they find.
        if ["doctor", "lint"].contains(&row.command) {
            let (_, data, _) = said(forced(row.arguments.unwrap_or_default()).output().expect("it runs"));
            assert!(is_coloured(&data), "{}: {data}", row.command);
        }
    }
}

/// `script` gives it a terminal, where there is one.
#[test]
fn a_terminal_has_colours_unless_it_is_dumb() {
    let binary = env!("CARGO_BIN_EXE_throughline");
    for (terminal, coloured) in [("xterm-256color", true), ("dumb", false)] {
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{binary} lint tests/samples/sdk_module"), "/dev/null"]);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).env("TERM", terminal).stdin(Stdio::null());
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        let Ok(output) = command.output() else { return };
        let (_, data, _) = said(output);
        assert_eq!(is_coloured(&data), coloured, "{terminal}: {data}");
    }
}

#[test]
fn each_ends_quietly_when_nobody_reads_on() {
    for row in &TABLE {
        let Some(arguments) = row.arguments.filter(|_| row.status != 3) else { continue };
        let mut command = row.command(arguments);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(process.stdout.take());
        let (status, _, talk) = said(process.wait_with_output().expect("it ends"));
        assert!([0, row.status].map(Some).contains(&status), "{}: {status:?} {talk}", row.command);
        assert!(!talk.contains("error:") && !talk.contains("panicked"), "{}: {talk}", row.command);
    }
}
