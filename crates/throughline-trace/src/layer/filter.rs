//! Which spans and events are exported, by level and target; can be changed while the program runs.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use tracing::Level;
use tracing_subscriber::filter::Targets;

/// The filters of a layer. Asked once for each callsite after each change.
pub(super) struct Filters {
    spans: RwLock<Targets>,
    events: RwLock<Targets>,
    /// Another number after each change, of any layer: what was found under an older one is found anew.
    version: AtomicU64,
}

fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Filters {
    pub(super) fn new(spans: Targets, events: Targets) -> Self {
        let version = AtomicU64::new(next_version());
        Self { spans: RwLock::new(spans), events: RwLock::new(events), version }
    }

    /// The version of these filters: no other has the same, of any layer.
    #[inline]
    pub(super) fn version(&self) -> u64 {
        // Acquire, partner of the Release in `set`; the locks order the rest.
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn wants_span(&self, target: &str, level: Level) -> bool {
        self.spans.read().unwrap_or_else(PoisonError::into_inner).would_enable(target, &level)
    }

    pub(super) fn wants_event(&self, target: &str, level: Level) -> bool {
        self.events.read().unwrap_or_else(PoisonError::into_inner).would_enable(target, &level)
    }
}

/// Changes one filter of a layer.
#[derive(Clone, Copy)]
pub struct FilterSwitch {
    filters: &'static Filters,
    filter: &'static RwLock<Targets>,
}

impl fmt::Debug for FilterSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FilterSwitch").field(&self.current()).finish()
    }
}

impl FilterSwitch {
    pub(super) fn of_spans(filters: &'static Filters) -> Self {
        Self { filters, filter: &filters.spans }
    }

    pub(super) fn of_events(filters: &'static Filters) -> Self {
        Self { filters, filter: &filters.events }
    }

    /// Puts this filter into force, for what starts from now on.
    pub fn set(self, filter: Targets) {
        *self.filter.write().unwrap_or_else(PoisonError::into_inner) = filter;
        // Release, partner of the Acquire in `version`: who sees the new version sees the new filter.
        self.filters.version.store(next_version(), Ordering::Release);
    }

    /// The filter in force.
    pub fn current(self) -> Targets {
        self.filter.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
