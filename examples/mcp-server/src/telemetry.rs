//! Telemetry: pulled by Prometheus; with the cargo feature `otlp`, pushed as well when an endpoint is set.

use anyhow::{Context as _, Result};
use throughline::{LogConfig, TelemetryConfig, TelemetryProviders, init_telemetry};

use crate::arguments::Arguments;

pub(crate) fn start(arguments: &Arguments) -> Result<TelemetryProviders> {
    // The SDK has a line for each session and each answer that is an error; that is what metrics are for.
    let logs = LogConfig::new().with_filter("info,rmcp=error");
    let config =
        TelemetryConfig::new("mcp-server").with_prometheus_address(arguments.metrics).with_logs(logs);
    init_telemetry(config).context("start telemetry (another --metrics address, or port 0, may help)")
}
