//! A span as the least that it can be: two readings of the counter, ids, and a record of fixed layout written over the
//! oldest one of a buffer. There is no context, no sampler, no limit, and nobody reads it.

use std::cell::RefCell;
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

/// What is asked of a span whose parent is not sampled.
pub fn unsampled() -> Candidate {
    let sampled = black_box(false);
    candidate(move |times| {
        for _ in 0..times {
            black_box(black_box(sampled));
        }
    })
}

impl Spans {
    fn new() -> Self {
        Self { ids: Random::new(1), clock: Clock::new(), records: vec![[0; WORDS]; RECORDS], next: 0 }
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
