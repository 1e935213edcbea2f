//! The project's own tasks, run as `cargo xtask <task>`.
//!
//! They are Rust, not shell, so that they run wherever the project builds. The
//! arguments are few enough to match by hand, which keeps the first
//! `cargo xtask` of a fresh checkout down to a couple of seconds.

// Stdout is this program's user interface, and wall-clock times are what it reports.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program talks")]
#![expect(clippy::disallowed_methods, reason = "steps are timed with the real clock")]

mod bench;
mod cache;
mod features;
mod fuzz;
mod lint_speed;
mod matrix;
mod rig;
mod samples;
mod soak;
mod steps;
mod systems;
mod tree;
mod venv;

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <task>

  check                  formatting, lints and documentation, as CI wants them
  test [--no-rig]        every test; makes the real servers ready first
  rig [SERVER...] [--all]
                         puts real servers into target/rig/bin: prometheus, promtool and
                         otelcol unless named; jaeger, alertmanager and manifests when named
  soak [--minutes N]     an outage of ten minutes at full load with the spool on, against real Prometheus and Jaeger
  fuzz [--seconds N] [TARGET...]
                         throws broken headers at every parser, three seconds each unless told otherwise
  matrix                 asks the registry which releases fit together, for `throughline lint`
  samples [VERSION...] [--deliver]
                         programs of old OpenTelemetry releases, and of other libraries (sdk, metrics, prometheus), migrated
                         and compiled before and after; with --deliver also run, against the real Collector
  lint-speed             how long `throughline lint` takes for a workspace of 200 crates, made for it
  bench [SECTION...]     measures beside the peers; `cargo xtask bench --help` says more
  bench systems [--pairs N] [--system NAME]... [--no-build] [--write]
                         what telemetry costs the example services, against builds without it";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    match words {
        ["check"] => steps::check(),
        ["test"] => steps::test(true),
        ["test", "--no-rig"] => steps::test(false),
        ["rig", "--all"] => rig::prepare(&rig::all()),
        ["rig"] => rig::prepare(&rig::defaults()),
        ["rig", names @ ..] => rig::prepare(&rig::named(names)?),
        ["soak"] => soak::run(soak::MINUTES),
        ["soak", "--minutes", minutes] => soak::run(minutes),
        ["fuzz", words @ ..] => fuzz::run(words),
        ["matrix"] => matrix::run(),
        ["lint-speed"] => lint_speed::run(),
        ["samples", versions @ ..] => samples::run(versions),
        ["bench", "systems", words @ ..] => systems::run(words),
        ["bench", words @ ..] => bench::run(words),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown task `{}`\n\n{USAGE}", words.join(" ")),
    }
}
