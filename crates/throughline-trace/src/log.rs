//! Log records: the same way as spans, in rings of their own, so that a flood of one does not push out the other.
//!
//! Called by the `tracing` layer; what is recorded goes straight to the ring, since a log record is finished at once.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, InstrumentationScope};
use throughline_core::attribute::{Attributes, ValueRef};
use throughline_core::{Clock, Timestamp};

use crate::clock::SpanClock;
use crate::drops::DropReason;
use crate::limits::LogLimits;
use crate::local;
use crate::reader::LogReader;
use crate::record::{LogHeader, Writer, tag};
use crate::recording::{Adding, AttributeList};
use crate::ring::Channel;
use crate::scope::Scopes;

/// What loggers refer to; lives as long as the process, like that of spans.
#[derive(Debug)]
pub(crate) struct LogShared {
    pub(crate) channel: Channel,
    pub(crate) clock: SpanClock,
    pub(crate) scopes: Scopes,
    limits: LogLimits,
}

/// Makes loggers. Clones are the same provider.
#[derive(Clone, Copy, Debug)]
pub struct LoggerProvider(&'static LogShared);

/// The specification's defaults.
impl Default for LoggerProvider {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl LoggerProvider {
    /// A provider to be set up.
    pub fn builder() -> LoggerProviderBuilder {
        LoggerProviderBuilder::default()
    }

    /// A logger for the scope of this name. Takes a lock; ask once and keep it.
    pub fn logger(self, name: impl Into<Cow<'static, str>>) -> Logger {
        self.logger_with_scope(InstrumentationScope::builder(name).build())
    }

    /// A logger for this scope.
    pub fn logger_with_scope(self, scope: InstrumentationScope) -> Logger {
        Logger { shared: self.0, scope: self.0.scopes.register(scope) }
    }

    /// The reader of all its records, for whoever asks first.
    pub fn reader(self) -> Option<LogReader> {
        LogReader::new(self.0)
    }

    /// The records that were dropped, by reason.
    pub fn drops(self) -> Vec<(DropReason, u64)> {
        self.0.channel.drops().by_reason()
    }
}

/// Sets up a [`LoggerProvider`].
#[derive(Debug, Default)]
pub struct LoggerProviderBuilder {
    limits: LogLimits,
    clock: Option<Arc<dyn Clock>>,
}

impl LoggerProviderBuilder {
    /// How much a record may carry.
    pub fn with_limits(self, limits: LogLimits) -> Self {
        Self { limits, ..self }
    }

    /// Where records get their times; without it, from where spans have theirs.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// The provider.
    pub fn build(self) -> LoggerProvider {
        let Self { limits, clock } = self;
        LoggerProvider(Box::leak(Box::new(LogShared {
            channel: Channel::new(),
            clock: clock.map_or_else(SpanClock::system, SpanClock::Given),
            scopes: Scopes::default(),
            limits,
        })))
    }
}

/// Records log records of one scope. Copying it costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Logger {
    shared: &'static LogShared,
    scope: u32,
}

/// What there is to say in a log record, apart from its attributes.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the specification's record; made with `..Default::default()`")]
pub struct LogRecord<'a> {
    /// When it happened, if the source knows; when it is recorded is written down in any case.
    pub time: Option<Timestamp>,
    /// OpenTelemetry's severity number, 1 to 24; 0 when it is not known.
    pub severity_number: u8,
    /// The severity in the words of the source.
    pub severity_text: &'a str,
    /// The message.
    pub body: Option<ValueRef<'a>>,
    /// What kind of event this is; empty for an ordinary log record.
    pub event_name: &'a str,
    /// The span it belongs to; `None` for the current one.
    pub span: Option<&'a SpanContext>,
}

impl Logger {
    /// Records it, with these attributes.
    ///
    /// Allocates only when the thread's buffer has to grow, and takes no lock.
    pub fn record<A: Attributes + ?Sized>(&self, record: &LogRecord<'_>, attributes: &A) {
        self.append(record, attributes, false);
    }

    /// As [`record`](Self::record), of what happens just now: when it happened and when it was recorded is one moment,
    /// whatever the record says.
    pub fn record_now<A: Attributes + ?Sized>(&self, record: &LogRecord<'_>, attributes: &A) {
        self.append(record, attributes, true);
    }

    fn append<A: Attributes + ?Sized>(&self, record: &LogRecord<'_>, attributes: &A, is_now: bool) {
        let mut writer = local::log_writer();
        self.write(record, attributes, is_now, &mut writer);
        local::push(&self.shared.channel, writer.bytes());
        local::keep_log_writer(writer);
    }

    fn write<A: Attributes + ?Sized>(
        &self,
        record: &LogRecord<'_>,
        attributes: &A,
        is_now: bool,
        writer: &mut Writer,
    ) {
        writer.start(LogHeader::BYTES);
        write_texts(record, self.shared.limits.value_bytes, writer);
        let list = AttributeList::starting_at(writer.len());
        let LogLimits { attributes: count_max, value_bytes } = self.shared.limits;
        let mut adding = Adding::new(writer, list, count_max, value_bytes);
        attributes.visit(&mut adding);
        let list = adding.finish();
        let observed = self.shared.clock.now().as_nanos();
        let mut header = LogHeader {
            time: if is_now { observed } else { record.time.map_or(0, Timestamp::as_nanos) },
            observed,
            scope: self.scope,
            severity: record.severity_number,
            attributes: list.count,
            dropped_attributes: list.dropped,
            ..LogHeader::default()
        };
        match record.span {
            Some(span) => correlate(&mut header, span),
            None if local::is_alive() => {
                Context::map_current(|context| correlate(&mut header, context.span().span_context()));
            }
            None => {}
        }
        header.write(writer);
        writer.pad();
    }
}

fn write_texts(record: &LogRecord<'_>, value_bytes: u32, writer: &mut Writer) {
    if !record.severity_text.is_empty() {
        writer.text(tag::SEVERITY_TEXT, "", record.severity_text);
    }
    if !record.event_name.is_empty() {
        writer.text(tag::NAME, "", record.event_name);
    }
    if let Some(body) = record.body {
        if let Some(at) = writer.open(tag::BODY, "", &[]) {
            writer.attribute("", body, value_bytes);
            writer.close(at);
        }
    }
}

fn correlate(header: &mut LogHeader, span: &SpanContext) {
    header.trace_id = span.trace_id().to_bytes();
    header.span_id = span.span_id().to_bytes();
    header.flags = span.trace_flags().to_u8();
}
