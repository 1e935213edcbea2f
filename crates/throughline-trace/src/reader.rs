//! Takes finished records out, for the one exporter of each signal. The records are decoded by `data.rs`.
//!
//! What was drained is gone; what was not stays. Records of one thread come in the order they were finished; there is no
//! order between threads.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::data::{LogRef, Scope, SpanRef};
use crate::drops::DropReason;
use crate::keep::Keeper;
use crate::log::LogShared;
use crate::provider::Shared;
use crate::ring::Receiver;

/// Takes the finished spans of a provider out.
///
/// There is one: spans are taken, so a second reader would get other ones. When it is dropped, spans that end from then
/// on are dropped and counted.
#[derive(Debug)]
pub struct SpanReader {
    shared: &'static Shared,
    receiver: Receiver,
    scopes: Vec<Arc<Scope>>,
    keeper: Option<Keeper>,
    tap: SpanTap,
}

/// Who else sees what is drained.
struct Tap<F: ?Sized>(Option<Box<F>>);

type SpanTap = Tap<dyn FnMut(&SpanRef<'_>) + Send>;
type LogTap = Tap<dyn FnMut(&LogRef<'_>) + Send>;

impl<F: ?Sized> fmt::Debug for Tap<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tap").field(&self.0.is_some()).finish()
    }
}

impl SpanReader {
    pub(crate) fn new(shared: &'static Shared) -> Option<Self> {
        let receiver = shared.channel.receiver()?;
        Some(Self {
            shared,
            receiver,
            scopes: Vec::new(),
            keeper: shared.keep.map(Keeper::new),
            tap: Tap(None),
        })
    }

    /// Shows each span that is drained to this one as well, first: there is one reader, and a console may want to see what
    /// another exporter takes.
    pub fn with_tap(mut self, tap: impl FnMut(&SpanRef<'_>) + Send + 'static) -> Self {
        self.tap = Tap(Some(Box::new(tap)));
        self
    }

    /// Shows up to `limit` finished spans, and forgets them. How many there were.
    pub fn drain(&mut self, limit: usize, mut visit: impl FnMut(SpanRef<'_>)) -> usize {
        self.shared.clock.anchor();
        let shared = self.shared;
        let Self { receiver, scopes, keeper, tap, .. } = self;
        let mut show = |record: &[u8]| {
            let scopes = &mut *scopes;
            if let Some(span) =
                SpanRef::decode(record, move |number| find(scopes, number, |into| shared.scopes.read(into)))
            {
                if let Tap(Some(tap)) = tap {
                    tap(&span);
                }
                visit(span);
            }
        };
        match keeper {
            None => receiver.drain(limit, show),
            Some(keeper) => drain_kept(shared, receiver, keeper, limit, &mut show),
        }
    }

    /// How many finished spans wait. Looks at every thread's ring. Spans that wait for the end of their trace
    /// ([`KeepErrors`](crate::KeepErrors)) do not count before they are to be exported.
    pub fn pending(&mut self) -> usize {
        self.receiver.pending() + self.keeper.as_ref().map_or(0, Keeper::ready)
    }

    /// Calls `wake` as soon as some thread has this many spans waiting, and then not again before the next drain. It is
    /// called on a thread that records, so it must neither block nor take long. Only the first call of this has effect;
    /// whether this was it.
    pub fn on_batch(&self, spans: usize, wake: impl Fn() + Send + Sync + 'static) -> bool {
        self.receiver.on_batch(spans, wake)
    }
}

/// As [`SpanReader::drain`], with traces that have to wait.
fn drain_kept(
    shared: &Shared,
    receiver: &mut Receiver,
    keeper: &mut Keeper,
    limit: usize,
    show: &mut impl FnMut(&[u8]),
) -> usize {
    let now = shared.clock.now();
    let mut shown = 0;
    while shown < limit {
        if let Some(record) = keeper.next_ready() {
            show(&record);
            shown += 1;
            continue;
        }
        let mut passed = 0;
        let taken = receiver.drain(limit - shown, |record| {
            if !keeper.takes(record, now, shared.channel.drops()) {
                show(record);
                passed += 1;
            }
        });
        shown += passed;
        if taken == 0 {
            break;
        }
    }
    keeper.expire(now, shared.channel.drops());
    shared.discarded.fetch_add(keeper.take_discarded(), Ordering::Relaxed);
    shown
}

/// What waits is lost with the reader.
impl Drop for SpanReader {
    fn drop(&mut self) {
        let lost = self.keeper.as_ref().map_or(0, Keeper::len);
        self.shared.channel.drops().add(DropReason::Closed, lost);
    }
}

/// Takes the log records of a provider out; see [`SpanReader`].
#[derive(Debug)]
pub struct LogReader {
    shared: &'static LogShared,
    receiver: Receiver,
    scopes: Vec<Arc<Scope>>,
    tap: LogTap,
}

impl LogReader {
    pub(crate) fn new(shared: &'static LogShared) -> Option<Self> {
        let receiver = shared.channel.receiver()?;
        Some(Self { shared, receiver, scopes: Vec::new(), tap: Tap(None) })
    }

    /// Shows each log record that is drained to this one as well; see [`SpanReader::with_tap`].
    pub fn with_tap(mut self, tap: impl FnMut(&LogRef<'_>) + Send + 'static) -> Self {
        self.tap = Tap(Some(Box::new(tap)));
        self
    }

    /// Shows up to `limit` log records, and forgets them. How many there were.
    pub fn drain(&mut self, limit: usize, mut visit: impl FnMut(LogRef<'_>)) -> usize {
        self.shared.clock.anchor();
        let shared = self.shared;
        let Self { receiver, scopes, tap, .. } = self;
        receiver.drain(limit, |record| {
            if let Some(log) =
                LogRef::decode(record, |number| find(scopes, number, |into| shared.scopes.read(into)))
            {
                if let Tap(Some(tap)) = tap {
                    tap(&log);
                }
                visit(log);
            }
        })
    }

    /// How many log records wait. Looks at every thread's ring.
    pub fn pending(&mut self) -> usize {
        self.receiver.pending()
    }

    /// Calls `wake` as soon as some thread has this many log records waiting; see [`SpanReader::on_batch`].
    pub fn on_batch(&self, records: usize, wake: impl Fn() + Send + Sync + 'static) -> bool {
        self.receiver.on_batch(records, wake)
    }
}

/// The scope of this number, which a record names: so it was registered before.
fn find(scopes: &mut Vec<Arc<Scope>>, number: u32, read: impl FnOnce(&mut Vec<Arc<Scope>>)) -> &Scope {
    if number as usize >= scopes.len() {
        read(scopes);
    }
    &scopes[number as usize]
}
