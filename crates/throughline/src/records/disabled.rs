//! Neither spans nor log records in this build.
#![expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the shape of `enabled.rs`")]

use throughline_metrics::Meter;

use crate::config::TelemetryConfig;
use crate::error::Error;
use crate::settings::Settings;
use crate::status::ExporterStatus;
use crate::{console, otlp};

/// Nothing to record.
#[derive(Debug)]
pub(crate) struct Plan;

impl Plan {
    pub(crate) fn new(
        _config: &TelemetryConfig,
        _: (&otlp::Plan, &console::Plan),
        _settings: &mut Settings<'_>,
    ) -> Self {
        Self
    }

    pub(crate) fn start(self, _config: &TelemetryConfig) -> Records {
        Records
    }
}

/// Nothing is recorded.
#[derive(Debug)]
pub(crate) struct Records;

impl Records {
    pub(crate) fn disabled() -> Self {
        Self
    }

    pub(crate) fn observe(&self, _meter: &Meter) {}

    pub(crate) fn install(&self) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) fn status(&self) -> Option<ExporterStatus> {
        None
    }
}

/// There are none.
pub(crate) fn stop_global_traces() {}
