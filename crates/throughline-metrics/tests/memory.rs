//! Memory does not grow as threads × series: a large family recorded by many threads takes less than twice what it
//! takes when one thread records it. Alone in its process, because all that is allocated counts.
#![expect(unsafe_code, reason = "a global allocator that counts cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use throughline_core::KeyValue;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{Counter, MeterProvider};

struct Counting;

/// Bytes asked for and not given back.
static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SERIES: i64 = 100_000;
/// Series that every thread records: as many as have cells of each thread's own, and more.
const HOT: i64 = 3000;

fn add(counter: &Counter<u64>, n: i64) {
    let set =
        [KeyValue::new("n", n), KeyValue::new("method", "GET"), KeyValue::new("route", "/api/v1/items")];
    counter.add(1, &set);
}

/// What is live when the threads have recorded all series between them, and before they end.
fn live_bytes(threads: usize) -> usize {
    let provider = MeterProvider::builder().with_cardinality_limit(SERIES as usize).build();
    let counter = provider.meter("it").u64_counter("c").build();
    let (recorded, counted) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    let before = LIVE.load(Ordering::Relaxed);
    let live = std::thread::scope(|scope| {
        for thread in 0..threads {
            let (counter, recorded, counted) = (&counter, &recorded, &counted);
            scope.spawn(move || {
                (0..HOT).for_each(|n| add(counter, n));
                (HOT + thread as i64..SERIES).step_by(threads).for_each(|n| add(counter, n));
                recorded.wait();
                counted.wait();
            });
        }
        recorded.wait();
        let live = LIVE.load(Ordering::Relaxed) - before;
        counted.wait();
        live
    });
    let sum = |n: i64| {
        let set = [("n", n.into()), ("method", "GET".into()), ("route", "/api/v1/items".into())];
        set.map(|(key, value): (_, opentelemetry::Value)| KeyValue::new(key, value))
    };
    let snapshot = Snapshot::of(&provider);
    for (n, expected) in [(0, threads), (HOT - 1, threads), (HOT, 1), (SERIES - 1, 1)] {
        assert!((snapshot.sum("c", &sum(n)) - expected as f64).abs() < f64::EPSILON, "{n}");
    }
    live
}

#[test]
fn many_threads_take_less_than_twice_the_memory_of_one() {
    // Many first: what they leave for the next is not counted for one.
    let many = live_bytes(64);
    let one = live_bytes(1);
    assert!(many < 2 * one, "{} bytes a series of 64 threads, {} of one", many / 100_000, one / 100_000);
}
