//! The document of a [`TelemetryConfig`], and how each part of the configuration is one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use throughline_core::KeyValue;
use throughline_core::name::TranslationStrategy;

use super::export::{Export, Metrics, is_empty, one_of};
use super::exporters::{Console, Prometheus, Queue, Spool, buffer, of_buffer};
use super::records::{Batch, Logs, Sampling, Traces};
use super::time::{Seconds, Time};
use super::values::{Attribute, OneExporter, attributes, detectors, key_value};
use crate::config::{
    BatchConfiguration, Destination, ExportConfig, LogConfig, MetricsConfig, SamplingStrategy,
    TelemetryConfig, TraceConfig,
};

/// Writes and reads parts of the configuration as their documents.
macro_rules! documents {
    ($($config:ty as $document:ty),* $(,)?) => {$(
        impl Serialize for $config {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$document>::try_from(self).map_err(S::Error::custom)?.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $config {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(<$document>::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )*};
}

documents! {
    BatchConfiguration as Batch,
    ExportConfig as Export,
    LogConfig as Logs,
    MetricsConfig as Metrics,
    SamplingStrategy as Sampling,
    TelemetryConfig as Telemetry,
    TraceConfig as Traces,
}

/// All of it. What stands under "short" is read, and written in its proper place.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "what the file calls it")]
struct Telemetry {
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed_service_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_attributes: Option<BTreeMap<String, Attribute>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_detectors: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_first: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    globals: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriber: Option<bool>,
    #[serde(skip_serializing_if = "Prometheus::is_empty")]
    prometheus: Prometheus,
    #[serde(skip_serializing_if = "is_empty", alias = "export")]
    otlp: ExportConfig,
    #[serde(skip_serializing_if = "Queue::is_empty")]
    queue: Queue,
    #[serde(skip_serializing_if = "Spool::is_empty")]
    spool: Spool,
    #[serde(skip_serializing_if = "Option::is_none")]
    self_telemetry: Option<bool>,
    #[serde(skip_serializing_if = "Console::is_empty")]
    console: Console,
    #[serde(skip_serializing_if = "no_metrics")]
    metrics: MetricsConfig,
    #[serde(skip_serializing_if = "no_traces")]
    traces: TraceConfig,
    #[serde(skip_serializing_if = "no_logs")]
    logs: LogConfig,

    // Short.
    #[serde(skip_serializing, alias = "endpoint")]
    otlp_endpoint: Option<String>,
    #[serde(skip_serializing)]
    exporter: Option<OneExporter>,
    #[serde(skip_serializing, alias = "collection_interval", alias = "export_interval_ms")]
    export_interval: Option<Time>,
    #[serde(skip_serializing, alias = "collection_interval_secs")]
    export_interval_seconds: Option<Seconds>,
    #[serde(skip_serializing)]
    enable_trace_export: Option<bool>,
    #[serde(skip_serializing)]
    prometheus_bind: Option<SocketAddr>,
    #[serde(skip_serializing)]
    service_version: Option<String>,
    #[serde(skip_serializing)]
    environment: Option<String>,
}

/// Whether a part says nothing: its document is empty then.
macro_rules! says_nothing {
    ($($function:ident($config:ty as $document:ty);)*) => {$(
        fn $function(config: &$config) -> bool {
            // What cannot be written is not nothing.
            serde_json::to_value(config).is_ok_and(|document| document.as_object().is_some_and(|o| o.is_empty()))
        }
    )*};
}

says_nothing! {
    no_metrics(MetricsConfig as Metrics);
    no_traces(TraceConfig as Traces);
    no_logs(LogConfig as Logs);
}

impl TryFrom<Telemetry> for TelemetryConfig {
    type Error = String;

    fn try_from(mut document: Telemetry) -> Result<Self, String> {
        document.expand()?;
        let mut config = Self::new(document.service_name.unwrap_or_default());
        config.service_name_override = document.fixed_service_name;
        config.enabled = document.enabled.unwrap_or(true);
        config.resource = document.resource_attributes.into_iter().flatten().map(key_value).collect();
        config.detectors = document.resource_detectors.as_deref().map(detectors).transpose()?;
        config.environment_wins = document.environment_first.unwrap_or(false);
        config.file = document.config_file;
        config.globals = document.globals.unwrap_or(true);
        config.records.subscriber = document.subscriber.unwrap_or(true);
        config.scrape = document.prometheus.security()?;
        let Prometheus { endpoint, address, translation_strategy, scope_labels, .. } = document.prometheus;
        config.prometheus = endpoint.or_else(|| address.map(|_| true));
        config.prometheus_address = address;
        config.translation = translation_strategy.as_deref().map(strategy).transpose()?;
        config.scope_labels = scope_labels;
        config.export = document.otlp;
        config.buffer = buffer(&document.queue, document.spool);
        config.self_telemetry = document.self_telemetry;
        config.console = document.console.into();
        config.metrics = document.metrics;
        (config.records.traces, config.records.logs) = (document.traces, document.logs);
        Ok(config)
    }
}

fn strategy(text: &str) -> Result<TranslationStrategy, String> {
    text.parse().map_err(|error: throughline_core::name::ParseStrategyError| error.to_string())
}

impl Telemetry {
    /// Puts what was said in short into its proper place.
    fn expand(&mut self) -> Result<(), String> {
        let endpoint = self.otlp_endpoint.take().map(Destination::Base);
        let destination = self.otlp.destination.take();
        self.otlp.destination = one_of(endpoint, destination, "`otlp_endpoint` and `otlp.endpoint`")?;
        let seconds = self.export_interval_seconds.take().map(|Seconds(time)| time);
        let interval = self.export_interval.take().map(|Time(time)| time);
        let interval = one_of(seconds, interval, "`export_interval` and `export_interval_seconds`")?;
        let names = "`export_interval` and `metrics.export_interval`";
        self.metrics.interval = one_of(interval, self.metrics.interval, names)?;
        let bind = self.prometheus_bind.take();
        self.prometheus.address =
            one_of(bind, self.prometheus.address, "`prometheus_bind` and `prometheus.address`")?;
        if let Some(exporter) = self.exporter.take() {
            self.otlp.exporters = Some(exporter.list());
            let is_scraped = matches!(exporter, OneExporter::Prometheus);
            self.prometheus.endpoint.get_or_insert(is_scraped);
        }
        if self.enable_trace_export.take() == Some(false) {
            self.traces.export.exporters = Some(Vec::new());
        }
        let named = [
            ("service.version", self.service_version.take()),
            ("deployment.environment.name", self.environment.take()),
        ];
        for (key, value) in named {
            if let Some(value) = value {
                let attributes = self.resource_attributes.get_or_insert_default();
                attributes.insert(key.to_owned(), Attribute::Text(value));
            }
        }
        Ok(())
    }
}

impl TryFrom<&TelemetryConfig> for Telemetry {
    type Error = String;

    fn try_from(config: &TelemetryConfig) -> Result<Self, String> {
        let resource: &[KeyValue] = &config.resource;
        let detectors = config.detectors.as_ref();
        let detectors = detectors.map(|all| all.iter().map(|detector| detector.name().to_owned()).collect());
        let endpoint = config.prometheus.filter(|wanted| !wanted || config.prometheus_address.is_none());
        let mut prometheus = Prometheus::of(&config.scrape);
        prometheus.endpoint = endpoint;
        prometheus.address = config.prometheus_address;
        prometheus.translation_strategy = config.translation.map(|strategy| strategy.to_string());
        prometheus.scope_labels = config.scope_labels;
        let (queue, spool) = of_buffer(&config.buffer);
        Ok(Self {
            enabled: (!config.enabled).then_some(false),
            service_name: Some(config.service_name.clone()).filter(|name| !name.is_empty()),
            fixed_service_name: config.service_name_override.clone(),
            resource_attributes: attributes(resource),
            resource_detectors: detectors,
            environment_first: config.environment_wins.then_some(true),
            config_file: config.file.clone(),
            globals: (!config.globals).then_some(false),
            subscriber: (!config.records.subscriber).then_some(false),
            prometheus,
            queue,
            spool,
            self_telemetry: config.self_telemetry,
            console: (&config.console).into(),
            otlp: config.export.clone(),
            metrics: config.metrics.clone(),
            traces: config.records.traces.clone(),
            logs: config.records.logs.clone(),
            ..Self::default()
        })
    }
}
