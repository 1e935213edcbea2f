//! `foundations-metrics`: owned metrics where that is possible; `LowCardinalityFamily` for closed sets; `Family`
//! otherwise; and its thread-local counters.

use std::num::NonZeroUsize;

use foundations_metrics::{
    Counter, EncodeMetric, Family, Histogram, LowCardinalityFamily, LowCardinalityLabel, NamedMetric,
    NativeHistogram, ThreadLocalCounter, encode_to_text,
};
use serde::Serialize;

use crate::harness::Candidate;
use crate::sections::memory::Record;
use crate::sections::scrape::Scrape;
use crate::workload::{
    BOUNDS, Closed, Inputs, Method, Outcome, Status, Strings, cycle, durations, series, value,
};

const NAME: &str = "foundations-metrics";
const LOCAL: &str = "foundations-metrics (ThreadLocal)";

#[derive(Clone, PartialEq, Serialize)]
struct Typed {
    method: Method,
    status: Status,
    outcome: Outcome,
}

impl From<&Closed> for Typed {
    fn from(Closed { method, status, outcome }: &Closed) -> Self {
        Self { method: *method, status: *status, outcome: *outcome }
    }
}

impl LowCardinalityLabel for Typed {
    const CARDINALITY: NonZeroUsize = NonZeroUsize::new(100).expect("not zero");

    fn index(&self) -> usize {
        (self.method as usize * 5 + self.status as usize) * 4 + self.outcome as usize
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
struct Literals {
    method: &'static str,
    route: &'static str,
    status: &'static str,
}

impl From<&Strings<&'static str>> for Literals {
    fn from([method, route, status]: &Strings<&'static str>) -> Self {
        Self { method, route, status }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Owned {
    method: String,
    route: String,
    status: String,
}

impl From<Strings<String>> for Owned {
    fn from([method, route, status]: Strings<String>) -> Self {
        Self { method, route, status }
    }
}

pub fn counter() -> Candidate {
    let counter = Counter::<u64>::default();
    Candidate::repeating(NAME, move || {
        counter.inc();
    })
}

pub fn counter_local() -> Candidate {
    let counter = ThreadLocalCounter::<u64>::default();
    Candidate::repeating(LOCAL, move || counter.inc())
}

pub fn counter_typed(inputs: &Inputs<Closed>) -> Candidate {
    let counters = LowCardinalityFamily::<Typed, Counter>::default();
    Candidate::new(
        NAME,
        cycle(inputs, move |closed| {
            counters.get_or_create(&Typed::from(closed)).inc();
        }),
    )
}

pub fn counter_typed_local(inputs: &Inputs<Closed>) -> Candidate {
    let counters = LowCardinalityFamily::<Typed, ThreadLocalCounter>::default();
    Candidate::new(LOCAL, cycle(inputs, move |closed| counters.get_or_create(&Typed::from(closed)).inc()))
}

pub fn counter_literals(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let counters = Family::<Literals, Counter>::default();
    Candidate::new(
        NAME,
        cycle(inputs, move |strings| {
            counters.get_or_create(&Literals::from(strings)).inc();
        }),
    )
}

/// A family looks up what it stores, so the strings are copied for each call.
pub fn counter_borrowed(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let counters = Family::<Owned, Counter>::default();
    Candidate::new(
        NAME,
        cycle(inputs, move |strings| {
            counters.get_or_create(&Owned::from(strings.map(str::to_owned))).inc();
        }),
    )
}

pub fn new_histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

pub fn histogram(inputs: &Inputs<f64>) -> Candidate {
    let histogram = new_histogram();
    Candidate::new(NAME, cycle(inputs, move |value| histogram.observe(*value)))
}

pub fn native(inputs: &Inputs<f64>) -> Candidate {
    let histogram = NativeHistogram::new(1.1);
    Candidate::new(NAME, cycle(inputs, move |value| histogram.observe(*value)))
}

pub fn histogram_typed(inputs: &Inputs<(Closed, f64)>) -> Candidate {
    let histograms =
        LowCardinalityFamily::<Typed, Histogram, fn() -> Histogram>::new_with_constructor(new_histogram);
    Candidate::new(
        NAME,
        cycle(inputs, move |(closed, value)| {
            histograms.get_or_create(&Typed::from(closed)).observe(*value);
        }),
    )
}

pub fn histogram_literals(inputs: &Inputs<(Strings<&'static str>, f64)>) -> Candidate {
    let histograms = Family::<Literals, Histogram, fn() -> Histogram>::new_with_constructor(new_histogram);
    Candidate::new(
        NAME,
        cycle(inputs, move |(strings, value)| {
            histograms.get_or_create(&Literals::from(strings)).observe(*value);
        }),
    )
}

/// What a scrape answers, without the process-wide registry, from which nothing can be taken away again.
pub fn exposition(metric: &impl EncodeMetric) -> String {
    encode_to_text(&metric.encode())
}

pub fn scrape_counters(count: usize) -> Scrape {
    let counters = Family::<Owned, Counter>::default();
    for at in 0..count {
        counters.get_or_create(&Owned::from(series(at))).inc_by(value(at));
    }
    let named = NamedMetric::new("requests", "Requests", counters);
    Box::new(move || exposition(&named).len())
}

pub fn scrape_histograms(count: usize) -> Scrape {
    let histograms = Family::<Owned, Histogram, fn() -> Histogram>::new_with_constructor(new_histogram);
    let durations = durations();
    for at in 0..count {
        let histogram = histograms.get_or_create(&Owned::from(series(at)));
        durations.iter().skip(at % 1000).take(20).for_each(|value| histogram.observe(*value));
    }
    let named = NamedMetric::new("latency", "Latency", histograms);
    Box::new(move || exposition(&named).len())
}

pub fn record_counter(_: usize) -> Record {
    let counters = Family::<Owned, Counter>::default();
    Box::new(move |strings| {
        counters.get_or_create(&Owned::from(strings.clone())).inc();
    })
}

pub fn record_counter_local(_: usize) -> Record {
    let counters = Family::<Owned, ThreadLocalCounter>::default();
    Box::new(move |strings| counters.get_or_create(&Owned::from(strings.clone())).inc())
}

pub fn record_histogram(_: usize) -> Record {
    let histograms = Family::<Owned, Histogram, fn() -> Histogram>::new_with_constructor(new_histogram);
    Box::new(move |strings| histograms.get_or_create(&Owned::from(strings.clone())).observe(0.1))
}
