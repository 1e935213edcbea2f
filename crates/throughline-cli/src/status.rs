//! What a program of this toolkit says of its instruments at `/telemetry`, beside `/metrics`.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use throughline::core::name::FamilyKind;

use crate::doctor::shown;

/// A program that takes longer is not well.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The status, as far as it is read here.
#[derive(Debug, Deserialize)]
struct Status {
    instruments: Vec<Entry>,
}

/// An instrument, recorded or not.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) unit: String,
    /// Sets of attributes.
    pub(crate) series: usize,
    pub(crate) overflowed: bool,
    pub(crate) bounds: Option<Vec<f64>>,
    pub(crate) attributes: Vec<Attribute>,
}

/// An attribute that an instrument declares.
#[derive(Debug, Deserialize)]
pub(crate) struct Attribute {
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
    pub(crate) cardinality: Option<usize>,
}

impl Entry {
    /// What it is to Prometheus.
    pub(crate) fn family_kind(&self) -> FamilyKind {
        match self.kind.trim_start_matches("observable ") {
            "counter" => FamilyKind::Counter,
            "up-down counter" => FamilyKind::UpDown,
            "histogram" => FamilyKind::Histogram,
            _ => FamilyKind::Gauge,
        }
    }
}

/// The instruments of the program that serves this page; `http://localhost:9464` will do.
///
/// # Errors
/// When the page cannot be had, or is another one.
pub(crate) fn instruments(url: &str) -> anyhow::Result<Vec<Entry>> {
    let url = if url.ends_with("/telemetry") {
        url.to_owned()
    } else {
        format!("{}/telemetry", url.trim_end_matches('/').trim_end_matches("/metrics"))
    };
    let agent =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT)).build();
    let response = agent.new_agent().get(&url).call();
    let mut response = response.with_context(|| format!("ask {}", shown(&url)))?;
    ensure!(response.status().is_success(), "{} answers {}", shown(&url), response.status());
    let body = response.body_mut().read_to_string().with_context(|| format!("read {}", shown(&url)))?;
    let status: Status = serde_json::from_str(&body)
        .with_context(|| format!("{} is not the status of a program of this toolkit", shown(&url)))?;
    Ok(status.instruments)
}
