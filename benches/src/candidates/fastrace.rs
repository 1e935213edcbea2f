//! fastrace, with a reporter that does nothing. Its children are local spans, its fastest way; their attributes are made
//! when the span is, as its documentation shows.

use std::hint::black_box;
use std::sync::Once;

use fastrace::collector::{Config, Reporter, SpanRecord};
use fastrace::prelude::{LocalSpan, Span, SpanContext};

use crate::harness::Candidate;

const NAME: &str = "fastrace";

struct Nothing;

impl Reporter for Nothing {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        black_box(spans);
    }
}

fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| fastrace::set_reporter(Nothing, Config::default()));
}

fn attributes() -> [(&'static str, &'static str); 3] {
    [
        ("http.route", black_box("/cart/{id}")),
        ("http.request.method", black_box("GET")),
        ("http.response.status_code", black_box("200")),
    ]
}

pub fn root_sampled() -> Candidate {
    start();
    Candidate::repeating(NAME, || {
        drop(Span::root("request", SpanContext::random()).with_properties(attributes));
    })
}

/// A trace has a limit of spans, so there is a new one every so often.
const CHILDREN: u64 = 100;

pub fn child_sampled() -> Candidate {
    start();
    children(|| Span::root("parent", SpanContext::random()))
}

pub fn root_unsampled() -> Candidate {
    start();
    Candidate::repeating(NAME, || {
        drop(Span::root("request", SpanContext::random().sampled(false)).with_properties(attributes));
    })
}

pub fn child_unsampled() -> Candidate {
    start();
    children(|| Span::root("parent", SpanContext::random().sampled(false)))
}

fn children(parent: fn() -> Span) -> Candidate {
    Candidate::new(NAME, move |times| {
        let mut left = times;
        while left > 0 {
            let now = left.min(CHILDREN);
            let parent = parent();
            let _entered = parent.set_local_parent();
            for _ in 0..now {
                drop(LocalSpan::enter_with_local_parent("query").with_properties(attributes));
            }
            left -= now;
        }
    })
}
