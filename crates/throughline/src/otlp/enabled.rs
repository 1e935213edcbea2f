//! Pushing over OTLP: decided, and run on the exporter thread.
//!
//! Called by `init.rs`. What is run comes from `throughline-otlp/src/exporter/mod.rs`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use throughline_core::Timestamp;
use throughline_metrics::{MeterProvider, TemporalityPreference};
use throughline_otlp::{
    Command, Compression, Endpoint, ExportReport, ExportStatus, MetricExporter, OtlpConfig, Protocol, Signal,
    StatusSnapshot, parse_duration, parse_headers,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::config::{OtlpCompression, OtlpEndpoint, OtlpProtocol, TelemetryConfig};
use crate::error::{Error, Source};
use crate::exporters::{ShutdownReport, Task};
use crate::settings::Settings;
use crate::status::ExporterStatus;

/// What was decided about pushing, when anything is to be pushed.
pub(crate) struct Plan(Option<(Endpoint, Push)>);

/// How to push.
struct Push {
    protocol: Protocol,
    compression: Compression,
    timeout: Duration,
    interval: Duration,
    temporality: TemporalityPreference,
    headers: Vec<(String, String)>,
}

impl Plan {
    pub(crate) fn new(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Self {
        let Some((asked_for, source)) = super::endpoint(config, settings) else {
            settings.decided("otlp.endpoint", &"none", Source::Default);
            return Self(None);
        };
        let (url, endpoint) = match &asked_for {
            OtlpEndpoint::Base(url) => (url, Endpoint::base(url, Signal::Metrics)),
            OtlpEndpoint::Metrics(url) => (url, Endpoint::verbatim(url)),
            OtlpEndpoint::Prometheus(url) => (url, Endpoint::prometheus(url)),
        };
        // Decided even when the endpoint cannot be used, so that all problems are reported.
        let push = Push::new(config, settings);
        match endpoint {
            Err(error) => {
                settings.problem(source, redacted(url), error.to_string());
                Self(None)
            }
            Ok(endpoint) => {
                settings.decided("otlp.endpoint", &endpoint, source);
                for warning in endpoint.warnings(Signal::Metrics) {
                    tracing::warn!(target: "throughline", "{warning}");
                }
                Self(Some((endpoint, push)))
            }
        }
    }

    /// Makes the exporter, when there is to be one. It pushes nothing before its task is run.
    pub(crate) fn start(
        self,
        provider: &MeterProvider,
        config: &TelemetryConfig,
    ) -> Result<Option<Otlp>, Error> {
        let Some((endpoint, push)) = self.0 else { return Ok(None) };
        let reader = provider.reader(push.temporality);
        let seed = RandomState::new().hash_one(std::process::id());
        let exporter = MetricExporter::new(reader, push.config(endpoint), Arc::clone(&config.clock), seed)
            .map_err(|error| {
                Error::Configuration(vec![crate::error::Problem {
                    source: Source::Default,
                    value: "OTLP".to_owned(),
                    what: error.to_string(),
                }])
            })?;
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let status = exporter.status();
        Ok(Some(Otlp { status, commands, task: Some(Box::pin(exporter.run(inbox))) }))
    }
}

/// Flushes that may wait to be seen; more of them wait to be sent.
const COMMANDS_MAX: usize = 16;

/// A URL that could not be parsed may hold a password anywhere before its `@`.
fn redacted(url: &str) -> String {
    url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, rest)| format!("…@{rest}"))
}

impl Push {
    fn new(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Self {
        let code = |method, value: Option<Duration>| value.map(|value| (method, Shown(value)));
        let protocol = settings.decide(
            "otlp.protocol",
            config.otlp_protocol.map(|protocol| ("with_otlp_protocol", protocol)),
            &["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"],
            parse_protocol,
            OtlpProtocol::default(),
        );
        let compression = settings.decide(
            "otlp.compression",
            config.otlp_compression.map(|compression| ("with_otlp_compression", compression)),
            &["OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"],
            parse_compression,
            OtlpCompression::default(),
        );
        let timeout = settings.decide(
            "otlp.timeout",
            code("with_otlp_timeout", config.otlp_timeout),
            &["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"],
            parse_time,
            Shown(Duration::from_secs(10)),
        );
        let interval = settings.decide(
            "metrics.export_interval",
            code("with_export_interval", config.export_interval),
            &["OTEL_METRIC_EXPORT_INTERVAL"],
            parse_time,
            Shown(Duration::from_secs(60)),
        );
        let temporality = settings.decide(
            "metrics.temporality",
            config.temporality.map(|temporality| ("with_temporality", ShownTemporality(temporality))),
            &["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"],
            parse_temporality,
            ShownTemporality(TemporalityPreference::Cumulative),
        );
        Self {
            protocol: match protocol {
                OtlpProtocol::HttpProtobuf => Protocol::HttpProtobuf,
                OtlpProtocol::HttpJson => Protocol::HttpJson,
            },
            compression: match compression {
                OtlpCompression::None => Compression::None,
                OtlpCompression::Gzip => Compression::Gzip,
            },
            timeout: timeout.0,
            interval: interval.0,
            temporality: temporality.0,
            headers: headers(config, settings),
        }
    }

    fn config(self, endpoint: Endpoint) -> OtlpConfig {
        OtlpConfig::new(endpoint)
            .with_protocol(self.protocol)
            .with_compression(self.compression)
            .with_timeout(self.timeout)
            .with_interval(self.interval)
            .with_headers(self.headers)
    }
}

/// Headers by their names; values are secrets.
fn headers(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Vec<(String, String)> {
    let variables = ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
    let (headers, source) = match (&config.otlp_headers, settings.variable(&variables)) {
        (Some(headers), _) => (headers.clone(), Source::Code("with_otlp_header")),
        (None, Some((variable, list))) => match parse_headers(&list) {
            Ok(headers) => (headers, Source::Environment(variable)),
            Err(error) => {
                settings.problem(Source::Environment(variable), "…", error.to_string());
                return Vec::new();
            }
        },
        (None, None) => return Vec::new(),
    };
    let names: Vec<_> = headers.iter().map(|(name, _)| format!("{name}=…")).collect();
    settings.decided("otlp.headers", &names.join(","), source);
    headers
}

fn parse_protocol(text: &str) -> Result<OtlpProtocol, String> {
    match text {
        "http/protobuf" => Ok(OtlpProtocol::HttpProtobuf),
        "http/json" => Ok(OtlpProtocol::HttpJson),
        "grpc" => {
            Err("gRPC is not in this version; write http/protobuf and the receiver's HTTP port, usually \
                       4318"
                .to_owned())
        }
        _ => Err("is no OTLP protocol; write http/protobuf or http/json".to_owned()),
    }
}

fn parse_compression(text: &str) -> Result<OtlpCompression, String> {
    match text {
        "gzip" => Ok(OtlpCompression::Gzip),
        "none" => Ok(OtlpCompression::None),
        _ => Err("is no compression that can be sent; write gzip or none".to_owned()),
    }
}

fn parse_temporality(text: &str) -> Result<ShownTemporality, String> {
    let preference = match text.to_ascii_lowercase().as_str() {
        "cumulative" => TemporalityPreference::Cumulative,
        "delta" => TemporalityPreference::Delta,
        "lowmemory" => TemporalityPreference::LowMemory,
        _ => return Err("is no temporality; write cumulative, delta or lowmemory".to_owned()),
    };
    Ok(ShownTemporality(preference))
}

fn parse_time(text: &str) -> Result<Shown, String> {
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("is no time at all; write milliseconds, or 15s".to_owned()),
        Ok(duration) => Ok(Shown(duration)),
        Err(error) => Err(error.to_string()),
    }
}

/// A duration as a person writes it.
struct Shown(Duration);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

struct ShownTemporality(TemporalityPreference);

impl std::fmt::Display for ShownTemporality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            TemporalityPreference::Delta => "delta",
            TemporalityPreference::LowMemory => "lowmemory",
            _ => "cumulative",
        })
    }
}

/// The exporter that pushes.
pub(crate) struct Otlp {
    status: ExportStatus,
    commands: mpsc::Sender<Command>,
    task: Option<Task>,
}

impl Otlp {
    /// What the exporter thread has to do.
    pub(crate) fn task(&mut self) -> Option<Task> {
        self.task.take()
    }

    /// What was exported, and what was not.
    pub(crate) fn status(&self) -> ExporterStatus {
        let status = self.status.clone();
        Box::new(move || to_json(&status.snapshot()))
    }

    /// Asks for an export now. The answer comes from the exporter thread; it does not, when that has ended.
    pub(crate) fn flush(&self) -> oneshot::Receiver<ExportReport> {
        let (reply, report) = oneshot::channel();
        self.send(Command::Flush { reply });
        report
    }

    /// Asks for a last export, to be over by then.
    pub(crate) fn shutdown(&self, within: Duration) -> oneshot::Receiver<ExportReport> {
        let (reply, report) = oneshot::channel();
        let deadline = Instant::now() + within;
        self.send(Command::Shutdown { deadline, reply });
        report
    }

    /// A command that does not fit is dropped with its reply, which tells whoever waits for it.
    fn send(&self, command: Command) {
        if let Err(refused) = self.commands.try_send(command) {
            tracing::debug!(target: "throughline", %refused, "the exporter takes no commands");
        }
    }
}

impl std::fmt::Debug for Otlp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Otlp").field("status", &self.status).finish_non_exhaustive()
    }
}

impl From<ExportReport> for ShutdownReport {
    fn from(report: ExportReport) -> Self {
        let ExportReport { delivered_items, undelivered_items, last_error, .. } = report;
        Self {
            delivered_points: delivered_items,
            undelivered_points: undelivered_items,
            last_error,
            timed_out: false,
        }
    }
}

fn to_json(status: &StatusSnapshot) -> Value {
    let dropped = &status.dropped_items;
    json!({
        "collected_points": status.collected_items,
        "exported_points": status.exported_items,
        "rejected_points": status.rejected_items,
        "dropped_points": {
            "refused": dropped.refused,
            "superseded": dropped.superseded,
            "queue_full": dropped.queue_full,
            "shutdown": dropped.shutdown,
        },
        "queued_points": status.queued_items,
        "queued_bytes": status.queued_bytes,
        "failed_requests": status.failed_requests,
        "retries": status.retries,
        "collect_panics": status.collect_panics,
        "last_success_unix_seconds": status.last_success.map(Timestamp::as_secs_f64),
        "last_error": status.last_error.as_ref().map(|error| json!({
            "message": error.message,
            "unix_seconds": error.time.as_secs_f64(),
        })),
    })
}
