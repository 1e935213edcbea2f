//! What an application asks of its logs: [`LogConfig`].

use std::fmt;

use throughline_trace::LogLimits;

use super::batch::BatchConfiguration;
use crate::config::ExportConfig;

/// Which log records are kept, what they look like on the console, and how they are pushed.
///
/// ```
/// use throughline::{ConsoleFormat, LogConfig, TelemetryConfig};
///
/// let logs = LogConfig::new().with_filter("info,shop=debug").with_console(ConsoleFormat::Json);
/// let config = TelemetryConfig::new("shop").with_logs(logs);
/// ```
#[derive(Clone, Default)]
#[must_use = "a configuration does nothing until it is part of a `TelemetryConfig`"]
pub struct LogConfig {
    pub(crate) export: ExportConfig,
    pub(crate) batch: BatchConfiguration,
    pub(crate) filter: Option<String>,
    pub(crate) console: Option<ConsoleFormat>,
    pub(crate) limits: Option<LogLimits>,
}

impl LogConfig {
    /// Logs with defaults that run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where and how log records are pushed, where that differs from other signals.
    pub fn with_export(mut self, export: ExportConfig) -> Self {
        self.export = export;
        self
    }

    /// Sets how many log records are pushed at once, and how often.
    pub fn with_batch(mut self, batch: BatchConfiguration) -> Self {
        self.batch = batch;
        self
    }

    /// Keeps the records of these levels and targets: a level, such as `info`, or a list such as `info,shop::cart=debug`.
    /// `info` unless set. It can be changed while the program runs.
    pub fn with_filter(mut self, directives: impl Into<String>) -> Self {
        self.filter = Some(directives.into());
        self
    }

    /// Sets how much a log record may carry.
    pub fn with_limits(mut self, limits: LogLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Sets what goes to standard error; one line of text a record unless set.
    pub fn with_console(mut self, format: ConsoleFormat) -> Self {
        self.console = Some(format);
        self
    }
}

impl fmt::Debug for LogConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogConfig")
            .field("export", &self.export)
            .field("batch", &self.batch)
            .field("filter", &self.filter)
            .field("console", &self.console)
            .field("limits", &self.limits)
            .finish()
    }
}

/// What log records look like on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsoleFormat {
    /// One line of text a record: time, level, trace and span id, target, message, fields.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// Nothing is written.
    None,
}

impl fmt::Display for ConsoleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::None => "none",
        })
    }
}
