//! A repeated scrape allocates nothing for a series. In a binary of its own, because it replaces the allocator.

use std::sync::Arc;

use throughline_core::{AttributeSet, InstrumentationScope, KeyValue, Resource, Timestamp};
use throughline_metrics::data::{
    Collection, HistogramValue, Histograms, Metric, MetricData, Numbers, Points, ScopeMetrics, Series,
    SeriesId, StreamId, Temporality,
};
use throughline_prometheus::{Exposition, Format, Renderer};

fn series(id: u64) -> Series {
    let attributes = AttributeSet::new(&[KeyValue::new("series", id.to_string())][..]);
    Series { id: SeriesId(id), attributes, start: Timestamp::from_nanos(1_700_000_000_000_000_000) }
}

fn metric(id: u64, name: &str, data: MetricData) -> Metric {
    Metric {
        id: StreamId(id),
        name: name.into(),
        verbatim: false,
        description: "".into(),
        unit: "s".into(),
        data,
    }
}

fn collection(count: u64) -> Collection {
    let value = HistogramValue { count: 4, sum: 9.5, buckets: &[1; 4], ..HistogramValue::default() };
    let mut values = Histograms::new([0.1, 1.0, 10.0]);
    (0..count).for_each(|_| values.push(value));
    let histogram = Points::new((0..count).map(series).collect(), values);
    let values = (0..count).map(|n| n as f64 + 0.5).collect();
    let sum = Points::new((count..2 * count).map(series).collect(), Numbers::F64(values));
    let temporality = Temporality::Cumulative;
    let metrics = vec![
        metric(1, "duration", MetricData::Histogram { temporality, points: histogram }),
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
