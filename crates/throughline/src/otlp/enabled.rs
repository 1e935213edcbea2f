//! Pushing over OTLP: decided for each signal, and run on the exporter thread.
//!
//! Called by `init.rs`. What is run comes from `throughline-otlp/src/exporter/mod.rs`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::time::Duration;

use serde_json::Map;
use throughline_core::Resource;
use throughline_metrics::{Meter, MeterProvider, TemporalityPreference};
use throughline_otlp::{BuildError, MetricExporter, Signal};

use super::buffer::Buffer;
use super::pushed::{self, Line, Pushed};
use super::records;
use super::signal::Push;
use crate::config::TelemetryConfig;
use crate::error::{Error, Problem, Source};
use crate::exporters::{ShutdownReport, Task};
use crate::records::Records;
use crate::selection::{Selection, Wanted};
use crate::settings::parse::{Shown, time};
use crate::settings::{Settings, catalogue};
use crate::status::ExporterStatus;

/// What was decided about pushing.
pub(crate) struct Plan {
    metrics: Option<Metrics>,
    records: records::Plan,
    /// None when nothing is pushed.
    buffer: Option<Buffer>,
}

/// How to push metrics.
struct Metrics {
    push: Push,
    interval: Duration,
    temporality: TemporalityPreference,
}

impl Plan {
    pub(crate) fn new(config: &TelemetryConfig, selection: &Selection, settings: &mut Settings<'_>) -> Self {
        let metrics = selection.metrics.otlp.as_ref().and_then(|wanted| metrics(config, wanted, settings));
        let records = records::Plan::new(config, selection, settings);
        let Selection { metrics: of_metrics, traces, logs } = selection;
        // Asked for, even if it cannot be done: so that all problems are reported.
        let is_pushed = [of_metrics, traces, logs].iter().any(|exporters| exporters.otlp.is_some());
        let buffer = is_pushed.then(|| Buffer::decide(&config.buffer, settings));
        Self { metrics, records, buffer }
    }

    /// Whether anything is pushed.
    pub(crate) fn pushes(&self) -> bool {
        self.buffer.is_some()
    }

    /// Whether spans go anywhere.
    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
    pub(crate) fn pushes_spans(&self) -> bool {
        self.records.pushes_spans()
    }

    /// Whether log records go anywhere.
    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody records"))]
    pub(crate) fn pushes_logs(&self) -> bool {
        self.records.pushes_logs()
    }

    /// Makes the exporters. They push nothing before their tasks are run.
    pub(crate) fn start(
        self,
        provider: &MeterProvider,
        recorders: &Records,
        config: &TelemetryConfig,
        own: Option<&Meter>,
    ) -> Result<Otlp, Error> {
        let mut exporters = Vec::new();
        let Some(buffer) = self.buffer else { return Ok(Otlp(exporters)) };
        if let Some(Metrics { push, interval, temporality }) = self.metrics {
            let reader = provider.reader(temporality);
            let push = buffer.apply(push.config()).with_interval(interval);
            let exporter = MetricExporter::new(reader, push, config.clock(), seed());
            let mut exporter = exporter.map_err(|error| refused(&error))?;
            if let Some(meter) = own {
                exporter.observe(meter);
            }
            let (status, successor) = (exporter.status(), exporter.successor());
            let run = |inbox| -> Task { Box::pin(exporter.run(inbox)) };
            exporters.push(Pushed::new(Signal::Metrics, status, successor, run));
        }
        exporters.extend(
            self.records
                .start(provider.resource(), recorders, &buffer, config, own)
                .map_err(|error| refused(&error))?,
        );
        Ok(Otlp(exporters))
    }
}

fn metrics(config: &TelemetryConfig, wanted: &Wanted, settings: &mut Settings<'_>) -> Option<Metrics> {
    let TelemetryConfig { export, metrics, .. } = config;
    let push =
        Push::decide(Signal::Metrics, &catalogue::METRICS_OTLP, wanted, &metrics.export, export, settings);
    let interval = metrics.interval.map(|interval| ("with_export_interval", Shown(interval)));
    let interval = settings.decide(&catalogue::METRICS_INTERVAL, interval, time);
    let timeout = settings.decide(&catalogue::METRICS_EXPORT_TIMEOUT, None, time);
    let temporality =
        metrics.temporality.map(|temporality| ("with_temporality", ShownTemporality(temporality)));
    let temporality = settings.decide(&catalogue::METRICS_TEMPORALITY, temporality, parse_temporality);
    if push.as_ref().is_some_and(Push::goes_to_prometheus)
        && temporality.0 != TemporalityPreference::Cumulative
    {
        settings.warn(format!(
            "Prometheus takes {temporality} metrics only with `--enable-feature=otlp-deltatocumulative`; without it, \
             they are refused or dropped in silence, by version: set cumulative temporality, or that feature"
        ));
    }
    let push = push?.within(timeout.0);
    Some(Metrics { push, interval: interval.0, temporality: temporality.0 })
}

/// Decides the jitter of retries.
pub(super) fn seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn refused(error: &BuildError) -> Error {
    let what = error.to_string();
    Error::Configuration(vec![Problem {
        setting: "",
        source: Source::Default,
        value: "OTLP".to_owned(),
        what,
    }])
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

/// The exporters that push.
#[derive(Debug)]
pub(crate) struct Otlp(Vec<Pushed>);

impl Otlp {
    /// What the exporter thread has to do.
    pub(crate) fn tasks(&mut self) -> Vec<Task> {
        self.0.iter_mut().filter_map(|exporter| exporter.task.take()).collect()
    }

    /// Exporters for a forked child.
    pub(crate) fn forked(&self, resource: &Resource) -> Result<Self, Error> {
        let forked = self.0.iter().map(|exporter| exporter.forked(resource, seed()));
        let forked = forked.collect::<Result<_, _>>().map(Self).map_err(|error| refused(&error))?;
        if self.is_global() {
            forked.make_global();
        }
        Ok(forked)
    }

    /// What was exported, and what was not; nothing when nothing is pushed.
    pub(crate) fn status(&self) -> Option<ExporterStatus> {
        let statuses: Vec<_> =
            self.0.iter().map(|exporter| (name(exporter.line.signal), exporter.status.clone())).collect();
        (!statuses.is_empty()).then(|| -> ExporterStatus {
            Box::new(move || {
                let shown = statuses.iter();
                let shown =
                    shown.map(|(name, status)| ((*name).to_owned(), pushed::to_json(&status.snapshot())));
                shown.collect::<Map<_, _>>().into()
            })
        })
    }

    /// Asks all exporters to export now; the future is their report.
    pub(crate) fn flush(&self) -> impl Future<Output = ShutdownReport> + Send + use<> {
        report(self.lines().map(|line| (line.signal, line.flush())).collect())
    }

    /// Asks all exporters for a last export, to be over by then.
    pub(crate) fn shutdown(&self, within: Duration) -> impl Future<Output = ShutdownReport> + Send + 'static {
        report(self.lines().map(|line| (line.signal, line.shutdown(within))).collect())
    }

    /// Those that run; one that was ended before has been reported on.
    fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.iter().map(|exporter| &*exporter.line).filter(|line| !line.is_ended())
    }

    fn is_global(&self) -> bool {
        let global = global();
        let is_global = |line: &Arc<Line>| global.iter().any(|weak| weak.as_ptr() == Arc::as_ptr(line));
        self.0.iter().any(|exporter| is_global(&exporter.line))
    }

    /// Makes these the exporters of the process.
    pub(crate) fn make_global(&self) {
        *global() = self.0.iter().map(|exporter| Arc::downgrade(&exporter.line)).collect();
    }
}

/// The exporters of the process.
fn global() -> MutexGuard<'static, Vec<Weak<Line>>> {
    static GLOBAL: Mutex<Vec<Weak<Line>>> = Mutex::new(Vec::new());
    GLOBAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the process' export of spans.
pub(crate) fn end_traces(timeout: Duration) -> ShutdownReport {
    end(Signal::Traces, timeout)
}

/// Ends the process' export of metrics.
pub(crate) fn end_metrics(timeout: Duration) -> ShutdownReport {
    end(Signal::Metrics, timeout)
}

fn end(signal: Signal, timeout: Duration) -> ShutdownReport {
    let lines: Vec<_> = global().iter().filter_map(Weak::upgrade).collect();
    // As at the end of everything, the exporter gives up a little earlier.
    let mut ending = lines.iter().filter(|line| line.signal == signal);
    let Some(answer) = ending.find_map(|line| line.end_early(timeout / 8 * 7)) else {
        return ShutdownReport::default();
    };
    let (done, finished) = mpsc::channel();
    // On a thread of its own, since whoever asks may be in an async runtime, whose threads must not wait like this.
    let wait = move || {
        let mut report = ShutdownReport::default();
        pushed::add(&mut report, signal, answer.blocking_recv());
        let _nobody_waits = done.send(report);
    };
    drop(std::thread::Builder::new().name("throughline-shutdown".into()).spawn(wait));
    finished
        .recv_timeout(timeout)
        .unwrap_or_else(|_too_late| ShutdownReport { timed_out: true, ..ShutdownReport::default() })
}

type Answer = tokio::sync::oneshot::Receiver<throughline_otlp::ExportReport>;

/// They export at the same time, so waiting for one after the other takes no longer than the slowest.
async fn report(answers: Vec<(Signal, Answer)>) -> ShutdownReport {
    let mut report = ShutdownReport::default();
    for (signal, answer) in answers {
        pushed::add(&mut report, signal, answer.await);
    }
    report
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "traces",
        Signal::Logs => "logs",
        _ => "metrics",
    }
}
