//! What each request gets: decided by its number and a seed alone, so that a run can be had again.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// An answer.
    Good,
    /// An answer, when nobody waits any more.
    Slow,
    /// 429: too many requests.
    Limited,
    /// 500.
    Broken,
    /// JSON that stops in the middle.
    Garbled,
    /// An answer that is not in the form that was asked for.
    Rambling,
}

#[derive(Debug)]
pub(crate) struct Plan {
    seed: u64,
    number: AtomicU64,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, number: AtomicU64::new(0) }
    }

    /// The next request: its number, and what it gets.
    pub(crate) fn next(&self) -> (u64, Turn) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        (number, turn(self.seed, number))
    }
}

/// Of a hundred requests: 8 too many, 4 broken, 3 garbled, 8 rambling, 2 slow.
fn turn(seed: u64, number: u64) -> Turn {
    match mix(seed ^ mix(number)) % 100 {
        0..8 => Turn::Limited,
        8..12 => Turn::Broken,
        12..15 => Turn::Garbled,
        15..23 => Turn::Rambling,
        23..25 => Turn::Slow,
        _ => Turn::Good,
    }
}

/// Numbers in a row become numbers all over (`SplitMix64`).
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_turn_comes_soon_and_the_same_seed_gives_the_same_plan() {
        let turns = |seed| -> Vec<_> {
            let plan = Plan::new(seed);
            (0..400).map(|_| plan.next().1).collect()
        };
        for seed in 0..8 {
            assert_eq!(turns(seed), turns(seed));
            for turn in [Turn::Good, Turn::Slow, Turn::Limited, Turn::Broken, Turn::Garbled, Turn::Rambling] {
                assert!(turns(seed).contains(&turn), "{turn:?} of seed {seed}");
            }
        }
    }
}
