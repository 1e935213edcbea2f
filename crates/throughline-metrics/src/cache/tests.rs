//! Fingerprints have two bits here (`key.rs`), so that nearly all sets collide and only the proof tells them apart.

use std::collections::BTreeMap;

use proptest::prelude::*;
use throughline_core::{AttributeSet, KeyValue};
use throughline_macros::Attributes;

use super::CACHE;
use super::table::MOST_ENTRIES;
use crate::testing::Snapshot;
use crate::{Counter, MeterProvider};

const TEXTS: [&str; 6] = ["", "a", "b", "ab", "a text of some length", "b text of some length"];

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Text<'a> {
    number: i64,
    text: &'a str,
}

#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Literal {
    number: i64,
    text: &'static str,
}

/// The same values under other keys.
#[derive(Attributes)]
#[attribute(crate = throughline_core)]
struct Other {
    number: i64,
    title: &'static str,
}

/// One instrument, by each kind of attributes.
struct Doors {
    any: Counter<u64>,
    text: Counter<u64, Text<'static>>,
    literal: Counter<u64, Literal>,
    other: Counter<u64, Other>,
}

impl Doors {
    fn new(provider: &MeterProvider) -> Self {
        let meter = provider.meter("it");
        Self {
            any: meter.u64_counter("c").build(),
            text: meter.u64_counter("c").with_attributes().build(),
            literal: meter.u64_counter("c").with_attributes().build(),
            other: meter.u64_counter("c").with_attributes().build(),
        }
    }

    /// Records through one of the doors, and gives the set that this must have been.
    fn record(&self, door: u8, number: i64, text: &'static str) -> AttributeSet {
        let (n, t) = (KeyValue::new("number", number), KeyValue::new("text", text.to_owned()));
        let set = AttributeSet::new(&[n.clone(), t.clone()]);
        match door {
            0 => self.any.add(1, &[n, t]),
            1 => self.any.add(1, &[t, n]),
            2 => self.any.add(1, &set),
            3 => self.text.add(1, &Text { number, text: &String::from(text) }),
            4 => self.literal.add(1, &Literal { number, text }),
            _ => {
                self.other.add(1, &Other { number, title: text });
                return AttributeSet::new(&Other { number, title: text });
            }
        }
        set
    }
}

proptest! {
    #[test]
    fn every_door_finds_the_series_of_the_canonical_set(
        steps in prop::collection::vec((0..6_u8, 0..3_i64, prop::sample::select(&TEXTS)), 0..200),
    ) {
        let provider = MeterProvider::default();
        let doors = Doors::new(&provider);
        let mut model = BTreeMap::<AttributeSet, u64>::new();
        for (door, number, text) in steps {
            *model.entry(doors.record(door, number, text)).or_default() += 1;
        }
        let snapshot = Snapshot::of(&provider);
        for (set, count) in &model {
            prop_assert_eq!(snapshot.sum("c", set) as u64, *count, "{}", set);
        }
        let total: usize = snapshot.collection().metrics().map(|(_, metric)| metric.data.len()).sum();
        prop_assert_eq!(total, model.len());
    }
}

fn entries() -> usize {
    CACHE.with_borrow(|cache| cache.words.entries.len() + cache.prints.entries.len())
}

#[test]
fn a_set_takes_one_entry_for_each_order_it_is_given_in() {
    let provider = MeterProvider::default();
    let counter = provider.meter("it").u64_counter("c").build();
    let (a, b) = (KeyValue::new("a", 1), KeyValue::new("b", 2));
    for _ in 0..3 {
        counter.add(1, &[a.clone(), b.clone()]);
        counter.add(1, &[b.clone(), a.clone()]);
    }
    assert_eq!(entries(), 2);
}

#[test]
fn caches_let_go_of_series_whose_provider_is_gone() {
    for _ in 0..3 {
        let provider = MeterProvider::default();
        let counter = provider.meter("it").u64_counter("c").build();
        (0..10).for_each(|n| counter.add(1, &[KeyValue::new("n", n)]));
    }
    assert_eq!(entries(), 10);
}

#[test]
fn caches_have_a_limit() {
    let provider = MeterProvider::builder().with_cardinality_limit(usize::MAX).build();
    let counter = provider.meter("it").u64_counter("c").with_attributes::<Literal>().build();
    for number in 0..3 * MOST_ENTRIES as i64 {
        counter.add(1, &Literal { number, text: "" });
    }
    assert_eq!(entries(), MOST_ENTRIES);
}
