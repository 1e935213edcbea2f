//! What the exporter remembers from one scrape to the next: nothing that can be seen.

use proptest::prelude::*;
use throughline_core::AttributeSet;
use throughline_metrics::data::{Collection, Metric, Number};
use throughline_prometheus::{Exposition, Format, PrometheusConfig, Renderer};

use crate::sample::{
    TEXT, attributes, bytes, collection, counter, gauge, in_scope, metric, point, scope, shop,
};

fn streams(present: &[(u64, Vec<u64>)]) -> Collection {
    let stream = |(id, series): &(u64, Vec<u64>)| -> Metric {
        let points = series.iter().map(|series| {
            let series = id * 1000 + series;
            point(series, attributes(&[("series", &series.to_string())]), Number::U64(series))
        });
        let data = if id % 2 == 0 { counter(points.collect()) } else { gauge(points.collect()) };
        metric(*id, &format!("stream.{}", id % 7), "", data)
    };
    collection(vec![in_scope(scope("s"), present.iter().map(stream).collect())])
}

proptest! {
    /// Streams and series come, go, and change places: the answer is that of an exporter that never saw any before.
    #[test]
    fn a_scrape_does_not_depend_on_those_before(
        scrapes in proptest::collection::vec(
            proptest::collection::btree_map(0..10_u64, proptest::sample::subsequence((0..6).collect::<Vec<_>>(), 0..6).prop_shuffle(), 0..6),
            1..5,
        )
    ) {
        let mut renderer = Renderer::default();
        for scrape in scrapes {
            let collection = streams(&scrape.into_iter().collect::<Vec<_>>());
            for exposition in Exposition::ALL {
                let format = Format { exposition, ..Format::default() };
                let fresh = bytes(&mut Renderer::default(), &collection, format);
                prop_assert_eq!(bytes(&mut renderer, &collection, format), fresh);
            }
        }
    }
}

#[test]
fn values_are_those_of_the_collection_at_hand() {
    let mut renderer = Renderer::new(PrometheusConfig::default());
    for value in [1, 2, 3] {
        let points = vec![point(1, AttributeSet::empty(), Number::U64(value))];
        let collection = collection(vec![in_scope(scope(""), vec![metric(1, "g", "", gauge(points))])]);
        let text = bytes(&mut renderer, &collection, TEXT);
        assert!(text.ends_with(format!("g {value}\n").as_bytes()));
    }
}

#[test]
fn another_resource_is_another_target() {
    let mut renderer = Renderer::default();
    let first = bytes(&mut renderer, &shop(), TEXT);
    let mut other = shop();
    other.resource = std::sync::Arc::default();
    let second = bytes(&mut renderer, &other, TEXT);
    assert!(first.starts_with(b"# HELP target_info") && !second.starts_with(b"# HELP target_info"));
}
