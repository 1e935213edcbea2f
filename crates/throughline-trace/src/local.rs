//! What a thread keeps for recording: its id generator, buffers to use again, and its rings.

use std::cell::RefCell;

use opentelemetry::Context;

use crate::id::Generator;
use crate::record::Writer;
use crate::recording::Recording;
use crate::ring::{Channel, Lease, Outcome};

/// Buffers a thread keeps: the spans that are open at once on a thread that starts and ends them itself.
const POOL_MAX: usize = 32;
/// Bytes of a buffer that is kept; a span that was larger gives its memory back.
const POOLED_BYTES_MAX: usize = 16 << 10;

/// What a thread keeps for recording.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) ids: RefCell<Generator>,
    pool: RefCell<Vec<Box<Recording>>>,
    leases: RefCell<Vec<Lease>>,
    log_writer: RefCell<Option<Writer>>,
}

thread_local! {
    static LOCAL: Local = Local::new();
}

impl Local {
    fn new() -> Self {
        // Thread-locals are destroyed in the opposite order: as long as this one is there, the context is, too, which
        // offers no way to ask.
        Context::map_current(|_| ());
        Self {
            ids: RefCell::new(Generator::new()),
            pool: RefCell::default(),
            leases: RefCell::default(),
            log_writer: RefCell::default(),
        }
    }
}

/// Calls `work` with the calling thread's own; with nothing when the thread is ending and it has gone.
#[inline]
pub(crate) fn with<R>(work: impl FnOnce(Option<&Local>) -> R) -> R {
    let mut work = Some(work);
    let done = LOCAL.try_with(|local| work.take().map(|work| work(Some(local))));
    match done.ok().flatten() {
        Some(result) => result,
        None => work.take().expect("it is taken only where there is a result")(None),
    }
}

impl Local {
    /// A buffer to record in.
    #[inline]
    pub(crate) fn recording(&self) -> Box<Recording> {
        let pooled = self.pool.try_borrow_mut().ok().and_then(|mut pool| pool.pop());
        pooled.unwrap_or_default()
    }

    /// Keeps a buffer for the next span.
    #[inline]
    pub(crate) fn recycle(&self, recording: Box<Recording>) {
        if recording.capacity() > POOLED_BYTES_MAX {
            return;
        }
        if let Ok(mut pool) = self.pool.try_borrow_mut() {
            if pool.len() < POOL_MAX {
                pool.push(recording);
            }
        }
    }

    /// A buffer to write a log record in.
    pub(crate) fn log_writer(&self) -> Writer {
        let kept = self.log_writer.try_borrow_mut().ok().and_then(|mut writer| writer.take());
        kept.unwrap_or_default()
    }

    /// Keeps the buffer for the next log record.
    pub(crate) fn keep_log_writer(&self, writer: Writer) {
        if writer.capacity() <= POOLED_BYTES_MAX {
            if let Ok(mut kept) = self.log_writer.try_borrow_mut() {
                *kept = Some(writer);
            }
        }
    }

    #[inline]
    fn push(&self, channel: &'static Channel, record: &[u8]) -> Option<Outcome> {
        let mut leases = self.leases.try_borrow_mut().ok()?;
        match leases.iter_mut().find(|lease| lease.is_of(channel)) {
            Some(lease) => Some(lease.push(record)),
            None => Some(lease_and_push(&mut leases, channel, record)),
        }
    }
}

#[cold]
#[inline(never)]
fn lease_and_push(leases: &mut Vec<Lease>, channel: &'static Channel, record: &[u8]) -> Outcome {
    leases.retain(|lease| !lease.is_closed());
    let mut lease = channel.lease();
    let outcome = lease.push(record);
    leases.push(lease);
    outcome
}

/// Appends a finished record to the calling thread's ring of this channel.
///
/// A thread's first call leases a ring, which takes a lock and allocates. A thread that is ending borrows one for the
/// moment.
#[inline]
pub(crate) fn push(local: Option<&Local>, channel: &'static Channel, record: &[u8]) {
    if channel.is_closed() {
        channel.drops().count(crate::drops::DropReason::Closed);
        return;
    }
    let outcome = local.and_then(|local| local.push(channel, record));
    outcome.unwrap_or_else(|| channel.lease().push(record)).finish(channel, record);
}
