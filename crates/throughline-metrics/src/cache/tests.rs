//! Fingerprints have two bits here (`key.rs`), so that nearly all sets collide and only the proof tells them apart.

use std::collections::BTreeMap;

use proptest::prelude::*;
use throughline_core::{AttributeSet, KeyValue};
use throughline_macros::Attributes;

use super::key::{Key as _, Words};
use super::table::MOST_ENTRIES;
use super::{Scope, Taken};
use crate::testing::Snapshot;
use crate::{Counter, MeterProvider};

/// Some whose pieces are the same though their lengths are not, and some that do not fit in words.
const TEXTS: [&str; 10] = [
    "",
    "a",
    "b",
    "aa",
    "aaaa",
    "aaaaaaaaa",
    "aaaaaaaaaaaaaaaaa",
    "a text of some length",
    "b text of some length",
    "a text of such a length that it does not fit in words",
];

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

proptest! {
    /// A set that is its own key has the same words as another only when it is the same.
    #[test]
    fn words_are_the_same_when_the_values_are(
        texts in prop::array::uniform2("[ab]{0,60}"),
        numbers in prop::array::uniform2(0..2_i64),
    ) {
        let scope = Scope::numbered(1);
        let keys = [0, 1].map(|at| {
            let (number, text) = (numbers[at], &*texts[at]);
            let key = Words::of(&scope, &Text { number, text });
            // One word is for the number.
            assert_eq!(key.is_some(), text.len() <= 40, "{text}");
            key
        });
        if let [Some(a), Some(b)] = keys {
            let is_same = (numbers[0], &texts[0]) == (numbers[1], &texts[1]);
            prop_assert_eq!(a.is(&b.key), is_same);
            prop_assert_eq!(a.key == b.key, is_same);
            prop_assert!(!is_same || a.hash == b.hash);
            prop_assert_eq!(a.hash, a.key.hash(&scope));
        }
    }
}

fn entries() -> usize {
    let taken = Taken::new();
    taken.0.as_ref().map_or(0, |cache| cache.words.entries.len() + cache.prints.entries.len())
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
