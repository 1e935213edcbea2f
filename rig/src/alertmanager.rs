//! The real Alertmanager, for the path from a rule to an alert.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::process::{Process, Recipe, server_methods, write_config};
use crate::{DEADLINE, Need, Rig, eventually, http};

/// A running Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    process: Process,
    port: u16,
}

server_methods!(Alertmanager);

impl Rig {
    /// Starts an Alertmanager that notifies nobody, and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not start, with its log.
    #[track_caller]
    pub fn alertmanager(&self) -> Alertmanager {
        self.alertmanager_with(NOBODY)
    }

    /// As [`Self::alertmanager`], with a configuration of one's own, as YAML.
    #[track_caller]
    pub fn alertmanager_with(&self, config: &str) -> Alertmanager {
        let program = self.expect(Need::Alertmanager);
        let (process, [port]) = Process::start(&program, |folder, ports| recipe(config, folder, ports));
        Alertmanager { process, port }
    }
}

impl Alertmanager {
    /// `host:port`, for [`PrometheusConfig::alertmanagers`](crate::PrometheusConfig::alertmanagers).
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The alerts that are firing: `{labels, annotations, status, …}` each.
    #[track_caller]
    pub fn alerts(&self) -> Vec<Value> {
        let answer = http::get(&format!("http://{}/api/v2/alerts", self.address()));
        let answer = answer.unwrap_or_else(|error| panic!("ask Alertmanager for its alerts: {error:#}"));
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body))
    }

    /// Waits until the alert of this name is firing.
    #[track_caller]
    pub fn await_firing(&self, name: &str) {
        eventually(DEADLINE, &format!("alert {name}"), || self.is_firing(name).then_some(()));
    }

    /// Waits until it fires no more.
    #[track_caller]
    pub fn await_resolved(&self, name: &str) {
        eventually(DEADLINE, &format!("end of {name}"), || (!self.is_firing(name)).then_some(()));
    }

    /// Whether the alert of this name is firing now.
    #[track_caller]
    pub fn is_firing(&self, name: &str) -> bool {
        self.alerts().iter().any(|alert| alert["labels"]["alertname"] == name)
    }
}

/// Keeps alerts, and tells nobody of them.
const NOBODY: &str = "{route: {receiver: nobody}, receivers: [{name: nobody}]}";

fn recipe(config: &str, folder: &Path, [port]: [u16; 1]) -> Result<Recipe> {
    let config = write_config(folder, "alertmanager.yml", Some(config), &Value::Null)?;
    let arguments = vec![
        format!("--config.file={config}"),
        format!("--storage.path={}", folder.join("data").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--cluster.listen-address=".to_owned(), // one alone: no gossip, no second port
    ];
    Ok(Recipe { arguments, environment: Vec::new(), ready_url: format!("http://127.0.0.1:{port}/-/ready") })
}
