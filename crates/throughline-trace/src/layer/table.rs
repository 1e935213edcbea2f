//! The open spans of a layer, found by their `tracing` id.
//!
//! The registry could keep them as extensions; finding them there takes two locks and a search of its own, four times in
//! the life of a span. Here it is one short lock of a bucket that, as ids are given, seldom two threads share.
//!
//! Nothing of users runs under these locks: their fields are formatted before, and contexts are dropped after.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::Context;

use crate::recording::Recording;

/// Buckets of a table. A power of two; when more spans are open, buckets hold several.
const BUCKETS: usize = 512;

/// An open span.
#[derive(Debug)]
pub(super) struct Open {
    /// What is attached when it is entered: with the span in it, or with its parent when it is not exported.
    pub(super) context: Context,
    /// What is said of it. `None` when nobody wants to know, and after somebody ended it through OpenTelemetry.
    pub(super) recording: Option<Box<Recording>>,
    /// Whether the ids in its context may have been told to others.
    pub(super) is_known: bool,
    pub(super) timing: Timing,
}

/// How long a span was entered on some thread, and how long on none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    pub(super) busy: u64,
    pub(super) idle: u64,
    /// When it was last entered by the first thread, or left by the last one.
    pub(super) changed: u64,
    pub(super) threads: u32,
}

impl Timing {
    pub(super) fn enter(&mut self, now: u64) {
        if self.threads == 0 {
            self.idle += now.saturating_sub(self.changed);
            self.changed = now;
        }
        self.threads += 1;
    }

    pub(super) fn exit(&mut self, now: u64) {
        self.threads = self.threads.saturating_sub(1);
        if self.threads == 0 {
            self.busy += now.saturating_sub(self.changed);
            self.changed = now;
        }
    }
}

#[derive(Debug)]
pub(super) struct Table {
    buckets: Box<[Bucket]>,
}

/// As large as it is aligned, so that threads do not share lines of the cache.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Bucket {
    /// The id of the span in here; [`NONE`], or [`SEVERAL`]. Whoever knows an id was told it after the span was put here,
    /// so a relaxed load is enough to find out that it is not.
    id: AtomicU64,
    spans: Mutex<Spans>,
}

/// Not the id of a span: those begin at 1.
const NONE: u64 = 0;
const SEVERAL: u64 = u64::MAX;

#[derive(Debug, Default)]
struct Spans {
    first: Option<(u64, Open)>,
    more: Vec<(u64, Open)>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| Bucket::default()).collect() }
    }

    pub(super) fn insert(&self, id: u64, open: Open) {
        let bucket = self.bucket(id);
        let mut spans = bucket.lock();
        if spans.first.is_none() {
            spans.first = Some((id, open));
        } else {
            spans.more.push((id, open));
        }
        bucket.note(&spans);
    }

    /// Takes the span of this id out.
    pub(super) fn remove(&self, id: u64) -> Option<Open> {
        let bucket = self.bucket(id);
        if !bucket.may_have(id) {
            return None;
        }
        let mut spans = bucket.lock();
        let found = if spans.first.as_ref().is_some_and(|(first, _)| *first == id) {
            let next = spans.more.pop();
            std::mem::replace(&mut spans.first, next)
        } else {
            let place = spans.more.iter().position(|(other, _)| *other == id)?;
            Some(spans.more.swap_remove(place))
        };
        bucket.note(&spans);
        found.map(|(_, open)| open)
    }

    /// Calls `work` with the span of this id, under a lock: it must be short, and call nobody.
    pub(super) fn with<R>(&self, id: u64, work: impl FnOnce(&mut Open) -> R) -> Option<R> {
        let bucket = self.bucket(id);
        if !bucket.may_have(id) {
            return None;
        }
        let mut spans = bucket.lock();
        let Spans { first, more } = &mut *spans;
        let mut all = first.iter_mut().chain(more);
        all.find(|(other, _)| *other == id).map(|(_, open)| work(open))
    }

    /// Calls `work` with what is recorded of the span of this id; see [`with`](Self::with).
    pub(super) fn with_recording<R>(&self, id: u64, work: impl FnOnce(&mut Recording) -> R) -> Option<R> {
        self.with(id, |open| open.recording.as_deref_mut().map(work)).flatten()
    }

    /// In the registry's ids, the low bits are a place, which a thread uses again at once, and others are the thread's
    /// number: so a thread's spans stay in few buckets, and other threads' are elsewhere.
    #[inline]
    fn bucket(&self, id: u64) -> &Bucket {
        const THREAD_SHIFT: u32 = 38;
        let place = id.wrapping_add((id >> THREAD_SHIFT).wrapping_mul(61));
        &self.buckets[place as usize % BUCKETS]
    }
}

impl Bucket {
    #[inline]
    fn may_have(&self, id: u64) -> bool {
        let held = self.id.load(Ordering::Relaxed);
        held == id || held == SEVERAL
    }

    #[inline]
    fn note(&self, spans: &Spans) {
        let held = match (&spans.first, spans.more.is_empty()) {
            (None, _) => NONE,
            (Some((id, _)), true) => *id,
            (Some(_), false) => SEVERAL,
        };
        self.id.store(held, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Spans> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
