//! What a program of this toolkit says of its instruments at `/telemetry`, beside `/metrics`.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use throughline::core::name::FamilyKind;

use crate::http::{Client, shown};

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
pub(crate) async fn instruments(url: &str) -> anyhow::Result<Vec<Entry>> {
    let url = if url.ends_with("/telemetry") {
        url.to_owned()
    } else {
        format!("{}/telemetry", url.trim_end_matches('/').trim_end_matches("/metrics"))
    };
    let answer = Client::new(TIMEOUT).get(&url).await.and_then(|answer| answer.json());
    let answer = answer.map_err(|error| anyhow!("ask {}: {error}", shown(&url)))?;
    let status: Status = serde_json::from_value(answer)
        .with_context(|| format!("{} is not the status of a program of this toolkit", shown(&url)))?;
    Ok(status.instruments)
}
