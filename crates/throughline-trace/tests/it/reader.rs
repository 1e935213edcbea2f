//! Taking spans out: each once, as many as asked for, and nothing lost without being counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use throughline_trace::{DropReason, testing};

use crate::support::provider;

#[test]
fn a_span_is_taken_once() {
    let (provider, mut reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    (0..10).for_each(|_| tracer.span("s").start().end());
    assert_eq!(reader.pending(), 10);
    assert_eq!(reader.drain(4, |_| {}), 4);
    assert_eq!(reader.pending(), 6);
    assert_eq!(testing::spans(&mut reader).len(), 6);
    assert_eq!(testing::spans(&mut reader).len(), 0);
}

#[test]
fn there_is_one_reader() {
    let (provider, reader) = provider(|builder| builder);
    assert!(provider.reader().is_none());
    let tracer = provider.tracer("it");
    tracer.span("unread").start().end();
    drop(reader);
    tracer.span("late").start().end();
    assert_eq!(provider.drops(), [(DropReason::Closed, 2)]);
}

#[test]
fn order_of_a_thread_is_kept_whatever_the_backlog() {
    let (provider, mut reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    let mut next = 0;
    for round in 1..40_i64 {
        for n in 0..round * 7 {
            tracer.span("s").with_attribute("n", n).with_attribute("round", round).start().end();
        }
        let backlog = reader.pending();
        reader.drain(backlog / 2 + 1, |span| {
            let n = span.attributes.iter().next().map(|(_, value)| value.to_string()).unwrap();
            if n == "0" {
                next = 0;
            }
            assert_eq!(n, next.to_string());
            next += 1;
        });
    }
}

#[test]
fn a_full_ring_drops_what_is_new_and_counts_it() {
    let (provider, mut reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    let text = "x".repeat(1000);
    for n in 0..2000 {
        tracer.span("s").with_attribute("n", n).with_attribute("text", text.as_str()).start().end();
    }
    let seen = testing::spans(&mut reader);
    let dropped = provider.drops();
    assert_eq!(dropped, [(DropReason::RingFull, 2000 - seen.len() as u64)]);
    assert!((900..1100).contains(&seen.len()), "{}", seen.len());
    let kept = seen.iter().enumerate().all(|(n, span)| span.attributes[0].1 == n.to_string());
    assert!(kept, "the oldest are kept");
    tracer.span("again").start().end();
    assert_eq!(testing::spans(&mut reader).len(), 1);
}

#[test]
fn the_queue_of_large_spans_is_limited() {
    let (provider, mut reader) = provider(|builder| builder);
    let tracer = provider.tracer("it");
    let text = "x".repeat(1 << 19);
    (0..20).for_each(|_| tracer.span("s").with_attribute("text", text.as_str()).start().end());
    let seen = testing::spans(&mut reader).len() as u64;
    assert_eq!(provider.drops(), [(DropReason::LargeQueueFull, 20 - seen)]);
    assert_eq!(seen, 15);
}

#[test]
fn the_reader_is_woken_once_for_a_batch() {
    let (provider, mut reader) = provider(|builder| builder);
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    assert!(reader.on_batch(100, move || {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    let tracer = provider.tracer("it");
    let record = |spans: usize| (0..spans).for_each(|_| tracer.span("s").start().end());
    record(64);
    assert_eq!(woken.load(Ordering::Relaxed), 0);
    record(1000);
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    reader.drain(usize::MAX, |_| {});
    record(1000);
    assert_eq!(woken.load(Ordering::Relaxed), 2);
}
