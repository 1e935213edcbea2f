//! Spans through our own API, taken out by a reader on a thread of its own that does nothing with them, or by the
//! same thread, that looks at all of each.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use throughline_trace::data::SpanRef;
use throughline_trace::sampler::Sampler;
use throughline_trace::{Span, SpanReader, Tracer, TracerProvider};

use crate::harness::{Candidate, OURS};

const BATCH: usize = 512;

/// A provider, a tracer of it, and how many spans it made.
pub struct Made {
    pub provider: TracerProvider,
    pub tracer: Tracer,
    taken: Arc<AtomicU64>,
}

pub fn provider(sampler: Sampler) -> (TracerProvider, Tracer, SpanReader) {
    let provider = TracerProvider::builder().with_sampler(sampler).build();
    let reader = provider.reader().expect("the first reader");
    (provider, provider.tracer("bench"), reader)
}

/// With a reader of its own.
pub fn background(sampler: Sampler) -> Made {
    let (provider, tracer, mut reader) = provider(sampler);
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    let (first, thread) = std::sync::mpsc::channel();
    let reading = thread::spawn(move || {
        let own = thread::current();
        reader.on_batch(BATCH, move || own.unpark());
        let _ = first.send(());
        loop {
            let drained = reader.drain(BATCH, |span| {
                black_box(span.span_id);
            });
            count.fetch_add(drained as u64, Ordering::Relaxed);
            if drained < BATCH {
                thread::park_timeout(Duration::from_millis(20));
            }
        }
    });
    let _ = thread.recv();
    drop(reading);
    Made { provider, tracer, taken }
}

impl Made {
    /// How many spans arrived or were dropped, when all have.
    pub fn counted(&self) -> u64 {
        let count = || {
            let dropped: u64 = self.provider.drops().iter().map(|(_, count)| count).sum();
            self.taken.load(Ordering::Relaxed) + dropped
        };
        let mut last = count();
        loop {
            thread::sleep(Duration::from_millis(60));
            let now = count();
            if now == last {
                return now;
            }
            last = now;
        }
    }

    fn candidate(self, name: &str, op: impl Fn(Tracer) + Send + Sync + 'static) -> Candidate {
        let tracer = self.tracer;
        Candidate::repeating(name, move || op(tracer)).with_recorded(move || self.counted())
    }
}

pub fn root(tracer: Tracer) {
    let mut span = tracer
        .span("request")
        .with_no_parent()
        .with_attribute("http.route", black_box("/cart/{id}"))
        .with_attribute("http.request.method", black_box("GET"))
        .with_attribute("http.response.status_code", black_box(200))
        .start();
    span.end();
}

#[inline]
fn start_child(tracer: Tracer) -> Span {
    tracer
        .span("query")
        .with_attribute("http.route", black_box("/cart/{id}"))
        .with_attribute("http.request.method", black_box("GET"))
        .with_attribute("http.response.status_code", black_box(200))
        .start()
}

fn child(tracer: Tracer) {
    start_child(tracer).end();
}

fn entered(tracer: Tracer) {
    let span = start_child(tracer);
    let _entered = span.enter();
}

pub fn root_sampled() -> Candidate {
    background(Sampler::always_on()).candidate(OURS, root)
}

/// Within a current parent.
fn children(made: Made, name: &str, child: fn(Tracer)) -> Candidate {
    let tracer = made.tracer;
    let counted = Mutex::new(0_u64);
    let counted = Arc::new(counted);
    let parents = Arc::clone(&counted);
    Candidate::new(name, move |times| {
        let parent = tracer.span("parent").start();
        let recorded = parent.is_recording();
        let _entered = parent.enter();
        (0..times).for_each(|_| child(tracer));
        if recorded {
            *parents.lock().expect("nobody panics") += 1;
        }
    })
    .with_recorded(move || made.counted() - *counted.lock().expect("nobody panics"))
}

pub fn child_sampled() -> Candidate {
    children(background(Sampler::always_on()), OURS, child)
}

pub fn child_entered() -> Candidate {
    children(background(Sampler::always_on()), OURS, entered)
}

/// Candidates that record nothing are checked by their own count of operations.
fn nothing(sampler: Sampler, run: impl Fn(Tracer, u64) + Send + Sync + 'static) -> Candidate {
    let (provider, tracer, reader) = provider(sampler);
    let reader = Mutex::new(reader);
    let times = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&times);
    Candidate::new(OURS, move |times| {
        run(tracer, times);
        count.fetch_add(times, Ordering::Relaxed);
    })
    .with_recorded(move || {
        let recorded = reader.lock().expect("nobody panics").pending() as u64;
        let dropped: u64 = provider.drops().iter().map(|(_, count)| count).sum();
        times.load(Ordering::Relaxed) - recorded - dropped
    })
}

pub fn root_unsampled() -> Candidate {
    nothing(Sampler::always_off(), |tracer, times| (0..times).for_each(|_| root(tracer)))
}

pub fn child_unsampled() -> Candidate {
    nothing(Sampler::parent_based(Sampler::always_off()), |tracer, times| {
        let parent = tracer.span("parent").start();
        let _entered = parent.enter();
        (0..times).for_each(|_| child(tracer));
    })
}

/// Looks at all of a span.
fn look(span: &SpanRef<'_>) {
    black_box((span.trace_id, span.span_id, span.name, span.start, span.end));
    for attribute in span.attributes.iter() {
        black_box(attribute);
    }
}

/// Spans and their way to the exporter, on one thread, within `parent` if there is one.
fn whole(parents: Option<Tracer>, op: fn(Tracer)) -> Candidate {
    let (provider, tracer, reader) = provider(Sampler::always_on());
    let reader = Arc::new(Mutex::new(reader));
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    Candidate::new(OURS, move |times| {
        let _parent = parents.map(|parents| parents.span("parent").start().enter());
        let mut reader = reader.lock().expect("nobody panics");
        let mut left = times;
        while left > 0 {
            let now = left.min(BATCH as u64);
            (0..now).for_each(|_| op(tracer));
            let drained = reader.drain(BATCH, |span| look(&span));
            count.fetch_add(drained as u64, Ordering::Relaxed);
            left -= now;
        }
    })
    .with_recorded(move || {
        let dropped: u64 = provider.drops().iter().map(|(_, count)| count).sum();
        taken.load(Ordering::Relaxed) + dropped
    })
}

pub fn root_whole() -> Candidate {
    whole(None, root)
}

/// Within a parent of another provider, which nobody reads.
pub fn child_whole() -> Candidate {
    whole(Some(TracerProvider::default().tracer("parents")), child)
}
