//! From attributes as given to the canonical bytes of an [`AttributeSet`](super::AttributeSet).
//!
//! Called by the series lookup whenever the per-thread cache does not know a set. Its buffers are reused, so that a
//! set of usual size costs no allocation once the encoder is warm.

use super::{AttributeSet, Attributes, Order, ValueRef, Visitor, set};

/// Turns attributes into canonical bytes: sorted by key, the last of equal keys kept.
#[derive(Debug, Default)]
pub struct AttributeEncoder {
    /// The pairs one after the other, as visited.
    pairs: Vec<u8>,
    /// Where each pair stands in `pairs`, then sorted by key.
    entries: Vec<Entry>,
    /// The canonical bytes.
    out: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    end: usize,
    /// Its place in the order given.
    given: usize,
}

/// What [`AttributeEncoder::encode`] leaves behind, borrowed from its buffers.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    bytes: &'a [u8],
    given: usize,
    order: &'a [Entry],
}

impl<'a> Encoded<'a> {
    /// The canonical bytes: equal sets have equal bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How many attributes were given, duplicates and filtered ones included.
    pub fn given(self) -> usize {
        self.given
    }

    /// The set, in an allocation of its own.
    pub fn to_set(self) -> AttributeSet {
        AttributeSet::from_canonical(self.bytes)
    }

    /// The order in which they were given; `None` when some were filtered or given twice, or there are too many.
    pub fn order(self) -> Option<Order> {
        let given = self.order.iter().map(|entry| entry.given);
        if given.len() == self.given { Order::of_given(given) } else { None }
    }
}

impl AttributeEncoder {
    /// An encoder whose buffers have yet to grow.
    pub const fn new() -> Self {
        Self { pairs: Vec::new(), entries: Vec::new(), out: Vec::new() }
    }

    /// Encodes those attributes whose key `keep` accepts.
    pub fn encode<A: Attributes + ?Sized>(
        &mut self,
        attributes: &A,
        keep: impl Fn(&str) -> bool,
    ) -> Encoded<'_> {
        self.pairs.clear();
        self.entries.clear();
        let mut collector = Collector { pairs: &mut self.pairs, entries: &mut self.entries, keep, given: 0 };
        attributes.visit(&mut collector);
        let given = collector.given;
        self.sort();
        self.write_canonical();
        Encoded { bytes: &self.out, given, order: &self.entries }
    }

    /// Sorts by key and keeps the last of equal keys. Sorting in place by (key, place given) needs no allocation.
    fn sort(&mut self) {
        let pairs = &self.pairs;
        let key = |entry: &Entry| set::key_bytes(&pairs[entry.start..entry.end]);
        self.entries.sort_unstable_by(|a, b| key(a).cmp(key(b)).then(b.given.cmp(&a.given)));
        self.entries.dedup_by(|later, first| key(later) == key(first));
    }

    fn write_canonical(&mut self) {
        self.out.clear();
        set::put_len(&mut self.out, self.entries.len());
        for entry in &self.entries {
            self.out.extend_from_slice(&self.pairs[entry.start..entry.end]);
        }
    }
}

struct Collector<'a, F> {
    pairs: &'a mut Vec<u8>,
    entries: &'a mut Vec<Entry>,
    keep: F,
    given: usize,
}

impl<F: Fn(&str) -> bool> Visitor for Collector<'_, F> {
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        if (self.keep)(key) {
            let start = self.pairs.len();
            set::write_pair(self.pairs, key, value);
            let entry = Entry { start, end: self.pairs.len(), given: self.given };
            self.entries.push(entry);
        }
        self.given += 1;
    }
}
