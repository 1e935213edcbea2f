//! A span while it is open: what was said of it, encoded as it came.
//!
//! Made by `builder.rs`, written by `span.rs`, appended to the thread's ring when the span ends. Its buffer is used again
//! by the next span.

use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceState};
use throughline_core::attribute::{Attributes, ValueRef, Visitor, cut};
use throughline_core::{Clock as _, SystemClock, Timestamp};

use crate::clock::Moment;
use crate::data::{LINK_IS_REMOTE, kind_number, status_number};
use crate::limits::SpanLimits;
use crate::local;
use crate::provider::Shared;
use crate::record::{KEY_BYTES_MAX, SpanHeader, Writer, bits, tag};

/// An open span.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// Whose it is; `None` before it is started.
    shared: Option<&'static Shared>,
    writer: Writer,
    header: SpanHeader,
    attributes: AttributeList,
    start: Moment,
    /// Whether it goes to the reader in the end.
    exported: bool,
}

impl Recording {
    /// Begins a span.
    #[inline]
    pub(crate) fn start(
        &mut self,
        shared: &'static Shared,
        header: SpanHeader,
        start: Moment,
        exported: bool,
        name: &str,
    ) {
        self.shared = Some(shared);
        self.header = header;
        self.start = start;
        self.exported = exported;
        self.attributes = AttributeList::starting_at(SpanHeader::BYTES);
        self.writer.start(SpanHeader::BYTES);
        self.set_name(name);
    }

    /// Bytes that it keeps from being used for something else.
    pub(crate) fn capacity(&self) -> usize {
        self.writer.capacity()
    }

    /// The time, as this span sees it.
    pub(crate) fn now(&self) -> u64 {
        self.shared.map_or(0, |shared| shared.clock.since(self.start))
    }

    /// A time read from the system's clock, as this span sees it.
    ///
    /// OpenTelemetry's boxed spans read that clock themselves for what happens now, and it may differ from this span's
    /// by more than the span takes. So what is about now is taken to be as long ago as it is there; unless the span
    /// started at a time that was given, too.
    pub(crate) fn time_of(&self, given: Timestamp) -> u64 {
        const ABOUT_NOW: Duration = Duration::from_millis(1);
        let read = SystemClock.now();
        let ago = read - given;
        if given <= read && ago < ABOUT_NOW && self.header.start == self.start.nanos {
            self.now().saturating_sub(ago.as_nanos() as u64)
        } else {
            given.as_nanos()
        }
    }

    /// Whether it goes to the reader in the end.
    pub(crate) fn is_exported(&self) -> bool {
        self.exported
    }

    pub(crate) fn set_kind(&mut self, kind: &SpanKind) {
        self.header.kind = kind_number(kind);
    }

    /// Makes it a child of this span, with the ids and flags of `own`.
    pub(crate) fn adopt(&mut self, parent: &SpanContext, own: &SpanContext, exported: bool) {
        let remote = if parent.is_remote() { bits::REMOTE_PARENT | bits::LOCAL_ROOT } else { 0 };
        let keep = if own.is_sampled() { 0 } else { bits::KEEP };
        self.header.trace_id = own.trace_id().to_bytes();
        self.header.parent_span_id = parent.span_id().to_bytes();
        self.header.flags = own.trace_flags().to_u8();
        self.header.bits = remote | keep;
        self.exported = exported;
        self.set_trace_state(own.trace_state());
    }

    /// Gives it up.
    pub(crate) fn discard(self: Box<Self>) {
        local::recycle(self);
    }

    /// Begins with these attributes; a span that has some already drops them.
    #[inline]
    pub(crate) fn begin_with(&mut self, encoded: &Encoded) {
        let list = &mut self.attributes;
        if list.count == 0 && self.writer.append(&encoded.bytes) {
            list.keys = encoded.keys;
            list.count = encoded.count;
        } else {
            list.dropped += encoded.count;
        }
    }

    fn limits(&self) -> SpanLimits {
        self.shared.map(|shared| shared.limits).unwrap_or_default()
    }

    /// Sets the name; the last one counts.
    #[inline]
    pub(crate) fn set_name(&mut self, name: &str) {
        self.writer.text(tag::NAME, "", cut(name, KEY_BYTES_MAX));
    }

    pub(crate) fn set_trace_state(&mut self, trace_state: &TraceState) {
        if *trace_state != TraceState::NONE {
            self.writer.text(tag::TRACE_STATE, "", &trace_state.header());
        }
    }

    #[inline]
    pub(crate) fn set_attribute(&mut self, key: &str, value: ValueRef<'_>) {
        self.add(|adding| adding.attribute(key, value));
    }

    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    pub(crate) fn set_attributes<A: Attributes + ?Sized>(&mut self, attributes: &A) {
        self.add(|adding| attributes.visit(adding));
    }

    /// Adds attributes that come one by one.
    #[inline]
    pub(crate) fn add(&mut self, add: impl FnOnce(&mut Adding<'_>)) {
        let mut adding = self.adding();
        add(&mut adding);
        self.attributes = adding.finish();
    }

    #[inline]
    fn adding(&mut self) -> Adding<'_> {
        let SpanLimits { attributes, value_bytes, .. } = self.limits();
        Adding::new(&mut self.writer, self.attributes, attributes, value_bytes)
    }

    /// Adds an event, some of whose attributes may have been dropped before.
    pub(crate) fn add_event<A: Attributes + ?Sized>(
        &mut self,
        name: &str,
        time: u64,
        attributes: &A,
        dropped: u32,
    ) {
        let SpanLimits { events, attributes_per_event, value_bytes, .. } = self.limits();
        let mut fixed = [0; 16];
        fixed[..8].copy_from_slice(&time.to_le_bytes());
        let room = self.header.events < events;
        let added = room
            && Nested { count_max: attributes_per_event, value_max: value_bytes, dropped }.write(
                &mut self.writer,
                tag::EVENT,
                name,
                &fixed,
                attributes,
            );
        let count = if added { &mut self.header.events } else { &mut self.header.dropped_events };
        *count += 1;
    }

    /// Adds a link, some of whose attributes may have been dropped before.
    pub(crate) fn add_link<A: Attributes + ?Sized>(
        &mut self,
        to: &SpanContext,
        attributes: &A,
        dropped: u32,
    ) {
        let SpanLimits { links, attributes_per_link, value_bytes, .. } = self.limits();
        let remote = if to.is_remote() { LINK_IS_REMOTE } else { 0 };
        let flags = u32::from(to.trace_flags().to_u8()) | remote;
        let mut fixed = [0; 36];
        fixed[..16].copy_from_slice(&to.trace_id().to_bytes());
        fixed[16..24].copy_from_slice(&to.span_id().to_bytes());
        fixed[24..28].copy_from_slice(&flags.to_le_bytes());
        let room = self.header.links < links;
        let trace_state = to.trace_state().header();
        let added = room
            && Nested { count_max: attributes_per_link, value_max: value_bytes, dropped }.write(
                &mut self.writer,
                tag::LINK,
                &trace_state,
                &fixed,
                attributes,
            );
        let count = if added { &mut self.header.links } else { &mut self.header.dropped_links };
        *count += 1;
    }

    /// Sets the status. `Ok` is final, and nothing goes back to unset; as the specification has it.
    pub(crate) fn set_status(&mut self, status: &Status) {
        if self.header.status == status_number::OK {
            return;
        }
        match status {
            Status::Unset => {}
            Status::Ok => self.header.status = status_number::OK,
            Status::Error { description } => {
                self.header.status = status_number::ERROR;
                self.writer.text(tag::STATUS, "", description);
            }
        }
    }

    /// Ends the span now. How long it took.
    #[inline]
    pub(crate) fn end(self: Box<Self>) -> Duration {
        let now = self.now();
        let took = Duration::from_nanos(now.saturating_sub(self.header.start));
        self.end_at(now);
        took
    }

    /// Ends the span at a time, in nanoseconds since the Unix epoch, or when it started if that was later.
    #[inline]
    pub(crate) fn end_at(mut self: Box<Self>, time: u64) {
        let Some(shared) = self.shared.take() else { return };
        self.header.end = time.max(self.header.start);
        self.header.attributes = self.attributes.count;
        self.header.dropped_attributes = self.attributes.dropped;
        self.header.write(&mut self.writer);
        self.writer.pad();
        if self.exported {
            local::push(&shared.channel, self.writer.bytes());
        }
        local::recycle(self);
    }
}

/// The attributes written so far to a span, an event, a link or a log record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttributeList {
    /// Where the first of them may stand.
    from: usize,
    /// A bit for each key, which others may have too: nobody looks for an earlier attribute when its bit is not set.
    keys: u64,
    pub(crate) count: u32,
    pub(crate) dropped: u32,
}

impl AttributeList {
    pub(crate) const fn starting_at(from: usize) -> Self {
        Self { from, keys: 0, count: 0, dropped: 0 }
    }
}

/// Writes attributes one after the other. What changes with each of them is in here, and not in the record until
/// [`finish`](Self::finish): so it stays in registers where the attributes are known to the compiler.
#[derive(Debug)]
pub(crate) struct Adding<'a> {
    writer: &'a mut Writer,
    /// Where the record ends.
    at: usize,
    list: AttributeList,
    count_max: u32,
    value_max: u32,
}

impl<'a> Adding<'a> {
    #[inline]
    pub(crate) fn new(writer: &'a mut Writer, list: AttributeList, count_max: u32, value_max: u32) -> Self {
        Self { at: writer.len(), writer, list, count_max, value_max }
    }

    /// Adds an attribute whose key is known, in place of the one of the same key if there is one.
    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    pub(crate) fn attribute_of(&mut self, Key { text: key, bit }: Key<'_>, value: ValueRef<'_>) {
        let Self { writer, at, list, .. } = self;
        if list.keys & bit != 0 && writer.kill(list.from, *at, key) {
            list.count -= 1;
        }
        let has_room = list.count < self.count_max && !key.is_empty();
        let end = if has_room { writer.attribute_at(*at, key, value, self.value_max) } else { None };
        if let Some(end) = end {
            *at = end;
            list.keys |= bit;
            list.count += 1;
        } else {
            list.dropped += 1;
        }
    }

    /// Makes what was written part of the record.
    #[inline]
    pub(crate) fn finish(self) -> AttributeList {
        self.writer.set_len(self.at);
        self.list
    }
}

impl Visitor for Adding<'_> {
    #[expect(
        clippy::inline_always,
        reason = "keys are literals, and copying those is a move or two where it is inlined"
    )]
    #[inline(always)]
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        self.attribute_of(Key::new(key), value);
    }
}

/// The key of an attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) text: &'a str,
    /// Its bit in [`AttributeList::keys`].
    bit: u64,
}

impl<'a> Key<'a> {
    #[inline]
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, bit: 1 << (fingerprint(text) & 63) }
    }
}

/// Attributes that many spans begin with, encoded once.
#[derive(Debug)]
pub(crate) struct Encoded {
    bytes: Box<[u8]>,
    keys: u64,
    count: u32,
}

impl Encoded {
    pub(crate) fn new<A: Attributes + ?Sized>(attributes: &A, limits: SpanLimits) -> Self {
        let mut writer = Writer::default();
        let list = AttributeList::default();
        let mut adding = Adding::new(&mut writer, list, limits.attributes, limits.value_bytes);
        attributes.visit(&mut adding);
        let AttributeList { keys, count, .. } = adding.finish();
        Self { bytes: writer.bytes().into(), keys, count }
    }
}

/// Keys of one span seldom have the same length, first and last letter.
#[inline]
fn fingerprint(key: &str) -> u32 {
    let first = key.as_bytes().first().copied().unwrap_or(0);
    let last = key.as_bytes().last().copied().unwrap_or(0);
    (key.len() as u32).wrapping_mul(11) ^ u32::from(first) ^ u32::from(last) << 2
}

/// An entry with attributes of its own.
struct Nested {
    count_max: u32,
    value_max: u32,
    /// Dropped by whoever gave them.
    dropped: u32,
}

impl Nested {
    /// Writes it; `fixed` ends with room for the counts. `false` when there is no room for it.
    fn write<A: Attributes + ?Sized>(
        self,
        writer: &mut Writer,
        tag: u8,
        key: &str,
        fixed: &[u8],
        attributes: &A,
    ) -> bool {
        let Some(at) = writer.open(tag, key, fixed) else { return false };
        let from = writer.len();
        let list = AttributeList::starting_at(from);
        let mut adding = Adding::new(writer, list, self.count_max, self.value_max);
        attributes.visit(&mut adding);
        let list = adding.finish();
        writer.patch(from - 8, list.dropped.saturating_add(self.dropped));
        writer.patch(from - 4, list.count);
        writer.close(at);
        true
    }
}
