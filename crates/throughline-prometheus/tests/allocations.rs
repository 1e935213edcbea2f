//! A repeated scrape allocates nothing for a series. In a binary of its own, because it replaces the allocator.

use std::sync::Arc;

use throughline_core::{AttributeSet, InstrumentationScope, KeyValue, Resource, Timestamp};
use throughline_metrics::data::{
    Collection, HistogramValue, Metric, MetricData, Number, Point, ScopeMetrics, SeriesId, StreamId,
    Temporality,
};
use throughline_prometheus::{Exposition, Format, Renderer};

fn point<V>(series: u64, value: V) -> Point<V> {
    let attributes = AttributeSet::new(&[KeyValue::new("series", series.to_string())][..]);
    let start = Timestamp::from_nanos(1_700_000_000_000_000_000);
    Point { series: SeriesId(series), attributes, start, value, exemplars: Vec::new() }
}

fn metric(id: u64, name: &str, data: MetricData) -> Metric {
    Metric { id: StreamId(id), name: name.into(), description: "".into(), unit: "s".into(), data }
}

fn collection(series: u64) -> Collection {
    let bounds: Arc<[f64]> = Arc::from([0.1, 1.0, 10.0]);
    let value = HistogramValue { count: 4, sum: 9.5, buckets: vec![1; 4], ..HistogramValue::default() };
    let histogram = (0..series).map(|n| point(n, value.clone())).collect();
    let sum = (series..2 * series).map(|n| point(n, Number::F64(n as f64 + 0.5))).collect();
    let temporality = Temporality::Cumulative;
    let metrics = vec![
        metric(1, "duration", MetricData::Histogram { temporality, bounds, points: histogram }),
        metric(2, "time", MetricData::Sum { monotonic: true, temporality, points: sum }),
    ];
    let scope = InstrumentationScope::builder("bench").build();
    Collection {
        resource: Arc::new(Resource::default()),
        time: Timestamp::default(),
        scopes: vec![ScopeMetrics { scope, metrics }],
    }
}

#[test]
fn a_repeated_scrape_allocates_nothing_for_a_series() {
    for exposition in Exposition::ALL {
        let format = Format { exposition, ..Format::default() };
        let allocations = [10, 10_000].map(|series| {
            let collection = collection(series);
            let mut renderer = Renderer::default();
            let mut out = Vec::new();
            renderer.render(&collection, format, &mut out);
            out.clear();
            allocation_counter::measure(|| renderer.render(&collection, format, &mut out)).count_total
        });
        // A thousand times the series may make the one buffer grow some times more.
        let growth = if exposition == Exposition::Protobuf { 20 } else { 0 };
        assert!(allocations[1] <= allocations[0] + growth, "{exposition:?}: {allocations:?}");
        assert!(allocations[0] <= 20, "{exposition:?}: {allocations:?}");
    }
}
