//! What is recorded at all: the levels and targets that somebody wants, so that the rest costs one check a callsite.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use throughline_trace::layer::{FilterSwitch, Targets};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Which log records are kept; can be changed while the program runs.
#[derive(Clone, Debug)]
pub(crate) struct LogFilter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    filter: RwLock<Targets>,
    /// Layers that are told of changes.
    followers: Mutex<Vec<FilterSwitch>>,
}

impl LogFilter {
    pub(crate) fn new(filter: Targets) -> Self {
        Self(Arc::new(Shared { filter: RwLock::new(filter), followers: Mutex::default() }))
    }

    /// Keeps the records that this filter lets through, from now on.
    pub(crate) fn set(&self, filter: Targets) {
        for follower in &*self.0.followers.lock().unwrap_or_else(PoisonError::into_inner) {
            follower.set(filter.clone());
        }
        *self.0.filter.write().unwrap_or_else(PoisonError::into_inner) = filter;
        tracing::callsite::rebuild_interest_cache();
    }

    /// Tells this layer of the filter, and of its changes.
    pub(crate) fn follow(&self, layer: FilterSwitch) {
        layer.set(self.current());
        self.0.followers.lock().unwrap_or_else(PoisonError::into_inner).push(layer);
    }

    fn current(&self) -> Targets {
        self.0.filter.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let filter = self.0.filter.read().unwrap_or_else(PoisonError::into_inner);
        filter.would_enable(metadata.target(), metadata.level())
    }
}

/// The lowest layer of the subscriber: disables what nobody wants, for all layers.
#[derive(Debug)]
pub(crate) struct Gate(LogFilter);

impl Gate {
    pub(crate) fn new(filter: LogFilter) -> Self {
        Self(filter)
    }

    /// Spans are wanted from `info` on, whatever the log filter leaves out: a quiet log is no reason for holes in
    /// traces.
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        (metadata.is_span() && *metadata.level() <= Level::INFO) || self.0.wants(metadata)
    }
}

impl<S: Subscriber> Layer<S> for Gate {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }
}
