//! Telemetry: pulled by Prometheus; with the cargo feature `otlp`, pushed as well when an endpoint is set.

use anyhow::{Context as _, Result};
use throughline::{TelemetryConfig, TelemetryProviders, init_telemetry};

use crate::arguments::Arguments;

pub(crate) fn start(arguments: &Arguments) -> Result<TelemetryProviders> {
    let config = TelemetryConfig::new("mcp-server").with_prometheus_address(arguments.metrics);
    init_telemetry(config).context("start telemetry (another --metrics address, or port 0, may help)")
}
