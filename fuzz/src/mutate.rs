//! Inputs from inputs: small changes, words that mean something, and much of the same.

use crate::{INPUT_BYTES_MAX, Target};

/// A generator of numbers: the same seed gives the same inputs on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins with this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (of the generator called `splitmix64`).
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this, or zero.
    pub fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { self.number() as usize % limit }
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// The largest number of changes at once.
const CHANGES_MAX: usize = 6;

/// A changed copy of one of these inputs.
pub fn mutated(inputs: &[Vec<u8>], target: &Target, random: &mut Random) -> Vec<u8> {
    let mut input = random.choose(inputs).cloned().unwrap_or_default();
    for _ in 0..=random.below(CHANGES_MAX) {
        change(&mut input, inputs, target, random);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn change(input: &mut Vec<u8>, inputs: &[Vec<u8>], target: &Target, random: &mut Random) {
    let (from, to) = range(input, random);
    match random.below(8) {
        0 => replace(input, from, from, &[random.number() as u8]),
        1 => replace(input, from, to, &[]),
        2 => replace(input, from, to.min(from + 1), &[random.number() as u8]),
        3 => {
            let word = random.choose(target.words).copied().unwrap_or_default();
            replace(input, from, from, word);
        }
        4 => {
            let word = random.choose(target.words).copied().unwrap_or_default();
            let times = 1 << random.below(12);
            replace(input, from, from, &word.repeat(times.min(INPUT_BYTES_MAX / word.len().max(1))));
        }
        5 => {
            let copy = input[from..to].to_vec();
            let at = random.below(input.len() + 1);
            replace(input, at, at, &copy);
        }
        6 => {
            let other = random.choose(inputs).cloned().unwrap_or_default();
            replace(input, from, input.len(), &other[random.below(other.len() + 1)..]);
        }
        _ => input[from..to].iter_mut().for_each(|byte| *byte ^= 1 << random.below(8)),
    }
}

fn range(input: &[u8], random: &mut Random) -> (usize, usize) {
    let (a, b) = (random.below(input.len() + 1), random.below(input.len() + 1));
    // Mostly short: a change of half the input is rarely understood.
    let (from, to) = (a.min(b), a.max(b));
    if random.below(4) == 0 { (from, to) } else { (from, to.min(from + random.below(8))) }
}

fn replace(input: &mut Vec<u8>, from: usize, to: usize, with: &[u8]) {
    input.splice(from..to, with.iter().copied());
}
