//! What the server is told: its file over the defaults, and the environment for telemetry.
//!
//! `main.rs` asks once. The defaults are a file themselves, the one that is shipped, so that it cannot be wrong.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use throughline::{Alias, TelemetryConfig};
use toml::{Table, Value};

/// All of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) server: Server,
    pub(crate) model: Model,
    monitoring: Monitoring,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) queue_length: usize,
    pub(crate) batch_size: usize,
    pub(crate) max_tokens: usize,
    pub(crate) prompt_bytes_max: usize,
    shutdown_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) width: usize,
    pub(crate) layers: usize,
    pub(crate) seed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Monitoring {
    enabled: bool,
    opentelemetry: TelemetryConfig,
}

const DEFAULTS: &str = include_str!("../bitnet-server.toml");

impl Settings {
    /// The defaults, with what this file says in their place.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self> {
        let mut settings: Table = DEFAULTS.parse().context("the defaults are a file like any other")?;
        if let Some(path) = file {
            let shown = path.display();
            let text = fs::read_to_string(path).with_context(|| format!("read the settings in {shown}"))?;
            merge(&mut settings, text.parse().with_context(|| format!("{shown} is not TOML"))?);
        }
        let settings = Self::deserialize(settings);
        let settings = settings.context("the settings are wrong; bitnet-server.toml shows all there are")?;
        settings.checked()
    }

    /// Telemetry as the file has it, below the environment: the standard variables, then the server's own names.
    pub(crate) fn telemetry(&self) -> TelemetryConfig {
        let version = env::var("OTEL_SERVICE_VERSION").unwrap_or_else(|_unset| VERSION.to_owned());
        let config = self.monitoring.opentelemetry.clone().with_service_version(version);
        let config = config.with_environment_first().with_aliases(aliases());
        if self.monitoring.enabled { config } else { config.disabled() }
    }

    fn checked(self) -> Result<Self> {
        let Self { server, model, .. } = &self;
        for (name, value) in [
            ("server.queue_length", server.queue_length),
            ("server.batch_size", server.batch_size),
            ("server.max_tokens", server.max_tokens),
            ("server.prompt_bytes_max", server.prompt_bytes_max),
            ("model.width", model.width),
            ("model.layers", model.layers),
        ] {
            anyhow::ensure!((1..=SIZE_MAX).contains(&value), "{name} = {value}: write 1 to {SIZE_MAX}");
        }
        Ok(self)
    }
}

/// More than anybody wants of any of these, and little enough that none of them exhausts memory.
const SIZE_MAX: usize = 65_536;

/// What it calls itself.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Server {
    pub(crate) fn shutdown(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }
}

/// The server's own variables, for those of OpenTelemetry.
fn aliases() -> Vec<Alias> {
    vec![
        Alias::new("BITNET_MONITORING_ENABLED", "OTEL_SDK_DISABLED")
            .with_values([("true", "false"), ("false", "true")]),
        Alias::new("BITNET_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        Alias::new("BITNET_METRICS_INTERVAL", "OTEL_METRIC_EXPORT_INTERVAL").in_seconds(),
        Alias::new("BITNET_LOG_LEVEL", "RUST_LOG"),
        Alias::new("OTEL_SERVICE_VERSION", "OTEL_RESOURCE_ATTRIBUTES")
            .with_translation(|version| Ok(format!("service.version={version}"))),
    ]
}

/// Puts what a file says in the place of the defaults, table by table.
fn merge(into: &mut Table, file: Table) {
    for (key, value) in file {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(value)) => merge(into, value),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right() {
        let settings = Settings::read(None).expect("they are read");
        assert_eq!(settings.model.name, "bitnet-tiny");
        let explained = settings.telemetry().with_environment_variables(|_| None).explain();
        assert!(explained.error().is_none(), "{explained}");
        let value = |name: &str| {
            let setting = explained.settings().iter().find(|setting| setting.name == name);
            setting.map(|setting| setting.value.clone())
        };
        assert_eq!(value("metrics.otlp.protocol").as_deref(), Some("grpc"));
        assert_eq!(value("metrics.export_interval").as_deref(), Some("30s"));
        assert_eq!(value("service.name").as_deref(), Some("bitnet-inference-server"));
    }

    #[test]
    fn a_file_says_only_what_differs() {
        let mut settings: Table = DEFAULTS.parse().expect("TOML");
        let file = "[server]\nbatch_size = 2\n[monitoring.opentelemetry]\nexport_interval_seconds = 5\n";
        merge(&mut settings, file.parse().expect("TOML"));
        let settings = Settings::deserialize(settings).expect("read");
        assert_eq!((settings.server.batch_size, settings.server.queue_length), (2, 32));
        let environment = |name: &str| (name == "BITNET_METRICS_INTERVAL").then(|| "7".to_owned());
        let explained = settings.telemetry().with_environment_variables(environment).explain();
        let interval = explained.settings().iter().find(|setting| setting.name == "metrics.export_interval");
        let interval = interval.expect("decided");
        assert_eq!((&*interval.value, &*interval.source.to_string()), ("7s", "BITNET_METRICS_INTERVAL"));
        assert_eq!(interval.overrode[0].value, "5s", "the environment wins over the file");
    }

    #[test]
    fn monitoring_can_be_switched_off() {
        let mut settings = Settings::read(None).expect("read");
        settings.monitoring.enabled = false;
        let off = settings.telemetry().with_environment_variables(|_| None).explain();
        assert!(off.to_string().contains("telemetry is disabled"), "{off}");
        settings.monitoring.enabled = true;
        let environment = |name: &str| (name == "BITNET_MONITORING_ENABLED").then(|| "false".to_owned());
        let off = settings.telemetry().with_environment_variables(environment).explain();
        assert!(off.to_string().contains("disabled (BITNET_MONITORING_ENABLED)"), "{off}");
    }
}
