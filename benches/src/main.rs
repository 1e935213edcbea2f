//! Measures throughline beside its peers, and beside hand-written limits, all of a section in one process.
//!
//! Run through `cargo xtask bench`. `sections/` says what is measured, `candidates/` how each library does it,
//! `harness/` how it is timed. `instructions.rs` counts instructions instead, which no noise disturbs, and `report.rs`
//! writes the results into the documentation.

// Stdout is this program's user interface.
mod alloc;
mod candidates;
mod check;
mod goals;
mod harness;
mod instructions;
mod report;
mod sections;
mod workload;

use std::path::Path;
use std::process::{self, Command, ExitCode};
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use harness::{Effort, Random, Row};
use sections::{SECTIONS, Section};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

const USAGE: &str = "\
usage: cargo xtask bench [SECTION...] [--quick] [--json FILE]
       cargo xtask bench check                   what our benchmarks record is what they should
       cargo xtask bench instructions [--bless]  compares instruction counts with the committed ones
       cargo xtask bench report [--quick]        measures everything and writes docs/performance.md

sections: counter, histogram, propagation, scrape, otlp, span, http, memory, threads; all unless named";

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
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        ["check"] => check::run(),
        ["instructions"] => instructions::compare(),
        ["instructions", "--bless"] => instructions::bless(),
        ["instructions", "--path", path, times] => instructions::run_path(path, times.parse()?),
        ["report"] => report::write(&measure_all(&Options { effort: Effort::FULL, ..Options::all() })?),
        ["report", "--quick"] => {
            report::write(&measure_all(&Options { effort: Effort::QUICK, ..Options::all() })?)
        }
        ["report", "--from", file] => report::write(&read(Path::new(file))?),
        _ => {
            let options = options(words)?;
            let rows = measure_all(&options)?;
            if options.sections.len() > 1 {
                println!("\n== goals\n{}", goals::table(&rows));
            }
            options.json.map_or(Ok(()), |file| keep(&rows, file))
        }
    }
}

struct Options<'a> {
    sections: Vec<&'static Section>,
    effort: Effort,
    json: Option<&'a str>,
}

impl Options<'_> {
    fn all() -> Self {
        Self { sections: SECTIONS.to_vec(), effort: Effort::FULL, json: None }
    }
}

fn options<'a>(words: &[&'a str]) -> Result<Options<'a>> {
    let mut options = Options { sections: Vec::new(), ..Options::all() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--quick" => options.effort = Effort::QUICK,
            "--json" => options.json = Some(words.next().context("--json needs a file")?),
            name => match SECTIONS.iter().find(|section| section.name == name) {
                Some(section) => options.sections.push(section),
                None => bail!("unknown section `{name}`\n\n{USAGE}"),
            },
        }
    }
    if options.sections.is_empty() {
        options.sections = SECTIONS.to_vec();
    }
    Ok(options)
}

fn measure_all(options: &Options<'_>) -> Result<Vec<Row>> {
    anyhow::ensure!(!cfg!(debug_assertions), "a debug build measures nothing: build with --release");
    if let [section] = options.sections[..] {
        return Ok(measure_section(section, options.effort));
    }
    let mut all = Vec::new();
    for section in &options.sections {
        all.extend(measure_apart(section, options.effort)?);
    }
    Ok(all)
}

fn measure_section(section: &Section, effort: Effort) -> Vec<Row> {
    println!("\n== {}: {}", section.name, section.title);
    let rows = (section.run)(effort, &mut Random::new(0));
    section.notes.iter().for_each(|note| println!("\nnote: {note}"));
    rows
}

/// Measures a section in a process of its own. What one leaves behind, slabs, full caches, or the process' knowledge that
/// spans are made through OpenTelemetry's API, is no concern of the next.
fn measure_apart(section: &Section, effort: Effort) -> Result<Vec<Row>> {
    let program = env::current_exe().context("find this program")?;
    let file = env::temp_dir().join(format!("throughline-bench-{}.json", process::id()));
    let mut command = Command::new(program);
    command.arg(section.name).arg("--json").arg(&file);
    if effort.quick {
        command.arg("--quick");
    }
    let status = command.status().with_context(|| format!("measure {}", section.name))?;
    anyhow::ensure!(status.success(), "measuring {} failed: {status}", section.name);
    let rows = read(&file)?;
    fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
    Ok(rows)
}

fn keep(rows: &[Row], file: &str) -> Result<()> {
    let rows = Value::Array(rows.iter().map(Row::to_json).collect());
    fs::write(file, format!("{rows:#}\n")).with_context(|| format!("write {file}"))
}

fn read(file: &Path) -> Result<Vec<Row>> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("read {name}"))?;
    let rows: Vec<Value> = serde_json::from_str(&text).with_context(|| format!("parse {name}"))?;
    rows.iter().map(|row| Row::from_json(row).with_context(|| format!("not a row: {row}"))).collect()
}
