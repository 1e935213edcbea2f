//! Whether attributes, in the order given, are those of an [`AttributeSet`]: the proof of a cache hit.
//!
//! Called by the series lookup's cache (`throughline-metrics/src/cache/mod.rs`). Bytes are compared with the set's own,
//! front to back; nothing is decoded, copied or allocated.

use super::set::Pairs;
use super::{AttributeSet, Attributes, ValueRef, Visitor};

/// In which order the attributes of a set were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order(u64);

const PLACE_BITS: usize = 4;

impl Order {
    /// An order of more attributes than this does not fit.
    pub const MOST: usize = u64::BITS as usize / PLACE_BITS;

    /// Sorted, as they are in the set. All zeroes, which no other order of two or more is.
    pub const SORTED: Self = Self(0);

    /// From the place in the order given of each attribute of the sorted set; `None` when there are too many.
    pub(super) fn of_given(given: impl ExactSizeIterator<Item = usize> + Clone) -> Option<Self> {
        if given.len() > Self::MOST {
            return None;
        }
        if given.clone().enumerate().all(|(place, given)| place == given) {
            return Some(Self::SORTED);
        }
        let places = given.enumerate().map(|(place, given)| (place as u64) << (given * PLACE_BITS));
        Some(Self(places.sum()))
    }

    /// The order in a word, for whoever keeps it.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// What [`to_bits`](Self::to_bits) gave.
    #[inline]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl AttributeSet {
    /// Whether these attributes, given in that order, are exactly this set.
    ///
    /// Keys are not looked at when the type says that they are [fixed](Attributes::FIXED_KEYS): the caller knows that
    /// the set was made from the same shape.
    #[inline]
    pub fn is_same<A: Attributes + ?Sized>(&self, order: Order, attributes: &A) -> bool {
        if order == Order::SORTED {
            let mut sorted =
                Sorted { rest: Some(self.pairs()), has_keys: A::FIXED_KEYS && !A::OPTIONAL_KEYS };
            attributes.visit(&mut sorted);
            return sorted.rest.is_some_and(Pairs::is_empty);
        }
        self.is_same_shuffled(order, attributes)
    }

    /// Apart, so that the common case stays in registers.
    #[inline(never)]
    fn is_same_shuffled<A: Attributes + ?Sized>(&self, order: Order, attributes: &A) -> bool {
        let mut shuffled = Shuffled { pairs: self.pairs(), order, given: 0, same: true };
        attributes.visit(&mut shuffled);
        shuffled.same && shuffled.given == self.len()
    }
}

/// Compares with one attribute of the set after the other.
struct Sorted<'a> {
    /// What is still to come; `None` after a difference.
    rest: Option<Pairs<'a>>,
    /// Whether keys are known to be the same.
    has_keys: bool,
}

impl Visitor for Sorted<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "with the key known, most of it vanishes")]
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        if let Some(rest) = self.rest {
            self.rest = rest.after(key, value, self.has_keys);
        }
    }
}

/// Looks each attribute up at its place in the set.
struct Shuffled<'a> {
    pairs: Pairs<'a>,
    /// The places of the attributes still to come, the next one lowest.
    order: Order,
    given: usize,
    same: bool,
}

impl Visitor for Shuffled<'_> {
    #[inline]
    fn attribute(&mut self, key: &str, value: ValueRef<'_>) {
        let place = self.order.0 as usize & ((1 << PLACE_BITS) - 1);
        self.order.0 >>= PLACE_BITS;
        self.given += 1;
        self.same =
            self.same && self.pairs.from(place).and_then(|from| from.after(key, value, false)).is_some();
    }
}
