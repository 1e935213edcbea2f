//! Runs the targets for a few seconds each, on stable Rust: `cargo xtask fuzz`.
//!
//! Coverage is not measured; what a target answers takes its place. An input that makes a target panic, or that keeps it
//! busy for longer than any header may, is printed so that it can become a test, and the run fails.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use throughline_fuzz::mutate::{Random, mutated};
use throughline_fuzz::{Target, targets};

const USAGE: &str = "usage: cargo xtask fuzz [--seconds N] [--seed N] [TARGET...]";

/// Much longer than 64 KiB take in linear time, on any machine.
const HANG: Duration = Duration::from_secs(2);

/// How many inputs a target keeps.
const KEPT_MAX: usize = 4096;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(options) = options(&arguments) else {
        let names: Vec<&str> = targets().map(|target| target.name).collect();
        eprintln!("{USAGE}\n\ntargets: {}", names.join(", "));
        return ExitCode::from(2);
    };
    let wrong = options.targets.iter().filter(|target| !holds(target, &options)).count();
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Options {
    time: Duration,
    seed: u64,
    targets: Vec<&'static Target>,
}

fn options(words: &[String]) -> Option<Options> {
    let mut options = Options { time: Duration::from_secs(3), seed: 0, targets: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => options.time = Duration::from_secs(words.next()?.parse().ok()?),
            "--seed" => options.seed = words.next()?.parse().ok()?,
            name => options.targets.push(targets().find(|target| target.name == name)?),
        }
    }
    if options.targets.is_empty() {
        options.targets = targets().collect();
    }
    Some(options)
}

/// Whether the target withstands what is thrown at it.
fn holds(target: &Target, options: &Options) -> bool {
    let mut random = Random::new(options.seed);
    let mut kept: Vec<Vec<u8>> = target.seeds.iter().map(|seed| seed.to_vec()).collect();
    let mut seen = HashSet::new();
    for seed in target.seeds {
        let Some(kind) = attempt(target, seed) else { return false };
        seen.insert(kind);
    }
    let (begun, mut runs) = (now(), 0_u64);
    while begun.elapsed() < options.time {
        let input = mutated(&kept, target, &mut random);
        let Some(kind) = attempt(target, &input) else { return false };
        if seen.insert(kind) && kept.len() < KEPT_MAX {
            kept.push(input);
        }
        runs += 1;
    }
    println!("{:<14} {runs:>9} inputs, {:>5} kinds of outcome: fine", target.name, seen.len());
    true
}

/// Shows the smallest input found, and what it leads to.
fn report(target: &Target, input: &[u8]) {
    let silent = take_hook();
    set_hook(Box::new(|_| {}));
    let smallest = smallest(target, input);
    set_hook(silent);
    drop(catch_unwind(AssertUnwindSafe(|| (target.run)(&smallest))));
    eprintln!("{} fails on b\"{}\"", target.name, smallest.escape_ascii());
}

/// The input with everything taken out that the failure does not need.
fn smallest(target: &Target, input: &[u8]) -> Vec<u8> {
    let mut smallest = input.to_vec();
    let mut length = smallest.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < smallest.len() {
            let mut shorter = smallest.clone();
            shorter.drain(at..shorter.len().min(at + length));
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&shorter))).is_err() {
                smallest = shorter;
            } else {
                at += length;
            }
        }
        length /= 2;
    }
    smallest
}

/// One run: what kind of thing happened, or nothing when it went wrong, which has been said then.
fn attempt(target: &Target, input: &[u8]) -> Option<u64> {
    let begun = now();
    let kind = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if begun.elapsed() > HANG {
        eprintln!("{} takes {:?} for b\"{}\"", target.name, begun.elapsed(), input.escape_ascii());
        return None;
    }
    kind.inspect_err(|_| report(target, input)).ok()
}

#[expect(clippy::disallowed_methods, reason = "how long to run is what this program is told")]
fn now() -> Instant {
    Instant::now()
}
