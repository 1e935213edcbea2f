//! The same series written from several threads at once.
//!
//! Each sample starts new threads, which warm up, wait for each other, and then do the same number of operations. The
//! time is from the first start to the last end.
//!
//! On a busy machine threads take turns instead of running at once, and then nothing contends. Such a sample would flatter
//! whoever contends most, so it does not count: the threads' processor time must show that all processors worked.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::{Case, Effort, Random, Row, Run, calibrate, in_rounds, now, number, row};

/// Operations each thread does before the measured ones: thread-local caches are filled then.
const WARM_UP: u64 = 5_000;
/// The share of the processors' time that the threads must have had.
const PARALLEL: f64 = 0.85;

/// Measures a case at each number of threads. The unit is nanoseconds of elapsed time per operation of any thread, so
/// that perfect scaling halves it with two threads.
pub fn measure_parallel(
    case: &Case,
    threads: &[usize],
    effort: Effort,
    random: &mut Random,
) -> Vec<Vec<Row>> {
    let iterations: Vec<u64> =
        case.candidates.iter().map(|candidate| calibrate(&candidate.run, effort.sample)).collect();
    threads
        .iter()
        .map(|&count| {
            let mut samples = vec![Vec::new(); case.candidates.len()];
            in_rounds(&mut samples, effort, random, |place| {
                let (elapsed, parallel) = time_threads(&case.candidates[place].run, iterations[place], count);
                let nanoseconds = elapsed.as_secs_f64() * 1e9 / (iterations[place] * count as u64) as f64;
                if parallel { nanoseconds } else { f64::INFINITY }
            });
            let name = format!("{}, {count} thread{}", case.name, if count == 1 { "" } else { "s" });
            let names = case.candidates.iter().map(|candidate| candidate.name.as_str());
            row::rows(case.section, &name, "ns", names.zip(samples.into_iter().map(counted)))
        })
        .collect()
}

/// The samples that count.
fn counted(samples: Vec<f64>) -> Vec<f64> {
    samples.into_iter().filter(|sample| sample.is_finite()).collect()
}

/// What one thread did.
struct Turn {
    begun: Instant,
    ended: Instant,
    on_processor: Duration,
}

/// How long it took, and whether the threads ran at once.
fn time_threads(run: &Run, iterations: u64, count: usize) -> (Duration, bool) {
    let barrier = Barrier::new(count);
    let work = || {
        run(WARM_UP);
        barrier.wait();
        let (begun, before) = (now(), processor_time());
        run(iterations);
        let on_processor = processor_time().saturating_sub(before);
        Turn { begun, ended: now(), on_processor }
    };
    let turns: Vec<Turn> = thread::scope(|scope| {
        let handles: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        handles.into_iter().map(|handle| handle.join().expect("candidates do not panic")).collect()
    });
    let begun = turns.iter().map(|turn| turn.begun).min();
    let ended = turns.iter().map(|turn| turn.ended).max();
    let elapsed = begun.zip(ended).map_or(Duration::ZERO, |(begun, ended)| ended - begun);
    let used: Duration = turns.iter().map(|turn| turn.on_processor).sum();
    let processors = thread::available_parallelism().map_or(1, usize::from).min(count);
    (elapsed, used.as_secs_f64() >= PARALLEL * elapsed.as_secs_f64() * processors as f64)
}

/// How long the calling thread has been on a processor.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
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
            let (rate, ratio) = (1e3 / rows[place].min, row.min / rows[place].min);
            print!("  {:>6} {:>5}x", number(rate), number(ratio));
        }
        println!();
    }
}
