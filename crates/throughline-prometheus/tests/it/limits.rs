//! Very large and very strange collections.

use throughline_core::AttributeSet;
use throughline_core::KeyValue;
use throughline_metrics::data::{HistogramValue, Number};

use crate::parser::samples;
use crate::sample::{OPENMETRICS, TEXT, gauge, histogram, metric, only, point, render};

#[test]
fn a_label_value_of_a_mebibyte_is_written_whole() {
    let value = "\\\"\n\0".repeat(1 << 18);
    let attributes = AttributeSet::new(&[KeyValue::new("v", value.clone())][..]);
    let collection = only(metric(1, "g", "", gauge(vec![point(1, attributes, Number::U64(1))])));
    assert_eq!(samples(&render(&collection, TEXT))[0].labels["v"], value);
}

#[test]
fn a_histogram_with_strange_bounds_is_still_valid() {
    for (bounds, buckets) in
        [(&[][..], &[5][..]), (&[1.0, f64::INFINITY][..], &[1, 1, 1][..]), (&[f64::NAN][..], &[1, 1][..])]
    {
        let value = HistogramValue { count: 5, buckets, ..HistogramValue::default() };
        let data = histogram(bounds, vec![point(1, AttributeSet::empty(), value)]);
        let read = samples(&render(&only(metric(1, "h", "", data)), TEXT));
        let infinite: Vec<_> =
            read.iter().filter(|s| s.labels.get("le").is_some_and(|le| le == "+Inf")).collect();
        assert_eq!(infinite.len(), 1, "{bounds:?}");
        let count = read.iter().find(|sample| sample.name == "h_count").expect("a count");
        assert_eq!(infinite[0].value.to_bits(), count.value.to_bits());
    }
}

#[test]
fn openmetrics_has_no_sum_that_could_shrink() {
    for (bounds, sum, shown) in [
        (&[-1.0, 1.0][..], 5.0, false),
        (&[1.0], -5.0, false),
        (&[1.0], f64::NAN, false),
        (&[1.0], 5.0, true),
    ] {
        let buckets = &[1, 0, 0][..=bounds.len()];
        let value = HistogramValue { count: 1, sum, buckets, ..HistogramValue::default() };
        let data = histogram(bounds, vec![point(1, AttributeSet::empty(), value)]);
        let collection = only(metric(1, "h", "", data));
        let openmetrics = render(&collection, OPENMETRICS);
        assert_eq!((openmetrics.contains("h_sum"), openmetrics.contains("h_count")), (shown, shown));
        assert!(render(&collection, TEXT).contains("h_sum"));
    }
}
