//! `cargo xtask bench systems`: what telemetry costs the example services, as a share of the processor time they take.
//!
//! Each is built twice, as it is and with the cargo feature `off`, which leaves recording and exporting out of the program.
//! The two then do the same work in turns: a fixed number of requests, which they make themselves. What counts is the
//! processor time that the system says they took, of all their threads and processes, exporting included. While they
//! run, `backend.rs` takes what they push and scrapes what they serve; `paired.rs` tells the cost from chance.

mod backend;
mod paired;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::{Value, json};

use crate::bench::target;
use crate::cache;
use crate::steps::{cargo, step};
use backend::Backend;
use paired::Paired;

/// One example, and the work that it does.
struct System {
    package: &'static str,
    /// How many requests, and what they are called.
    work: u64,
    unit: &'static str,
    /// In these, `PORT` is one that is free; metrics are served there, if they are.
    arguments: &'static [&'static str],
}

/// A few seconds of work each.
const SYSTEMS: &[System] = &[
    System {
        package: "inference-server",
        work: 400,
        unit: "completion",
        arguments: &["--listen", "127.0.0.1:PORT"],
    },
    System { package: "llm-client", work: 2_000, unit: "chat", arguments: &["--every", "1ms"] },
    System {
        package: "stream-processor",
        work: 30_000,
        unit: "event",
        arguments: &["--rate", "10000", "--listen", "127.0.0.1:PORT"],
    },
    System { package: "actor-mesh", work: 8_000, unit: "range", arguments: &["--rate", "2000"] },
    System {
        package: "mcp-server",
        work: 1_200,
        unit: "question",
        arguments: &["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:PORT", "--rate", "0"],
    },
];

const USAGE: &str = "\
usage: cargo xtask bench systems [--pairs N] [--system NAME]... [--no-build] [--write]

  --pairs N      runs with telemetry and without, each; 12 unless told otherwise
  --system NAME  only this example
  --no-build     measures the programs that the last run built
  --write        writes the table into docs/performance.md";

/// Enough for an interval of half a per cent where nothing else runs.
const PAIRS: usize = 12;

/// What is asked for.
struct Options {
    pairs: usize,
    systems: Vec<&'static System>,
    builds: bool,
    writes: bool,
}

/// Measures, and says what was found; the figures of all runs are in `target/systems.json`.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let options = options(words)?;
    if options.builds {
        build(&options.systems)?;
    }
    let backend = Backend::start()?;
    let mut rows = Vec::new();
    for system in &options.systems {
        rows.push((*system, measure(system, options.pairs, &backend)?));
    }
    ensure!(backend.bytes() > 0, "nothing was pushed: telemetry did not run");
    let text = table(&rows);
    println!("{text}");
    let file = target().join("systems.json");
    let json = rows.iter().map(|(system, paired)| to_json(system, paired)).collect();
    fs::write(&file, format!("{:#}\n", Value::Array(json))).context("keep the figures")?;
    println!("every run is in {}", file.display());
    if options.writes { write(&text) } else { Ok(()) }
}

fn options(words: &[&str]) -> Result<Options> {
    let mut options = Options { pairs: PAIRS, systems: Vec::new(), builds: true, writes: false };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match (*word, words.as_slice().first()) {
            ("--write", _) => options.writes = true,
            ("--no-build", _) => options.builds = false,
            ("--pairs", Some(number)) => {
                options.pairs = number.parse().context("--pairs wants a whole number")?;
                words.next();
            }
            ("--system", Some(name)) => {
                let known = SYSTEMS.iter().find(|system| system.package == *name);
                options.systems.push(known.with_context(|| format!("no example `{name}`\n\n{USAGE}"))?);
                words.next();
            }
            _ => bail!("{USAGE}"),
        }
    }
    ensure!(options.pairs >= 2, "one pair says nothing about chance: --pairs 2 at least");
    if options.systems.is_empty() {
        options.systems = SYSTEMS.iter().collect();
    }
    Ok(options)
}

/// The two builds of each program.
const BUILDS: [(&str, &[&str]); 2] = [("on", &[]), ("off", &["--features", "off"])];

/// Builds the examples both ways, and puts them where the second build does not replace the first.
fn build(systems: &[&System]) -> Result<()> {
    for (name, features) in BUILDS {
        let mut build = cargo(["build", "--release", "--locked"]);
        build.env("CARGO_TARGET_DIR", target()).args(features);
        for System { package, .. } in systems {
            build.args(["--package", package]);
        }
        step(&format!("build the examples, telemetry {name}"), build)?;
        let folder = folder(name);
        fs::create_dir_all(&folder).context("make a folder for the programs")?;
        for System { package, .. } in systems {
            let built = target().join("release").join(package);
            fs::copy(&built, folder.join(package)).with_context(|| format!("keep {}", built.display()))?;
        }
    }
    Ok(())
}

fn folder(build: &str) -> PathBuf {
    target().join("systems").join(build)
}

/// Pairs of runs, each build first in every other one. What a first run finds cold is not counted.
fn measure(system: &System, pairs: usize, backend: &Backend) -> Result<Paired> {
    let [on, off] = BUILDS.map(|(build, _)| folder(build).join(system.package));
    println!("-- {}: {} {}s, {pairs} pairs of runs", system.package, system.work, system.unit);
    processor_time(&on, system, backend)?;
    processor_time(&off, system, backend)?;
    let mut paired = Paired::default();
    for number in 0..pairs {
        let (with, without) = if number % 2 == 0 {
            let with = processor_time(&on, system, backend)?;
            (with, processor_time(&off, system, backend)?)
        } else {
            let without = processor_time(&off, system, backend)?;
            (processor_time(&on, system, backend)?, without)
        };
        paired.add(with.as_secs_f64(), without.as_secs_f64());
    }
    Ok(paired)
}

/// Runs the program to its end: how much processor time it took, in user and in kernel mode, with the processes that it
/// started itself.
fn processor_time(program: &Path, system: &System, backend: &Backend) -> Result<Duration> {
    let port = backend::free_port()?.to_string();
    let mut command = Command::new(program);
    command.args(["--work", &system.work.to_string()]);
    command.args(system.arguments.iter().map(|argument| argument.replace("PORT", &port)));
    command.envs(backend.environment()).env_remove("GEMINI_API_KEY").env_remove("GEMINI_BASE_URL");
    command.current_dir(cache::repository()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let before = of_children()?;
    let status = backend::scraping(&port, || command.status());
    let status = status.with_context(|| format!("start {}", program.display()))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(of_children()?.saturating_sub(before))
}

/// Processor time of all children that have ended.
fn of_children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("ask the system for processor times")?;
    let time = |value: TimeVal| Duration::new(value.tv_sec() as u64, value.tv_usec() as u32 * 1000);
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

fn table(rows: &[(&System, Paired)]) -> String {
    let mut text = String::from(
        "\n| system | processor time without | added | share | 95 % interval | below 1 % |\n\
         |---|---:|---:|---:|---:|---|\n",
    );
    for (system, paired) in rows {
        let micros = |seconds: f64| seconds / system.work as f64 * 1e6;
        let (share, [low, high]) = (paired.share() * 100.0, paired.interval().map(|end| end * 100.0));
        let verdict = if high < 1.0 { "yes" } else { "no" };
        let verdict = if (low..high).contains(&1.0) { "open" } else { verdict };
        let (without, System { package, unit, .. }) = (micros(paired.without()), system);
        let added = without * paired.share();
        let _ = writeln!(
            text,
            "| {package} | {without:.0} µs a {unit} | {added:.1} µs | {share:.2} % | {low:.2} to {high:.2} % | {verdict} |",
        );
    }
    text
}

fn to_json(system: &System, paired: &Paired) -> Value {
    let [low, high] = paired.interval();
    json!({
        "system": system.package,
        "work": system.work,
        "unit": system.unit,
        "share": paired.share(),
        "low": low,
        "high": high,
        "seconds_with_and_without": paired.pairs(),
    })
}

const BEGIN: &str = "<!-- bench:systems -->\n";
const END: &str = "<!-- /bench:systems -->";

/// Puts the table where it stands in the documentation.
fn write(table: &str) -> Result<()> {
    let file = cache::repository().join("docs/performance.md");
    let text = fs::read_to_string(&file).context("read docs/performance.md")?;
    let (before, rest) = text.split_once(BEGIN).context("docs/performance.md has no place for the table")?;
    let (_, after) = rest.split_once(END).context("the place for the table has no end")?;
    fs::write(&file, format!("{before}{BEGIN}{table}\n{END}{after}")).context("write docs/performance.md")
}
