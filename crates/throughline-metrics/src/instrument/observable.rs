//! Stop 1 for observable instruments: a callback that a collection asks for values.
//!
//! Callbacks run on the collecting thread, once for each collection of each reader, without any lock of the engine
//! held: they may create instruments and record. One that panics is counted and does not keep the others from
//! running. One that collects is not asked again by its own collection. Called by `reader.rs`.

use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use throughline_core::AttributeSet;
use throughline_core::attribute::Attributes;

use crate::drops::DropReason;
use crate::number::Number;
use crate::stream::{Shared, Stream};

/// What a callback reports to.
pub struct Observer<'a, N> {
    seen: &'a Mutex<Vec<Observation>>,
    shared: &'a Shared,
    monotonic: bool,
    marker: std::marker::PhantomData<fn(N)>,
}

/// One reported value.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) attributes: AttributeSet,
    /// The number's bits.
    pub(crate) bits: u64,
}

impl<N: Number> Observer<'_, N> {
    /// Reports the value of one attribute set: for counters the total so far, not what was added.
    ///
    /// A value that is not finite, or a counter's that is negative, is dropped and counted.
    pub fn observe<A: Attributes + ?Sized>(&self, value: N, attributes: &A) {
        if !value.is_finite() {
            return self.shared.drops.count(DropReason::NonFinite);
        }
        if self.monotonic && value < N::default() {
            return self.shared.drops.count(DropReason::Negative);
        }
        let observation = Observation { attributes: AttributeSet::new(attributes), bits: value.to_bits() };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(observation);
    }
}

impl<N> fmt::Debug for Observer<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// A callback with the streams its values belong to.
pub(crate) struct Callback {
    pub(crate) streams: Vec<Arc<Stream>>,
    run: Box<Run>,
}

/// A callback whose number type is forgotten.
type Run = dyn Fn(&Mutex<Vec<Observation>>, &Shared) + Send + Sync;

impl Callback {
    pub(crate) fn new<N: Number>(
        streams: Vec<Arc<Stream>>,
        callback: impl Fn(&Observer<'_, N>) + Send + Sync + 'static,
    ) -> Self {
        let monotonic = streams.first().is_some_and(|stream| stream.kind.is_monotonic());
        let run = Box::new(move |seen: &Mutex<Vec<Observation>>, shared: &Shared| {
            callback(&Observer { seen, shared, monotonic, marker: std::marker::PhantomData });
        });
        Self { streams, run }
    }

    /// Asks the callback. What it reported before a panic counts.
    pub(crate) fn observations(&self, shared: &Shared) -> Vec<Observation> {
        let Some(_running) = Running::enter(self) else {
            return Vec::new();
        };
        let seen = Mutex::default();
        let run = std::panic::AssertUnwindSafe(|| (self.run)(&seen, shared));
        if std::panic::catch_unwind(run).is_err() {
            shared.drops.count_callback_panic();
            let name = self.streams.first().map_or("", |stream| &stream.name);
            tracing::warn!(
                target: "throughline",
                instrument = name,
                "the callback of `{name}` panicked; what it reported before that is kept, and the others still run"
            );
        }
        seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The callbacks and producers that this thread is in, by their addresses.
    static RUNNING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Says that the calling thread is in a callback, which keeps a callback that collects from asking itself forever.
pub(crate) struct Running;

impl Running {
    /// None when the thread is in this one already.
    pub(crate) fn enter<T>(callback: &T) -> Option<Self> {
        let address = std::ptr::from_ref(callback).addr();
        let again = RUNNING.try_with(|running| {
            let again = running.borrow().contains(&address);
            running.borrow_mut().push(address);
            again
        });
        let running = Self;
        // A thread that is ending has no list any more.
        (!again.unwrap_or(false)).then_some(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = RUNNING.try_with(|running| running.borrow_mut().pop());
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").field("streams", &self.streams).finish_non_exhaustive()
    }
}

/// The handle of an observable instrument. Its callback runs for as long as the provider lives, with or without it.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Observable;
