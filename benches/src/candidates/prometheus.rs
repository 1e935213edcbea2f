//! The `prometheus` crate: children found once where that is possible, `with_label_values` otherwise.

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use crate::harness::Candidate;
use crate::sections::memory::Record;
use crate::sections::scrape::Scrape;
use crate::workload::{BOUNDS, Inputs, KEYS, Strings, cycle, durations, series, value};

const NAME: &str = "prometheus";

pub fn counter() -> Candidate {
    let counter = IntCounter::new("requests", "Requests").expect("the name is valid");
    Candidate::repeating(NAME, move || counter.inc())
}

pub fn counter_vec() -> IntCounterVec {
    IntCounterVec::new(Opts::new("requests", "Requests"), &KEYS).expect("the names are valid")
}

pub fn counter_strings(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let counters = counter_vec();
    Candidate::new(NAME, cycle(inputs, move |strings| counters.with_label_values(strings).inc()))
}

pub fn histogram_vec() -> HistogramVec {
    let options = HistogramOpts::new("latency", "Latency").buckets(BOUNDS.to_vec());
    HistogramVec::new(options, &KEYS).expect("the names are valid")
}

pub fn histogram(inputs: &Inputs<f64>) -> Candidate {
    let histogram = histogram_vec().with_label_values(&["a", "b", "c"]);
    Candidate::new(NAME, cycle(inputs, move |value| histogram.observe(*value)))
}

pub fn histogram_literals(inputs: &Inputs<(Strings<&'static str>, f64)>) -> Candidate {
    let histograms = histogram_vec();
    let op = move |(strings, value): &(Strings<&'static str>, f64)| {
        histograms.with_label_values(strings).observe(*value);
    };
    Candidate::new(NAME, cycle(inputs, op))
}

/// What a scrape answers.
pub fn exposition(registry: &Registry) -> Vec<u8> {
    let mut body = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut body).expect("a vector takes everything");
    body
}

pub fn scrape_counters(count: usize) -> Scrape {
    let (registry, counters) = (Registry::new(), counter_vec());
    registry.register(Box::new(counters.clone())).expect("the registry is empty");
    (0..count).for_each(|at| counters.with_label_values(&series(at)).inc_by(value(at)));
    Box::new(move || exposition(&registry).len())
}

pub fn scrape_histograms(count: usize) -> Scrape {
    let (registry, histograms) = (Registry::new(), histogram_vec());
    registry.register(Box::new(histograms.clone())).expect("the registry is empty");
    let durations = durations();
    for at in 0..count {
        let histogram = histograms.with_label_values(&series(at));
        durations.iter().skip(at % 1000).take(20).for_each(|value| histogram.observe(*value));
    }
    Box::new(move || exposition(&registry).len())
}

pub fn record_counter(_: usize) -> Record {
    let counters = counter_vec();
    Box::new(move |strings| counters.with_label_values(strings).inc())
}

pub fn record_histogram(_: usize) -> Record {
    let histograms = histogram_vec();
    Box::new(move |strings| histograms.with_label_values(strings).observe(0.1))
}
