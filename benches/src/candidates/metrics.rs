//! `metrics` with `metrics-exporter-prometheus`: handles kept where that is possible, the macros otherwise.
//!
//! Recorders are local, so that each case has one of its own; the macros look for a local one first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use metrics::{Counter, Histogram, Label, counter, histogram, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

use crate::harness::Candidate;
use crate::sections::memory::Record;
use crate::sections::scrape::Scrape;
use crate::workload::{BOUNDS, Inputs, KEYS, Strings, cycle, durations, series, value};

const NAME: &str = "metrics";

pub fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().set_buckets(&BOUNDS).expect("there are buckets").build_recorder()
}

/// Runs with the recorder that the macros are to find.
fn local(
    name: &str,
    recorder: Arc<PrometheusRecorder>,
    run: impl Fn(u64) + Send + Sync + 'static,
) -> Candidate {
    Candidate::new(name, move |times| with_local_recorder(&*recorder, || run(times)))
}

pub fn counter() -> Candidate {
    let counter: Counter = with_local_recorder(&recorder(), || counter!("requests"));
    Candidate::repeating(NAME, move || counter.increment(1))
}

pub fn counter_macro() -> Candidate {
    let run = |times| (0..times).for_each(|_| counter!("requests").increment(1));
    local("metrics (macro)", Arc::new(recorder()), run)
}

pub fn counter_literals(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let op = |[method, route, status]: &Strings<&'static str>| {
        counter!("requests", "method" => *method, "route" => *route, "status" => *status).increment(1);
    };
    local(NAME, Arc::new(recorder()), cycle(inputs, op))
}

/// Labels are `'static` or owned, so the strings are copied for each call.
pub fn counter_borrowed(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let op = |strings: &Strings<&'static str>| {
        let labels: [(&str, String); 3] = std::array::from_fn(|at| (KEYS[at], strings[at].to_owned()));
        counter!("requests", &labels).increment(1);
    };
    local(NAME, Arc::new(recorder()), cycle(inputs, op))
}

/// Values are only queued; what moves them into buckets is counted too, once a sample.
pub fn histogram(inputs: &Inputs<f64>) -> Candidate {
    let recorder = recorder();
    let histogram: Histogram = with_local_recorder(&recorder, || histogram!("latency"));
    let record = cycle(inputs, move |value| histogram.record(*value));
    let handle = recorder.handle();
    Candidate::new(NAME, move |times| {
        record(times);
        handle.run_upkeep();
    })
}

pub fn histogram_literals(inputs: &Inputs<(Strings<&'static str>, f64)>) -> Candidate {
    let recorder = Arc::new(recorder());
    let handle = recorder.handle();
    let record = cycle(inputs, |([method, route, status], value): &(Strings<&'static str>, f64)| {
        histogram!("latency", "method" => *method, "route" => *route, "status" => *status).record(*value);
    });
    local(NAME, recorder, move |times| {
        record(times);
        handle.run_upkeep();
    })
}

fn labels(at: usize) -> Vec<Label> {
    KEYS.iter().zip(series(at)).map(|(key, value)| Label::new(*key, value)).collect()
}

pub fn scrape_counters(count: usize) -> Scrape {
    let recorder = recorder();
    with_local_recorder(&recorder, || {
        (0..count).for_each(|at| counter!("requests", labels(at)).increment(value(at)));
    });
    let handle = recorder.handle();
    Box::new(move || handle.render().len())
}

pub fn scrape_histograms(count: usize) -> Scrape {
    let (recorder, durations) = (recorder(), durations());
    let handle = recorder.handle();
    with_local_recorder(&recorder, || {
        for at in 0..count {
            let histogram = histogram!("latency", labels(at));
            durations.iter().skip(at % 1000).take(20).for_each(|value| histogram.record(*value));
        }
    });
    handle.run_upkeep();
    Box::new(move || handle.render().len())
}

pub fn record_counter(_: usize) -> Record {
    let recorder = recorder();
    Box::new(move |strings| {
        let labels: [(&str, String); 3] = std::array::from_fn(|at| (KEYS[at], strings[at].clone()));
        with_local_recorder(&recorder, || counter!("requests", &labels).increment(1));
    })
}

/// Values are moved into buckets at once, or they would count as memory of the series.
pub fn record_histogram(_: usize) -> Record {
    let recorder = recorder();
    let handle = recorder.handle();
    let recorded = AtomicUsize::new(0);
    Box::new(move |strings| {
        let labels: [(&str, String); 3] = std::array::from_fn(|at| (KEYS[at], strings[at].clone()));
        with_local_recorder(&recorder, || histogram!("latency", &labels).record(0.1));
        if recorded.fetch_add(1, Relaxed) % 1000 == 999 {
            handle.run_upkeep();
        }
    })
}
