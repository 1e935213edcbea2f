//! Counts the series of one name of the store, and what would be left of them without each of their attributes.
//!
//! Exact, and without keeping a series: of each there is a number of 64 bits, the sum of the numbers of its attributes, in a
//! set; in another set for each attribute, the same sum without that attribute. Two of a million series get the same number
//! once in thirty million runs. `page.rs`, `store.rs` fill tallies, `instrument.rs` joins them.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

use super::shape::Shape;

/// So many numbers are kept at once: a million series with fifteen attributes. They take about 20 bytes each: 320 MiB.
pub(super) const NUMBERS_MAX: usize = 16 << 20;

/// The examples of an attribute's values.
const EXAMPLES: usize = 3;

/// The series of one name.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) series: Numbers,
    pub(super) attributes: BTreeMap<String, Column>,
}

/// One attribute of these series.
#[derive(Debug, Default)]
pub(super) struct Column {
    pub(super) values: Numbers,
    /// The series without it: those that have it, and those that never had.
    pub(super) without: Numbers,
    pub(super) shapes: BTreeMap<Shape, usize>,
    pub(super) examples: Vec<String>,
}

impl Tally {
    /// Counts a series, and returns how many numbers that took.
    pub(super) fn add(&mut self, labels: &BTreeMap<String, String>, hash: &RandomState) -> usize {
        let numbers: Vec<u64> = labels.iter().map(|pair| hash.hash_one(pair)).collect();
        let all = numbers.iter().fold(0_u64, |sum, number| sum.wrapping_add(*number));
        if self.series.contains(&all) {
            return 0;
        }
        let mut added = self.begin_columns(labels) + 1;
        for (key, column) in &mut self.attributes {
            let Some(value) = labels.get(key) else {
                added += usize::from(column.without.insert(all));
                continue;
            };
            let number = hash.hash_one((key, value));
            added += usize::from(column.without.insert(all.wrapping_sub(number)));
            if column.values.insert(number) {
                added += 1;
                column.see(key, value);
            }
        }
        self.series.insert(all);
        added
    }

    /// Series that came before one had an attribute are the same without it.
    fn begin_columns(&mut self, labels: &BTreeMap<String, String>) -> usize {
        let mut added = 0;
        for key in labels.keys() {
            if !self.attributes.contains_key(key) {
                let column = Column { without: self.series.clone(), ..Column::default() };
                added += column.without.len();
                self.attributes.insert(key.clone(), column);
            }
        }
        added
    }
}

impl Column {
    /// A value that was not there yet.
    fn see(&mut self, key: &str, value: &str) {
        let shape = Shape::of(key, value);
        *self.shapes.entry(shape).or_default() += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(shape.shown(value));
        }
    }
}

/// Numbers that are hashes already.
pub(super) type Numbers = HashSet<u64, BuildHasherDefault<AsItIs>>;

/// Takes a number for its own hash.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, i: u64) {
        self.0 = i;
    }

    fn write(&mut self, bytes: &[u8]) {
        unreachable!("only numbers are hashed, not {bytes:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_left_without_an_attribute_is_what_a_plain_count_says() {
        let hash = RandomState::new();
        let mut tally = Tally::default();
        let mut plain = Vec::new();
        for n in 0..500_u32 {
            let (a, b, c) = ((n % 7).to_string(), (n % 50).to_string(), (n % 3).to_string());
            let mut series = labels(&[("a", &a), ("b", &b)]);
            // Comes late, and not always.
            if n > 100 && n % 2 == 0 {
                series.insert("c".to_owned(), c);
            }
            tally.add(&series, &hash);
            assert_eq!(tally.add(&series, &hash), 0, "it is there already");
            plain.push(series);
        }
        let distinct = |without: Option<&str>| {
            let left = plain.iter().map(|series| {
                let mut series = series.clone();
                without.map(|key| series.remove(key));
                series
            });
            left.collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(tally.series.len(), distinct(None));
        for (key, column) in &tally.attributes {
            assert_eq!(column.without.len(), distinct(Some(key)), "{key}");
        }
        assert_eq!(tally.attributes["b"].values.len(), 50);
        assert_eq!(tally.attributes["b"].examples, ["0", "1", "2"]);
    }
}
