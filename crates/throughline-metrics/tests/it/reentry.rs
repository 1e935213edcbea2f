//! Recording from places where the engine is at work already, or where the thread is nearly gone.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, OnceLock};

use throughline_core::attribute::{Attributes, ValueRef, Visitor};
use throughline_core::clock::{Clock, Timestamp};
use throughline_core::{AttributeDef, KeyValue};
use throughline_macros::AttributeValue;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{BoundCounter, Counter, Histogram, MeterProvider, TemporalityPreference};

use crate::support::{NONE, kv, on_each_event, points, total};

/// Attributes that record on another counter whenever they are looked at.
struct Recording<'a>(&'a Counter<u64>);

impl Attributes for Recording<'_> {
    type Shape = Recording<'static>;

    const DEFINITIONS: &'static [AttributeDef] = &[];
    const NUMBERED: usize = 0;

    fn number(&self) -> usize {
        0
    }

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        self.0.add(1, &[kv("inner", true)]);
        visitor.attribute("outer", ValueRef::Bool(true));
    }
}

#[test]
fn attributes_may_record_while_they_are_looked_at() {
    let provider = MeterProvider::default();
    let meter = provider.meter("it");
    let inner = meter.u64_counter("inner").build();
    let outer = meter.u64_counter("outer").with_attributes::<Recording<'_>>().build();
    for _ in 0..10 {
        outer.add(1, &Recording(&inner));
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("outer", &[kv("outer", true)]), 10.0);
    assert!(snapshot.sum("inner", &[kv("inner", true)]) >= 10.0);
}

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

#[derive(Clone, Copy, Debug, AttributeValue)]
#[attribute(crate = throughline_core)]
enum Choice {
    A,
    B,
}

/// One of two sets, that records itself once while it is looked at.
struct Itself<'a>(Choice, &'a OnceLock<Counter<u64, Self>>);

impl Attributes for Itself<'_> {
    type Shape = Itself<'static>;

    const DEFINITIONS: &'static [AttributeDef] = &[];
    const NUMBERED: usize = 2;

    fn number(&self) -> usize {
        self.0 as usize
    }

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        if DEPTH.replace(1) == 0 {
            if let Some(counter) = self.1.get() {
                counter.add(1, self);
            }
        }
        throughline_core::attribute::AttributeValue::visit(&self.0, "choice", visitor);
    }
}

#[test]
fn bounded_attributes_may_record_themselves() {
    let provider = MeterProvider::default();
    let counter = OnceLock::new();
    let built = provider.meter("it").u64_counter("c").with_attributes::<Itself<'_>>().build();
    assert!(counter.set(built).is_ok());
    for choice in [Choice::A, Choice::B] {
        DEPTH.set(0);
        counter.get().unwrap().add(1, &Itself(choice, &counter));
    }
    assert_eq!(total(&Snapshot::of(&provider), "c"), 4.0);
}

#[test]
fn a_log_subscriber_may_record_what_it_is_told() {
    let provider = MeterProvider::builder().with_cardinality_limit(1).build();
    let meter = provider.meter("it");
    let counter = meter.u64_counter("c").build();
    let lines = counter.clone();
    let count = move |_| lines.add(100, &[kv("from", "log")]);
    on_each_event(count, || (0..3_i64).for_each(|n| counter.add(1, &[kv("n", n)])));
    assert_eq!(total(&Snapshot::of(&provider), "c"), 103.0);
}

#[test]
fn a_log_subscriber_may_record_on_the_bounded_instrument_that_warns() {
    let provider = MeterProvider::builder().with_cardinality_limit(1).build();
    let counter = provider.meter("it").u64_counter("c").with_attributes::<Choices>().build();
    let lines = counter.clone();
    let count = move |_| lines.add(100, &Choices { choice: Choice::B });
    on_each_event(count, || {
        counter.add(1, &Choices { choice: Choice::A });
        counter.add(1, &Choices { choice: Choice::B });
    });
    assert_eq!(total(&Snapshot::of(&provider), "c"), 102.0);
}

#[derive(throughline_macros::Attributes)]
#[attribute(crate = throughline_core)]
struct Choices {
    choice: Choice,
}

/// Records through every door when it is dropped.
struct AtExit {
    bound: BoundCounter<u64>,
    counter: Counter<u64>,
    histogram: Histogram<f64>,
    expo: Histogram<f64>,
}

impl Drop for AtExit {
    fn drop(&mut self) {
        self.bound.add(1);
        self.counter.add(1, &[kv("at", "exit")]);
        self.histogram.record(1.0, &[kv("at", "exit")]);
        self.expo.record(1.0, &[kv("at", "exit")]);
    }
}

thread_local! {
    static FIRST: RefCell<Option<AtExit>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

/// Destructors of thread-locals run before or after the engine's own, depending on which was used first.
#[test]
fn what_destructors_at_thread_exit_record_is_not_lost() {
    let provider =
        MeterProvider::builder().with_view(throughline_metrics::view::View::of("expo").exponential()).build();
    let meter = provider.meter("it");
    let at_exit = || AtExit {
        bound: meter.u64_counter("bound").build().bind(&[]),
        counter: meter.u64_counter("c").build(),
        histogram: meter.f64_histogram("h").build(),
        expo: meter.f64_histogram("expo").build(),
    };
    for _ in 0..20 {
        std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                FIRST.set(Some(at_exit()));
                meter.u64_counter("c").build().add(1, &[kv("at", "exit")]);
                LAST.set(Some(at_exit()));
            });
            // Destroyed without the thread ever having recorded.
            let second = scope.spawn(|| FIRST.set(Some(at_exit())));
            // Joined by hand: the scope itself does not wait for destructors.
            first.join().unwrap();
            second.join().unwrap();
        });
    }
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("bound", NONE), 60.0);
    assert_eq!(snapshot.sum("c", &[kv("at", "exit")]), 80.0);
    assert_eq!(snapshot.histogram("h", &[kv("at", "exit")]).count, 60);
    assert_eq!(snapshot.exponential("expo", &[kv("at", "exit")]).count, 60);
}

/// A clock that goes on by one with each look, and lets something happen in between.
#[derive(Debug, Default)]
struct Ticking {
    time: std::sync::atomic::AtomicU64,
    then: std::sync::Mutex<Option<Counter<u64>>>,
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let now = self.time.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let then = self.then.lock().unwrap().take();
        if let Some(counter) = then {
            counter.add(1, &[kv("during", "collection")]);
        }
        Timestamp::from_nanos(now)
    }
}

/// A series that appears after the time of a collection was taken, but before its stream was read.
#[test]
fn no_point_starts_after_it_was_collected() {
    for temporality in [TemporalityPreference::Cumulative, TemporalityPreference::Delta] {
        let clock = Arc::new(Ticking::default());
        let provider = MeterProvider::builder().with_clock(Arc::clone(&clock) as _).build();
        let counter = provider.meter("it").u64_counter("c").build();
        let mut reader = provider.reader(temporality);
        *clock.then.lock().unwrap() = Some(counter);
        let snapshot = Snapshot::collected(&mut reader);
        assert_eq!(snapshot.sum("c", &[KeyValue::new("during", "collection")]), 1.0);
        assert!(points(&snapshot, "c").at(0).start <= snapshot.collection().time);
    }
}

#[test]
fn no_point_starts_after_it_was_collected_when_the_clock_is_set_back() {
    #[derive(Debug)]
    struct Backwards(std::sync::atomic::AtomicU64);
    impl Clock for Backwards {
        fn now(&self) -> Timestamp {
            Timestamp::from_nanos(self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed))
        }
    }
    let provider = MeterProvider::builder().with_clock(Arc::new(Backwards(1_000_000.into()))).build();
    let meter = provider.meter("it");
    let counter = meter.u64_counter("c").build();
    let _o = meter.u64_observable_counter("o").with_callback(|o| o.observe(1, NONE)).build();
    for temporality in [TemporalityPreference::Cumulative, TemporalityPreference::Delta] {
        let mut reader = provider.reader(temporality);
        for _ in 0..3 {
            counter.add(1, &[]);
            let snapshot = Snapshot::collected(&mut reader);
            for name in ["c", "o"] {
                assert!(points(&snapshot, name).at(0).start <= snapshot.collection().time, "{name}");
            }
        }
    }
}
