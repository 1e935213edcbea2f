//! The same series written from several threads at once.
//!
//! Each sample starts new threads, which warm up, wait for each other, and then do the same number of operations. The
//! time is from the first start to the last end, so a thread that waits for a processor counts as waiting.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::{Case, Effort, Random, Row, Run, calibrate, in_rounds, now, row};

/// Operations each thread does before the measured ones: thread-local caches are filled then.
const WARM_UP: u64 = 5_000;

/// Measures a case at each number of threads. The unit is nanoseconds of elapsed time per operation of any thread, so
/// that perfect scaling halves it with two threads.
pub fn measure_parallel(
    case: &Case,
    threads: &[usize],
    effort: Effort,
    random: &mut Random,
) -> Vec<Vec<Row>> {
    let iterations: Vec<u64> =
        case.candidates.iter().map(|candidate| calibrate(&candidate.run, effort.sample * 3)).collect();
    threads
        .iter()
        .map(|&count| {
            let mut samples = vec![Vec::new(); case.candidates.len()];
            in_rounds(&mut samples, effort, random, |place| {
                let elapsed = time_threads(&case.candidates[place].run, iterations[place], count);
                elapsed.as_secs_f64() * 1e9 / (iterations[place] * count as u64) as f64
            });
            let name = format!("{}, {count} thread{}", case.name, if count == 1 { "" } else { "s" });
            let names = case.candidates.iter().map(|candidate| candidate.name.as_str());
            row::rows(case.section, &name, "ns", names.zip(samples))
        })
        .collect()
}

fn time_threads(run: &Run, iterations: u64, count: usize) -> Duration {
    let barrier = Barrier::new(count);
    let work = || {
        run(WARM_UP);
        barrier.wait();
        let begun = now();
        run(iterations);
        (begun, now())
    };
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let handles: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        handles.into_iter().map(|handle| handle.join().expect("candidates do not panic")).collect()
    });
    let begun = times.iter().map(|(begun, _)| *begun).min();
    let ended = times.iter().map(|(_, ended)| *ended).max();
    begun.zip(ended).map_or(Duration::ZERO, |(begun, ended)| ended - begun)
}

/// Prints what the rows mean in operations per second, and how that grows with the number of threads.
pub fn scaling(threads: &[usize], by_threads: &[Vec<Row>]) {
    let Some(single) = by_threads.first() else { return };
    let width = single.iter().map(|row| row.candidate.len()).max().unwrap_or(0);
    print!("\n{:<width$}", "million operations/s (and ratio to one thread)");
    for count in threads {
        print!("  {count:>9} thr");
    }
    println!();
    for (place, row) in single.iter().enumerate() {
        print!("{:<width$}", row.candidate);
        for rows in by_threads {
            print!("  {:>6.0} {:>5.2}x", 1e3 / rows[place].min, row.min / rows[place].min);
        }
        println!();
    }
}
