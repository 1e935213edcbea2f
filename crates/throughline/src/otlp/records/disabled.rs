//! Neither spans nor log records in this build.
#![expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the shape of `enabled.rs`")]

use throughline_core::Resource;
use throughline_otlp::BuildError;

use crate::config::TelemetryConfig;
use crate::otlp::pushed::Pushed;
use crate::records::Records;
use crate::selection::Selection;
use crate::settings::Settings;

/// Nothing to push.
pub(crate) struct Plan;

impl Plan {
    pub(crate) fn new(
        _config: &TelemetryConfig,
        _selection: &Selection,
        _settings: &mut Settings<'_>,
    ) -> Self {
        Self
    }

    pub(crate) fn pushes_spans(&self) -> bool {
        false
    }

    pub(crate) fn pushes_logs(&self) -> bool {
        false
    }

    pub(crate) fn start(
        self,
        _resource: &Resource,
        _recorders: &Records,
        _config: &TelemetryConfig,
    ) -> Result<Vec<Pushed>, BuildError> {
        Ok(Vec::new())
    }
}
