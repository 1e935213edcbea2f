//! Dashboards, rules and names of a system, against a Prometheus that has its metrics.
//!
//! The files come from the built `throughline` command, as users have it, and so does the verdict on them.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::{DEADLINE, Need, Prometheus, Rig, eventually_ok};

/// What `throughline` makes for a system, and how its metrics come into Prometheus.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// What `throughline` calls it.
    pub name: &'static str,
    /// `--path` and `--strategy`, where they are not the usual ones.
    pub naming: &'static [&'static str],
}

impl Rig {
    /// The `throughline` command.
    #[track_caller]
    pub fn throughline(&self) -> Command {
        Command::new(self.expect(Need::Throughline))
    }
}

impl System {
    /// Waits until every panel of its dashboard has data, and every rule has what it reads.
    #[track_caller]
    pub fn assert_charted(&self, rig: &Rig, prometheus: &Prometheus) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        self.make(rig, &["dashboards", self.name], folder.path());
        self.make(rig, &["alerts", "telemetry", self.name], folder.path());
        let verify = ["dashboards", "verify", "--prometheus", prometheus.url()];
        eventually_ok(DEADLINE, "answer to every question", || {
            let output = rig.throughline().args(verify).arg(folder.path()).output().expect("it runs");
            if output.status.success() { Ok(()) } else { Err(text(&output)) }
        });
    }

    /// Its alerting rules in a folder, for [`PrometheusConfig::rule_folder`](crate::PrometheusConfig::rule_folder), made
    /// with these arguments besides.
    #[track_caller]
    pub fn rules(&self, rig: &Rig, arguments: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        self.make(rig, &[&["alerts", "telemetry", self.name], arguments].concat(), folder.path());
        folder
    }

    #[track_caller]
    fn make(&self, rig: &Rig, arguments: &[&str], folder: &Path) {
        let mut command = rig.throughline();
        let output = command.args(arguments).args(self.naming).arg("--out").arg(folder).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{command:?}: {}", text(&output));
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
