//! Measuring candidates side by side: calibrated samples, in random order inside every round, minimum and median.
//!
//! The machine is shared and noisy, and its noise comes in phases. Candidates that take turns within milliseconds see
//! the same phases, so their ratios hold where their times do not. The minimum is the trustworthy figure; the median
//! says how noisy the run was. Called by `sections/`; the rows go to `row.rs`.

mod parallel;
mod random;
mod row;

use std::hint::black_box;
use std::time::{Duration, Instant};

pub use parallel::{measure_parallel, processor_time, scaling};
pub use random::Random;
pub use row::{Row, number, print};

/// The name of the row that others are compared with.
pub const LIMIT: &str = "LIMIT";
/// The name of our rows; a suffix says what is not the usual way in.
pub const OURS: &str = "throughline";

/// Does an operation this many times.
pub type Run = Box<dyn Fn(u64) + Send + Sync>;

/// One way of doing what a case is about.
pub struct Candidate {
    pub name: String,
    pub run: Run,
    /// How many operations it has recorded in all, where the correctness check asks.
    pub recorded: Option<Box<dyn Fn() -> u64>>,
}

impl Candidate {
    pub fn new(name: impl Into<String>, run: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run), recorded: None }
    }

    /// One that repeats an operation without input.
    pub fn repeating(name: impl Into<String>, op: impl Fn() + Send + Sync + 'static) -> Self {
        Self::new(name, move |times| (0..times).for_each(|_| op()))
    }

    pub fn with_recorded(mut self, recorded: impl Fn() -> u64 + 'static) -> Self {
        self.recorded = Some(Box::new(recorded));
        self
    }
}

/// Candidates that are compared with each other.
pub struct Case {
    pub section: &'static str,
    pub name: String,
    /// What one operation is divided by: the series of a scrape.
    pub per: u64,
    pub candidates: Vec<Candidate>,
}

impl Case {
    pub fn new(section: &'static str, name: impl Into<String>, candidates: Vec<Candidate>) -> Self {
        Self { section, name: name.into(), per: 1, candidates }
    }

    pub fn per(mut self, per: u64) -> Self {
        self.per = per;
        self
    }
}

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How long one sample takes, unless one operation takes longer.
    pub sample: Duration,
    pub rounds_max: usize,
    /// No round is begun after this, but for the first [`ROUNDS_MIN`].
    pub case: Duration,
    /// Leaves out what takes minutes.
    pub quick: bool,
}

impl Effort {
    pub const FULL: Self = Self {
        sample: Duration::from_millis(2),
        rounds_max: 100,
        case: Duration::from_secs(6),
        quick: false,
    };
    pub const QUICK: Self =
        Self { sample: Duration::from_millis(1), rounds_max: 15, case: Duration::from_secs(1), quick: true };
}

const ROUNDS_MIN: usize = 3;

/// Measures a case: one row a candidate, in nanoseconds.
pub fn measure(case: &Case, effort: Effort, random: &mut Random) -> Vec<Row> {
    let iterations: Vec<u64> =
        case.candidates.iter().map(|candidate| calibrate(&candidate.run, effort.sample)).collect();
    let mut samples = vec![Vec::new(); case.candidates.len()];
    in_rounds(&mut samples, effort, random, |place| {
        let elapsed = time(&case.candidates[place].run, iterations[place]);
        elapsed.as_secs_f64() * 1e9 / (iterations[place] * case.per) as f64
    });
    let names = case.candidates.iter().map(|candidate| candidate.name.as_str());
    row::rows(case.section, &case.name, "ns", names.zip(samples))
}

/// Takes one sample of each candidate per round, in random order.
fn in_rounds(
    samples: &mut [Vec<f64>],
    effort: Effort,
    random: &mut Random,
    mut sample: impl FnMut(usize) -> f64,
) {
    let mut order: Vec<usize> = (0..samples.len()).collect();
    let begun = now();
    for round in 0..effort.rounds_max {
        if round >= ROUNDS_MIN && begun.elapsed() > effort.case {
            return;
        }
        random.shuffle(&mut order);
        for &place in &order {
            samples[place].push(sample(place));
        }
    }
}

/// How often to run an operation so that it takes about `target`. The very first run makes caches and does not count.
fn calibrate(run: &Run, target: Duration) -> u64 {
    run(1);
    let mut iterations = 1_u64;
    loop {
        let elapsed = time(run, iterations);
        if elapsed >= target / 4 {
            let scale = target.as_secs_f64() / elapsed.as_secs_f64();
            return ((iterations as f64 * scale) as u64).max(1);
        }
        iterations *= 2;
    }
}

fn time(run: &Run, iterations: u64) -> Duration {
    let begun = now();
    run(black_box(iterations));
    begun.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "measuring time is what this program is for")]
fn now() -> Instant {
    Instant::now()
}
