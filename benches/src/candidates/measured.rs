//! `measured`: dense vectors for closed sets, interned strings otherwise.

use std::sync::Mutex;

use measured::label::StaticLabelSet;
use measured::lasso::ThreadedRodeo;
use measured::metric::MetricFamilyEncoding;
use measured::metric::histogram::Thresholds;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;
use measured::{Counter, CounterVec, Histogram, HistogramVec, LabelGroup};

use crate::harness::Candidate;
use crate::sections::memory::Record;
use crate::sections::scrape::Scrape;
use crate::workload::{
    BOUNDS, Closed, Inputs, Method, Outcome, Status, Strings, cycle, durations, series, value,
};

const NAME: &str = "measured";

#[derive(Clone, Copy, LabelGroup)]
#[label(set = TypedSet)]
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

fn typed_set() -> TypedSet {
    TypedSet { method: StaticLabelSet::new(), status: StaticLabelSet::new(), outcome: StaticLabelSet::new() }
}

#[derive(Clone, Copy, LabelGroup)]
#[label(set = TextSet)]
pub struct Text<'a> {
    #[label(dynamic_with = ThreadedRodeo, default)]
    method: &'a str,
    #[label(dynamic_with = ThreadedRodeo, default)]
    route: &'a str,
    #[label(dynamic_with = ThreadedRodeo, default)]
    status: &'a str,
}

impl<'a, S: AsRef<str>> From<&'a Strings<S>> for Text<'a> {
    fn from([method, route, status]: &'a Strings<S>) -> Self {
        Self { method: method.as_ref(), route: route.as_ref(), status: status.as_ref() }
    }
}

pub fn counter() -> Candidate {
    let counter = Counter::new();
    Candidate::repeating(NAME, move || counter.inc())
}

pub fn counter_typed(inputs: &Inputs<Closed>) -> Candidate {
    let counters = CounterVec::dense_with_label_set(typed_set());
    Candidate::new(NAME, cycle(inputs, move |closed| counters.inc(Typed::from(closed))))
}

pub fn counter_vec() -> CounterVec<TextSet> {
    CounterVec::with_label_set(TextSet::default())
}

pub fn counter_strings(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let counters = counter_vec();
    Candidate::new(NAME, cycle(inputs, move |strings| counters.inc(Text::from(strings))))
}

fn thresholds() -> Thresholds<14> {
    Thresholds::with_buckets(BOUNDS)
}

pub fn histogram(inputs: &Inputs<f64>) -> Candidate {
    let histogram = Histogram::with_metadata(thresholds());
    Candidate::new(NAME, cycle(inputs, move |value| histogram.observe(*value)))
}

pub fn histogram_typed(inputs: &Inputs<(Closed, f64)>) -> Candidate {
    let histograms = HistogramVec::dense_with_label_set_and_metadata(typed_set(), thresholds());
    Candidate::new(
        NAME,
        cycle(inputs, move |(closed, value)| histograms.observe(Typed::from(closed), *value)),
    )
}

pub fn histogram_vec() -> HistogramVec<TextSet, 14> {
    HistogramVec::with_label_set_and_metadata(TextSet::default(), thresholds())
}

pub fn histogram_literals(inputs: &Inputs<(Strings<&'static str>, f64)>) -> Candidate {
    let histograms = histogram_vec();
    Candidate::new(
        NAME,
        cycle(inputs, move |(strings, value)| histograms.observe(Text::from(strings), *value)),
    )
}

/// What a scrape answers. The encoder keeps its buffer.
pub fn exposition<M>(metric: &M, encoder: &mut BufferedTextEncoder) -> usize
where
    M: MetricFamilyEncoding<BufferedTextEncoder>,
{
    let Ok(()) = metric.collect_family_into(MetricName::from_str("requests"), encoder);
    encoder.finish().len()
}

pub fn scrape_counters(count: usize) -> Scrape {
    let counters = counter_vec();
    (0..count).for_each(|at| counters.inc_by(Text::from(&series(at)), value(at)));
    kept(counters)
}

pub fn scrape_histograms(count: usize) -> Scrape {
    let (histograms, durations) = (histogram_vec(), durations());
    for at in 0..count {
        let strings = series(at);
        let seen = durations.iter().skip(at % 1000).take(20);
        seen.for_each(|value| histograms.observe(Text::from(&strings), *value));
    }
    kept(histograms)
}

fn kept<M>(metric: M) -> Scrape
where
    M: MetricFamilyEncoding<BufferedTextEncoder> + Send + Sync + 'static,
{
    let encoder = Mutex::new(BufferedTextEncoder::new());
    Box::new(move || exposition(&metric, &mut encoder.lock().expect("nobody panicked")))
}

pub fn record_counter(_: usize) -> Record {
    let counters = counter_vec();
    Box::new(move |strings| counters.inc(Text::from(strings)))
}

pub fn record_histogram(_: usize) -> Record {
    let histograms = histogram_vec();
    Box::new(move |strings| histograms.observe(Text::from(strings), 0.1))
}
