//! What is asked of spans and log records together.

use throughline_trace::layer::{TelemetryLayer, TelemetryLayerBuilder};

use super::{LogConfig, TraceConfig};
use crate::config::{ExportConfig, TelemetryConfig};

/// What is asked of spans and log records.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    pub(crate) traces: TraceConfig,
    pub(crate) logs: LogConfig,
    pub(crate) layer: TelemetryLayerBuilder,
    /// Whether `tracing` is to be set up for the process.
    pub(crate) subscriber: bool,
}

impl Default for Records {
    fn default() -> Self {
        let layer = TelemetryLayer::builder();
        Self { traces: TraceConfig::new(), logs: LogConfig::new(), layer, subscriber: true }
    }
}

impl Records {
    pub(crate) fn traces_export(&self) -> &ExportConfig {
        &self.traces.export
    }

    pub(crate) fn logs_export(&self) -> &ExportConfig {
        &self.logs.export
    }
}

impl TelemetryConfig {
    /// Sets what is asked of traces.
    pub fn with_traces(mut self, traces: TraceConfig) -> Self {
        self.records.traces = traces;
        self
    }

    /// Sets what is asked of logs.
    pub fn with_logs(mut self, logs: LogConfig) -> Self {
        self.records.logs = logs;
        self
    }

    /// Sets what spans and log records of `tracing` are given beside their fields: location, thread, level, times. The
    /// tracer, the logger and the filter of log records are added to it.
    pub fn with_layer(mut self, layer: TelemetryLayerBuilder) -> Self {
        self.records.layer = layer;
        self
    }

    /// Leaves the process' `tracing` subscriber to the application, which puts
    /// [`TelemetryProviders::layer`](crate::TelemetryProviders::layer) into its own.
    pub fn without_subscriber(mut self) -> Self {
        self.records.subscriber = false;
        self
    }
}
