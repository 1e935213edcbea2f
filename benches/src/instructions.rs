//! Instructions per operation, counted by valgrind: the same on a noisy machine and on a quiet one.
//!
//! Each path runs in a process of its own, once with N operations and once with 2N, and only these are counted: what
//! happens before them differs from run to run, since clocks are calibrated there. The committed counts are what a change is compared with: a
//! path that grew by more than [`TOLERANCE`] fails. The loop and the fetch of its input are included.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::candidates::{headers, http, limit, throughline, throughline_trace, tracing};
use crate::harness::{Candidate, LIMIT, OURS, Run};
use crate::workload::{closed, durations, literals, with_durations};

/// The largest growth that is taken for chance.
const TOLERANCE: f64 = 0.05;
/// Smaller changes pass whatever their share: an instruction or two come and go with the compiler's mood.
const SLACK: f64 = 2.0;

/// A path: its name, how many operations are N, and how it is made.
struct Path {
    name: &'static str,
    times: u64,
    make: fn() -> Candidate,
}

const FAST: u64 = 20_000;
const SLOW: u64 = 10;
const REQUESTS: u64 = 2_000;
const SERIES: usize = 1000;
/// Few combinations: by the time the measured operations begin, none of them displaces another from a cache, whatever
/// the process's seed for hashes.
const FEW: usize = 10;
/// The warm-up, in multiples of N.
const WARM_UP: u64 = 5;

const PATHS: &[Path] = &[
    Path { name: "limit-counter-bound", times: FAST, make: limit::slab::counter },
    Path { name: "limit-span", times: FAST, make: limit::span::sampled },
    Path { name: "limit-span-root-not-sampled", times: FAST, make: limit::span::unsampled_root },
    Path { name: "limit-span-child-not-sampled", times: FAST, make: limit::span::unsampled_child },
    Path { name: "span-root", times: FAST, make: throughline_trace::root_whole },
    Path { name: "span-child", times: FAST, make: throughline_trace::child_whole },
    Path { name: "span-root-not-sampled", times: FAST, make: throughline_trace::root_unsampled },
    Path { name: "span-child-not-sampled", times: FAST, make: throughline_trace::child_unsampled },
    Path { name: "limit-tracing", times: FAST, make: tracing::registry },
    Path { name: "span-tracing-child", times: FAST, make: tracing::child_whole },
    Path { name: "span-tracing-root-not-sampled", times: FAST, make: tracing::root_unsampled },
    Path { name: "span-tracing-child-not-sampled", times: FAST, make: tracing::child_unsampled },
    Path { name: "span-opentelemetry-child", times: FAST, make: tracing::otel_child_whole },
    Path { name: "limit-counter-typed", times: FAST, make: || limit::slab::counter_typed(&closed()) },
    Path {
        name: "limit-counter-static-str",
        times: FAST,
        make: || limit::strings::counter_literals(&literals(FEW)),
    },
    Path { name: "limit-counter-bytes", times: FAST, make: || limit::strings::counter_bytes(&literals(FEW)) },
    Path { name: "limit-histogram-explicit", times: FAST, make: || limit::slab::histogram(&durations()) },
    Path {
        name: "limit-histogram-exponential",
        times: FAST,
        make: || limit::slab::exponential(&durations()),
    },
    Path { name: "counter-bound", times: FAST, make: throughline::counter_bound },
    Path { name: "counter-no-attributes", times: FAST, make: throughline::counter_no_attributes },
    Path { name: "counter-typed", times: FAST, make: || throughline::counter_typed(&closed()) },
    Path { name: "counter-static-str", times: FAST, make: || throughline::counter_literals(&literals(FEW)) },
    Path { name: "counter-borrowed-str", times: FAST, make: || throughline::counter_text(&literals(FEW)) },
    Path {
        name: "counter-key-values",
        times: FAST,
        make: || throughline::counter_key_values(&literals(FEW)),
    },
    Path { name: "counter-opentelemetry", times: FAST, make: || throughline::counter_otel(&literals(FEW)) },
    Path { name: "histogram-explicit", times: FAST, make: || throughline::histogram_bound(&durations()) },
    Path {
        name: "histogram-exponential",
        times: FAST,
        make: || throughline::exponential_bound(&durations()),
    },
    Path {
        name: "histogram-typed",
        times: FAST,
        make: || throughline::histogram_typed(&with_durations(&closed())),
    },
    Path { name: "limit-extract", times: FAST, make: || extracting(LIMIT) },
    Path { name: "extract", times: FAST, make: || extracting(OURS) },
    Path { name: "limit-inject", times: FAST, make: || injecting(LIMIT) },
    Path { name: "inject", times: FAST, make: || injecting(OURS) },
    Path { name: "http-bare", times: REQUESTS, make: http::bare },
    Path { name: "http-boxed", times: REQUESTS, make: http::boxed },
    Path { name: "limit-http", times: REQUESTS, make: http::limit },
    Path { name: "http-metrics", times: REQUESTS, make: http::metrics },
    Path { name: "http-unsampled", times: REQUESTS, make: http::unsampled },
    Path { name: "http-root", times: REQUESTS, make: http::root },
    Path { name: "http-child", times: REQUESTS, make: http::child },
    Path {
        name: "scrape-1000-counters",
        times: SLOW,
        make: || passes(throughline::scrape(&throughline::counters(SERIES))),
    },
    Path {
        name: "otlp-1000-counters",
        times: SLOW,
        make: || passes(throughline::export(&throughline::counters(SERIES))),
    },
    Path {
        name: "scrape-1000-histograms",
        times: SLOW,
        make: || passes(throughline::scrape(&throughline::histograms(SERIES))),
    },
    Path {
        name: "otlp-1000-histograms",
        times: SLOW,
        make: || passes(throughline::export(&throughline::histograms(SERIES))),
    },
    Path {
        name: "limit-scrape-1000-counters",
        times: SLOW,
        make: || passes(limit::text::scrape_counters(SERIES)),
    },
    Path {
        name: "limit-scrape-1000-histograms",
        times: SLOW,
        make: || passes(limit::text::scrape_histograms(SERIES)),
    },
];

fn extracting(name: &str) -> Candidate {
    let request = headers::request(&[("traceparent", headers::PARENT)]);
    headers::extracting("", named(headers::EXTRACT, name), request)
}

fn injecting(name: &str) -> Candidate {
    headers::injecting("", named(headers::INJECT, name))
}

fn named<T: Copy>(candidates: &[(&str, T)], name: &str) -> T {
    candidates.iter().find(|(candidate, _)| *candidate == name).expect("each case has one").1
}

fn passes(scrape: crate::sections::scrape::Scrape) -> Candidate {
    Candidate::new("", move |times| {
        (0..times).for_each(|_| {
            std::hint::black_box(scrape());
        });
    })
}

/// What valgrind runs: warms up, so that caches are as large as they get, then does the operations.
pub fn run_path(name: &str, times: u64) -> Result<()> {
    let path = PATHS.iter().find(|path| path.name == name).with_context(|| format!("no path `{name}`"))?;
    let candidate = (path.make)();
    (candidate.run)(path.times * WARM_UP);
    measured(&candidate.run, times);
    Ok(())
}

/// The operations that are counted: valgrind begins and ends counting with this function.
#[inline(never)]
fn measured(run: &Run, times: u64) {
    run(times);
    // Not the last thing that is done, or the call above would replace this function.
    std::hint::black_box(());
}

/// Compares with the committed counts.
pub fn compare() -> Result<()> {
    let committed = committed()?;
    let mut grown = Vec::new();
    println!("{:<28}  {:>10}  {:>10}  {:>7}", "instructions per operation", "committed", "now", "change");
    for path in PATHS {
        let now = count(path)?;
        let Some(&before) = committed.get(path.name) else {
            bail!("`{}` has no committed count: run `cargo xtask bench instructions --bless`", path.name);
        };
        println!("{:<28}  {before:>10.1}  {now:>10.1}  {:>+6.1}%", path.name, (now / before - 1.0) * 100.0);
        if now > before * (1.0 + TOLERANCE) && now > before + SLACK {
            grown.push(path.name);
        }
    }
    ensure!(grown.is_empty(), "more instructions than committed: {}", grown.join(", "));
    Ok(())
}

/// Commits to what is counted now.
pub fn bless() -> Result<()> {
    let mut text = String::from(
        "# Instructions per operation, loop and input included. Written by `cargo xtask bench instructions --bless`;\n\
         # x86-64, the release profile of benches/Cargo.toml.\n",
    );
    for path in PATHS {
        let count = count(path)?;
        println!("{:<28}  {count:>10.1}", path.name);
        let _ = writeln!(text, "{} = {count:.1}", path.name);
    }
    fs::write(file(), text).context("write the counts")
}

/// Instructions per operation.
fn count(path: &Path) -> Result<f64> {
    let (once, twice) = (instructions(path.name, path.times)?, instructions(path.name, path.times * 2)?);
    Ok(twice.saturating_sub(once) as f64 / path.times as f64)
}

fn instructions(path: &str, times: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*instructions::measured",
        ])
        .arg(std::env::current_exe()?)
        .args(["instructions", "--path", path, &times.to_string()])
        .output()
        .context("start valgrind, which counts the instructions")?;
    let report = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {report}");
    let collected = report.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok());
    collected.with_context(|| format!("valgrind did not say how many instructions it collected: {report}"))
}

fn committed() -> Result<BTreeMap<String, f64>> {
    let text = fs::read_to_string(file()).context("read the committed counts")?;
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (name, count) =
                line.split_once('=').with_context(|| format!("not `name = count`: {line}"))?;
            Ok((name.trim().to_owned(), count.trim().parse()?))
        })
        .collect()
}

fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.toml"))
}
