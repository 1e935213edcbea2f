//! throughline, through each of its doors: bound, typed with a known number of sets, typed with strings, `[KeyValue]`,
//! and the OpenTelemetry API.

use std::sync::Mutex;

use throughline_core::KeyValue;
use throughline_macros::Attributes;
use throughline_metrics::data::{Collection, MetricData};
use throughline_metrics::view::View;
use throughline_metrics::{Counter, Histogram, Meter, MeterProvider, Reader, TemporalityPreference};
use throughline_otlp::ProtobufEncoder;
use throughline_prometheus::{Format, PrometheusConfig, PrometheusExporter, Renderer};

use crate::harness::{Candidate, OURS};
use crate::sections::memory::Record;
use crate::sections::scrape::Scrape;
use crate::workload::{
    BOUNDS, Closed, Inputs, KEYS, Method, Outcome, Status, Strings, cycle, durations, series, value,
};

/// Attributes with a closed set of values: found by an index.
#[derive(Attributes)]
#[attribute(crate = throughline_core)]
pub struct Typed {
    method: Method,
    status: Status,
    outcome: Outcome,
}

impl From<&Closed> for Typed {
    fn from(Closed { method, status, outcome }: &Closed) -> Self {
        Self { method: *method, status: *status, outcome: *outcome }
    }
}

/// Attributes with literals: told by where they stand.
#[derive(Attributes)]
#[attribute(crate = throughline_core)]
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

/// Attributes with borrowed strings: compared in full.
#[derive(Attributes)]
#[attribute(crate = throughline_core)]
pub struct Text<'a> {
    method: &'a str,
    route: &'a str,
    status: &'a str,
}

impl<'a> From<&'a Strings<&'static str>> for Text<'a> {
    fn from([method, route, status]: &'a Strings<&'static str>) -> Self {
        Self { method, route, status }
    }
}

/// Attributes with owned strings, where making series is all that matters.
#[derive(Attributes)]
#[attribute(crate = throughline_core)]
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

/// What the OpenTelemetry API takes; an owned string is copied into it.
pub fn key_values(strings: &Strings<&'static str>) -> [KeyValue; 3] {
    std::array::from_fn(|at| KeyValue::new(KEYS[at], strings[at]))
}

fn provider() -> MeterProvider {
    MeterProvider::builder().with_view(View::of("exponential").exponential()).build()
}

fn meter() -> (MeterProvider, Meter) {
    let provider = provider();
    let meter = provider.meter("bench");
    (provider, meter)
}

/// How many operations the provider has seen: counters are raised by one each.
fn recorded(provider: MeterProvider) -> impl Fn() -> u64 {
    move || total(provider.reader(TemporalityPreference::Cumulative).collect())
}

/// The sum of all counters, and of the counts of all histograms.
pub fn total(collection: &Collection) -> u64 {
    let of_metric = |data: &MetricData| match data {
        MetricData::Sum { points, .. } | MetricData::Gauge { points } => {
            points.iter().map(|point| point.value.as_f64() as u64).sum::<u64>()
        }
        MetricData::Histogram { points, .. } => points.iter().map(|point| point.value.count).sum(),
        MetricData::ExponentialHistogram { points, .. } => points.iter().map(|point| point.value.count).sum(),
    };
    collection.metrics().map(|(_, metric)| of_metric(&metric.data)).sum()
}

fn ours(door: &str) -> String {
    if door.is_empty() { OURS.to_owned() } else { format!("{OURS} ({door})") }
}

pub fn counter_bound() -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").build().bind(&[]);
    Candidate::repeating(OURS, move || counter.add(1)).with_recorded(recorded(provider))
}

pub fn counter_no_attributes() -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").with_attributes::<()>().build();
    Candidate::repeating(ours("no attributes, typed"), move || counter.add(1, &()))
        .with_recorded(recorded(provider))
}

pub fn counter_typed(inputs: &Inputs<Closed>) -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").with_attributes::<Typed>().build();
    Candidate::new(OURS, cycle(inputs, move |closed| counter.add(1, &Typed::from(closed))))
        .with_recorded(recorded(provider))
}

pub fn counter_literals(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").with_attributes::<Literals>().build();
    Candidate::new(OURS, cycle(inputs, move |strings| counter.add(1, &Literals::from(strings))))
        .with_recorded(recorded(provider))
}

pub fn counter_text(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").with_attributes::<Text<'static>>().build();
    Candidate::new(OURS, cycle(inputs, move |strings| counter.add(1, &Text::from(strings))))
        .with_recorded(recorded(provider))
}

pub fn counter_key_values(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").build();
    Candidate::new(ours("[KeyValue]"), cycle(inputs, move |strings| counter.add(1, &key_values(strings))))
        .with_recorded(recorded(provider))
}

pub fn counter_otel(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let provider = provider();
    let counter =
        opentelemetry::metrics::MeterProvider::meter(&provider, "bench").u64_counter("requests").build();
    Candidate::new(OURS, cycle(inputs, move |strings| counter.add(1, &key_values(strings))))
        .with_recorded(recorded(provider))
}

pub fn counter_otel_bound() -> Candidate {
    let provider = provider();
    let counter = provider.meter_with_scope(scope()).u64_counter("requests").build().bind(&[]);
    Candidate::repeating(ours("OpenTelemetry API, bound"), move || counter.add(1))
        .with_recorded(recorded(provider))
}

fn scope() -> opentelemetry::InstrumentationScope {
    opentelemetry::InstrumentationScope::builder("bench").build()
}

fn histogram(meter: &Meter) -> throughline_metrics::InstrumentBuilder<Histogram<f64>> {
    meter.f64_histogram("latency").with_unit("s").with_bounds(BOUNDS)
}

pub fn histogram_bound(inputs: &Inputs<f64>) -> Candidate {
    let (provider, meter) = meter();
    let latency = histogram(&meter).build().bind(&[]);
    Candidate::new(OURS, cycle(inputs, move |value| latency.record(*value))).with_recorded(recorded(provider))
}

pub fn exponential_bound(inputs: &Inputs<f64>) -> Candidate {
    let (provider, meter) = meter();
    let latency = meter.f64_histogram("exponential").with_unit("s").build().bind(&[]);
    Candidate::new(OURS, cycle(inputs, move |value| latency.record(*value))).with_recorded(recorded(provider))
}

pub fn histogram_typed(inputs: &Inputs<(Closed, f64)>) -> Candidate {
    let (provider, meter) = meter();
    let latency = histogram(&meter).with_attributes::<Typed>().build();
    Candidate::new(OURS, cycle(inputs, move |(closed, value)| latency.record(*value, &Typed::from(closed))))
        .with_recorded(recorded(provider))
}

pub fn histogram_text(inputs: &Inputs<(Strings<&'static str>, f64)>) -> Candidate {
    let (provider, meter) = meter();
    let latency = histogram(&meter).with_attributes::<Text<'static>>().build();
    Candidate::new(OURS, cycle(inputs, move |(strings, value)| latency.record(*value, &Text::from(strings))))
        .with_recorded(recorded(provider))
}

/// A provider with a number of series, for exporters.
pub fn counters(count: usize) -> MeterProvider {
    let (provider, counter) = unlimited_counter();
    (0..count).for_each(|at| counter.add(value(at), &Owned::from(series(at))));
    provider
}

pub fn histograms(count: usize) -> MeterProvider {
    let (provider, latency) = unlimited_histogram();
    let durations = durations();
    for at in 0..count {
        let attributes = Owned::from(series(at));
        durations.iter().skip(at % 1000).take(20).for_each(|value| latency.record(*value, &attributes));
    }
    provider
}

fn unlimited_counter() -> (MeterProvider, Counter<u64, Owned>) {
    let provider = MeterProvider::builder().with_cardinality_limit(usize::MAX).build();
    let counter = provider.meter("bench").u64_counter("requests").with_attributes().build();
    (provider, counter)
}

fn unlimited_histogram() -> (MeterProvider, Histogram<f64, Owned>) {
    let provider = MeterProvider::builder().with_cardinality_limit(usize::MAX).build();
    let latency = histogram(&provider.meter("bench")).with_attributes().build();
    (provider, latency)
}

fn cumulative(provider: &MeterProvider) -> Reader {
    provider.reader(TemporalityPreference::Cumulative)
}

/// The body is a buffer that is used again.
pub fn scrape(provider: &MeterProvider) -> Scrape {
    let state = Mutex::new((cumulative(provider), Renderer::default(), Vec::new()));
    Box::new(move || {
        let mut state = state.lock().expect("nobody panicked");
        let (reader, renderer, body) = &mut *state;
        body.clear();
        renderer.render(reader.collect(), Format::default(), body);
        body.len()
    })
}

/// The body is new each time, and whole.
pub fn scrape_new_body(provider: &MeterProvider) -> Scrape {
    let exporter = PrometheusExporter::new(cumulative(provider), PrometheusConfig::default());
    Box::new(move || exporter.render(Format::default()).len())
}

/// In pieces, as the scrape endpoint answers; each is dropped when the next one is made.
pub fn scrape_streamed(provider: &MeterProvider) -> Scrape {
    let exporter = PrometheusExporter::new(cumulative(provider), PrometheusConfig::default());
    Box::new(move || exporter.chunks(Format::default()).map(|piece| piece.len()).sum())
}

pub fn export(provider: &MeterProvider) -> Scrape {
    let state = Mutex::new((cumulative(provider), ProtobufEncoder::default()));
    Box::new(move || {
        let mut state = state.lock().expect("nobody panicked");
        let (reader, encoder) = &mut *state;
        encoder.encode(reader.collect()).len()
    })
}

/// A provider with a number of series, how to record in some more of them, and how to scrape it in pieces.
pub fn recorders_and_scrape(count: usize, recorders: usize) -> (Vec<Box<dyn Fn(u64) + Send + Sync>>, Scrape) {
    let provider = counters(count);
    let counter = provider.meter("bench").u64_counter("beside").build();
    let record = (0..recorders).map(|at| -> Box<dyn Fn(u64) + Send + Sync> {
        let bound = counter.bind(&[KeyValue::new("recorder", at as i64)]);
        Box::new(move |times| (0..times).for_each(|_| bound.add(std::hint::black_box(1))))
    });
    (record.collect(), scrape_streamed(&provider))
}

/// The instrument keeps what it records in.
pub fn record_counter(_: usize) -> Record {
    let (_, counter) = unlimited_counter();
    Box::new(move |strings| counter.add(1, &Owned::from(strings.clone())))
}

pub fn record_histogram(_: usize) -> Record {
    let (_, latency) = unlimited_histogram();
    Box::new(move |strings| latency.record(0.1, &Owned::from(strings.clone())))
}
