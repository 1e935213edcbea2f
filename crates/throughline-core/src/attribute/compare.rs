//! Whether attributes, in the order given, are those of an [`AttributeSet`]: the proof of a cache hit.
//!
//! Called by the series lookup's cache (`throughline-metrics/src/cache/mod.rs`). Bytes are compared with the set's own, front to
//! back; nothing is decoded, copied or allocated.

use super::set::{Pair, is_equal};
use super::{AttributeSet, Attributes, ValueRef, Visitor};

/// For each attribute in the order given, its place in the sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order(u64);

impl Order {
    /// An order of more attributes than this does not fit.
    pub const MOST: usize = u64::BITS as usize / PLACE_BITS;

    /// From the place in the order given of each attribute of the sorted set; `None` when there are too many.
    pub fn of_given(given: impl ExactSizeIterator<Item = usize>) -> Option<Self> {
        if given.len() > Self::MOST {
            return None;
        }
        let mut places = 0;
        for (place, given) in given.enumerate() {
            places |= (place as u64).checked_shl(u32::try_from(given * PLACE_BITS).ok()?)?;
        }
        Some(Self(places))
    }

    /// The order as bits, for whoever keeps it.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// What [`to_bits`](Self::to_bits) gave.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

const PLACE_BITS: usize = 4;

impl AttributeSet {
    /// Whether these attributes, given in that order, are exactly this set. Keys are not looked at when the type says
    /// that they are [fixed](Attributes::FIXED_KEYS): the caller knows that this set was made of the same shape.
    #[inline]
    pub fn is_same<A: Attributes + ?Sized>(&self, order: Order, attributes: &A) -> bool {
        let mut comparison =
            Comparison { set: self, order: order.0, given: 0, same: true, fixed_keys: A::FIXED_KEYS };
        attributes.visit(&mut comparison);
        comparison.same && comparison.given == self.len()
    }
}

struct Comparison<'a> {
    set: &'a AttributeSet,
    /// The places of the attributes still to come, the next one lowest.
    order: u64,
    given: usize,
    same: bool,
    fixed_keys: bool,
}

impl Comparison<'_> {
    #[inline]
    fn next_place(&mut self) -> usize {
        let given = self.given;
        self.given += 1;
        if self.fixed_keys {
            return given;
        }
        let place = self.order & ((1 << PLACE_BITS) - 1);
        self.order >>= PLACE_BITS;
        place as usize
    }

    #[inline]
    fn is_same(&self, pair: Pair<'_>, key: &str, value: ValueRef<'_>) -> bool {
        let same_key = self.fixed_keys || is_equal(pair.key, key.as_bytes());
        same_key && pair.has_value(value)
    }
}

impl Visitor for Comparison<'_> {
    #[inline]
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        let place = self.next_place();
        if self.same {
            let pair = self.set.pair_with_key_of(place, key.len());
            self.same = pair.is_some_and(|pair| self.is_same(pair, key, value));
        }
    }
}
