//! Stop 3 for gauges: the last value set, by whichever thread.
//!
//! The last of several threads' values can only be known from a cell they share, so a gauge's two cells are always
//! the common ones: the value, and how often it was set. The count tells a delta reader whether there is anything new.

use crate::cell::Place;
use crate::number::Number;
use crate::sync::{AtomicU64, Ordering};

/// Cells of a gauge.
pub(crate) const CELLS: usize = 2;
const VALUE: usize = 0;
const UPDATES: usize = 1;

/// Sets the value. One store and one atomic addition.
#[inline]
pub(crate) fn set<N: Number>(place: &Place, value: N) {
    set_in(place.common(), value);
}

#[inline]
fn set_in<N: Number>(cells: &[AtomicU64], value: N) {
    cells[VALUE].store(value.to_bits(), Ordering::Relaxed);
    // Release: whoever reads this count with Acquire sees the value above, or a later one.
    cells[UPDATES].fetch_add(1, Ordering::Release);
}

/// The last value, and how often one was set. Zero times: there is no value.
pub(crate) fn last<N: Number>(place: &Place) -> (N, u64) {
    place.written_common().map_or_else(Default::default, last_in)
}

fn last_in<N: Number>(cells: &[AtomicU64]) -> (N, u64) {
    let updates = cells[UPDATES].load(Ordering::Acquire);
    (N::from_bits(cells[VALUE].load(Ordering::Relaxed)), updates)
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// A delta reader skips a gauge whose count did not change: it must then have seen its last value.
    #[test]
    fn loom_an_unchanged_count_means_an_unchanged_value() {
        loom::model(|| {
            let cells: Arc<[AtomicU64; CELLS]> = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
            let writer = |value: u64| {
                let cells = Arc::clone(&cells);
                thread::spawn(move || set_in(&cells[..], value))
            };
            let (first, second) = (writer(1), writer(2));
            let (seen, updates) = last_in::<u64>(&cells[..]);
            assert!(updates == 0 || seen != 0, "who counts a value sees one");
            first.join().unwrap();
            second.join().unwrap();
            let (value, all) = last_in::<u64>(&cells[..]);
            assert_eq!(all, 2);
            assert!(updates < all || seen == value, "{seen} was taken for the last, which is {value}");
        });
    }
}
