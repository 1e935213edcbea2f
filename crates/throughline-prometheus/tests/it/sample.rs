//! Collections made by hand, and an exporter of a real engine.

use std::sync::Arc;

use throughline_core::{AttributeSet, InstrumentationScope, KeyValue, Resource, Timestamp};
use throughline_metrics::data::{
    Buckets, Collection, Exemplar, ExponentialValue, HistogramValue, Histograms, Metric, MetricData, Number,
    Numbers, Points, ScopeMetrics, Series, SeriesId, StreamId, Temporality, Values,
};
use throughline_metrics::{MeterProvider, TemporalityPreference};
use throughline_prometheus::{Escaping, Exposition, Format, PrometheusConfig, PrometheusExporter, Renderer};

pub(crate) const START: Timestamp = Timestamp::from_nanos(1_700_000_000_250_000_000);

pub(crate) const TEXT: Format = Format { exposition: Exposition::Text0_0_4, escaping: Escaping::Underscores };
pub(crate) const OPENMETRICS: Format =
    Format { exposition: Exposition::OpenMetrics1_0_0, escaping: Escaping::Underscores };
pub(crate) const PROTOBUF: Format =
    Format { exposition: Exposition::Protobuf, escaping: Escaping::Underscores };

pub(crate) fn render(collection: &Collection, format: Format) -> String {
    render_with(collection, format, PrometheusConfig::default())
}

pub(crate) fn render_with(collection: &Collection, format: Format, config: PrometheusConfig) -> String {
    String::from_utf8(bytes(&mut Renderer::new(config), collection, format)).expect("UTF-8")
}

pub(crate) fn bytes(renderer: &mut Renderer, collection: &Collection, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    renderer.render(collection, format, &mut out);
    out
}

pub(crate) fn exporter_of(provider: &MeterProvider) -> PrometheusExporter {
    PrometheusExporter::new(provider.reader(TemporalityPreference::Cumulative), PrometheusConfig::default())
}

/// An engine in which something was recorded: enough of it to be worth compressing.
pub(crate) fn recorded() -> MeterProvider {
    let provider = MeterProvider::default();
    let requests = provider.meter("shop").u64_counter("shop.requests").with_unit("{request}").build();
    for route in 0..50 {
        requests.add(route, &[KeyValue::new("http.route", format!("/{route}"))]);
    }
    provider
}

pub(crate) fn attributes(pairs: &[(&'static str, &str)]) -> AttributeSet {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| KeyValue::new(*key, (*value).to_owned())).collect();
    AttributeSet::new(&pairs[..])
}

/// One point, before it stands among others.
pub(crate) struct Made<V> {
    series: Series,
    value: V,
    pub(crate) exemplars: Vec<Exemplar>,
}

pub(crate) fn point<V>(series: u64, attributes: AttributeSet, value: V) -> Made<V> {
    let series = Series { id: SeriesId(series), attributes, start: START };
    Made { series, value, exemplars: Vec::new() }
}

fn points<V, C: Values>(made: Vec<Made<V>>, values: impl FnOnce(Vec<V>) -> C) -> Points<C> {
    let (mut all, mut series, mut exemplars) = (Vec::new(), Vec::new(), Vec::new());
    for point in made {
        all.push(point.value);
        series.push(point.series);
        exemplars.push(point.exemplars);
    }
    let points = Points::new(series, values(all));
    let exemplars = exemplars.into_iter().enumerate().filter(|(_, exemplars)| !exemplars.is_empty());
    exemplars.fold(points, |points, (at, exemplars)| points.with_exemplars(at, exemplars))
}

/// Values of one type, that of the first.
fn numbers_of(values: &[Number]) -> Numbers {
    macro_rules! all {
        ($kind:ident) => {
            Numbers::$kind(
                values
                    .iter()
                    .map(|value| match value {
                        Number::$kind(value) => *value,
                        other => panic!("{other:?} is of another type than the first"),
                    })
                    .collect(),
            )
        };
    }
    match values.first() {
        Some(Number::I64(_)) => all!(I64),
        Some(Number::F64(_)) => all!(F64),
        _ => all!(U64),
    }
}

pub(crate) fn metric(id: u64, name: &str, unit: &str, data: MetricData) -> Metric {
    Metric {
        id: StreamId(id),
        name: name.into(),
        verbatim: false,
        description: "".into(),
        unit: unit.into(),
        data,
    }
}

pub(crate) fn described(description: &str, metric: Metric) -> Metric {
    Metric { description: description.into(), ..metric }
}

pub(crate) fn counter(made: Vec<Made<Number>>) -> MetricData {
    let points = points(made, |values| numbers_of(&values));
    MetricData::Sum { monotonic: true, temporality: Temporality::Cumulative, points }
}

pub(crate) fn up_down(made: Vec<Made<Number>>) -> MetricData {
    let points = points(made, |values| numbers_of(&values));
    MetricData::Sum { monotonic: false, temporality: Temporality::Cumulative, points }
}

pub(crate) fn gauge(made: Vec<Made<Number>>) -> MetricData {
    MetricData::Gauge { points: points(made, |values| numbers_of(&values)) }
}

pub(crate) fn histogram(bounds: &[f64], made: Vec<Made<HistogramValue<'_>>>) -> MetricData {
    let points = points(made, |values| {
        let mut histograms = Histograms::new(bounds);
        for value in values {
            histograms.push(value);
        }
        histograms
    });
    MetricData::Histogram { temporality: Temporality::Cumulative, points }
}

pub(crate) fn exponential(made: Vec<Made<ExponentialValue>>) -> MetricData {
    let points = points(made, |values| values);
    MetricData::ExponentialHistogram { temporality: Temporality::Cumulative, points }
}

pub(crate) fn in_scope(scope: InstrumentationScope, metrics: Vec<Metric>) -> ScopeMetrics {
    ScopeMetrics { scope, metrics }
}

pub(crate) fn scope(name: &'static str) -> InstrumentationScope {
    InstrumentationScope::builder(name).build()
}

pub(crate) fn collection(scopes: Vec<ScopeMetrics>) -> Collection {
    Collection { resource: Arc::new(Resource::default()), time: START, scopes }
}

/// One metric of a scope without a name, so that there are no scope labels.
pub(crate) fn only(metric: Metric) -> Collection {
    collection(vec![in_scope(scope(""), vec![metric])])
}

pub(crate) fn exemplar(value: Number, nanos: u64) -> Exemplar {
    Exemplar {
        value,
        time: Timestamp::from_nanos(START.as_nanos() + nanos),
        trace_id: *b"\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36",
        span_id: *b"\x00\xf0\x67\xaa\x0b\xa9\x02\xb7",
        attributes: attributes(&[("user.id", "u \"7\"")]),
    }
}

/// One of everything.
pub(crate) fn shop() -> Collection {
    let http = InstrumentationScope::builder("shop.http")
        .with_version("1.2.0")
        .with_schema_url("https://example.org/schema")
        .with_attributes([KeyValue::new("team", "checkout")])
        .build();
    Collection {
        resource: Arc::new(Resource::new([
            KeyValue::new("service.name", "shop"),
            KeyValue::new("service.version", "2.0"),
            KeyValue::new("process.tags", throughline_core::Value::Array(vec![1_i64, 2].into())),
        ])),
        time: START,
        scopes: vec![in_scope(scope("shop"), numbers()), in_scope(http, histograms())],
    }
}

fn numbers() -> Vec<Metric> {
    let (get, post) = (attributes(&[("http.method", "GET")]), attributes(&[("http.method", "POST")]));
    let mut requests = vec![
        point(2, post, Number::U64(7)),
        point(1, get, Number::U64(u64::MAX)),
        point(3, AttributeSet::empty(), Number::U64(0)),
    ];
    requests[1].exemplars = vec![exemplar(Number::U64(1), 1_000), exemplar(Number::U64(1), 5)];
    let odd = |name: &'static str, value| attributes(&[("kind", name), ("odd", value)]);
    let values = vec![
        point(10, odd("not a number", "tab\there"), Number::F64(f64::NAN)),
        point(11, odd("infinite", "back\\slash \\n"), Number::F64(f64::INFINITY)),
        point(12, odd("negative", "line\nfeed"), Number::F64(f64::NEG_INFINITY)),
        point(13, odd("small", "\"quoted\""), Number::F64(-1.5e-9)),
        point(14, odd("large", "zero\u{200b}width"), Number::F64(1e300)),
        point(15, odd("whole", "é 漢"), Number::F64(-3.0)),
    ];
    let single = |series, value| vec![point(series, AttributeSet::empty(), value)];
    vec![
        described("Requests answered.", metric(1, "shop.requests_total", "{request}", counter(requests))),
        described("Odd \"values\",\nin \\ lines.", metric(2, "shop.odd values", "", gauge(values))),
        described("Orders waiting.", metric(3, "shop.queue.size", "1", up_down(single(20, Number::I64(-2))))),
        described("Share of hits.", metric(4, "shop.cache.hits", "1", gauge(single(21, Number::F64(0.75))))),
        described("Bytes sent.", metric(5, "shop.sent", "By", counter(single(22, Number::F64(2.5e10))))),
        described("Bytes a second.", metric(6, "shop.rate", "By/s", gauge(single(23, Number::U64(1 << 60))))),
    ]
}

fn histograms() -> Vec<Metric> {
    let duration = histogram(&[0.005, 0.5, 1.0, 10.0], vec![durations()]);
    let body = HistogramValue { count: 2, sum: 100.0, buckets: &[1, 1, 0], ..HistogramValue::default() };
    let body = histogram(&[64.0, 1_048_576.0], vec![point(50, AttributeSet::empty(), body)]);
    vec![
        described("Time to the answer.", metric(7, "http.server.request.duration", "s", duration)),
        described("Differences.", metric(8, "http.drift", "", exponential(vec![drift()]))),
        described("Size of the body.", metric(9, "http.body", "By", body)),
    ]
}

fn durations() -> Made<HistogramValue<'static>> {
    let value = HistogramValue { count: 6, sum: 13.25, min: None, max: None, buckets: &[1, 0, 2, 0, 3] };
    let exemplars = [0.005, 0.7, 0.9, 11.0].into_iter().zip(1..);
    Made {
        exemplars: exemplars.map(|(value, nanos)| exemplar(Number::F64(value), nanos)).collect(),
        ..point(30, attributes(&[("route", "/cart"), ("le", "forged")]), value)
    }
}

fn drift() -> Made<ExponentialValue> {
    let value = ExponentialValue {
        count: 17,
        sum: 4_100.5,
        scale: 2,
        zero_count: 2,
        positive: Buckets { offset: -3, counts: vec![1, 0, 3, 0, 0, 0, 4, 5] },
        negative: Buckets { offset: 0, counts: vec![2] },
        ..ExponentialValue::default()
    };
    let exemplars = vec![exemplar(Number::F64(1.0), 7)];
    Made { exemplars, ..point(40, attributes(&[("route", "/cart")]), value) }
}
