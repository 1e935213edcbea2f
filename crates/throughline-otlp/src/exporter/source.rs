//! Where requests come from: what differs between the signals.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use throughline_core::Resource;
use throughline_metrics::Meter;

use super::Cause;

/// The engine's metrics, or a recorder's spans or log records.
pub(super) trait Source: Send + fmt::Debug {
    /// Has `wake` called when an export is due before its time.
    fn on_batch(&mut self, wake: Wake) {
        drop(wake);
    }

    /// Makes metrics of what it does.
    fn observe(&mut self, meter: &Meter) {
        let _: &Meter = meter;
    }

    /// Says that an export begins, and why.
    fn begin(&mut self, cause: Cause) {
        let _: Cause = cause;
    }

    /// Gives the next requests of this export to `sink`. Whether there are more.
    fn take(&mut self, sink: &mut dyn FnMut(Encoded<'_>)) -> bool;

    /// Goes on in a forked child, which has this resource: what there is now is the parent's to deliver.
    fn forked(&mut self, resource: &Resource);
}

pub(super) type Wake = Box<dyn Fn() + Send + Sync>;

/// An encoded request.
pub(super) struct Encoded<'a> {
    pub(super) body: Cow<'a, [u8]>,
    pub(super) items: u64,
    /// Whether it has items that no later request repeats.
    pub(super) must_arrive: bool,
}

/// See [`SharedSource::downgrade`].
#[derive(Clone, Debug)]
pub(super) struct WeakSource(Weak<Mutex<Box<dyn Source>>>);

impl WeakSource {
    pub(super) fn upgrade(&self) -> Option<SharedSource> {
        self.0.upgrade().map(SharedSource)
    }
}

/// A source that outlives its exporter: when a process forks, the exporter's thread is not in the child, and this is.
#[derive(Clone, Debug)]
pub(super) struct SharedSource(Arc<Mutex<Box<dyn Source>>>);

impl SharedSource {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Self(Arc::new(Mutex::new(source)))
    }

    /// The source. Nobody else has it, but in a forked child; a panic in a callback does not spoil it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Box<dyn Source>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A hold on it that does not keep it: it goes with its exporter, but in a forked child, where nothing of another
    /// thread is ever dropped.
    pub(super) fn downgrade(&self) -> WeakSource {
        WeakSource(Arc::downgrade(&self.0))
    }

    /// The source, unless somebody has it: in a forked child that is a thread of the parent's, and for ever.
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, Box<dyn Source>>> {
        match self.0.try_lock() {
            Ok(source) => Some(source),
            Err(TryLockError::Poisoned(source)) => Some(source.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
