//! Bots: what runs again and again, with a queue in front. Executions, failures, duration, how many wait, and for how long it
//! has not gone well.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use throughline_core::{InstrumentKind, MetricDef, NumberKind};
use throughline_macros::{Attributes, MetricSet};
use throughline_metrics::{
    BoundCounter, BoundHistogram, Counter, Histogram, Meter, MetricSet as _, Observer,
};

use crate::clock::now;

/// More types of bots than this share the type [`OTHER`]: types are kinds of work, not users.
const TYPES_MAX: usize = 256;

const OTHER: &str = "_OTHER";

/// Which kind of bot.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
struct OfType<'a> {
    bot_type: &'a str,
}

#[derive(Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
pub(super) struct BotMetrics {
    /// Executions of bots that have ended, whatever way.
    #[metric(name = "bot.executions", unit = "{execution}")]
    executions: Counter<u64, OfType<'static>>,
    /// Executions of bots that did not go well.
    #[metric(name = "bot.failures", unit = "{execution}")]
    failures: Counter<u64, OfType<'static>>,
    /// Duration of the executions of bots.
    #[metric(name = "bot.duration", unit = "s")]
    duration: Histogram<f64, OfType<'static>>,
}

/// The gauges, which are read when somebody collects: so the time since the last success grows while nothing happens.
pub(super) const GAUGES: &[MetricDef] = &[QUEUE_DEPTH, TIME_SINCE_SUCCESS];

const QUEUE_DEPTH: MetricDef =
    MetricDef::new("bot.queue_depth", InstrumentKind::ObservableGauge, NumberKind::U64)
        .with_unit("{item}")
        .with_description("Items that wait for a bot.")
        .with_attributes(<OfType<'static> as throughline_core::Attributes>::DEFINITIONS);

const TIME_SINCE_SUCCESS: MetricDef =
    MetricDef::new("bot.time_since_success", InstrumentKind::ObservableGauge, NumberKind::F64)
        .with_unit("s")
        .with_description("Time since an execution of a bot went well, or since the bot was made.")
        .with_attributes(<OfType<'static> as throughline_core::Attributes>::DEFINITIONS);

/// The bots of a program.
///
/// ```
/// use throughline_instruments::gen_ai::Bots;
/// use throughline_metrics::MeterProvider;
/// # use throughline_metrics::testing::Snapshot;
/// # use throughline_core::KeyValue;
///
/// let provider = MeterProvider::default();
/// let curator = Bots::new(&provider.meter("bots")).bot("curator");
///
/// let waiting = curator.enqueue();
/// // … its turn comes …
/// drop(waiting);
/// let execution = curator.execute();
/// // … it works …
/// execution.succeed();
/// # let snapshot = Snapshot::of(&provider);
/// # assert_eq!(snapshot.sum("bot.executions", &[KeyValue::new("bot_type", "curator")]), 1.0);
/// ```
#[derive(Debug)]
pub struct Bots {
    metrics: BotMetrics,
    states: Arc<Mutex<Vec<Arc<State>>>>,
}

impl Bots {
    /// The bots of a program: make them once, since the gauges of all of them are read from here.
    pub fn new(meter: &Meter) -> Self {
        let states = Arc::<Mutex<Vec<_>>>::default();
        observe_queues(meter, Arc::clone(&states));
        observe_success(meter, Arc::clone(&states));
        Self { metrics: BotMetrics::new(meter), states }
    }

    /// The bot of this type, which is made the first time. Takes locks and allocates; keep it.
    pub fn bot(&self, bot_type: &str) -> Bot {
        let state = self.state(bot_type);
        let of = OfType { bot_type: &state.bot_type };
        let BotMetrics { executions, failures, duration } = &self.metrics;
        let (executions, failures, duration) = (executions.bind(&of), failures.bind(&of), duration.bind(&of));
        Bot(Arc::new(Bound { executions, failures, duration, state }))
    }

    fn state(&self, bot_type: &str) -> Arc<State> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |name: &str| states.iter().find(|state| state.bot_type == name).map(Arc::clone);
        let name = if states.len() < TYPES_MAX { bot_type } else { OTHER };
        if let Some(state) = known(bot_type).or_else(|| known(name)) {
            return state;
        }
        let state = Arc::new(State::new(name));
        states.push(Arc::clone(&state));
        state
    }
}

fn observe_queues(meter: &Meter, states: Arc<Mutex<Vec<Arc<State>>>>) {
    let observe = move |observer: &Observer<'_, u64>| {
        for state in snapshot(&states) {
            observer.observe(state.queued.load(Ordering::Relaxed), &OfType { bot_type: &state.bot_type });
        }
    };
    meter
        .u64_observable_gauge(QUEUE_DEPTH.name)
        .with_unit(QUEUE_DEPTH.unit)
        .with_description(QUEUE_DEPTH.description)
        .with_callback(observe)
        .build();
}

fn observe_success(meter: &Meter, states: Arc<Mutex<Vec<Arc<State>>>>) {
    let observe = move |observer: &Observer<'_, f64>| {
        for state in snapshot(&states) {
            observer.observe(state.secs_since_success(), &OfType { bot_type: &state.bot_type });
        }
    };
    meter
        .f64_observable_gauge(TIME_SINCE_SUCCESS.name)
        .with_unit(TIME_SINCE_SUCCESS.unit)
        .with_description(TIME_SINCE_SUCCESS.description)
        .with_callback(observe)
        .build();
}

/// The states there are now: nothing is recorded under the lock.
fn snapshot(states: &Mutex<Vec<Arc<State>>>) -> Vec<Arc<State>> {
    states.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What is known of a type of bots, for the gauges.
#[derive(Debug)]
struct State {
    bot_type: String,
    queued: AtomicU64,
    made: Instant,
    /// Nanoseconds from when it was made.
    succeeded: AtomicU64,
}

impl State {
    fn new(bot_type: &str) -> Self {
        let bot_type = bot_type.to_owned();
        Self { bot_type, queued: AtomicU64::new(0), made: now(), succeeded: AtomicU64::new(0) }
    }

    fn age_nanos(&self) -> u64 {
        self.made.elapsed().as_nanos() as u64
    }

    fn secs_since_success(&self) -> f64 {
        // Read before the clock, so that the difference is never below zero.
        let succeeded = self.succeeded.load(Ordering::Relaxed);
        self.age_nanos().saturating_sub(succeeded) as f64 / 1e9
    }
}

/// One type of bot. Cloning is cheap.
#[derive(Clone)]
pub struct Bot(Arc<Bound>);

struct Bound {
    executions: BoundCounter<u64>,
    failures: BoundCounter<u64>,
    duration: BoundHistogram<f64>,
    state: Arc<State>,
}

impl Bot {
    /// Something waits for it, until what is returned is dropped. One atomic addition.
    pub fn enqueue(&self) -> Queued {
        let state = Arc::clone(&self.0.state);
        state.queued.fetch_add(1, Ordering::Relaxed);
        Queued(state)
    }

    /// It begins to work.
    pub fn execute(&self) -> Execution {
        Execution { bot: self.clone(), started: now(), has_succeeded: false }
    }
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bot").field(&self.0.state.bot_type).finish()
    }
}

/// Something that waits for a bot. Waits no longer when dropped.
#[derive(Debug)]
#[must_use = "it waits until this is dropped"]
pub struct Queued(Arc<State>);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A bot that works. Dropped without [`succeed`](Self::succeed), it has failed: by an error, a panic, or because nobody
/// waited for it.
#[derive(Debug)]
#[must_use = "an execution that is dropped has failed"]
pub struct Execution {
    bot: Bot,
    started: Instant,
    has_succeeded: bool,
}

impl Execution {
    /// It went well.
    pub fn succeed(mut self) {
        self.has_succeeded = true;
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        let Bound { executions, failures, duration, state } = &*self.bot.0;
        executions.add(1);
        duration.record(self.started.elapsed().as_secs_f64());
        if self.has_succeeded {
            state.succeeded.fetch_max(state.age_nanos(), Ordering::Relaxed);
        } else {
            failures.add(1);
        }
    }
}
