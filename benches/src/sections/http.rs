//! A layer around an HTTP server: metrics, and spans.

use super::{Section, run_cases};
use crate::candidates::http;
use crate::harness::{Case, Effort};

pub const SECTION: Section = Section {
    name: "http",
    title: "A request through axum, in process: ns per request",
    notes: &[
        "What a layer costs is the difference to the first row, some of which is axum's: it boxes the service and the \
         body of every layer, whatever it does.",
        "The limit times the head alone, knows one route, and has a future of its own in a box; throughline follows the \
         body to its end.",
        "The spans have nine attributes, and are taken away by another thread that does nothing with them. The duration of a \
         request with a sampled span leaves an exemplar.",
    ],
    run: |effort: Effort, random| run_cases(CASES, effort, random),
};

pub const CASES: &[fn() -> Case] = &[request];

fn request() -> Case {
    Case::new(
        SECTION.name,
        "request",
        vec![
            http::bare(),
            http::boxed(),
            http::limit(),
            http::metrics(),
            http::unsampled(),
            http::root(),
            http::child(),
        ],
    )
}
