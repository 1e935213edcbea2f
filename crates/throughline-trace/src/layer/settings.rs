//! What a layer adds to spans and events, and how it is built.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::filter::Targets;

use super::filter::Filters;
use super::table::Table;
use super::{Inner, TelemetryLayer};
use crate::log::Logger;
use crate::provider::Tracer;

/// What becomes of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two places for an event, and both")]
pub enum Events {
    /// Log records.
    #[default]
    Logs,
    /// Events of the current span; outside of spans they are not recorded.
    InSpans,
    /// Both.
    Both,
}

impl Events {
    pub(super) fn are_logs(self) -> bool {
        self != Self::InSpans
    }

    pub(super) fn are_span_events(self) -> bool {
        self != Self::Logs
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) events: Events,
    pub(super) errors_set_status: bool,
    pub(super) location: bool,
    pub(super) target: bool,
    pub(super) level: bool,
    pub(super) thread: bool,
    pub(super) timing: bool,
}

/// Sets up a [`TelemetryLayer`].
#[derive(Clone, Debug)]
#[must_use = "the layer is made by `build`"]
pub struct TelemetryLayerBuilder {
    settings: Settings,
    tracer: Option<Tracer>,
    logger: Option<Logger>,
    spans: Targets,
    events: Targets,
}

impl Default for TelemetryLayerBuilder {
    fn default() -> Self {
        let everything = || Targets::new().with_default(tracing::level_filters::LevelFilter::TRACE);
        Self {
            settings: Settings {
                events: Events::Logs,
                errors_set_status: true,
                location: true,
                target: true,
                level: false,
                thread: false,
                timing: false,
            },
            tracer: None,
            logger: None,
            spans: everything(),
            events: everything(),
        }
    }
}

impl TelemetryLayerBuilder {
    /// Spans are started by this tracer. Without one there are none.
    pub fn with_tracer(self, tracer: Tracer) -> Self {
        Self { tracer: Some(tracer), ..self }
    }

    /// Log records are recorded by this logger. Without one there are none.
    pub fn with_logger(self, logger: Logger) -> Self {
        Self { logger: Some(logger), ..self }
    }

    /// What becomes of events: log records unless set otherwise.
    pub fn with_events(self, events: Events) -> Self {
        self.map(|settings| settings.events = events)
    }

    /// Whether an event of level `ERROR` gives its span the status of an error, with its message. On unless set
    /// otherwise.
    pub fn with_status_from_errors(self, on: bool) -> Self {
        self.map(|settings| settings.errors_set_status = on)
    }

    /// Whether `code.file.path`, `code.line.number` and `code.module.name` say where a span or log record comes from. On
    /// unless set otherwise.
    pub fn with_location(self, on: bool) -> Self {
        self.map(|settings| settings.location = on)
    }

    /// Whether `target` is the target in the words of `tracing`. On unless set otherwise.
    pub fn with_target(self, on: bool) -> Self {
        self.map(|settings| settings.target = on)
    }

    /// Whether `level` is the level of a span or of its event; log records have a severity. Off unless set otherwise.
    pub fn with_level(self, on: bool) -> Self {
        self.map(|settings| settings.level = on)
    }

    /// Whether `thread.id` and `thread.name` are those of the thread that started a span or recorded an event. Off unless
    /// set otherwise.
    pub fn with_thread(self, on: bool) -> Self {
        self.map(|settings| settings.thread = on)
    }

    /// Whether `busy_ns` and `idle_ns` say how long a span was entered, on some thread, and how long on none. Off unless
    /// set otherwise: it reads the clock whenever a span is entered and left.
    pub fn with_timing(self, on: bool) -> Self {
        self.map(|settings| settings.timing = on)
    }

    /// Which spans are exported: all, unless set otherwise. The children of one that is not are children of its parent.
    pub fn with_span_filter(self, filter: Targets) -> Self {
        Self { spans: filter, ..self }
    }

    /// Which events are exported: all, unless set otherwise.
    pub fn with_event_filter(self, filter: Targets) -> Self {
        Self { events: filter, ..self }
    }

    fn map(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(&mut self.settings);
        self
    }

    /// The layer. It takes some memory (100 KiB) that is never freed.
    pub fn build(self) -> TelemetryLayer {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let Self { settings, tracer, logger, spans, events } = self;
        TelemetryLayer(Box::leak(Box::new(Inner {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            settings,
            filters: Filters::new(spans, events),
            tracer,
            logger,
            table: Table::new(),
        })))
    }
}
