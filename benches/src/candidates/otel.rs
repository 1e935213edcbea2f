//! The OpenTelemetry SDK, with attributes as arrays of `KeyValue` made for each call, as its documentation shows, and
//! with its experimental bound instruments.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, ManualReader, MeterProviderBuilder, Pipeline, SdkMeterProvider,
    Stream, Temporality,
};

use opentelemetry_prometheus_text_exporter::PrometheusExporter as TextExporter;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prometheus::Registry;
use prost::Message as _;

use super::throughline::key_values;
use crate::harness::Candidate;
use crate::sections::memory::Record;
use crate::sections::scrape::Scrape;
use crate::workload::{BOUNDS, Inputs, KEYS, Strings, cycle, durations, series, value};

/// The SDK's own.
const DEFAULT_LIMIT: usize = 2000;
const NAME: &str = "opentelemetry_sdk";
const BOUND: &str = "opentelemetry_sdk (bound)";

/// A reader that two can hold: the provider and whoever collects.
#[derive(Clone, Debug)]
pub struct SharedReader(Arc<ManualReader>);

impl SharedReader {
    pub fn new() -> Self {
        Self(Arc::new(ManualReader::builder().build()))
    }
}

impl MetricReader for SharedReader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

/// A provider with room for this many series: it makes the room at once.
fn builder(limit: usize) -> MeterProviderBuilder {
    SdkMeterProvider::builder().with_view(move |instrument: &Instrument| {
        let stream = Stream::builder().with_cardinality_limit(limit);
        let stream = match instrument.name() {
            "exponential" => stream.with_aggregation(Aggregation::Base2ExponentialHistogram {
                max_size: 160,
                max_scale: 20,
                record_min_max: true,
            }),
            _ => stream,
        };
        stream.build().ok()
    })
}

fn meter() -> (SdkMeterProvider, Meter) {
    let provider = builder(DEFAULT_LIMIT).with_reader(SharedReader::new()).build();
    let meter = provider.meter("bench");
    (provider, meter)
}

pub fn counter() -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").build();
    keeping(provider, Candidate::repeating(NAME, move || counter.add(1, &[])))
}

pub fn counter_bound() -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").build().bind(&[]);
    keeping(provider, Candidate::repeating(BOUND, move || counter.add(1)))
}

pub fn counter_literals(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").build();
    keeping(
        provider,
        Candidate::new(NAME, cycle(inputs, move |strings| counter.add(1, &key_values(strings)))),
    )
}

pub fn counter_borrowed(inputs: &Inputs<Strings<&'static str>>) -> Candidate {
    let (provider, meter) = meter();
    let counter = meter.u64_counter("requests").build();
    keeping(
        provider,
        Candidate::new(
            NAME,
            cycle(inputs, move |strings| counter.add(1, &owned_key_values(&strings.map(str::to_owned)))),
        ),
    )
}

fn histogram(meter: &Meter) -> Histogram<f64> {
    meter.f64_histogram("latency").with_boundaries(BOUNDS.to_vec()).build()
}

pub fn histogram_unbound(inputs: &Inputs<f64>) -> Candidate {
    let (provider, meter) = meter();
    let latency = histogram(&meter);
    keeping(provider, Candidate::new(NAME, cycle(inputs, move |value| latency.record(*value, &[]))))
}

pub fn histogram_bound(inputs: &Inputs<f64>) -> Candidate {
    let (provider, meter) = meter();
    let latency = histogram(&meter).bind(&[]);
    keeping(provider, Candidate::new(BOUND, cycle(inputs, move |value| latency.record(*value))))
}

pub fn exponential(inputs: &Inputs<f64>) -> Candidate {
    let (provider, meter) = meter();
    let latency = meter.f64_histogram("exponential").build();
    keeping(provider, Candidate::new(NAME, cycle(inputs, move |value| latency.record(*value, &[]))))
}

pub fn exponential_bound(inputs: &Inputs<f64>) -> Candidate {
    let (provider, meter) = meter();
    let latency = meter.f64_histogram("exponential").build().bind(&[]);
    keeping(provider, Candidate::new(BOUND, cycle(inputs, move |value| latency.record(*value))))
}

pub fn histogram_literals(inputs: &Inputs<(Strings<&'static str>, f64)>) -> Candidate {
    let (provider, meter) = meter();
    let latency = histogram(&meter);
    keeping(
        provider,
        Candidate::new(
            NAME,
            cycle(inputs, move |(strings, value)| latency.record(*value, &key_values(strings))),
        ),
    )
}

/// The provider stops recording when it is dropped.
fn keeping(provider: SdkMeterProvider, candidate: Candidate) -> Candidate {
    let Candidate { name, run, .. } = candidate;
    Candidate::new(name, move |times| {
        let _alive = &provider;
        run(times);
    })
}

/// A provider with a number of series, for exporters.
pub struct Collected {
    /// Stops recording when it is dropped.
    _provider: SdkMeterProvider,
    reader: SharedReader,
}

impl Collected {
    pub fn counters(count: usize) -> Self {
        let reader = SharedReader::new();
        let provider = counters(builder(count).with_reader(reader.clone()), count);
        Self { _provider: provider, reader }
    }

    pub fn histograms(count: usize) -> Self {
        let reader = SharedReader::new();
        let provider = histograms(builder(count).with_reader(reader.clone()), count);
        Self { _provider: provider, reader }
    }
}

fn owned_key_values(strings: &Strings<String>) -> [KeyValue; 3] {
    std::array::from_fn(|at| KeyValue::new(KEYS[at], strings[at].clone()))
}

fn counters(builder: MeterProviderBuilder, count: usize) -> SdkMeterProvider {
    let provider = builder.build();
    let counter = provider.meter("bench").u64_counter("requests").build();
    (0..count).for_each(|at| counter.add(value(at), &owned_key_values(&series(at))));
    provider
}

fn histograms(builder: MeterProviderBuilder, count: usize) -> SdkMeterProvider {
    let provider = builder.build();
    let latency = histogram(&provider.meter("bench"));
    let durations = durations();
    for at in 0..count {
        let attributes = owned_key_values(&series(at));
        durations.iter().skip(at % 1000).take(20).for_each(|value| latency.record(*value, &attributes));
    }
    provider
}

/// Collects into a request, and says which time its points have.
pub fn request(collected: &Collected) -> (ExportMetricsServiceRequest, u64) {
    let mut metrics = ResourceMetrics::default();
    collected.reader.collect(&mut metrics).expect("the provider is alive");
    let request = ExportMetricsServiceRequest::from(&metrics);
    let data = request.resource_metrics[0].scope_metrics[0].metrics[0].data.as_ref();
    let time = match data {
        Some(Data::Sum(sum)) => sum.data_points[0].time_unix_nano,
        Some(Data::Histogram(histogram)) => histogram.data_points[0].time_unix_nano,
        _ => 0,
    };
    (request, time)
}

/// As the OTLP exporter does: collect, convert, encode.
pub fn export_counters(count: usize) -> Scrape {
    let collected = Collected::counters(count);
    Box::new(move || request(&collected).0.encode_to_vec().len())
}

pub fn export_histograms(count: usize) -> Scrape {
    let collected = Collected::histograms(count);
    Box::new(move || request(&collected).0.encode_to_vec().len())
}

/// Through `opentelemetry-prometheus`, which goes through the `prometheus` crate.
fn scrape_registry(registry: Registry, provider: SdkMeterProvider) -> Scrape {
    Box::new(move || {
        let _alive = &provider;
        super::prometheus::exposition(&registry).len()
    })
}

fn registry() -> (Registry, opentelemetry_prometheus::PrometheusExporter) {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build();
    (registry, exporter.expect("the registry is empty"))
}

pub fn scrape_counters(count: usize) -> Scrape {
    let (registry, exporter) = registry();
    scrape_registry(registry, counters(builder(count).with_reader(exporter), count))
}

pub fn scrape_histograms(count: usize) -> Scrape {
    let (registry, exporter) = registry();
    scrape_registry(registry, histograms(builder(count).with_reader(exporter), count))
}

/// Through `opentelemetry-prometheus-text-exporter`, which writes text itself.
fn scrape_text(exporter: TextExporter, provider: SdkMeterProvider) -> Scrape {
    Box::new(move || {
        let _alive = &provider;
        let mut body = Vec::new();
        exporter.export(&mut body).expect("a vector takes everything");
        body.len()
    })
}

pub fn scrape_text_counters(count: usize) -> Scrape {
    let exporter = TextExporter::new();
    scrape_text(exporter.clone(), counters(builder(count).with_reader(exporter), count))
}

pub fn scrape_text_histograms(count: usize) -> Scrape {
    let exporter = TextExporter::new();
    scrape_text(exporter.clone(), histograms(builder(count).with_reader(exporter), count))
}

pub fn record_counter(limit: usize) -> Record {
    let provider = builder(limit).with_reader(SharedReader::new()).build();
    let counter = provider.meter("bench").u64_counter("requests").build();
    Box::new(move |strings| {
        let _alive = &provider;
        counter.add(1, &owned_key_values(strings));
    })
}

pub fn record_histogram(limit: usize) -> Record {
    let provider = builder(limit).with_reader(SharedReader::new()).build();
    let latency = histogram(&provider.meter("bench"));
    Box::new(move |strings| {
        let _alive = &provider;
        latency.record(0.1, &owned_key_values(strings));
    })
}
