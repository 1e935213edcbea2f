//! What an operation costs its caller beside another one, on a machine that does other things as well.
//!
//! The two take turns, a few calls at a time, so that whatever else the machine does meets both. A call during which the
//! scheduler took the processor away says nothing about the operation and is left out: the system counts these for each
//! thread. So is one that touched a page of memory for the first time: that happens once in the life of a thread's rings
//! and caches, a megabyte or so, and in an outage rather sooner than later. The system also counts how often the thread gave up the processor by itself, which is what waiting for a lock, for a
//! socket or for another thread comes down to, and that number is exact. Percentiles are compared within a round, and the
//! ratio is the median of those of the rounds, so that a burst of interrupts spoils a round and not the result.

use std::time::Instant;

use serde::{Deserialize, Serialize};

const ROUNDS: usize = 11;

/// Calls of each in a round.
const CALLS: usize = 400;

/// Calls of one before it is the other's turn.
const TURN: usize = 20;

/// What two operations cost, the second beside the first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Costs {
    /// The median of the rounds' 99th percentiles, in nanoseconds.
    pub(crate) p99: [u64; 2],
    /// The median of the rounds' ratios of these percentiles.
    pub(crate) ratio: f64,
    /// How often the callers waited.
    pub(crate) waits: [u64; 2],
}

/// Times two operations, which say themselves how long they took, in nanoseconds.
pub(crate) fn compare(operations: [&dyn Fn() -> u64; 2]) -> Costs {
    let mut rounds = Vec::new();
    let mut waits = [0, 0];
    for _ in 0..ROUNDS {
        let mut samples = [Vec::with_capacity(CALLS), Vec::with_capacity(CALLS)];
        for turn in 0..CALLS / TURN * 2 {
            // Whoever comes second finds warm caches: 0, 1, 1, 0.
            let which = usize::div_ceil(turn, 2) % 2;
            let (undisturbed, waited) = take_turn(operations[which]);
            samples[which].extend(undisturbed);
            waits[which] += waited;
        }
        rounds.push(samples.map(percentile));
    }
    let p99 = [0, 1].map(|which| median(rounds.iter().map(|round| round[which])));
    let ratio = median(rounds.iter().map(|[first, second]| second * 1000 / first.max(&1))) as f64 / 1000.0;
    Costs { p99, ratio, waits }
}

fn percentile(mut samples: Vec<u64>) -> u64 {
    samples.sort_unstable();
    samples.get(samples.len() * 99 / 100).copied().unwrap_or_default()
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// The times of calls that were not interrupted, and how often the caller waited.
fn take_turn(operation: &dyn Fn() -> u64) -> (Vec<u64>, u64) {
    let mut before = Switches::now();
    let mut samples = Vec::with_capacity(TURN);
    let mut waits = 0;
    for _ in 0..TURN {
        let nanos = operation();
        let after = Switches::now();
        if (after.forced, after.faults) == (before.forced, before.faults) {
            samples.push(nanos);
        }
        waits += after.voluntary - before.voluntary;
        before = after;
    }
    (samples, waits)
}

/// How often this thread stopped running, or had to be given memory, where the system tells.
#[derive(Clone, Copy, Debug, Default)]
struct Switches {
    voluntary: u64,
    forced: u64,
    /// Pages touched for the first time.
    faults: u64,
}

impl Switches {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let count = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
        };
        Self {
            voluntary: count("voluntary_ctxt_switches:"),
            forced: count("nonvoluntary_ctxt_switches:"),
            faults: page_faults().unwrap_or(0),
        }
    }
}

/// The tenth field of the system's line about this thread; the second one, its name, ends with the only bracket.
fn page_faults() -> Option<u64> {
    let line = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
    line.rsplit_once(')')?.1.split_whitespace().nth(7)?.parse().ok()
}

/// How long a call takes, in nanoseconds.
pub(crate) fn time(call: impl FnOnce()) -> u64 {
    let started = Instant::now();
    call();
    started.elapsed().as_nanos() as u64
}
