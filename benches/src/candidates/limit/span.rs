//! A span as the least that it can be: two readings of the counter, ids, and a record of fixed layout written over the
//! oldest one of a buffer. There is no context, no sampler, no limit, and nobody reads it.
//!
//! One that is not sampled still reads the context of its parent, decides, draws the ids that it has even so, and carries
//! a context of its own, for whoever asks for it or sends it on.

use std::cell::{Cell, RefCell};
use std::hint::black_box;

use quanta::Clock;

use super::candidate;
use crate::harness::{Candidate, Random};

/// Words of a record: trace id, span id, parent, start, end, name, and three attributes of key, length and value.
const WORDS: usize = 7 + 3 * 5;
const RECORDS: usize = 128;

struct Spans {
    ids: Random,
    clock: Clock,
    records: Vec<[u64; WORDS]>,
    next: usize,
}

thread_local! {
    static SPANS: RefCell<Option<Spans>> = const { RefCell::new(None) };
}

/// A span with three attributes.
pub fn sampled() -> Candidate {
    candidate(|times| {
        SPANS.with_borrow_mut(|spans| {
            let spans = spans.get_or_insert_with(Spans::new);
            for _ in 0..times {
                spans.record(black_box([2, 0x4745_5400, 200]));
            }
        });
    })
}

/// What others are told of a span.
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "nobody asks here")]
struct Context {
    trace: [u64; 2],
    span: u64,
    flags: u8,
}

thread_local! {
    static CURRENT: Cell<Context> = const { Cell::new(Context { trace: [1, 2], span: 3, flags: 0 }) };
}

/// A child of a current span that is not sampled.
pub fn unsampled_child() -> Candidate {
    unsampled(Spans::unsampled_child)
}

/// A root that the sampler leaves out.
pub fn unsampled_root() -> Candidate {
    unsampled(Spans::unsampled_root)
}

fn unsampled(start: fn(&mut Spans) -> Option<Context>) -> Candidate {
    candidate(move |times| {
        SPANS.with_borrow_mut(|spans| {
            let spans = spans.get_or_insert_with(Spans::new);
            for _ in 0..times {
                black_box(start(spans));
            }
        });
    })
}

impl Spans {
    fn new() -> Self {
        Self { ids: Random::new(1), clock: Clock::new(), records: vec![[0; WORDS]; RECORDS], next: 0 }
    }

    /// `None` if it were to be recorded.
    fn unsampled_child(&mut self) -> Option<Context> {
        let parent = CURRENT.get();
        let is_left_out = parent.flags & 1 == 0;
        is_left_out.then(|| Context { span: self.ids.next(), ..parent })
    }

    fn unsampled_root(&mut self) -> Option<Context> {
        let trace = [self.ids.next(), self.ids.next()];
        let is_left_out = trace[1] < black_box(u64::MAX);
        is_left_out.then(|| Context { trace, span: self.ids.next(), flags: 0 })
    }

    fn record(&mut self, values: [u64; 3]) {
        let start = self.clock.raw();
        let ids = [self.ids.next(), self.ids.next(), self.ids.next()];
        let record = &mut self.records[self.next % RECORDS];
        self.next += 1;
        record[..3].copy_from_slice(&ids);
        for (place, value) in record[7..].chunks_exact_mut(5).zip(values) {
            place.copy_from_slice(&[0x6874_7470, 0x2e72_6571, 0x7565_7374, 16, value]);
        }
        let end = self.clock.raw();
        record[4] = start;
        record[5] = end;
        black_box(record);
    }
}
