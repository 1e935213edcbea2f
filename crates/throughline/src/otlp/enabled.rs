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
use throughline_otlp::{Command, ExportReport, ExportStatus, MetricExporter, Signal, StatusSnapshot};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::signal::{Push, Shown, parse_time};
use crate::config::TelemetryConfig;
use crate::error::{Error, Source};
use crate::exporters::{ShutdownReport, Task};
use crate::settings::Settings;
use crate::status::ExporterStatus;

/// What was decided about pushing, when anything is to be pushed.
pub(crate) struct Plan(Option<Metrics>);

/// How to push metrics.
struct Metrics {
    push: Push,
    interval: Duration,
    temporality: TemporalityPreference,
}

impl Plan {
    pub(crate) fn new(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Self {
        let TelemetryConfig { export, metrics, .. } = config;
        if super::destination(&super::METRICS, &metrics.export, export, settings).is_none() {
            settings.decided(super::METRICS.endpoint.0, &"none", Source::Default);
            return Self(None);
        }
        let push = Push::decide(Signal::Metrics, &super::METRICS, &metrics.export, export, settings);
        let interval = settings.decide(
            "metrics.export_interval",
            metrics.interval.map(|interval| ("with_export_interval", Shown(interval))),
            &["OTEL_METRIC_EXPORT_INTERVAL"],
            parse_time,
            Shown(Duration::from_secs(60)),
        );
        let temporality = settings.decide(
            "metrics.temporality",
            metrics.temporality.map(|temporality| ("with_temporality", ShownTemporality(temporality))),
            &["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"],
            parse_temporality,
            ShownTemporality(TemporalityPreference::Cumulative),
        );
        if push.as_ref().is_some_and(Push::goes_to_prometheus)
            && temporality.0 != TemporalityPreference::Cumulative
        {
            tracing::warn!(target: "throughline", "Prometheus takes {temporality} metrics only with \
                `--enable-feature=otlp-deltatocumulative`; without it, they are refused or dropped in silence, by \
                version: set cumulative temporality, or that feature");
        }
        Self(push.map(|push| Metrics { push, interval: interval.0, temporality: temporality.0 }))
    }

    /// Makes the exporter, when there is to be one. It pushes nothing before its task is run.
    pub(crate) fn start(
        self,
        provider: &MeterProvider,
        config: &TelemetryConfig,
    ) -> Result<Option<Otlp>, Error> {
        let Some(Metrics { push, interval, temporality }) = self.0 else { return Ok(None) };
        let reader = provider.reader(temporality);
        let seed = RandomState::new().hash_one(std::process::id());
        let push = push.config().with_interval(interval);
        let exporter =
            MetricExporter::new(reader, push, Arc::clone(&config.clock), seed).map_err(|error| {
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

fn parse_temporality(text: &str) -> Result<ShownTemporality, String> {
    let preference = match text.to_ascii_lowercase().as_str() {
        "cumulative" => TemporalityPreference::Cumulative,
        "delta" => TemporalityPreference::Delta,
        "lowmemory" => TemporalityPreference::LowMemory,
        _ => return Err("is no temporality; write cumulative, delta or lowmemory".to_owned()),
    };
    Ok(ShownTemporality(preference))
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
        let ExportReport { delivered_points, undelivered_points, last_error, .. } = report;
        Self { delivered_points, undelivered_points, last_error, timed_out: false }
    }
}

fn to_json(status: &StatusSnapshot) -> Value {
    let dropped = &status.dropped_points;
    json!({
        "collected_points": status.collected_points,
        "exported_points": status.exported_points,
        "rejected_points": status.rejected_points,
        "dropped_points": {
            "refused": dropped.refused,
            "superseded": dropped.superseded,
            "queue_full": dropped.queue_full,
            "shutdown": dropped.shutdown,
        },
        "queued_points": status.queued_points,
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
