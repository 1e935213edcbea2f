//! Keep-errors: spans that the sampler left out wait here until it is known whether their trace failed.
//!
//! Called by `reader.rs`, on the exporter's side. A trace is kept as soon as one of its spans in this process ended in
//! error, or its first one here took too long; when that first one ends without, the trace is discarded, which is what
//! the sampler wanted. What waits is bounded in bytes and in age; what must go because of that is dropped and counted.
//! Spans that come after the decision follow it, unless they fail themselves.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use throughline_core::Timestamp;

use crate::data::status_number;
use crate::drops::{DropReason, Drops};
use crate::record::{SpanHeader, bits};

/// How traces are kept that the sampler left out, should they fail.
///
/// All spans are recorded then, so that what is left out costs as much as what is sampled, but for the export. Spans
/// that are kept are not flagged as sampled, and neither are the contexts told to other processes: those decide by
/// themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain settings; updated with `..Default::default()`")]
pub struct KeepErrors {
    /// Traces are kept as well whose first span in this process took longer than this.
    pub slower_than: Option<Duration>,
    /// Bytes of spans that wait for the end of their traces.
    pub bytes_max: usize,
    /// How long spans wait.
    pub age_max: Duration,
}

/// Errors alone, in 16 MiB (some 80,000 spans), for a minute.
impl Default for KeepErrors {
    fn default() -> Self {
        Self { slower_than: None, bytes_max: 16 << 20, age_max: Duration::from_secs(60) }
    }
}

/// Decisions that are remembered for spans that come late.
const DECIDED_MAX: usize = 8192;
/// What a waiting span takes beside its bytes.
const OVERHEAD: usize = 64;

type Trace = [u8; 16];

/// The spans that wait.
#[derive(Debug)]
pub(crate) struct Keeper {
    settings: KeepErrors,
    held: HashMap<Trace, Held>,
    /// Traces in the order they came; those that are decided may still stand here.
    order: VecDeque<Trace>,
    bytes: usize,
    /// Whether a trace is kept.
    decided: HashMap<Trace, bool>,
    decided_order: VecDeque<Trace>,
    /// Spans that are to be exported.
    ready: VecDeque<Box<[u8]>>,
    discarded: u64,
}

#[derive(Debug)]
struct Held {
    since: Timestamp,
    bytes: usize,
    spans: Vec<Box<[u8]>>,
}

impl Keeper {
    pub(crate) fn new(settings: KeepErrors) -> Self {
        Self {
            settings,
            held: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            decided: HashMap::new(),
            decided_order: VecDeque::new(),
            ready: VecDeque::new(),
            discarded: 0,
        }
    }

    /// Takes the record if it is one of those that have to wait.
    pub(crate) fn takes(&mut self, record: &[u8], now: Timestamp, drops: &Drops) -> bool {
        let Some((header, _)) = SpanHeader::read(record) else { return false };
        if header.bits & bits::KEEP == 0 {
            return false;
        }
        let trace = header.trace_id;
        match (self.fails(&header), self.decided.get(&trace)) {
            (true, _) | (_, Some(true)) => {
                self.keep(trace);
                self.ready.push_back(record.into());
            }
            (false, Some(false)) => self.discarded += 1,
            (false, None) if header.bits & bits::LOCAL_ROOT != 0 => {
                self.discarded += 1 + self.release(trace).map_or(0, |held| held.spans.len() as u64);
                self.decide(trace, false);
            }
            (false, None) => self.hold(trace, record, now, drops),
        }
        true
    }

    /// The next span to be exported.
    pub(crate) fn next_ready(&mut self) -> Option<Box<[u8]>> {
        self.ready.pop_front()
    }

    /// How many spans are to be exported.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// How many spans were discarded since this was last asked.
    pub(crate) fn take_discarded(&mut self) -> u64 {
        std::mem::take(&mut self.discarded)
    }

    /// How many spans wait, or are to be exported.
    pub(crate) fn len(&self) -> u64 {
        let held: usize = self.held.values().map(|held| held.spans.len()).sum();
        (held + self.ready.len()) as u64
    }

    /// Gives up the traces that waited too long.
    pub(crate) fn expire(&mut self, now: Timestamp, drops: &Drops) {
        while let Some(trace) = self.order.front().copied() {
            let waits = self.held.get(&trace).is_some_and(|held| now - held.since <= self.settings.age_max);
            if waits {
                break;
            }
            self.order.pop_front();
            self.evict(trace, DropReason::KeepTooOld, drops);
        }
        if self.order.len() > 2 * self.held.len() + DECIDED_MAX {
            let held = &self.held;
            self.order.retain(|trace| held.contains_key(trace));
        }
    }

    fn fails(&self, header: &SpanHeader) -> bool {
        let took = Duration::from_nanos(header.end.saturating_sub(header.start));
        let is_slow = self.settings.slower_than.is_some_and(|limit| took > limit);
        header.status == status_number::ERROR || (header.bits & bits::LOCAL_ROOT != 0 && is_slow)
    }

    fn keep(&mut self, trace: Trace) {
        if let Some(held) = self.release(trace) {
            self.ready.extend(held.spans);
        }
        self.decide(trace, true);
    }

    fn hold(&mut self, trace: Trace, record: &[u8], now: Timestamp, drops: &Drops) {
        let bytes = record.len() + OVERHEAD;
        while self.bytes + bytes > self.settings.bytes_max {
            let Some(oldest) = self.order.pop_front() else {
                drops.count(DropReason::KeepBufferFull);
                return;
            };
            self.evict(oldest, DropReason::KeepBufferFull, drops);
        }
        let order = &mut self.order;
        let held = self.held.entry(trace).or_insert_with(|| {
            order.push_back(trace);
            Held { since: now, bytes: 0, spans: Vec::new() }
        });
        held.bytes += bytes;
        held.spans.push(record.into());
        self.bytes += bytes;
    }

    fn release(&mut self, trace: Trace) -> Option<Held> {
        let held = self.held.remove(&trace)?;
        self.bytes -= held.bytes;
        Some(held)
    }

    fn evict(&mut self, trace: Trace, reason: DropReason, drops: &Drops) {
        if let Some(held) = self.release(trace) {
            drops.add(reason, held.spans.len() as u64);
        }
    }

    fn decide(&mut self, trace: Trace, kept: bool) {
        if self.decided.insert(trace, kept).is_none() {
            self.decided_order.push_back(trace);
        }
        if self.decided_order.len() > DECIDED_MAX {
            if let Some(oldest) = self.decided_order.pop_front() {
                self.decided.remove(&oldest);
            }
        }
    }
}
