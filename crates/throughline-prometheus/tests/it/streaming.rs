//! An exposition made in pieces is the one made at once.

use std::io::Read as _;
use std::sync::Arc;

use flate2::read::GzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use proptest::prelude::*;
use throughline_core::KeyValue;
use throughline_metrics::MeterProvider;
use throughline_metrics::data::{Buckets, Collection, ExponentialValue, HistogramValue, Metric, Number};
use throughline_prometheus::chunks::CHUNK_LENGTH;
use throughline_prometheus::{Exposition, Format, Renderer};

use crate::sample::{
    attributes, bytes, collection, counter, exemplar, exponential, exporter_of, gauge, histogram, in_scope,
    metric, point, scope, shop,
};

/// A metric of the kind that its number says, with series whose labels are as long as these.
fn stream(id: u64, lengths: &[usize]) -> Metric {
    let set = |at: usize| attributes(&[("series", &format!("{at}{}", "x".repeat(lengths[at])))]);
    let series = |at: usize| (id * 1000 + at as u64, set(at));
    let at = 0..lengths.len();
    let data = match id % 4 {
        0 => counter(at.map(|at| point(series(at).0, set(at), Number::U64(series(at).0))).collect()),
        1 => gauge(at.map(|at| point(series(at).0, set(at), Number::F64(at as f64 / 7.0))).collect()),
        2 => {
            let value = HistogramValue { count: 6, sum: 1.5, buckets: &[1, 2, 3], ..Default::default() };
            histogram(&[0.5, 1e6], at.map(|at| point(series(at).0, set(at), value)).collect())
        }
        _ => {
            let positive = Buckets { offset: -3, counts: vec![1, 0, 3] };
            let value = ExponentialValue { count: 4, sum: 2.0, positive, ..Default::default() };
            exponential(at.map(|at| point(series(at).0, set(at), value.clone())).collect())
        }
    };
    metric(id, &format!("stream.{id}"), "", data)
}

fn any_collection() -> impl Strategy<Value = Collection> {
    let lengths = prop_oneof![40 => 0..1_000_usize, 1 => Just(CHUNK_LENGTH)];
    let metrics = proptest::collection::vec(proptest::collection::vec(lengths, 0..40), 0..6);
    metrics.prop_map(|metrics| {
        let metrics = (0..).zip(&metrics).map(|(id, lengths)| stream(id, lengths)).collect();
        let mut all = shop();
        all.scopes.push(in_scope(scope("s"), metrics));
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn pieces_are_the_whole(collection in any_collection()) {
        let collection = Arc::new(collection);
        for exposition in Exposition::ALL {
            let format = Format { exposition, ..Format::default() };
            let whole = bytes(&mut Renderer::default(), &collection, format);
            let pieces: Vec<_> = Renderer::default().chunks(&collection, format).collect();
            prop_assert!(pieces.concat() == whole, "{:?}", exposition);
            // Of the longest series, the lines of a histogram; twice, for the labels alone are as long as a piece.
            let series_max = 2 * 8 * CHUNK_LENGTH;
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty() && piece.len() < CHUNK_LENGTH + series_max));
            let many = pieces.iter().rev().skip(1);
            prop_assert!(many.into_iter().all(|piece| piece.len() >= CHUNK_LENGTH), "no piece but the last is short");
        }
    }
}

/// An engine with many series.
fn recorded() -> MeterProvider {
    let provider = MeterProvider::default();
    let orders = provider.meter("shop").u64_counter("orders").build();
    for n in 0..1_900 {
        orders.add(n, &[KeyValue::new("customer", format!("{n:0>200}"))]);
    }
    provider
}

#[test]
fn zipped_pieces_are_the_whole_in_every_format() {
    let exporter = exporter_of(&recorded());
    for exposition in Exposition::ALL {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(exposition.media_type()));
        let plain: Vec<_> = exporter.respond(&headers).into_body().collect();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let response = exporter.respond(&headers);
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let zipped: Vec<_> = response.into_body().collect();
        let mut unzipped = Vec::new();
        GzDecoder::new(&*zipped.concat()).read_to_end(&mut unzipped).expect("gzip");
        assert!(plain.len() > 1 && unzipped == plain.concat(), "{exposition:?}");
    }
}

#[test]
fn an_exposition_shows_the_moment_at_which_it_was_begun() {
    let provider = recorded();
    let exporter = exporter_of(&provider);
    let format = Format::default();
    let before = exporter.render(format);
    let mut pieces = exporter.chunks(format);
    let first = pieces.next().expect("a piece");
    let orders = provider.meter("shop").u64_counter("orders").build();
    for n in 0..1_950 {
        orders.add(1_000_000, &[KeyValue::new("customer", format!("{n:0>200}"))]);
    }
    let after = exporter.render_text(format);
    let rest: Vec<_> = pieces.collect();
    assert!([first.to_vec(), rest.concat()].concat() == before, "nothing that came later shows");
    assert_eq!(after.lines().filter(|line| line.starts_with("orders_total{")).count(), 1_950);
    assert!(exporter.render_text(format) == after);
}

#[test]
fn exemplars_do_not_change_other_series() {
    let series = (0..100_u64).map(|n| point(n, attributes(&[("n", &n.to_string())]), Number::U64(n)));
    let mut points: Vec<_> = series.collect();
    points[42].exemplars = vec![exemplar(Number::U64(1), 5)];
    let collection = collection(vec![in_scope(scope(""), vec![metric(1, "c", "", counter(points))])]);
    let format = Format { exposition: Exposition::OpenMetrics1_0_0, ..Format::default() };
    let text = String::from_utf8(bytes(&mut Renderer::default(), &collection, format)).expect("UTF-8");
    let with: Vec<&str> = text.lines().filter(|line| line.contains(" # {")).collect();
    assert_eq!(with.len(), 1);
    assert!(with[0].starts_with("c_total{n=\"42\"} 42 # {"), "{}", with[0]);
}
