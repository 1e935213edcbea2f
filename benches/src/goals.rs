//! What the engine is to reach, and whether it does: the first table of `docs/performance.md`.

use std::fmt::Write as _;

use crate::harness::{LIMIT, OURS, Row, number};

/// One goal.
struct Goal {
    path: &'static str,
    /// The bound, with the unit as one writes it behind a number.
    most: f64,
    unit: &'static str,
    section: &'static str,
    case: &'static str,
    reading: Reading,
}

/// What of a case's rows is held against the bound.
enum Reading {
    /// Ours over the limit in the same run.
    Ratio,
    /// Ours.
    Min,
    /// Ours over ours in another case: two threads on one series against one thread.
    Over(&'static str),
    /// Ours over another candidate of ours.
    Beside(&'static str),
    /// What this candidate of ours adds to another one, which is nobody's telemetry.
    Added { ours: &'static str, bare: &'static str },
}

const BOUND: &str = "no attributes, bound or cached";
const THREE_STRINGS: &str = "3 borrowed strings, 100 combinations";
const HISTOGRAM: &str = "14 explicit bounds, bound or cached";

const GOALS: &[Goal] = &[
    Goal::new("bound counter", 2.0, "× limit", "counter", BOUND).read(Reading::Ratio),
    Goal::new(
        "typed attributes, 3 enums",
        1.5,
        "× limit",
        "counter",
        "3 closed sets (enums), 100 combinations",
    )
    .read(Reading::Ratio),
    Goal::new("3 `&'static str`, 100 combinations", 8.0, "ns", "counter", "3 &'static str, 100 combinations"),
    Goal::new(
        "3 `&'static str`, 1000 combinations",
        14.0,
        "ns",
        "counter",
        "3 &'static str, 1000 combinations",
    ),
    Goal::new("3 strings, 100 combinations", 22.0, "ns", "counter", THREE_STRINGS),
    Goal::new("3 strings, 1000 combinations", 28.0, "ns", "counter", "3 borrowed strings, 1000 combinations"),
    Goal::new(
        "OpenTelemetry API, 3 attributes",
        30.0,
        "ns",
        "counter",
        "opentelemetry::Counter::add(&[KeyValue; 3]), 100 combinations",
    ),
    Goal::new("explicit histogram, bound", 7.0, "ns", "histogram", HISTOGRAM),
    Goal::new(
        "exponential histogram, bound",
        5.0,
        "ns",
        "histogram",
        "exponential or native, bound or cached",
    ),
    Goal::new(
        "bound counter, two threads",
        TWO_THREADS,
        "× one",
        "threads",
        "counter, bound or cached, 2 threads",
    )
    .read(Reading::Over("counter, bound or cached, 1 thread")),
    Goal::new(
        "3 strings, two threads",
        TWO_THREADS,
        "× one",
        "threads",
        "counter, 3 borrowed strings, 100 combinations, 2 threads",
    )
    .read(Reading::Over("counter, 3 borrowed strings, 100 combinations, 1 thread")),
    Goal::new(
        "histogram, two threads",
        TWO_THREADS,
        "× one",
        "threads",
        "histogram, bound or cached, 2 threads",
    )
    .read(Reading::Over("histogram, bound or cached, 1 thread")),
    Goal::new("text, 1k counters", 15.0, "ns", "scrape", "1k counters with 3 labels"),
    Goal::new("text, 10k counters", 15.0, "ns", "scrape", "10k counters with 3 labels"),
    Goal::new("text, 100k counters", 15.0, "ns", "scrape", "100k counters with 3 labels"),
    Goal::new("text, 1M counters", 15.0, "ns", "scrape", "1M counters with 3 labels"),
    Goal::new("text, 10k histograms", 350.0, "ns", "scrape", "10k histograms with 14 bounds and 3 labels"),
    Goal::new("OTLP, 100k counters", 30.0, "ns", "otlp", "100k counters with 3 attributes"),
    Goal::new("OTLP, 1M counters", 30.0, "ns", "otlp", "1M counters with 3 attributes"),
    Goal::new("OTLP, 10k histograms", 60.0, "ns", "otlp", "10k histograms with 14 bounds and 3 attributes"),
    Goal::new("memory, 100k counters", 120.0, "B", "memory", "100000 counters, 3 attributes, 1 thread"),
    Goal::new("memory, 64 threads", 2.0, "× one", "memory", "100000 counters, 3 attributes, 64 threads")
        .read(Reading::Over("100000 counters, 3 attributes, 1 thread")),
    Goal::new(
        "memory, 10k histograms",
        350.0,
        "B",
        "memory",
        "10000 histograms, 14 bounds, 3 attributes, 1 thread",
    ),
    Goal::new(
        "recording beside scrapes of 100k series",
        1.1,
        "× alone",
        "threads",
        "counter, bound, 2 threads, beside scrapes of 100k series",
    )
    .read(Reading::Beside("throughline (no scrapes)")),
    Goal::new("HTTP layer, metrics", 250.0, "ns", "http", "request")
        .read(Reading::Added { ours: OURS, bare: "axum" }),
    Goal::new("HTTP layer, metrics and a span that is not sampled", 280.0, "ns", "http", "request")
        .read(Reading::Added { ours: "throughline (metrics, unsampled root)", bare: "axum" }),
    Goal::new("HTTP layer, metrics and sampled span", 400.0, "ns", "http", "request")
        .read(Reading::Added { ours: "throughline (metrics, sampled root)", bare: "axum" }),
];

/// Time for an operation, with two threads: 1.8 times as many as one thread does.
const TWO_THREADS: f64 = 1.0 / 1.8;

impl Goal {
    const fn new(
        path: &'static str,
        most: f64,
        unit: &'static str,
        section: &'static str,
        case: &'static str,
    ) -> Self {
        Self { path, most, unit, section, case, reading: Reading::Min }
    }

    const fn read(mut self, reading: Reading) -> Self {
        self.reading = reading;
        self
    }

    fn row<'a>(&self, rows: &'a [Row], case: &str, candidate: &str) -> Option<&'a Row> {
        let is = |row: &&Row| row.section == self.section && row.case == case && row.candidate == candidate;
        rows.iter().find(is)
    }

    fn reached(&self, rows: &[Row]) -> Option<f64> {
        let ours = self.row(rows, self.case, OURS)?;
        match self.reading {
            Reading::Ratio => ours.limit_ratio,
            Reading::Min => Some(ours.min),
            Reading::Over(case) => Some(ours.min / self.row(rows, case, OURS)?.min),
            Reading::Beside(candidate) => Some(ours.min / self.row(rows, self.case, candidate)?.min),
            Reading::Added { ours, bare } => {
                Some(self.row(rows, self.case, ours)?.min - self.row(rows, self.case, bare)?.min)
            }
        }
    }

    /// The quickest, or smallest, of the others, and what it has.
    fn best_peer<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        if matches!(self.reading, Reading::Added { .. }) {
            return None; // the others of the case are no peers
        }
        let is_peer = |row: &&Row| {
            let is_ours = row.candidate.starts_with(OURS) || row.candidate.starts_with(LIMIT);
            row.section == self.section && row.case == self.case && !is_ours && row.min.is_finite()
        };
        rows.iter().filter(is_peer).min_by(|a, b| a.min.total_cmp(&b.min))
    }
}

/// The table; goals whose sections were not measured are left out.
pub fn table(rows: &[Row]) -> String {
    let mut text =
        "\n| path | goal | throughline | | of the limit | best peer |\n|---|---:|---:|---|---:|---|\n"
            .to_owned();
    for goal in GOALS {
        let Some(reached) = goal.reached(rows) else { continue };
        let verdict = if reached <= goal.most { "reached" } else { "missed" };
        let candidate = if let Reading::Added { ours, .. } = goal.reading { ours } else { OURS };
        let ratio = goal.row(rows, goal.case, candidate).and_then(|row| row.limit_ratio);
        let ratio = ratio.map(number).unwrap_or_default();
        let peer = goal.best_peer(rows).map_or_else(String::new, |row| {
            format!("{} {} ({})", number(row.min), row.unit.trim_end_matches("/series"), row.candidate)
        });
        let Goal { path, unit, .. } = goal;
        let (most, reached) = (number(goal.most), number(reached));
        let _ = writeln!(text, "| {path} | ≤ {most} {unit} | {reached} | {verdict} | {ratio} | {peer} |");
    }
    text.push('\n');
    text
}
