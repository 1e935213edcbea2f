use proptest::prelude::*;

use super::*;
use crate::data::Buckets;

type Counts = Vec<(i32, u64)>;

fn record(exponential: &Exponential, values: &[f64]) {
    for value in values {
        exponential.record(*value);
    }
}

/// A series of its own.
fn new(config: Config) -> Exponential {
    Exponential::new(config, Sharing::Own)
}

fn total(exponential: &Exponential) -> ExponentialValue {
    let mut slabs = Vec::new();
    local::ARENA.slabs(&mut slabs);
    let mut total = ExponentialValue::default();
    exponential.total(&slabs, &mut total, &mut ExponentialValue::default());
    total
}

fn recorded(values: &[f64], config: Config) -> ExponentialValue {
    let exponential = new(config);
    record(&exponential, values);
    total(&exponential)
}

/// The same histogram the slow way: all values indexed at the scale that was found.
fn model(values: &[f64], scale: i32) -> (u64, Counts, Counts) {
    let table = IndexTable::shared();
    let mut zero = 0;
    let (mut positive, mut negative) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
    for value in values {
        let index = |magnitude: f64| table.index(magnitude) >> (MAX_SCALE - scale);
        if *value > 0.0 {
            *positive.entry(index(*value)).or_insert(0) += 1;
        } else if *value < 0.0 {
            *negative.entry(index(-*value)).or_insert(0) += 1;
        } else {
            zero += 1;
        }
    }
    (zero, positive.into_iter().collect(), negative.into_iter().collect())
}

fn filled(buckets: &Buckets) -> Counts {
    let counted = buckets.counts.iter().enumerate().filter(|(_, count)| **count != 0);
    counted.map(|(at, count)| (buckets.offset + at as i32, *count)).collect()
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    let magnitude = prop_oneof![1e-3..1e3_f64, 1e-300..1e300_f64, Just(0.0), Just(1.0), Just(5e-324)];
    prop::collection::vec(
        (magnitude, any::<bool>()).prop_map(|(m, below)| if below { -m } else { m }),
        0..200,
    )
}

proptest! {
    #[test]
    fn counts_are_those_of_the_model(values in values(), max_size in 2_usize..200, max_scale in -10..9) {
        let config = Config::new(max_size, max_scale);
        let total = recorded(&values, config);
        let (zero, positive, negative) = model(&values, total.scale);
        prop_assert_eq!(total.count, values.len() as u64);
        prop_assert_eq!(total.zero_count, zero);
        prop_assert_eq!(filled(&total.positive), positive);
        prop_assert_eq!(filled(&total.negative), negative);
        prop_assert!(total.positive.counts.len() <= max_size && total.negative.counts.len() <= max_size);
        prop_assert_eq!(total.min, values.iter().copied().reduce(f64::min));
        prop_assert_eq!(total.max, values.iter().copied().reduce(f64::max));
    }

    #[test]
    fn parts_add_up_and_differences_take_apart(a in values(), b in values()) {
        let config = Config::new(160, 8);
        let exponential = new(config);
        record(&exponential, &a);
        let earlier = total(&exponential);
        record(&exponential, &b);
        let both = total(&exponential);
        let mut delta = earlier;
        take_from(&both, &mut delta);
        prop_assert_eq!(delta.count, b.len() as u64);
        let (zero, positive, negative) = model(&b, both.scale);
        prop_assert_eq!((delta.zero_count, filled(&delta.positive), filled(&delta.negative)), (zero, positive, negative));
        let mut sum = ExponentialValue { scale: config.max_scale, ..Default::default() };
        merge::add(&mut sum, &mut recorded(&a, config), config.max_size);
        merge::add(&mut sum, &mut recorded(&b, config), config.max_size);
        prop_assert_eq!(sum.count, both.count);
        prop_assert_eq!(filled(&sum.positive), filled(&both.positive));
    }
}

#[test]
fn a_narrow_range_keeps_the_finest_scale_and_a_wide_one_does_not() {
    let config = Config::new(160, 20);
    assert_eq!(recorded(&[1.0, 1.1, 1.2], config).scale, MAX_SCALE);
    let wide = recorded(&[1e-300, 1e300], config);
    assert!(wide.scale < -2 && wide.scale >= MIN_SCALE, "{}", wide.scale);
}
