//! The document of an [`ExportConfig`], and of a [`MetricsConfig`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::time::{Seconds, Time};
use super::values::{Compression, ExporterName, Protocol, Temporality};
use crate::config::{Destination, ExportConfig, MetricsConfig};

/// Where and how to push.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Export {
    #[serde(skip_serializing_if = "Option::is_none")]
    exporters: Option<Vec<ExporterName>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prometheus: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<Protocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "timeout_ms")]
    timeout: Option<Time>,
    #[serde(skip_serializing)]
    timeout_seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<Compression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    insecure: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer_token_file: Option<PathBuf>,
}

/// A document and what it becomes, or why it does not.
pub(super) fn one_of<T>(first: Option<T>, second: Option<T>, names: &str) -> Result<Option<T>, String> {
    match (first, second) {
        (Some(_), Some(_)) => Err(format!("{names} say the same: write one of them")),
        (first, second) => Ok(first.or(second)),
    }
}

impl Export {
    fn destination(&self) -> Result<Option<Destination>, String> {
        let given = [
            self.endpoint.clone().map(Destination::Base),
            self.url.clone().map(Destination::Url),
            self.prometheus.clone().map(Destination::Prometheus),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (_, Some(_)) => {
                Err("`endpoint`, `url` and `prometheus` say the same: write one of them".to_owned())
            }
            (destination, None) => Ok(destination),
        }
    }
}

impl TryFrom<Export> for ExportConfig {
    type Error = String;

    fn try_from(document: Export) -> Result<Self, String> {
        let destination = document.destination()?;
        let client = match (document.client_certificate, document.client_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("`client_certificate` and `client_key` need each other: write both".to_owned()),
        };
        let seconds = document.timeout_seconds.map(|Seconds(time)| Time(time));
        let timeout = one_of(document.timeout, seconds, "`timeout` and `timeout_seconds`")?;
        Ok(Self {
            destination,
            exporters: document.exporters.map(|names| names.into_iter().map(Into::into).collect()),
            protocol: document.protocol.map(Into::into),
            headers: document.headers.map(|headers| headers.into_iter().collect()),
            timeout: timeout.map(|Time(time)| time),
            compression: document.compression.map(Into::into),
            insecure: document.insecure,
            roots: document.certificate,
            client,
            bearer_token_file: document.bearer_token_file,
        })
    }
}

impl TryFrom<&ExportConfig> for Export {
    type Error = String;

    fn try_from(config: &ExportConfig) -> Result<Self, String> {
        let config = config.clone();
        let (mut endpoint, mut url, mut prometheus) = (None, None, None);
        match config.destination {
            Some(Destination::Base(base)) => endpoint = Some(base),
            Some(Destination::Url(verbatim)) => url = Some(verbatim),
            Some(Destination::Prometheus(base)) => prometheus = Some(base),
            Some(Destination::Local) | None => {}
        }
        let (client_certificate, client_key) = config.client.unzip();
        Ok(Self {
            exporters: config.exporters.map(|exporters| exporters.into_iter().map(Into::into).collect()),
            endpoint,
            url,
            prometheus,
            protocol: config.protocol.map(Into::into),
            headers: config.headers.map(|headers| headers.into_iter().collect()),
            timeout: config.timeout.map(Time),
            timeout_seconds: None,
            compression: config.compression.map(Into::into),
            insecure: config.insecure,
            certificate: config.roots,
            client_certificate,
            client_key,
            bearer_token_file: config.bearer_token_file,
        })
    }
}

/// What is asked of metrics.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Metrics {
    #[serde(skip_serializing_if = "is_empty", alias = "export")]
    otlp: ExportConfig,
    #[serde(
        skip_serializing_if = "Option::is_none",
        alias = "export_interval_ms",
        alias = "collection_interval",
        alias = "interval"
    )]
    export_interval: Option<Time>,
    #[serde(skip_serializing)]
    export_interval_seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temporality: Option<Temporality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cardinality_limit: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_expiry: Option<Time>,
}

pub(super) fn is_empty(export: &ExportConfig) -> bool {
    *export == ExportConfig::default()
}

impl TryFrom<Metrics> for MetricsConfig {
    type Error = String;

    fn try_from(document: Metrics) -> Result<Self, String> {
        let seconds = document.export_interval_seconds.map(|Seconds(time)| Time(time));
        let names = "`export_interval` and `export_interval_seconds`";
        let interval = one_of(document.export_interval, seconds, names)?;
        Ok(Self {
            export: document.otlp,
            interval: interval.map(|Time(time)| time),
            temporality: document.temporality.map(Into::into),
            views: Vec::new(),
            cardinality_limit: document.cardinality_limit,
            idle_expiry: document.idle_expiry.map(|Time(time)| time),
        })
    }
}

impl TryFrom<&MetricsConfig> for Metrics {
    type Error = String;

    fn try_from(config: &MetricsConfig) -> Result<Self, String> {
        Ok(Self {
            otlp: config.export.clone(),
            export_interval: config.interval.map(Time),
            export_interval_seconds: None,
            temporality: config.temporality.map(Into::into),
            cardinality_limit: config.cardinality_limit,
            idle_expiry: config.idle_expiry.map(Time),
        })
    }
}
