//! Runs the command, reads its report, and applies what it says.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::throughline;
use crate::table;

pub(crate) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
pub(crate) const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
pub(crate) const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

pub(crate) fn sending_to(endpoint: impl Into<String>) -> Patient {
    Patient::new().with(ENDPOINT, endpoint)
}

/// Examines, holds it against what was broken, and applies the printed change of the environment.
#[track_caller]
pub(crate) fn mended(fault: &str, patient: &Patient, hop: &str, id: &str) {
    patient.examine().found(fault, hop, id).mends(patient);
}

/// The promise of the command.
const WITHIN: Duration = Duration::from_secs(15);

/// A program's environment, and what doctor is asked to look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patient {
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) arguments: Vec<String>,
}

impl Patient {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.environment.retain(|(name, _)| name != variable);
        self.environment.push((variable.to_owned(), value.into()));
        self
    }

    pub(crate) fn looking_at(mut self, flag: &str, value: impl Into<String>) -> Self {
        self.arguments.extend([flag.to_owned(), value.into()]);
        self
    }

    pub(crate) fn flag(mut self, flag: &str) -> Self {
        self.arguments.push(flag.to_owned());
        self
    }

    /// Runs doctor once.
    #[track_caller]
    pub(crate) fn examine(&self) -> Examined {
        let mut arguments = vec!["doctor", "--format", "json"];
        arguments.extend(self.arguments.iter().map(String::as_str));
        self.examined(&mut throughline(&arguments))
    }

    /// Runs a command in this environment that prints a report.
    #[track_caller]
    pub(crate) fn examined(&self, command: &mut Command) -> Examined {
        let started = Instant::now();
        let output = command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("it runs");
        let took = started.elapsed();
        let text = String::from_utf8_lossy(&output.stdout);
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        Examined { report, status: output.status.code(), took }
    }

    /// The same after the printed change of the environment.
    pub(crate) fn mended(&self, fix: &Value) -> Self {
        let mut mended = self.clone();
        for (name, value) in fix["variables"].as_object().expect("a fix of the environment") {
            // As the shell would: a value may stand for that of another variable.
            let value = value.as_str().map(|value| match value.strip_prefix("\"$") {
                Some(other) => self.value(other.trim_end_matches('"')),
                None => value.trim_matches('"').to_owned(),
            });
            mended.environment.retain(|(known, _)| known != name);
            mended.environment.extend(value.map(|value| (name.clone(), value)));
        }
        mended
    }

    fn value(&self, name: &str) -> String {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) report: Value,
    pub(crate) status: Option<i32>,
    took: Duration,
}

impl Examined {
    #[track_caller]
    pub(crate) fn is_green(&self) -> &Self {
        assert_eq!(self.report["verdict"], "ok", "{:#}", self.report);
        assert_eq!(self.status, Some(0));
        self
    }

    /// The first thing that is not right.
    pub(crate) fn first(&self) -> (&str, &str) {
        let first = &self.report["first"];
        (first["hop"].as_str().unwrap_or_default(), first["finding"]["id"].as_str().unwrap_or_default())
    }

    pub(crate) fn fix(&self) -> &Value {
        &self.report["first"]["finding"]["fix"]
    }

    /// Holds what was found first against what was broken, and notes it in the table.
    #[track_caller]
    pub(crate) fn found(&self, fault: &str, hop: &str, id: &str) -> Found<'_> {
        assert!(self.took < WITHIN, "{fault} took {:?}: {:#}", self.took, self.report);
        assert_eq!(self.first(), (hop, id), "{fault}: {:#}", self.report);
        let verdict = self.report["first"]["verdict"].as_str().unwrap_or_default();
        let status = match verdict {
            "broken" => 1,
            "unknown" => 3,
            _ => 0,
        };
        assert_eq!(self.status, Some(status), "{fault}: {:#}", self.report);
        Found { examined: self, row: Some(table::Row::new(fault, hop, id, self.took)) }
    }
}

/// A finding that was right. When it is dropped, it goes into the table.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    examined: &'a Examined,
    row: Option<table::Row>,
}

impl Found<'_> {
    /// Applies the printed change of the environment, and expects that all is well.
    #[track_caller]
    pub(crate) fn mends(self, patient: &Patient) {
        let mended = patient.mended(self.examined.fix());
        mended.examine().is_green();
        self.mended_by("environment");
    }

    /// Says that the printed fix was applied in another way, and worked.
    pub(crate) fn mended_by(mut self, kind: &'static str) {
        assert_eq!(self.examined.fix()["kind"], kind);
        if let Some(row) = &mut self.row {
            row.mended = kind;
        }
    }

    pub(crate) fn fix(&self) -> &Value {
        self.examined.fix()
    }
}

impl Drop for Found<'_> {
    fn drop(&mut self) {
        if let Some(row) = self.row.take() {
            table::add(row);
        }
    }
}
