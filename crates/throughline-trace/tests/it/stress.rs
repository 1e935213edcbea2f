//! Threads that start and end while a reader drains: every span arrives once, or is counted.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use throughline_trace::{Tracer, testing};

use crate::support::provider;

const WORKERS: u64 = 3;
const GENERATIONS: u64 = 30;
const SPANS: u64 = 500;

/// Spans of one thread; every hundredth is too large for a ring, and every tenth ends on another thread.
fn work(tracer: Tracer, worker: u64, large: &str) {
    let mut elsewhere = Vec::new();
    for n in 0..SPANS {
        let id = (worker * SPANS + n) as i64;
        let text = if n % 100 == 0 { large } else { "short" };
        let span = tracer.span("s").with_attribute("id", id).with_attribute("text", text).start();
        if n % 10 == 0 {
            elsewhere.push(span);
        }
    }
    thread::scope(|scope| {
        scope.spawn(move || drop(elsewhere));
    });
}

#[test]
fn every_span_arrives_once_or_is_counted() {
    let (provider, mut reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    let large = "x".repeat(40_000);
    let running = AtomicU64::new(WORKERS);
    let (mut seen, mut twice) = (HashSet::new(), 0_u64);
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (running, large) = (&running, &large);
            scope.spawn(move || {
                for generation in 0..GENERATIONS {
                    let number = worker * GENERATIONS + generation;
                    thread::scope(|inner| inner.spawn(|| work(tracer, number, large)).join().unwrap());
                }
                running.fetch_sub(1, Ordering::Release);
            });
        }
        let mut drain = |limit| {
            let drained = reader.drain(limit, |span| {
                let id = span.attributes.value("id").map(|id| id.to_string());
                twice += u64::from(!seen.insert(id));
            });
            drained > 0
        };
        while running.load(Ordering::Acquire) > 0 {
            drain(97);
            thread::yield_now();
        }
        while drain(1000) {}
    });
    assert_eq!(twice, 0);
    let dropped: u64 = provider.drops().iter().map(|(_, count)| count).sum();
    assert_eq!(seen.len() as u64 + dropped, WORKERS * GENERATIONS * SPANS, "{:?}", provider.drops());
    assert!(seen.len() as u64 > SPANS);
    assert_eq!(reader.pending(), 0);
    assert!(testing::spans(&mut reader).is_empty());
}
