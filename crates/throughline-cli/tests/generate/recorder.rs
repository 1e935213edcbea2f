//! Records every metric of every kit, as their definitions say: what stands on dashboards must not depend on more.

use throughline::core::{AttributeDef, InstrumentKind, NumberKind};
use throughline::metrics::{Instrument, Observer};
use throughline::{Counter, Gauge, Histogram, KeyValue, Meter, MetricDef, UpDownCounter};
use throughline_instruments::{Kit, kits};

/// Each metric, with attributes that it may have: those of a failure among them.
pub(crate) fn record_all(meter: &Meter) {
    for def in kits().iter().flat_map(Kit::definitions) {
        record(meter, def);
    }
}

fn record(meter: &Meter, def: &MetricDef) {
    use InstrumentKind as Kind;
    use NumberKind::{F64, I64, U64};
    let sets = attribute_sets(def.attributes);
    match (def.kind, def.number) {
        (Kind::Counter, F64) => {
            each(&sets, &made::<Counter<f64>>(meter, def), |counter, set| counter.add(1.0, set));
        }
        (Kind::Counter, _) => {
            each(&sets, &made::<Counter<u64>>(meter, def), |counter, set| counter.add(1, set));
        }
        (Kind::UpDownCounter, F64) => {
            each(&sets, &made::<UpDownCounter<f64>>(meter, def), |counter, set| counter.add(1.0, set));
        }
        (Kind::UpDownCounter, _) => {
            each(&sets, &made::<UpDownCounter<i64>>(meter, def), |counter, set| counter.add(1, set));
        }
        (Kind::Gauge, F64) => each(&sets, &made::<Gauge<f64>>(meter, def), |gauge, set| gauge.set(1.0, set)),
        (Kind::Gauge, I64) => each(&sets, &made::<Gauge<i64>>(meter, def), |gauge, set| gauge.set(1, set)),
        (Kind::Gauge, U64) => each(&sets, &made::<Gauge<u64>>(meter, def), |gauge, set| gauge.set(1, set)),
        (Kind::Histogram, F64) => {
            each(&sets, &made::<Histogram<f64>>(meter, def), |histogram, set| histogram.record(1.0, set));
        }
        (Kind::Histogram, _) => {
            each(&sets, &made::<Histogram<u64>>(meter, def), |histogram, set| histogram.record(1, set));
        }
        (Kind::ObservableCounter, F64) => {
            observed!(meter.f64_observable_counter(def.name), def, sets, 1.0);
        }
        (Kind::ObservableCounter, _) => {
            observed!(meter.u64_observable_counter(def.name), def, sets, 1);
        }
        (Kind::ObservableUpDownCounter, F64) => {
            observed!(meter.f64_observable_up_down_counter(def.name), def, sets, 1.0);
        }
        (Kind::ObservableUpDownCounter, _) => {
            observed!(meter.i64_observable_up_down_counter(def.name), def, sets, 1);
        }
        (Kind::ObservableGauge, F64) => {
            observed!(meter.f64_observable_gauge(def.name), def, sets, 1.0);
        }
        (Kind::ObservableGauge, I64) => {
            observed!(meter.i64_observable_gauge(def.name), def, sets, 1);
        }
        (Kind::ObservableGauge, U64) => {
            observed!(meter.u64_observable_gauge(def.name), def, sets, 1);
        }
    }
}

/// Builds an observable instrument that always has one value, for each set of attributes.
macro_rules! observed {
    ($builder:expr, $def:expr, $sets:expr, $value:expr) => {{
        let sets = $sets;
        let callback = move |observer: &Observer<'_, _>| {
            for set in &sets {
                observer.observe($value, &set[..]);
            }
        };
        let _registered =
            $builder.with_unit($def.unit).with_description($def.description).with_callback(callback).build();
    }};
}
use observed;

fn made<I: Instrument>(meter: &Meter, def: &MetricDef) -> I {
    meter.instrument(def)
}

fn each<I>(sets: &[Vec<KeyValue>], instrument: &I, record: impl Fn(&I, &[KeyValue])) {
    for set in sets {
        record(instrument, set);
    }
}

/// As many sets as the attribute with most values has; in one of two, errors are left out, as they are where there is none.
fn attribute_sets(attributes: &[AttributeDef]) -> Vec<Vec<KeyValue>> {
    let values = attributes.iter().map(|attribute| attribute.values.len()).max().unwrap_or(0).max(2);
    let set = |number: usize| {
        let is_there = |attribute: &&AttributeDef| !attribute.key.starts_with("error") || number % 2 == 1;
        let value = |attribute: &AttributeDef| match attribute.values {
            [] => KeyValue::new(attribute.key, "some"),
            values => KeyValue::new(attribute.key, values[number % values.len()]),
        };
        attributes.iter().filter(is_there).map(value).collect()
    };
    (0..values).map(set).collect()
}
