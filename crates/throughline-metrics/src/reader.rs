//! Stop 4 in the life of an increment: a scrape or the export timer asks.
//!
//! An exporter owns a [`Reader`] and calls [`collect`](Reader::collect) whenever it wants to know; the reader asks
//! the callbacks of observable instruments, and producers, and then has `collect.rs`, the next stop, fold the cells of each stream. It
//! knows no format and owns no thread. Each reader remembers its own last collection, so any number of them, cumulative
//! and delta, see everything exactly once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use throughline_core::{AttributeSet, InstrumentKind, InstrumentationScope, Timestamp};

use crate::cell::arena::Slab;
use crate::cell::local::ARENA;
use crate::collect::{Moment, StreamCollector};
use crate::data::{Collection, Metric, ScopeMetrics, StreamId, Temporality};
use crate::instrument::observable::Observation;
use crate::produced::{Produced, Round, Said};
use crate::producer::Joined;
use crate::provider::MeterProvider;
use crate::stream::Stream;

/// Which temporality a reader wants, by kind of instrument.
///
/// Specification: [temporality
/// preference](https://opentelemetry.io/docs/specs/otel/metrics/sdk_exporters/otlp/#additional-environment-variable-configuration).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemporalityPreference {
    /// Everything is cumulative, as Prometheus needs it.
    #[default]
    Cumulative,
    /// Counters and histograms are delta; up-down counters stay cumulative.
    Delta,
    /// As `Delta`, but observable counters stay cumulative, so that nothing has to be remembered for them.
    LowMemory,
}

impl TemporalityPreference {
    pub(crate) fn of(self, kind: InstrumentKind) -> Temporality {
        use InstrumentKind::{Counter, Histogram, ObservableCounter};
        match (self, kind) {
            (Self::Delta, Counter | Histogram | ObservableCounter)
            | (Self::LowMemory, Counter | Histogram) => Temporality::Delta,
            _ => Temporality::Cumulative,
        }
    }
}

/// Collects what a provider's instruments recorded.
///
/// A reader attached late sees everything from the beginning. Dropping one costs the others nothing.
#[derive(Debug)]
pub struct Reader {
    provider: MeterProvider,
    temporality: TemporalityPreference,
    /// In the shape of `collection.scopes`.
    collectors: Vec<Vec<StreamCollector>>,
    /// Of the provider's streams, when `collectors` was made.
    generation: u64,
    /// Kept and updated in place, unless somebody else holds it.
    collection: Arc<Collection>,
    /// What came behind the collectors' scopes.
    produced: Produced,
    last: Timestamp,
    /// The last round this reader finished, when it is one that series have to wait for.
    finished: Option<Arc<AtomicU64>>,
    slabs: Vec<Slab>,
}

/// Numbers all readers' collections, so that no series expires before each delta reader has reported it.
///
/// A cumulative reader is not waited for: nobody may ever ask it, and what it would show of a series that expired is
/// gone with the next collection anyway.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    next: AtomicU64,
    /// The last finished round of each delta reader.
    finished: Mutex<Vec<Weak<AtomicU64>>>,
}

impl Rounds {
    /// A number for what begins now. Whoever gets a higher one sees what was written before.
    pub(crate) fn begin(&self) -> u64 {
        // Release and Acquire: each call sees what came before the calls with lower numbers.
        self.next.fetch_add(1, Ordering::AcqRel)
    }

    /// The last round that all delta readers finished.
    pub(crate) fn finished_by_all(&self) -> u64 {
        let mut readers = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|finished| finished.strong_count() > 0);
        let finished = readers.iter().filter_map(Weak::upgrade);
        finished.map(|finished| finished.load(Ordering::Acquire)).min().unwrap_or(u64::MAX)
    }

    fn join(&self) -> Arc<AtomicU64> {
        let finished = Arc::default();
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&finished));
        finished
    }
}

impl Reader {
    pub(crate) fn new(provider: MeterProvider, temporality: TemporalityPreference) -> Self {
        let resource = Arc::clone(provider.resource());
        let finished = (temporality != TemporalityPreference::Cumulative).then(|| provider.rounds().join());
        Self {
            provider,
            temporality,
            collectors: Vec::new(),
            generation: 0,
            collection: Arc::new(Collection { resource, ..Collection::default() }),
            produced: Produced::default(),
            last: Timestamp::default(),
            finished,
            slabs: Vec::new(),
        }
    }

    /// Which temporality this reader wants.
    pub fn temporality(&self) -> TemporalityPreference {
        self.temporality
    }

    /// The provider this reads from.
    pub fn provider(&self) -> &MeterProvider {
        &self.provider
    }

    /// Asks the callbacks and folds all cells.
    ///
    /// Recording goes on meanwhile and is not slowed: cells are only read. The collection is kept and updated in place
    /// by the next call, so a repeated collection allocates nothing for sums, gauges and histograms it knows; it does
    /// for exponential histograms and for what callbacks and producers report. Whoever wants to keep this one clones the `Arc`; then
    /// the next call copies the numbers before it changes them, some ten bytes a counter. A metric without points had
    /// nothing to report. Runs user callbacks; one that panics is counted, and the others run.
    pub fn collect(&mut self) -> &Arc<Collection> {
        let mut observations = self.observe();
        let said = self.ask_producers();
        let round = self.provider.rounds().begin();
        self.follow_streams();
        ARENA.slabs(&mut self.slabs);
        let shared = self.provider.shared();
        let now = shared.clock.now();
        let moment = Moment { now, last: self.last, slabs: &self.slabs };
        let collection = Arc::make_mut(&mut self.collection);
        for (collectors, scope) in self.collectors.iter_mut().zip(&mut collection.scopes) {
            for (collector, metric) in collectors.iter_mut().zip(&mut scope.metrics) {
                let observed = observations.remove(&metric.id).unwrap_or_default();
                collector.collect(&moment, observed, &mut metric.data);
            }
        }
        collection.scopes.truncate(self.collectors.len());
        let (preference, between) = (self.temporality, (self.last, now));
        let produced = self.produced.collect(said, Round { preference, between, drops: &shared.drops });
        collection.scopes.extend(produced);
        if let Some(finished) = &self.finished {
            finished.store(round, Ordering::Release);
        }
        collection.time = now;
        self.provider.expire_idle(now, &self.slabs);
        self.last = now;
        &self.collection
    }

    /// What the callbacks report, by stream. No lock is held while they run.
    fn observe(&self) -> HashMap<StreamId, Vec<Observation>> {
        let shared = self.provider.shared();
        let mut observations = HashMap::<_, Vec<_>>::new();
        for callback in self.provider.callbacks() {
            let mut seen = callback.observations(&shared);
            let Some((last, others)) = callback.streams.split_last() else { continue };
            for stream in others {
                observations.entry(stream.id).or_default().extend(seen.iter().cloned());
            }
            observations.entry(last.id).or_default().append(&mut seen);
        }
        observations
    }

    /// What the producers have. No lock is held while they are asked.
    fn ask_producers(&self) -> Said {
        let shared = self.provider.shared();
        let ask = |joined: Arc<Joined>| {
            let metrics = joined.ask(&shared);
            (joined, metrics)
        };
        self.provider.producers().into_iter().map(ask).collect()
    }

    /// Brings the collectors in line with the streams there are now; those known before keep what they remember.
    fn follow_streams(&mut self) {
        let Some((generation, mut scopes)) = self.provider.streams_since(self.generation) else {
            return;
        };
        self.generation = generation;
        scopes.sort_by_cached_key(|(scope, _)| scope_order(scope));
        let collectors = std::mem::take(&mut self.collectors).into_iter().flatten();
        let collection = Arc::make_mut(&mut self.collection);
        let metrics = std::mem::take(&mut collection.scopes).into_iter().flat_map(|scope| scope.metrics);
        let mut known: HashMap<_, _> =
            collectors.zip(metrics).map(|(collector, metric)| (metric.id, (collector, metric))).collect();
        for (scope, streams) in scopes {
            let of_scope = streams
                .into_iter()
                .map(|stream| known.remove(&stream.id).unwrap_or_else(|| start(self.temporality, stream)));
            let (collectors, metrics) = of_scope.unzip();
            self.collectors.push(collectors);
            collection.scopes.push(ScopeMetrics { scope, metrics });
        }
    }
}

/// What a reader has of a stream at first.
fn start(preference: TemporalityPreference, stream: Arc<Stream>) -> (StreamCollector, Metric) {
    let temporality = preference.of(stream.kind);
    let metric = Metric {
        id: stream.id,
        name: Arc::clone(&stream.name),
        verbatim: false,
        description: Arc::clone(&stream.description),
        unit: Arc::clone(&stream.unit),
        data: StreamCollector::no_points(&stream, temporality),
    };
    (StreamCollector::new(stream, temporality), metric)
}

/// Scopes are listed by name, then version, schema URL and attributes.
fn scope_order(scope: &InstrumentationScope) -> (String, Option<String>, Option<String>, AttributeSet) {
    let attributes: Vec<_> = scope.attributes().cloned().collect();
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let attributes = AttributeSet::new(attributes.as_slice());
    (scope.name().to_owned(), owned(scope.version()), owned(scope.schema_url()), attributes)
}
