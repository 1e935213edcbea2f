//! Stop 2 in the life of an increment: find or make the series of an attribute set, within the limit.
//!
//! `instrument/counter.rs` comes here with a value and its attributes. A set that this thread recorded lately is found
//! in the thread's own cache (`cache/mod.rs`), compared in full; otherwise it is brought into canonical form and looked up
//! in the stream's table, under a lock that only new series take for writing. Neither allocates when the series
//! exists. Next: `aggregation/sum.rs`.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use hashbrown::HashTable;
use once_cell::race::OnceBox;
use throughline_core::attribute::Encoded;
use throughline_core::{AttributeSet, KeyValue, Timestamp};
use triomphe::Arc;

use crate::aggregation::Cells;
use crate::cell::Sharing;
use crate::data::SeriesId;
use crate::exemplar::Reservoir;
use crate::reader::Rounds;
use crate::stream::Stream;
use crate::sync::Apart;

/// One attribute set of one stream.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) id: SeriesId,
    pub(crate) attributes: AttributeSet,
    /// When it was first recorded.
    pub(crate) start: Timestamp,
    pub(crate) cells: Cells,
    /// Few series have any.
    pub(crate) exemplars: OnceBox<Reservoir>,
    /// `ACTIVE`, `IDLE` or `REMOVED`: written under the table's lock, read by caches without.
    state: AtomicU8,
    /// How many handles are bound to it; as long as there are any, it does not expire.
    bound: AtomicU32,
}

impl Series {
    pub(crate) fn new(id: SeriesId, attributes: AttributeSet, start: Timestamp, cells: Cells) -> Self {
        Self {
            id,
            attributes,
            start,
            cells,
            exemplars: OnceBox::new(),
            state: AtomicU8::new(ACTIVE),
            bound: AtomicU32::new(0),
        }
    }

    /// Whether a cache may go on recording in it without asking the table.
    pub(crate) fn is_active(&self) -> bool {
        self.state.load(Ordering::Relaxed) == ACTIVE
    }
}

/// How often series ceased to be active in this process, for caches to see without looking at each series they know.
static ENDINGS: Apart<AtomicU64> = Apart(AtomicU64::new(0));

/// How often series ceased to be active in this process.
#[inline]
pub(crate) fn endings() -> u64 {
    // Acquire, partner of the Release in `note_endings`: who sees the number sees which series it was about.
    ENDINGS.0.load(Ordering::Acquire)
}

/// Makes caches let go of the series that are not active any more.
fn note_endings() {
    ENDINGS.0.fetch_add(1, Ordering::Release);
}

const ACTIVE: u8 = 0;
/// About to expire, unless somebody asks the table for it.
const IDLE: u8 = 1;
/// No longer in the table.
const REMOVED: u8 = 2;

/// A series that a handle is bound to: found once, kept from expiring.
#[derive(Debug)]
pub(crate) struct BoundSeries(Arc<Series>);

impl std::ops::Deref for BoundSeries {
    type Target = Series;

    #[inline]
    fn deref(&self) -> &Series {
        &self.0
    }
}

impl Drop for BoundSeries {
    fn drop(&mut self) {
        self.0.bound.fetch_sub(1, Ordering::Relaxed);
    }
}

/// So many series of a stream, as many as it may have by default, are written in cells of each thread's own; those of
/// larger families in cells that the threads share, so that memory does not grow as threads × series.
const OWN_SERIES: usize = crate::provider::DEFAULT_LIMIT;

/// The series of one stream.
#[derive(Debug)]
pub(crate) struct SeriesTable {
    state: RwLock<State>,
    /// The most series, the overflow series not counted.
    limit: usize,
    overflowed: AtomicBool,
    /// How many series callbacks reported to the reader that collected last.
    observed: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// Finds the place of a canonical attribute set.
    index: HashTable<u32>,
    places: Vec<Option<Arc<Series>>>,
    vacant: Vec<u32>,
    /// Takes what is beyond the limit.
    overflow: Option<Arc<Series>>,
    /// How often a place that mirrors may know was vacated or filled again.
    changes: u64,
    /// When each place was last seen to change. Only kept when idle series expire.
    activity: Vec<Option<Activity>>,
    /// Removed series that a thread's cache may still hold.
    removed: Vec<(Arc<Series>, u64)>,
    /// Whether the pass of expiry under way found a series that is idle.
    ended: bool,
}

/// What a pass of expiry remembers of a place until the next one.
#[derive(Clone, Copy, Debug)]
struct Activity {
    series: SeriesId,
    since: Timestamp,
    mark: u64,
    /// Delta readers that finish a later round than this have reported it.
    round: u64,
}

/// One pass of expiry.
#[derive(Debug)]
pub(crate) struct Expiry<'a> {
    pub(crate) now: Timestamp,
    /// For how long a series must not have changed.
    pub(crate) idle: Duration,
    pub(crate) rounds: &'a Rounds,
    /// The last round that all delta readers finished.
    pub(crate) reported: u64,
}

impl State {
    fn find(&self, hash: u64, bytes: &[u8]) -> Option<&Arc<Series>> {
        let is = |place: &u32| self.at(*place).is_some_and(|series| series.attributes.as_bytes() == bytes);
        self.index.find(hash, is).and_then(|place| self.at(*place))
    }

    fn at(&self, place: u32) -> Option<&Arc<Series>> {
        self.places.get(place as usize)?.as_ref()
    }

    fn expire(&mut self, place: usize, pass: &Expiry<'_>, mark: impl Fn(&Series) -> u64) {
        self.activity.resize(self.places.len(), None);
        let Some(series) = &self.places[place] else { return };
        let mark = mark(series);
        // The round begins after the mark was read, so whoever begins a later one sees as much.
        let seen = Activity { series: series.id, since: pass.now, mark, round: pass.rounds.begin() };
        let activity = self.activity[place].get_or_insert(seen);
        if activity.series != seen.series
            || activity.mark != seen.mark
            || series.bound.load(Ordering::Relaxed) > 0
        {
            *activity = seen;
            return;
        }
        let is_overflow = self.overflow.as_ref().is_some_and(|overflow| overflow.id == series.id);
        if is_overflow || pass.now - activity.since < pass.idle || pass.reported <= activity.round {
            return;
        }
        if series.state.swap(IDLE, Ordering::Relaxed) == IDLE {
            self.remove(place, seen.mark);
        }
        self.ended = true;
    }

    fn remove(&mut self, place: usize, mark: u64) {
        let Some(series) = self.places[place].take() else {
            return;
        };
        series.state.store(REMOVED, Ordering::Relaxed);
        let is = |found: &u32| *found as usize == place;
        if let Ok(entry) = self.index.find_entry(hash(series.attributes.as_bytes()), is) {
            let _place = entry.remove();
        }
        self.changes += 1;
        self.vacant.push(place as u32);
        self.removed.push((series, mark));
    }

    /// How many series there are, the overflow series not counted.
    fn len(&self) -> usize {
        self.index.len() - usize::from(self.overflow.is_some())
    }

    fn insert(&mut self, hash: u64, series: Arc<Series>) {
        let place = self.place(series);
        let Self { index, places, .. } = self;
        let rehash = |place: &u32| {
            places[*place as usize].as_ref().map_or(0, |series| self::hash(series.attributes.as_bytes()))
        };
        index.insert_unique(hash, place, rehash);
    }

    fn place(&mut self, series: Arc<Series>) -> u32 {
        if let Some(place) = self.vacant.pop() {
            self.changes += 1;
            self.places[place as usize] = Some(series);
            return place;
        }
        // By a quarter at a time, not twofold: of very many places few are empty.
        if self.places.len() == self.places.capacity() {
            self.places.reserve_exact(self.places.len() / 4 + 4);
        }
        self.places.push(Some(series));
        u32::try_from(self.places.len() - 1).expect("a stream has fewer than 2^32 series")
    }
}

impl SeriesTable {
    pub(crate) fn new(limit: usize) -> Self {
        let (overflowed, observed) = (AtomicBool::new(false), AtomicUsize::new(0));
        Self { state: RwLock::default(), limit, overflowed, observed }
    }

    /// The series of these attributes, made when there is none; beyond the limit, the overflow series.
    pub(crate) fn find_or_make(&self, stream: &Stream, encoded: Encoded<'_>) -> Arc<Series> {
        let hash = hash(encoded.bytes());
        let sharing = {
            let state = self.read();
            if let Some(series) = state.find(hash, encoded.bytes()) {
                series.state.store(ACTIVE, Ordering::Relaxed);
                return Arc::clone(series);
            }
            if state.len() >= self.limit {
                drop(state);
                return self.overflow(stream);
            }
            if state.len() < OWN_SERIES { Sharing::Own } else { Sharing::Common }
        };
        // Allocated before the lock is taken; when another thread was faster, this one goes away again.
        let series = Arc::new(stream.new_series(encoded.to_set(), sharing));
        self.insert(hash, series).unwrap_or_else(|| self.overflow(stream))
    }

    /// As [`find_or_make`](Self::find_or_make), for a handle: the series does not expire while it is bound.
    pub(crate) fn bind(&self, stream: &Stream, encoded: Encoded<'_>) -> BoundSeries {
        loop {
            let series = self.find_or_make(stream, encoded);
            let state = self.read();
            // Under the lock that removing takes for writing, so the series cannot be removed in between.
            if series.state.load(Ordering::Relaxed) != REMOVED {
                series.bound.fetch_add(1, Ordering::Relaxed);
                drop(state);
                return BoundSeries(series);
            }
        }
    }

    fn insert(&self, hash: u64, series: Arc<Series>) -> Option<Arc<Series>> {
        let mut state = self.write();
        if let Some(existing) = state.find(hash, series.attributes.as_bytes()) {
            return Some(Arc::clone(existing));
        }
        if state.len() >= self.limit {
            return None;
        }
        state.insert(hash, Arc::clone(&series));
        Some(series)
    }

    #[cold]
    fn overflow(&self, stream: &Stream) -> Arc<Series> {
        self.note_overflow(stream, || self.all().iter().map(|series| series.attributes.clone()).collect());
        if let Some(series) = &self.read().overflow {
            return Arc::clone(series);
        }
        let attributes = AttributeSet::new(&[KeyValue::new(OVERFLOW_KEY, true)][..]);
        let series = Arc::new(stream.new_series(attributes, Sharing::Own));
        let mut state = self.write();
        if let Some(existing) = &state.overflow {
            return Arc::clone(existing);
        }
        // Somebody may have recorded with these very attributes: a set is one series.
        let hash = hash(series.attributes.as_bytes());
        let existing = state.find(hash, series.attributes.as_bytes()).cloned();
        let series = existing.unwrap_or_else(|| {
            state.insert(hash, Arc::clone(&series));
            series
        });
        state.overflow = Some(Arc::clone(&series));
        series
    }

    /// Warns, the first time, that the limit was reached by these sets.
    pub(crate) fn note_overflow(&self, stream: &Stream, sets: impl FnOnce() -> Vec<AttributeSet>) {
        if self.overflowed.swap(true, Ordering::Relaxed) {
            return;
        }
        let (key, values) = most_values(&sets());
        tracing::warn!(
            target: "throughline",
            instrument = &*stream.name,
            limit = self.limit,
            key,
            values,
            "`{}` has reached its limit of {} series; attribute `{key}` has {values} values, the most of its keys. \
             More series are counted together as `{OVERFLOW_KEY}=true`. Drop the attribute with a view, or raise the \
             limit.",
            stream.name,
            self.limit,
        );
    }

    /// Whether the limit was ever reached.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Relaxed)
    }

    /// The most series, the overflow series not counted.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.read().places.iter().flatten().count() + self.observed.load(Ordering::Relaxed)
    }

    /// Says how many series callbacks reported.
    pub(crate) fn note_observed(&self, series: usize) {
        self.observed.store(series, Ordering::Relaxed);
    }

    fn all(&self) -> Vec<Arc<Series>> {
        self.read().places.iter().flatten().cloned().collect()
    }

    /// Brings a reader's copy of the places up to date, and says whether a place it knew changed. Unless series vanished,
    /// holds the lock for what is new only.
    pub(crate) fn mirror(&self, mirror: &mut Mirror) -> bool {
        let state = self.read();
        let changed = mirror.changes != state.changes;
        if changed {
            mirror.changes = state.changes;
            for (mine, current) in mirror.places.iter_mut().zip(&state.places) {
                if !is_same(mine.as_ref(), current.as_ref()) {
                    mirror.left.extend(std::mem::replace(mine, current.clone()));
                }
            }
        }
        mirror.places.extend_from_slice(&state.places[mirror.places.len()..]);
        changed
    }

    /// Removes the series that were idle for long enough and that all delta readers have reported; `mark` is a number
    /// that changes with every change.
    ///
    /// A series is first marked idle, so that caches stop using it, and removed by a later pass, when it has still
    /// not changed. A thread that was stopped all that time between finding the series and writing it writes to a
    /// series that is gone: the result counts those.
    pub(crate) fn expire(&self, pass: &Expiry<'_>, mark: impl Fn(&Series) -> u64) -> u64 {
        let mut state = self.write();
        for place in 0..state.places.len() {
            state.expire(place, pass, &mark);
        }
        if std::mem::take(&mut state.ended) {
            note_endings();
        }
        let mut late = 0;
        state.removed.retain(|(series, last)| {
            let held = Arc::strong_count(series) > 1;
            // Partner of the Release with which others let go of the series: what they wrote before is in the mark.
            fence(Ordering::Acquire);
            let unchanged = mark(series) == *last;
            late += u64::from(!unchanged);
            unchanged && held
        });
        late
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The series go with their stream; caches are not to keep them, and their cells, alive.
impl Drop for SeriesTable {
    fn drop(&mut self) {
        let state = self.read();
        state.places.iter().flatten().for_each(|series| series.state.store(REMOVED, Ordering::Relaxed));
        note_endings();
    }
}

/// A reader's copy of a table's places, so that it reads cells without holding the table's lock.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) places: Vec<Option<Arc<Series>>>,
    /// Series that are no longer in the table: what a delta reader has to finish.
    pub(crate) left: Vec<Arc<Series>>,
    changes: u64,
}

fn is_same(a: Option<&Arc<Series>>, b: Option<&Arc<Series>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// The attribute that marks the series of all measurements beyond the limit.
pub(crate) const OVERFLOW_KEY: &str = "otel.metric.overflow";

/// A fast hash with a seed of this process, so that nobody outside can make sets collide.
fn hash(bytes: &[u8]) -> u64 {
    use std::hash::BuildHasher;
    static STATE: OnceLock<foldhash::fast::RandomState> = OnceLock::new();
    STATE.get_or_init(foldhash::fast::RandomState::default).hash_one(bytes)
}

/// The key with the most different values among the sets.
fn most_values(sets: &[AttributeSet]) -> (String, usize) {
    let mut values = std::collections::BTreeMap::<&str, std::collections::BTreeSet<String>>::new();
    for (key, value) in sets.iter().flatten() {
        values.entry(key).or_default().insert(value.to_string());
    }
    let most = values.iter().max_by_key(|(_, values)| values.len());
    most.map(|(key, values)| ((*key).to_owned(), values.len())).unwrap_or_default()
}
