//! What is measured, section by section. Each module makes the cases of its section; what is not even between the
//! candidates is in the section's notes, which are printed under its tables.

pub mod counter;
pub mod histogram;
pub mod http;
pub mod memory;
pub mod otlp;
pub mod propagation;
pub mod scrape;
pub mod span;
pub mod threads;

use crate::harness::{Case, Effort, Random, Row, measure, print};

/// A section: its name, what it says about its own fairness, and how it is run.
pub struct Section {
    pub name: &'static str,
    pub title: &'static str,
    pub notes: &'static [&'static str],
    pub run: fn(Effort, &mut Random) -> Vec<Row>,
}

/// In the order of the documentation.
pub const SECTIONS: &[&Section] = &[
    &counter::SECTION,
    &histogram::SECTION,
    &propagation::SECTION,
    &scrape::SECTION,
    &otlp::SECTION,
    &span::SECTION,
    &http::SECTION,
    &memory::SECTION,
    &threads::SECTION,
];

/// Measures cases one after the other, each made only when its turn comes, and prints their tables.
fn run_cases(cases: &[fn() -> Case], effort: Effort, random: &mut Random) -> Vec<Row> {
    let mut all = Vec::new();
    for make in cases {
        let rows = measure(&make(), effort, random);
        print(&rows);
        all.extend(rows);
    }
    all
}
