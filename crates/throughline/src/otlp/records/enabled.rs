//! Pushing spans and log records: decided, and made from what the recorders hand out.

use std::sync::Arc;
use std::time::Duration;

use throughline_core::Resource;
use throughline_otlp::{BatchConfiguration, BuildError, RecordExporter, Signal};

use crate::config::{self, ExportConfig, TelemetryConfig};
use crate::otlp::buffer::Buffer;
use crate::otlp::enabled::seed;
use crate::otlp::pushed::Pushed;
use crate::otlp::signal::{Push, Shown, parse_time};
use crate::otlp::{LOGS, Names, TRACES, destination};
use crate::records::Records;
use crate::settings::Settings;

/// What was decided.
pub(crate) struct Plan {
    traces: Option<Batches>,
    logs: Option<Batches>,
}

struct Batches {
    push: Push,
    batch: BatchConfiguration,
}

impl Plan {
    pub(crate) fn new(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Self {
        let TelemetryConfig { export, records, .. } = config;
        let (traces, logs) = (&records.traces, &records.logs);
        Self {
            traces: decide(&SPANS, &TRACES, (&traces.export, export), &traces.batch, settings),
            logs: decide(&LOG_RECORDS, &LOGS, (&logs.export, export), &logs.batch, settings),
        }
    }

    pub(crate) fn pushes_spans(&self) -> bool {
        self.traces.is_some()
    }

    pub(crate) fn pushes_logs(&self) -> bool {
        self.logs.is_some()
    }

    pub(crate) fn start(
        self,
        resource: &Resource,
        recorders: &Records,
        buffer: &Buffer,
        config: &TelemetryConfig,
    ) -> Result<Vec<Pushed>, BuildError> {
        let mut exporters = Vec::new();
        let clock = || Arc::clone(&config.clock);
        // A reader is there once, so it is asked for only when it is used.
        let traces = self.traces.and_then(|batches| Some((batches, recorders.span_reader()?)));
        if let Some((Batches { push, batch }, reader)) = traces {
            let exporter = RecordExporter::spans(
                reader,
                resource,
                buffer.apply(push.config()),
                &batch,
                clock(),
                seed(),
            )?;
            exporters.push(pushed(Signal::Traces, exporter));
        }
        let logs = self.logs.and_then(|batches| Some((batches, recorders.log_reader()?)));
        if let Some((Batches { push, batch }, reader)) = logs {
            let exporter =
                RecordExporter::logs(reader, resource, buffer.apply(push.config()), &batch, clock(), seed())?;
            exporters.push(pushed(Signal::Logs, exporter));
        }
        Ok(exporters)
    }
}

fn pushed(signal: Signal, exporter: RecordExporter) -> Pushed {
    Pushed::new(signal, exporter.status(), |inbox| Box::pin(exporter.run(inbox)))
}

/// What the settings of one batching exporter are called, and what they are unless set.
struct BatchNames {
    signal: Signal,
    queue: (&'static str, &'static str),
    size: (&'static str, &'static str),
    delay: (&'static str, &'static str),
    timeout: (&'static str, &'static str),
    defaults: fn() -> BatchConfiguration,
}

const SPANS: BatchNames = BatchNames {
    signal: Signal::Traces,
    queue: ("traces.batch.max_queue_size", "OTEL_BSP_MAX_QUEUE_SIZE"),
    size: ("traces.batch.max_export_batch_size", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
    delay: ("traces.batch.scheduled_delay", "OTEL_BSP_SCHEDULE_DELAY"),
    timeout: ("traces.batch.max_export_timeout", "OTEL_BSP_EXPORT_TIMEOUT"),
    defaults: BatchConfiguration::spans,
};

const LOG_RECORDS: BatchNames = BatchNames {
    signal: Signal::Logs,
    queue: ("logs.batch.max_queue_size", "OTEL_BLRP_MAX_QUEUE_SIZE"),
    size: ("logs.batch.max_export_batch_size", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"),
    delay: ("logs.batch.scheduled_delay", "OTEL_BLRP_SCHEDULE_DELAY"),
    timeout: ("logs.batch.max_export_timeout", "OTEL_BLRP_EXPORT_TIMEOUT"),
    defaults: BatchConfiguration::logs,
};

fn decide(
    batch_names: &BatchNames,
    names: &Names,
    (own, all): (&ExportConfig, &ExportConfig),
    batch: &config::BatchConfiguration,
    settings: &mut Settings<'_>,
) -> Option<Batches> {
    let wanted = destination(names, own, all, settings)?;
    let push = Push::decide(batch_names.signal, names, wanted, own, all, settings);
    let batch = batch_names.decide(batch, settings);
    push.map(|push| Batches { push, batch })
}

impl BatchNames {
    fn decide(&self, batch: &config::BatchConfiguration, settings: &mut Settings<'_>) -> BatchConfiguration {
        let unset = (self.defaults)();
        let mut count =
            |(name, variable): (&'static str, &'static str), code: Option<usize>, method, default| {
                settings.decide(name, code.map(|count| (method, count)), &[variable], parse_count, default)
            };
        let queue = count(self.queue, batch.max_queue_size, "with_max_queue_size", unset.max_queue_size());
        let size = count(
            self.size,
            batch.max_export_batch_size,
            "with_max_export_batch_size",
            unset.max_export_batch_size(),
        );
        let mut time =
            |(name, variable): (&'static str, &'static str), code: Option<Duration>, method, default| {
                let code = code.map(|time| (method, Shown(time)));
                settings.decide(name, code, &[variable], parse_time, Shown(default)).0
            };
        let delay = time(self.delay, batch.scheduled_delay, "with_scheduled_delay", unset.scheduled_delay());
        let timeout =
            time(self.timeout, batch.max_export_timeout, "with_max_export_timeout", unset.export_timeout());
        unset
            .with_max_queue_size(queue)
            .with_max_export_batch_size(size)
            .with_scheduled_delay(delay)
            .with_export_timeout(timeout)
    }
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("is no count; write a whole number above zero".to_owned()),
    }
}
