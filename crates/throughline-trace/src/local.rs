//! What a thread keeps for recording: its id generator, buffers to use again, and its rings.

use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;

use opentelemetry::Context;

use crate::drops::DropReason;
use crate::id::Generator;
use crate::record::Writer;
use crate::recording::Recording;
use crate::ring::{Channel, Lease, Outcome};

/// Buffers a thread keeps: the spans that are open at once on a thread that starts and ends them itself.
const POOL_MAX: usize = 32;
/// Bytes of a buffer that is kept; a span that was larger gives its memory back.
const POOLED_BYTES_MAX: usize = 16 << 10;

/// What a thread keeps for recording.
struct Local {
    has_context: bool,
    ids: Cell<Generator>,
    /// The buffer that was given back last: what a thread that has no open spans needs.
    last: Cell<Option<Box<Recording>>>,
    #[expect(clippy::vec_box, reason = "the boxes are handed out")]
    pool: RefCell<Vec<Box<Recording>>>,
    leases: RefCell<Vec<Lease>>,
    log_writer: Cell<Writer>,
}

thread_local! {
    static LOCAL: Local = Local::new();
}

impl Local {
    fn new() -> Self {
        Self {
            has_context: has_context(),
            ids: Cell::new(Generator::new()),
            last: Cell::default(),
            pool: RefCell::default(),
            leases: RefCell::default(),
            log_writer: Cell::default(),
        }
    }
}

impl Local {
    #[cold]
    #[inline(never)]
    fn keep(&self, recording: Box<Recording>) {
        if let Ok(mut pool) = self.pool.try_borrow_mut() {
            if pool.len() < POOL_MAX {
                pool.push(recording);
            }
        }
    }
}

/// Whether the calling thread has OpenTelemetry's context, which offers no way to ask: gone are both, because the thread
/// is ending.
#[inline]
pub(crate) fn is_alive() -> bool {
    LOCAL.try_with(|local| local.has_context).unwrap_or(false)
}

/// Whether there is a context, for thread-locals that are being made: they are destroyed in the opposite order, so it is
/// there as long as they are, unless it had already gone.
#[cold]
pub(crate) fn has_context() -> bool {
    catch_unwind(|| Context::map_current(|_| ())).is_ok()
}

/// Random numbers that are not zero, for ids, after taking in a time that tells forked processes apart; see
/// [`Generator::stir`].
#[inline]
pub(crate) fn random<const COUNT: usize>(time: u64) -> [u64; COUNT] {
    let drawn = LOCAL.try_with(|local| {
        let mut ids = local.ids.get();
        ids.stir(time);
        let drawn = std::array::from_fn(|_| ids.next());
        local.ids.set(ids);
        drawn
    });
    drawn.unwrap_or_else(|_| {
        let mut ids = Generator::new();
        std::array::from_fn(|_| ids.next())
    })
}

/// A buffer to record in.
#[inline]
pub(crate) fn recording() -> Box<Recording> {
    match LOCAL.try_with(|local| local.last.take()) {
        Ok(Some(recording)) => recording,
        _ => pooled(),
    }
}

#[cold]
#[inline(never)]
fn pooled() -> Box<Recording> {
    let pooled = LOCAL.try_with(|local| local.pool.try_borrow_mut().ok()?.pop());
    pooled.ok().flatten().unwrap_or_default()
}

/// Keeps a buffer for the next span.
#[inline]
pub(crate) fn recycle(recording: Box<Recording>) {
    if recording.capacity() > POOLED_BYTES_MAX {
        return;
    }
    // A thread that is ending has no use for it.
    let _ = LOCAL.try_with(|local| {
        if let Some(other) = local.last.replace(Some(recording)) {
            local.keep(other);
        }
    });
}

/// A buffer to write a log record in.
pub(crate) fn log_writer() -> Writer {
    LOCAL.try_with(|local| local.log_writer.take()).unwrap_or_default()
}

/// Keeps the buffer for the next log record.
pub(crate) fn keep_log_writer(writer: Writer) {
    if writer.capacity() <= POOLED_BYTES_MAX {
        // A thread that is ending has no use for it.
        let _ = LOCAL.try_with(|local| local.log_writer.set(writer));
    }
}

/// Appends a finished record to the calling thread's ring of this channel.
///
/// A thread's first call leases a ring, which takes a lock and allocates. A thread that is ending borrows one for the
/// moment.
#[inline]
pub(crate) fn push(channel: &'static Channel, record: &[u8]) {
    if channel.is_closed() {
        channel.drops().count(DropReason::Closed);
        return;
    }
    let pushed = LOCAL.try_with(|local| {
        let mut leases = local.leases.try_borrow_mut().ok()?;
        match leases.iter_mut().find(|lease| lease.is_of(channel)) {
            Some(lease) => Some(lease.push(record)),
            None => Some(lease_and_push(&mut leases, channel, record)),
        }
    });
    let outcome = pushed.ok().flatten();
    outcome.unwrap_or_else(|| channel.lease().push(record)).finish(channel, record);
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
