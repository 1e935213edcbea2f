//! Programs of other people that judge what we encode.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::{Need, Rig};

impl Rig {
    /// The `promtool` executable.
    #[track_caller]
    pub fn promtool(&self) -> PathBuf {
        self.expect(Need::Promtool)
    }

    /// The Python interpreter that has the reference client, `prometheus_client`.
    #[track_caller]
    pub fn python(&self) -> PathBuf {
        self.expect(Need::Python)
    }

    /// Judges `page`, in the text format 0.0.4, with `promtool check metrics`: its syntax and its naming.
    ///
    /// Not for `OpenMetrics`, nor for quoted UTF-8 names: promtool reads neither.
    ///
    /// # Errors
    ///
    /// Promtool's complaints, one a line.
    #[track_caller]
    pub fn promtool_check_metrics(&self, page: &str) -> Result<(), String> {
        verdict(&run(&self.promtool(), &["check", "metrics"], page)).map(drop)
    }

    /// Judges a file of rules, as YAML, with `promtool check rules`.
    ///
    /// # Errors
    ///
    /// Promtool's complaints.
    #[track_caller]
    pub fn promtool_check_rules(&self, rules: &str) -> Result<(), String> {
        verdict(&run(&self.promtool(), &["check", "rules", "--lint-fatal"], rules)).map(drop)
    }

    /// Reads `page` with the reference client's strict `OpenMetrics` parser.
    ///
    /// Gives the families in order: `[{name, type, unit, help, samples: [{name, labels, value, timestamp,
    /// exemplar: {labels, value, timestamp}}]}]`. Numbers that JSON lacks are the strings `NaN`, `+Inf`, `-Inf`.
    ///
    /// # Errors
    ///
    /// The parser's complaint about the first fault.
    #[track_caller]
    pub fn parse_openmetrics(&self, page: &str) -> Result<Value, String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/openmetrics_parse.py");
        let families = verdict(&run(&self.python(), &[script], page))?;
        Ok(serde_json::from_str(&families).expect("the script prints JSON"))
    }
}

#[track_caller]
fn run(program: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    let mut child = child.unwrap_or_else(|error| panic!("start {}: {error}", program.display()));
    // Its thread lets a program that prints before it has read everything go on.
    let mut pipe = child.stdin.take().expect("stdin was piped");
    let input = input.as_bytes().to_vec();
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output();
    drop(writer.join());
    output.unwrap_or_else(|error| panic!("read from {}: {error}", program.display()))
}

fn verdict(output: &Output) -> Result<String, String> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(stdout.into_owned());
    }
    let complaint = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
    Err(complaint.trim().to_owned())
}
