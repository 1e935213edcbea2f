//! What is written is what is read, whatever the names and values.

use proptest::prelude::*;
use throughline_core::name::TranslationStrategy;
use throughline_core::{AttributeSet, KeyValue};
use throughline_metrics::data::{HistogramValue, Number};
use throughline_prometheus::{Escaping, Exposition, Format, PrometheusConfig};

use crate::parser::samples;
use crate::sample::{TEXT, gauge, histogram, metric, only, point, render, render_with};

/// Text with everything that could go wrong in it.
fn nasty() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-z\\\\\"\n\r\t\0{},=# é\u{200b}\u{2028}]{1,12}").expect("an expression")
}

proptest! {
    #[test]
    fn label_values_are_read_back(value in nasty(), bits: u64) {
        let attributes = AttributeSet::new(&[KeyValue::new("label", value.clone())][..]);
        let number = f64::from_bits(bits);
        let collection = only(metric(1, "g", "", gauge(vec![point(1, attributes, Number::F64(number))])));
        let read = samples(&render(&collection, TEXT));
        prop_assert_eq!(&read[0].labels["label"], &value);
        prop_assert!(read[0].value.to_bits() == bits || number.is_nan() && read[0].value.is_nan());
    }

    #[test]
    fn names_are_read_back_in_quotes(name in nasty(), key in nasty()) {
        prop_assume!(key != "__name__");
        let format = Format { exposition: Exposition::Text1_0_0, escaping: Escaping::AllowUtf8 };
        let config = PrometheusConfig::default().with_strategy(TranslationStrategy::NoTranslation);
        let attributes = AttributeSet::new(&[KeyValue::new(key.clone(), "v")][..]);
        let collection = only(metric(1, &name, "", gauge(vec![point(1, attributes, Number::U64(1))])));
        let read = samples(&render_with(&collection, format, config));
        prop_assert_eq!(&read[0].name, &name);
        prop_assert_eq!(read[0].labels.keys().collect::<Vec<_>>(), [&key]);
    }

    #[test]
    fn buckets_rise_to_the_count(buckets in proptest::collection::vec(0..1_000_u64, 4)) {
        let value = HistogramValue { buckets: &buckets, ..HistogramValue::default() };
        let bounds = [-1.0, 0.5, 1e9];
        let collection = only(metric(1, "h", "", histogram(&bounds, vec![point(1, AttributeSet::empty(), value)])));
        let read = samples(&render(&collection, TEXT));
        let les: Vec<f64> = read[..4].iter().map(|sample| sample.labels["le"].parse().expect("a bound")).collect();
        prop_assert_eq!(les, [-1.0, 0.5, 1e9, f64::INFINITY]);
        prop_assert!(read[..4].windows(2).all(|pair| pair[0].value <= pair[1].value));
        let count = read.iter().find(|sample| sample.name == "h_count").map(|sample| sample.value);
        prop_assert_eq!(count, Some(buckets.iter().sum::<u64>() as f64));
    }
}
