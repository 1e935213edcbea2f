//! `prometheus-client`: a clone of the metric where that is possible, `Family::get_or_create` otherwise, with label
//! sets of its own derive.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig};
use prometheus_client::registry::Registry;

use crate::harness::Candidate;
use crate::sections::memory::Record;
use crate::sections::scrape::Scrape;
use crate::workload::{
    BOUNDS, Closed, Inputs, Method, Outcome, Status, Strings, cycle, durations, series, value,
};

const NAME: &str = "prometheus-client";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Literals {
    method: &'static str,
    route: &'static str,
    status: &'static str,
}

impl From<&Strings<&'static str>> for Literals {
    fn from([method, route, status]: &Strings<&'static str>) -> Self {
        Self { method, route, status }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
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
    let counter = <Counter>::default();
    Candidate::repeating(NAME, move || {
        counter.inc();
    })
}

pub fn counter_typed(inputs: &Inputs<Closed>) -> Candidate {
    let counters = Family::<Typed, Counter>::default();
    Candidate::new(
        NAME,
        cycle(inputs, move |closed| {
            counters.get_or_create(&Typed::from(closed)).inc();
        }),
    )
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
    let histogram = Histogram::new_native(NativeHistogramConfig::new(1.1));
    Candidate::new(NAME, cycle(inputs, move |value| histogram.observe(*value)))
}

pub fn histogram_typed(inputs: &Inputs<(Closed, f64)>) -> Candidate {
    let histograms = Family::<Typed, Histogram, fn() -> Histogram>::new_with_constructor(new_histogram);
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

/// What a scrape answers.
pub fn exposition(registry: &Registry) -> String {
    let mut body = String::new();
    prometheus_client::encoding::text::encode(&mut body, registry).expect("a string takes everything");
    body
}

pub fn scrape_counters(count: usize) -> Scrape {
    let (mut registry, counters) = (Registry::default(), Family::<Owned, Counter>::default());
    registry.register("requests", "Requests", counters.clone());
    for at in 0..count {
        counters.get_or_create(&Owned::from(series(at))).inc_by(value(at));
    }
    Box::new(move || exposition(&registry).len())
}

pub fn scrape_histograms(count: usize) -> Scrape {
    let histograms = Family::<Owned, Histogram, fn() -> Histogram>::new_with_constructor(new_histogram);
    let mut registry = Registry::default();
    registry.register("latency", "Latency", histograms.clone());
    let durations = durations();
    for at in 0..count {
        let histogram = histograms.get_or_create(&Owned::from(series(at)));
        durations.iter().skip(at % 1000).take(20).for_each(|value| histogram.observe(*value));
    }
    Box::new(move || exposition(&registry).len())
}

pub fn record_counter(_: usize) -> Record {
    let counters = Family::<Owned, Counter>::default();
    Box::new(move |strings| {
        counters.get_or_create(&Owned::from(strings.clone())).inc();
    })
}

pub fn record_histogram(_: usize) -> Record {
    let histograms = Family::<Owned, Histogram, fn() -> Histogram>::new_with_constructor(new_histogram);
    Box::new(move |strings| histograms.get_or_create(&Owned::from(strings.clone())).observe(0.1))
}
