//! Pushing spans and log records: decided, and made from what the recorders hand out.

use std::time::Duration;

use throughline_core::Resource;
use throughline_metrics::Meter;
use throughline_otlp::{BatchConfiguration, BuildError, RecordExporter, Signal};

use crate::config::{self, ExportConfig, TelemetryConfig};
use crate::otlp::buffer::Buffer;
use crate::otlp::enabled::seed;
use crate::otlp::pushed::Pushed;
use crate::otlp::signal::Push;
use crate::records::Records;
use crate::selection::{Exporters, Selection};
use crate::settings::catalogue::{self, OtlpSettings};
use crate::settings::parse::{self, Shown};
use crate::settings::{Definition, Settings};

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
    pub(crate) fn new(config: &TelemetryConfig, selection: &Selection, settings: &mut Settings<'_>) -> Self {
        let TelemetryConfig { export, records, .. } = config;
        let (traces, logs) = (&records.traces, &records.logs);
        Self {
            traces: SPANS.decide(&selection.traces, (&traces.export, export), &traces.batch, settings),
            logs: LOG_RECORDS.decide(&selection.logs, (&logs.export, export), &logs.batch, settings),
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
        own: Option<&Meter>,
    ) -> Result<Vec<Pushed>, BuildError> {
        let mut exporters = Vec::new();
        let clock = || config.clock();
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
            exporters.push(pushed(Signal::Traces, exporter, own));
        }
        let logs = self.logs.and_then(|batches| Some((batches, recorders.log_reader()?)));
        if let Some((Batches { push, batch }, reader)) = logs {
            let exporter =
                RecordExporter::logs(reader, resource, buffer.apply(push.config()), &batch, clock(), seed())?;
            exporters.push(pushed(Signal::Logs, exporter, own));
        }
        Ok(exporters)
    }
}

fn pushed(signal: Signal, mut exporter: RecordExporter, own: Option<&Meter>) -> Pushed {
    if let Some(meter) = own {
        exporter.observe(meter);
    }
    let (status, successor) = (exporter.status(), exporter.successor());
    Pushed::new(signal, status, successor, |inbox| Box::pin(exporter.run(inbox)))
}

/// The settings of one batching exporter.
struct BatchSettings {
    signal: Signal,
    of_push: &'static OtlpSettings,
    queue: &'static Definition,
    size: &'static Definition,
    delay: &'static Definition,
    timeout: &'static Definition,
    unset: fn() -> BatchConfiguration,
}

const SPANS: BatchSettings = BatchSettings {
    signal: Signal::Traces,
    of_push: &catalogue::TRACES_OTLP,
    queue: &catalogue::TRACES_QUEUE,
    size: &catalogue::TRACES_BATCH,
    delay: &catalogue::TRACES_DELAY,
    timeout: &catalogue::TRACES_BATCH_TIMEOUT,
    unset: BatchConfiguration::spans,
};

const LOG_RECORDS: BatchSettings = BatchSettings {
    signal: Signal::Logs,
    of_push: &catalogue::LOGS_OTLP,
    queue: &catalogue::LOGS_QUEUE,
    size: &catalogue::LOGS_BATCH,
    delay: &catalogue::LOGS_DELAY,
    timeout: &catalogue::LOGS_BATCH_TIMEOUT,
    unset: BatchConfiguration::logs,
};

impl BatchSettings {
    fn decide(
        &self,
        exporters: &Exporters,
        (own, all): (&ExportConfig, &ExportConfig),
        batch: &config::BatchConfiguration,
        settings: &mut Settings<'_>,
    ) -> Option<Batches> {
        let wanted = exporters.otlp.as_ref()?;
        let push = Push::decide(self.signal, self.of_push, wanted, own, all, settings);
        let batch = self.batch(batch, settings);
        push.map(|push| Batches { push, batch })
    }

    fn batch(&self, batch: &config::BatchConfiguration, settings: &mut Settings<'_>) -> BatchConfiguration {
        let mut count = |definition, code: Option<usize>, method| {
            settings.decide(definition, code.map(|count| (method, count)), parse::count)
        };
        let queue = count(self.queue, batch.max_queue_size, "with_max_queue_size");
        let size = count(self.size, batch.max_export_batch_size, "with_max_export_batch_size");
        if size > queue {
            settings.warn(format!(
                "`{}` is {size}, and `{}` only {queue}: a batch is never full",
                self.size, self.queue
            ));
        }
        let mut time = |definition, code: Option<Duration>, method| {
            settings.decide(definition, code.map(|time| (method, Shown(time))), parse::time).0
        };
        let delay = time(self.delay, batch.scheduled_delay, "with_scheduled_delay");
        let timeout = time(self.timeout, batch.max_export_timeout, "with_max_export_timeout");
        (self.unset)()
            .with_max_queue_size(queue)
            .with_max_export_batch_size(size)
            .with_scheduled_delay(delay)
            .with_export_timeout(timeout)
    }
}
