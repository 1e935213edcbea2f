//! What an application asks of the console exporter: [`ConsoleConfig`].

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

use crate::config::TelemetryConfig;

/// What goes to the console, where to, and what it looks like.
///
/// What is left out comes from the environment: `OTEL_METRICS_EXPORTER`, `OTEL_TRACES_EXPORTER` and
/// `OTEL_LOGS_EXPORTER` name signals, `THROUGHLINE_CONSOLE_STREAM` and `THROUGHLINE_CONSOLE_FORMAT` the rest.
///
/// ```
/// use throughline::{ConsoleConfig, ConsoleOutput, ConsoleStream, TelemetryConfig};
///
/// let console = ConsoleConfig::new().with_metrics().with_traces().with_stream(ConsoleStream::Stderr);
/// let config = TelemetryConfig::new("shop").with_console_exporter(console);
/// ```
#[derive(Clone, Default)]
#[must_use = "a configuration does nothing until it is part of a `TelemetryConfig`"]
pub struct ConsoleConfig {
    pub(crate) metrics: bool,
    pub(crate) traces: bool,
    pub(crate) logs: bool,
    pub(crate) stream: Option<ConsoleStream>,
    pub(crate) output: Option<ConsoleOutput>,
    pub(crate) writer: Option<SharedWriter>,
}

/// A writer of the application's own.
pub(crate) type SharedWriter = Arc<Mutex<dyn Write + Send>>;

impl ConsoleConfig {
    /// Leaves everything to the environment and to defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows metrics, at every export interval and at the end.
    pub fn with_metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// Shows spans soon after they end. Needs the cargo feature `tracing`.
    pub fn with_traces(mut self) -> Self {
        self.traces = true;
        self
    }

    /// Shows log records, instead of the log console that writes to standard error. Needs the cargo feature `tracing`.
    pub fn with_logs(mut self) -> Self {
        self.logs = true;
        self
    }

    /// Sets where to; standard output unless set.
    pub fn with_stream(mut self, stream: ConsoleStream) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Writes to this instead: a file, or what a test reads. Called on a thread of the exporter's, never on one that
    /// records.
    pub fn with_writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.writer = Some(Arc::new(Mutex::new(writer)));
        self
    }

    /// Sets what it looks like; text unless set.
    pub fn with_output(mut self, output: ConsoleOutput) -> Self {
        self.output = Some(output);
        self
    }
}

impl TelemetryConfig {
    /// Shows telemetry on the console: for development, and to see what would be exported. Needs the cargo feature
    /// `console`.
    pub fn with_console_exporter(mut self, console: ConsoleConfig) -> Self {
        self.console = console;
        self
    }
}

impl fmt::Debug for ConsoleConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metrics, traces, logs, stream, output, writer } = self;
        f.debug_struct("ConsoleConfig")
            .field("metrics", metrics)
            .field("traces", traces)
            .field("logs", logs)
            .field("stream", stream)
            .field("output", output)
            .field("writer", &writer.is_some())
            .finish()
    }
}

/// Where the console exporter writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsoleStream {
    /// Standard output, as the specification has it.
    #[default]
    Stdout,
    /// Standard error, for programs whose standard output is data.
    Stderr,
}

impl fmt::Display for ConsoleStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        })
    }
}

/// What the console exporter's output looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsoleOutput {
    /// For people: a block a collection of metrics, a tree a trace, a line a log record. In colour on a terminal, unless
    /// `NO_COLOR` is set.
    #[default]
    Text,
    /// For programs: one JSON object a line for each point, span and log record, in the names of OTLP/JSON.
    Json,
}

impl fmt::Display for ConsoleOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}
