//! The console exporter: decided, and run on the exporter thread.
//!
//! Called by `init.rs`. What is run is `task.rs`.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use throughline_metrics::{MeterProvider, TemporalityPreference};
use tokio::sync::{mpsc, oneshot};

use super::config::{ConsoleOutput, ConsoleStream};
use super::output::{Counts, Output, Sink};
use super::records::{Recorded, Waiting};
use super::task::{Command, Metrics, Work};
use crate::config::TelemetryConfig;
use crate::error::{Error, Source};
use crate::exporters::{Delivery, Task};
use crate::records::Records;
use crate::selection::Selection;
use crate::settings::parse::{self, Shown};
use crate::settings::{Settings, catalogue};
use crate::status::ExporterStatus;

/// How long spans and log records wait before they are shown: short, because somebody watches.
const DELAY: Duration = Duration::from_millis(500);

/// Commands that may wait to be seen; more are answered by nobody.
const COMMANDS_MAX: usize = 16;

/// What was decided about the console.
pub(crate) struct Plan {
    metrics: Option<Duration>,
    spans: bool,
    logs: bool,
    sink: Sink,
    counts: Counts,
    /// Spans and log records on their way.
    waiting: Waiting,
    style: Style,
}

/// What the output looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    Text { colours: bool },
    Json,
}

impl Plan {
    pub(crate) fn new(
        config: &TelemetryConfig,
        selection: &Selection,
        service: &str,
        settings: &mut Settings<'_>,
    ) -> Self {
        let Selection { metrics, traces, logs } = selection;
        let (spans, logs) = (traces.console.is_some(), logs.console.is_some());
        let metrics = metrics.console.is_some().then(|| interval(config, settings));
        let is_used = metrics.is_some() || spans || logs;
        let (sink, style) = if is_used { look(config, settings) } else { silent() };
        let counts = Counts::default();
        let waiting = Waiting::new(style, service, counts.clone());
        Self { metrics, spans, logs, sink, counts, waiting, style }
    }

    /// Whether spans are shown.
    pub(crate) fn shows_spans(&self) -> bool {
        self.spans
    }

    /// Whether log records are shown.
    pub(crate) fn shows_logs(&self) -> bool {
        self.logs
    }

    /// Where the records of these signals are to be shown: spans and log records.
    pub(super) fn waiting(&self) -> (Option<Waiting>, Option<Waiting>) {
        let waiting = |shown: bool| shown.then(|| self.waiting.clone());
        (waiting(self.spans), waiting(self.logs))
    }

    /// Makes the exporter; it shows nothing before its task is run. Called when the exporters that push have taken their
    /// readers: whose readers are left shows what nobody else exports.
    #[expect(clippy::unnecessary_wraps, reason = "the shape of `disabled.rs`")]
    pub(crate) fn start(self, provider: &MeterProvider, records: &Records) -> Result<Console, Error> {
        let Self { metrics, spans, logs, sink, counts, waiting, style } = self;
        let status = Told { sink: sink.to_string(), counts: counts.clone() };
        if metrics.is_none() && !spans && !logs {
            return Ok(Console { commands: None, task: None, status });
        }
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let metrics = metrics.map(|interval| {
            let reader = provider.reader(TemporalityPreference::Cumulative);
            Metrics { reader, interval }
        });
        let wake = commands.clone();
        let records = Recorded::new(records, (spans, logs), waiting, move || {
            let _enough_waiting = wake.try_send(Command::Batch);
        });
        let work = Work { metrics, records, delay: DELAY, style, output: Output::new(sink, counts) };
        Ok(Console { commands: Some(commands), task: Some(Box::pin(work.run(inbox))), status })
    }
}

/// Nothing is shown.
fn silent() -> (Sink, Style) {
    (Sink::Stream(ConsoleStream::Stdout), Style::Json)
}

/// How often metrics are shown: as often as they would be pushed.
fn interval(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Duration {
    let code = config.metrics.interval.map(|interval| ("with_export_interval", Shown(interval)));
    settings.decide(&catalogue::METRICS_INTERVAL, code, parse::time).0
}

fn look(config: &TelemetryConfig, settings: &mut Settings<'_>) -> (Sink, Style) {
    let console = &config.console;
    let sink = match &console.writer {
        Some(writer) => {
            settings.note(
                &catalogue::CONSOLE_STREAM,
                "writer".to_owned(),
                Source::Code("with_writer"),
                Vec::new(),
            );
            Sink::Writer(writer.clone())
        }
        None => Sink::Stream(stream(console.stream, settings)),
    };
    let style = match output(console.output, settings) {
        ConsoleOutput::Json => Style::Json,
        ConsoleOutput::Text => {
            let no_color = settings.variable("NO_COLOR").is_some();
            Style::Text { colours: !no_color && sink.is_terminal() }
        }
    };
    (sink, style)
}

fn stream(code: Option<ConsoleStream>, settings: &mut Settings<'_>) -> ConsoleStream {
    let code = code.map(|stream| ("with_stream", stream));
    let parse = |text: &str| match text {
        "stdout" => Ok(ConsoleStream::Stdout),
        "stderr" => Ok(ConsoleStream::Stderr),
        _ => Err("is no stream; write stdout or stderr".to_owned()),
    };
    settings.decide(&catalogue::CONSOLE_STREAM, code, parse)
}

fn output(code: Option<ConsoleOutput>, settings: &mut Settings<'_>) -> ConsoleOutput {
    let code = code.map(|output| ("with_output", output));
    let parse = |text: &str| match text {
        "text" => Ok(ConsoleOutput::Text),
        "json" => Ok(ConsoleOutput::Json),
        _ => Err("is no format; write text or json".to_owned()),
    };
    settings.decide(&catalogue::CONSOLE_FORMAT, code, parse)
}

/// The console exporter, and the way to talk to it.
pub(crate) struct Console {
    commands: Option<mpsc::Sender<Command>>,
    task: Option<Task>,
    status: Told,
}

/// What is told of it.
#[derive(Clone, Debug)]
struct Told {
    sink: String,
    counts: Counts,
}

impl Console {
    /// What the exporter thread has to do; nothing when nothing is shown.
    pub(crate) fn task(&mut self) -> Option<Task> {
        self.task.take()
    }

    /// For a forked child: nothing is shown there, since what waits to be shown is the parent's.
    pub(crate) fn forked(&self) -> Self {
        Self { commands: None, task: None, status: self.status.clone() }
    }

    /// What was written and what was not; nothing when nothing is shown.
    pub(crate) fn status(&self) -> Option<ExporterStatus> {
        self.commands.as_ref()?;
        let Told { sink, counts } = self.status.clone();
        Some(Box::new(move || {
            let mut status = json!({ "stream": sink });
            if let (Value::Object(status), Value::Object(counts)) = (&mut status, counts.to_json()) {
                status.extend(counts);
            }
            status
        }))
    }

    /// Asks to show now what there is; the future says what was written, unless nothing is shown.
    pub(crate) fn flush(&self) -> impl Future<Output = Option<Delivery>> + Send + use<> {
        self.ask(Command::Flush)
    }

    /// Asks to show the last, and to end.
    pub(crate) fn shutdown(&self) -> impl Future<Output = Option<Delivery>> + Send + use<> {
        self.ask(Command::Shutdown)
    }

    fn ask(
        &self,
        command: fn(oneshot::Sender<Delivery>) -> Command,
    ) -> impl Future<Output = Option<Delivery>> + Send + use<> {
        let commands = self.commands.clone();
        async move {
            let (reply, answer) = oneshot::channel();
            commands?.send(command(reply)).await.ok()?;
            answer.await.ok()
        }
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("status", &self.status).finish_non_exhaustive()
    }
}
