//! The provider: the engine's root. It knows all instruments, and makes meters and readers.
//!
//! Instruments are registered here once (`meter.rs` asks), matched against the views, and become streams. Readers
//! (`reader.rs`) walk the streams. Several providers can live side by side: only the cells are shared by the process.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use throughline_core::{Clock, InstrumentationScope, KeyValue, Resource, SystemClock, Timestamp};

use crate::cache::Scopes;
use crate::catalogue::CatalogueEntry;
use crate::cell::arena::Slab;
use crate::cell::local::never_be_quiet;
use crate::definition::{Definition, aggregation, check_bounds, check_name, check_unit, warn_of_difference};
use crate::drops::{DropReason, Drops};
use crate::exemplar::ExemplarFilter;
use crate::instrument::observable::Callback;
use crate::meter::Meter;
use crate::producer::{Joined, Producer};
use crate::reader::{Reader, Rounds, TemporalityPreference};
use crate::series::{Expiry, SeriesTable};
use crate::stream::{Shared, Stream, next_stream_id};
use crate::view::{StreamChanges, View};

/// The engine's root: makes meters and readers, and knows every instrument. Cloning is cheap; clones are the same one.
///
/// ```
/// use throughline_core::KeyValue;
/// use throughline_metrics::MeterProvider;
///
/// let provider = MeterProvider::default();
/// let orders = provider.meter("shop").u64_counter("orders").build();
/// orders.add(2, &[KeyValue::new("paid", true)]);
///
/// let mut reader = provider.reader(Default::default());
/// let (_, metric) = reader.collect().metrics().next().expect("one metric");
/// assert_eq!(&*metric.name, "orders");
/// ```
#[derive(Clone, Debug)]
pub struct MeterProvider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    resource: Arc<Resource>,
    views: Vec<View>,
    limit: usize,
    idle_expiry: Option<Duration>,
    /// Whether histograms without bounds of their own are exponential.
    exponential: bool,
    enabled: bool,
    registry: RwLock<Registry>,
    callbacks: Mutex<Vec<Arc<Callback>>>,
    /// In the order they were added; none ever leaves.
    producers: Mutex<Vec<Arc<Joined>>>,
    last_expiry: Mutex<Timestamp>,
    rounds: Rounds,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Registry {
    /// In order of creation.
    scopes: Vec<ScopeEntry>,
    /// How often a stream was added.
    generation: u64,
}

impl Registry {
    /// What the instrument of this name in this scope is to a definition.
    fn find(
        &self,
        scope: &InstrumentationScope,
        definition: &Definition,
    ) -> Option<(Registered, Option<Definition>)> {
        let entry = self.scopes.iter().find(|entry| entry.scope == *scope)?;
        let existing = &entry.instruments[*entry.by_name.get(&definition.name.to_ascii_lowercase())?];
        let same =
            existing.definition.kind == definition.kind && existing.definition.number == definition.number;
        let registered = if same {
            Registered { streams: existing.streams.clone(), refused: None }
        } else {
            Registered { streams: Vec::new(), refused: Some(DropReason::InstrumentConflict) }
        };
        Some((registered, Some(existing.definition.clone())))
    }

    /// Enters an instrument, and gives its scope.
    fn insert(
        &mut self,
        scope: &InstrumentationScope,
        definition: Definition,
        streams: Vec<Arc<Stream>>,
    ) -> &ScopeEntry {
        let at = self.scopes.iter().position(|entry| entry.scope == *scope).unwrap_or_else(|| {
            let (scope, instruments, by_name) = (scope.clone(), Vec::new(), HashMap::new());
            self.scopes.push(ScopeEntry { scope, instruments, by_name });
            self.scopes.len() - 1
        });
        let entry = &mut self.scopes[at];
        entry.by_name.insert(definition.name.to_ascii_lowercase(), entry.instruments.len());
        entry.instruments.push(InstrumentEntry { definition, streams });
        self.generation += 1;
        entry
    }
}

#[derive(Debug)]
struct ScopeEntry {
    scope: InstrumentationScope,
    instruments: Vec<InstrumentEntry>,
    /// Finds an instrument by its name in lower case: names differ in more than case.
    by_name: HashMap<String, usize>,
}

impl ScopeEntry {
    /// The name of one of these streams that another stream has, too.
    fn name_taken(&self, streams: &[Arc<Stream>]) -> Option<Arc<str>> {
        let all = || self.instruments.iter().flat_map(|instrument| &instrument.streams);
        let is_taken = |new: &&Arc<Stream>| all().any(|old| old.id != new.id && old.is_named(&new.name));
        streams.iter().find(is_taken).map(|stream| Arc::clone(&stream.name))
    }
}

/// One instrument.
#[derive(Debug)]
pub(crate) struct InstrumentEntry {
    pub(crate) definition: Definition,
    pub(crate) streams: Vec<Arc<Stream>>,
}

/// What an instrument gets: its streams, or why not.
#[derive(Debug, Default)]
pub(crate) struct Registered {
    pub(crate) streams: Vec<Arc<Stream>>,
    pub(crate) refused: Option<DropReason>,
}

/// Streams in order of creation, scopes too.
pub(crate) type StreamsByScope = Vec<(InstrumentationScope, Vec<Arc<Stream>>)>;

/// Series for each instrument unless set otherwise, as the specification recommends.
pub const DEFAULT_LIMIT: usize = 2000;

/// Builds a [`MeterProvider`].
#[derive(Debug)]
#[must_use = "the provider is made by `build()`"]
pub struct MeterProviderBuilder {
    resource: Resource,
    views: Vec<View>,
    limit: usize,
    idle_expiry: Option<Duration>,
    clock: Arc<dyn Clock>,
    exemplars: ExemplarFilter,
    exponential: bool,
}

impl MeterProviderBuilder {
    /// Sets what the metrics come from.
    pub fn with_resource(mut self, resource: Resource) -> Self {
        self.resource = resource;
        self
    }

    /// Adds a view. An instrument that several views match has a stream for each.
    pub fn with_view(mut self, view: View) -> Self {
        self.views.push(view);
        self
    }

    /// Sets the limit of series for each instrument, [`DEFAULT_LIMIT`] unless set; a view can set another. What is
    /// beyond it is counted in one series with `otel.metric.overflow=true`.
    pub fn with_cardinality_limit(mut self, series: usize) -> Self {
        self.limit = series;
        self
    }

    /// Lets series that were not recorded for this long vanish. Off unless set. Series that are bound to a handle, and
    /// those of instruments with a known number of attribute sets, stay; so does what a delta reader has not yet
    /// reported.
    pub fn with_idle_expiry(mut self, idle: Duration) -> Self {
        self.idle_expiry = Some(idle);
        self
    }

    /// Sets which measurements can become exemplars: those made in a sampled span, unless set.
    pub fn with_exemplar_filter(mut self, filter: ExemplarFilter) -> Self {
        self.exemplars = filter;
        self
    }

    /// Makes histograms exponential whose instrument sets no bounds, and whose view no aggregation.
    pub fn with_exponential_histograms(mut self) -> Self {
        self.exponential = true;
        self
    }

    /// Sets the clock, for tests.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the provider.
    pub fn build(self) -> MeterProvider {
        let Self { resource, views, limit, idle_expiry, clock, exemplars, exponential } = self;
        if exemplars == ExemplarFilter::AlwaysOn {
            never_be_quiet();
        }
        let inner = Inner::new(resource, clock, exemplars);
        let provider = MeterProvider::from_inner(Inner { views, limit, idle_expiry, exponential, ..inner });
        provider.observe_drops();
        provider
    }
}

impl Inner {
    fn new(resource: Resource, clock: Arc<dyn Clock>, exemplars: ExemplarFilter) -> Self {
        Self {
            resource: Arc::new(resource),
            views: Vec::new(),
            limit: DEFAULT_LIMIT,
            idle_expiry: None,
            exponential: false,
            enabled: true,
            registry: RwLock::default(),
            callbacks: Mutex::default(),
            producers: Mutex::default(),
            last_expiry: Mutex::default(),
            rounds: Rounds::default(),
            shared: Arc::new(Shared { clock, drops: Drops::default(), exemplars }),
        }
    }
}

impl Default for MeterProvider {
    fn default() -> Self {
        Self::builder().build()
    }
}

/// The scope of what the engine says about itself.
const OWN_SCOPE: &str = "throughline";

impl MeterProvider {
    /// Starts building a provider.
    pub fn builder() -> MeterProviderBuilder {
        MeterProviderBuilder {
            resource: Resource::default(),
            views: Vec::new(),
            limit: DEFAULT_LIMIT,
            idle_expiry: None,
            clock: Arc::new(SystemClock),
            exemplars: ExemplarFilter::default(),
            exponential: false,
        }
    }

    /// A provider whose instruments do nothing, at the cost of a branch.
    pub fn disabled() -> Self {
        let inner = Inner::new(Resource::default(), Arc::new(SystemClock), ExemplarFilter::AlwaysOff);
        Self::from_inner(Inner { enabled: false, ..inner })
    }

    fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// A meter for the scope of this name: the library or module that records.
    pub fn meter(&self, scope: &'static str) -> Meter {
        self.meter_with_scope(InstrumentationScope::builder(scope).build())
    }

    /// A meter for this scope.
    pub fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        Meter { provider: self.clone(), scope }
    }

    /// A reader of everything recorded in this provider, now and later. Readers do not disturb each other.
    pub fn reader(&self, temporality: TemporalityPreference) -> Reader {
        Reader::new(self.clone(), temporality)
    }

    /// Has every reader, now and later, show what a producer has beside what is recorded here.
    ///
    /// Views and limits of series are for instruments and do not apply; a producer may have 100,000 series. Its counters
    /// and histograms are taken to begin now, and are told to delta readers by what was added. The producer is asked
    /// once for each collection of each reader, and stays for as long as the provider.
    pub fn add_producer(&self, producer: impl Producer + 'static) {
        if self.0.enabled {
            let joined = Joined::new(producer, self.0.shared.clock.now());
            self.0.producers.lock().unwrap_or_else(PoisonError::into_inner).push(joined);
        }
    }

    pub(crate) fn producers(&self) -> Vec<Arc<Joined>> {
        self.0.producers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the metrics come from.
    pub fn resource(&self) -> &Arc<Resource> {
        &self.0.resource
    }

    /// Every instrument of this provider, recorded or not, and every metric declared in a static of this program
    /// ([`declare_static_counter!`](crate::declare_static_counter) and its like); sorted by scope and name.
    pub fn catalogue(&self) -> Vec<CatalogueEntry> {
        let registry = self.registry();
        let entries = registry.scopes.iter().flat_map(|scope| {
            scope.instruments.iter().map(|instrument| CatalogueEntry::new(scope.scope.name(), instrument))
        });
        let mut entries: Vec<_> = entries.collect();
        drop(registry);
        for declared in crate::statics::declared() {
            if !entries.iter().any(|entry| entry.scope == declared.scope && entry.name == declared.def.name) {
                entries.push(CatalogueEntry::declared(declared.scope, &declared.def));
            }
        }
        entries.sort_by(|a, b| (&a.scope, &a.name).cmp(&(&b.scope, &b.name)));
        entries
    }

    /// Measurements that were dropped, by reason; reasons that did not occur are left out.
    pub fn drops(&self) -> Vec<(DropReason, u64)> {
        self.0.shared.drops.by_reason()
    }

    /// How often a callback of an observable instrument panicked.
    pub fn callback_panics(&self) -> u64 {
        self.0.shared.drops.callback_panics()
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.0.shared)
    }

    pub(crate) fn rounds(&self) -> &Rounds {
        &self.0.rounds
    }

    pub(crate) fn add_callback(&self, callback: Callback) {
        self.0.callbacks.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(callback));
    }

    /// The callbacks there are now: run without the lock, so that they may create instruments.
    pub(crate) fn callbacks(&self) -> Vec<Arc<Callback>> {
        self.0.callbacks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All streams by scope, unless nothing was added since `generation`.
    pub(crate) fn streams_since(&self, generation: u64) -> Option<(u64, StreamsByScope)> {
        let registry = self.registry();
        if registry.generation == generation {
            return None;
        }
        let streams = |scope: &ScopeEntry| scope.instruments.iter().flat_map(|i| i.streams.clone()).collect();
        let scopes = registry.scopes.iter().map(|scope| (scope.scope.clone(), streams(scope))).collect();
        Some((registry.generation, scopes))
    }

    /// The streams of an instrument, made when it is new.
    pub(crate) fn register(&self, scope: &InstrumentationScope, mut definition: Definition) -> Registered {
        if !self.0.enabled {
            return Registered::default();
        }
        if let Err(problem) = check_name(&definition.name) {
            tracing::error!(
                target: "throughline",
                instrument = &*definition.name,
                scope = scope.name(),
                "the instrument name `{}` {problem}; what it records is dropped and counted. A name starts with a \
                 letter and goes on with up to 254 letters, digits, `_`, `.`, `-` or `/`",
                definition.name,
            );
            return Registered { streams: Vec::new(), refused: Some(DropReason::InvalidInstrument) };
        }
        check_unit(&mut definition);
        check_bounds(&mut definition);
        let (registered, existing) = self.find_or_insert(scope, definition.clone());
        if let Some(existing) = existing {
            warn_of_difference(scope, &existing, &definition);
        }
        registered
    }

    /// The second is the definition that stands, when there was one already.
    ///
    /// Streams are made without the lock, since that can warn, and a log subscriber may come back here.
    fn find_or_insert(
        &self,
        scope: &InstrumentationScope,
        definition: Definition,
    ) -> (Registered, Option<Definition>) {
        if let Some(found) = self.registry().find(scope, &definition) {
            return found;
        }
        let streams = self.streams(scope, &definition);
        let mut registry = self.0.registry.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = registry.find(scope, &definition) {
            return found;
        }
        let entry = registry.insert(scope, definition, streams.clone());
        // Without views, streams are named as their instruments.
        let twice = if self.0.views.is_empty() { None } else { entry.name_taken(&streams) };
        drop(registry);
        if let Some(name) = twice {
            tracing::warn!(target: "throughline", instrument = &*name, scope = scope.name(),
                "views make two streams named `{name}` of one scope, which no backend can tell apart; rename one");
        }
        (Registered { streams, refused: None }, None)
    }

    /// The streams that the views make of an instrument.
    fn streams(&self, scope: &InstrumentationScope, definition: &Definition) -> Vec<Arc<Stream>> {
        let matching =
            |view: &&View| view.matches(scope, &definition.name, definition.kind, &definition.unit);
        let views: Vec<_> = self.0.views.iter().filter(matching).collect();
        if views.is_empty() {
            return self.stream(definition, None).into_iter().collect();
        }
        views.into_iter().filter_map(|view| self.stream(definition, Some(view))).collect()
    }

    /// The stream of an instrument as a view shows it; `None` when the view drops it.
    fn stream(&self, definition: &Definition, view: Option<&View>) -> Option<Arc<Stream>> {
        let aggregation = aggregation(definition, view, self.0.exponential)?;
        let unchanged = StreamChanges::default();
        let changes = view.map_or(&unchanged, |view| &view.stream);
        let name = match &changes.name {
            Some(name) if check_name(name).is_ok() => name,
            Some(invalid) => {
                tracing::warn!(target: "throughline", instrument = &*definition.name,
                    "a view renames `{}` to `{invalid}`, which is no valid name; it keeps its own", definition.name);
                &definition.name
            }
            None => &definition.name,
        };
        Some(Arc::new(Stream {
            id: next_stream_id(),
            name: Arc::from(&**name),
            description: Arc::from(&**changes.description.as_ref().unwrap_or(&definition.description)),
            unit: Arc::from(&*definition.unit),
            kind: definition.kind,
            number: definition.number,
            aggregation,
            keys: changes.keys.clone(),
            series: SeriesTable::new(changes.limit.unwrap_or(self.0.limit)),
            scopes: Scopes::default(),
            shared: self.shared(),
            reservoirs: AtomicUsize::new(0),
        }))
    }

    /// Lets idle series vanish, when that is wanted and the last time was long enough ago.
    pub(crate) fn expire_idle(&self, now: Timestamp, slabs: &[Slab]) {
        let Some(idle) = self.0.idle_expiry else { return };
        {
            let mut last = self.0.last_expiry.lock().unwrap_or_else(PoisonError::into_inner);
            // Two passes are needed to remove a series; between them, whoever found it before must get to write it.
            if now - *last < idle / 4 {
                return;
            }
            *last = now;
        }
        let streams: Vec<_> = {
            let registry = self.registry();
            registry.scopes.iter().flat_map(|s| &s.instruments).flat_map(|i| i.streams.clone()).collect()
        };
        let rounds = &self.0.rounds;
        let expiry = Expiry { now, idle, rounds, reported: rounds.finished_by_all() };
        for stream in streams {
            let late = stream.series.expire(&expiry, |series| series.cells.mark(slabs));
            self.0.shared.drops.add(DropReason::Expired, late);
        }
    }

    /// Reports drops as a metric of their own, beside those of the program.
    fn observe_drops(&self) {
        let shared = Arc::downgrade(&self.0.shared);
        let _observable = self
            .meter(OWN_SCOPE)
            .u64_observable_counter("throughline.measurements.dropped")
            .with_unit("{measurement}")
            .with_description("Measurements that were not recorded, by reason.")
            .with_callback(move |observer| {
                let Some(shared) = shared.upgrade() else { return };
                for (reason, count) in shared.drops.by_reason() {
                    observer.observe(count, &[KeyValue::new("reason", reason.as_str())][..]);
                }
            })
            .build();
    }

    fn registry(&self) -> std::sync::RwLockReadGuard<'_, Registry> {
        self.0.registry.read().unwrap_or_else(PoisonError::into_inner)
    }
}
