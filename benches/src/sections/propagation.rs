//! Reading the caller's span from the headers of a request, and writing one into them.

use super::{Section, run_cases};
use crate::candidates::headers::{EXTRACT, INJECT, PARENT, extracting, injecting, request};
use crate::harness::{Case, Effort};

pub const SECTION: Section = Section {
    name: "propagation",
    title: "W3C Trace Context over http::HeaderMap: ns per request",
    notes: &[
        "The limit looks for traceparent alone and knows nothing of tracestate, of other versions, or of a header that is \
         there twice; throughline and the SDK look for tracestate too, and throughline takes out one that the previous \
         hop left.",
        "A Context shares its span, which is one allocation; the SDK extracts nothing else. OpenTelemetry's Extractor shows \
         the values of a header in a vector, which is another one.",
        "Beside it there are seven other headers. Inserting replaces the value, so its allocation and the end of the last \
         one are included for everybody.",
    ],
    run: |effort: Effort, random| run_cases(CASES, effort, random),
};

pub const CASES: &[fn() -> Case] = &[extract, absent, inject];

fn extract() -> Case {
    extract_from("extract", &[("traceparent", PARENT)])
}

fn absent() -> Case {
    extract_from("extract, no traceparent", &[])
}

fn extract_from(name: &str, with: &[(&'static str, &'static str)]) -> Case {
    let candidates = EXTRACT.iter().map(|(name, run)| extracting(name, *run, request(with))).collect();
    Case::new(SECTION.name, name, candidates)
}

fn inject() -> Case {
    let candidates = INJECT.iter().map(|(name, make)| injecting(name, *make)).collect();
    Case::new(SECTION.name, "inject", candidates)
}
