//! Trace and span ids: random numbers from a generator of each thread's own.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};

use opentelemetry::{SpanId, TraceId};

/// Where ids come from, when the built-in generator is not wanted.
///
/// Called for every span, on its thread; it must not block. Ids that are invalid (zero) make a span that nobody can
/// find.
pub trait IdGenerator: Send + Sync + fmt::Debug {
    /// A new trace id.
    fn trace_id(&self) -> TraceId;

    /// A new span id.
    fn span_id(&self) -> SpanId;

    /// Whether the last seven bytes of the trace ids are random, as samplers and the random flag of W3C Trace Context 2
    /// take them to be.
    fn is_random(&self) -> bool {
        false
    }
}

/// The built-in generator of one thread: xoshiro256++, seeded by the operating system through [`RandomState`].
///
/// A process that forks leaves its child the same state. So the state takes in the start time of every sampled span
/// ([`stir`](Self::stir)): parent and child go apart at the first one, unless they start it in the same nanosecond, and
/// never meet again. Ids of spans that are not sampled may be the same in both until then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generator([u64; 4]);

impl Generator {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| RandomState::new().build_hasher().finish()))
    }

    /// Takes in something that differs between a process and its forked child.
    #[inline]
    pub(crate) fn stir(&mut self, time: u64) {
        self.0[0] ^= time;
    }

    /// A random number that is not zero.
    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        loop {
            let number = self.any();
            if number != 0 {
                return number;
            }
        }
    }

    /// <https://prng.di.unimi.it/xoshiro256plusplus.c>
    #[inline]
    fn any(&mut self) -> u64 {
        let Self(s) = self;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next ids of a generator.
    fn ids(mut generator: Generator) -> Vec<u64> {
        (0..1000).map(|_| generator.next()).collect()
    }

    /// A fork copies the generator.
    #[test]
    fn a_copy_goes_its_own_way_from_the_first_start_time_that_differs() {
        let mut parent = Generator::new();
        let mut child = parent;
        assert_eq!(parent.next(), child.next());
        parent.stir(1_000_000_000);
        child.stir(1_000_000_001);
        let parents = ids(parent);
        assert!(ids(child).iter().all(|id| !parents.contains(id)));
    }

    #[test]
    fn threads_have_different_ids() {
        let of_thread = || std::thread::spawn(|| ids(Generator::new()));
        let (one, other) = (of_thread(), of_thread());
        let one = one.join().unwrap();
        assert!(other.join().unwrap().iter().all(|id| !one.contains(id)));
    }
}
