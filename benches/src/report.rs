//! Results as Markdown tables in `docs/`, between markers; what stands outside them is left alone.
//!
//! In `performance.md` a section's tables stand between `<!-- bench:SECTION -->` and `<!-- /bench:SECTION -->`; the
//! machine, versions and date between the markers of `machine`, and what was to be reached between those of `goals`. `recording.md` has our own rows alone, by door. A section
//! that was not measured keeps what it had.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::goals;
use crate::harness::{OURS, Row, number};
use crate::sections::{SECTIONS, Section};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");
const DOORS_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recording.md");
const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");

/// Whose versions are named.
const PEERS: &[&str] = &[
    "foundations-metrics",
    "measured",
    "metrics",
    "metrics-exporter-prometheus",
    "opentelemetry_sdk",
    "opentelemetry-prometheus",
    "opentelemetry-prometheus-text-exporter",
    "prometheus",
    "prometheus-client",
];

pub fn write(rows: &[Row]) -> Result<()> {
    let mut text = fs::read_to_string(FILE).context("read docs/performance.md")?;
    replace(&mut text, "machine", &machine()?)?;
    for section in SECTIONS {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.section == section.name).collect();
        if !rows.is_empty() {
            replace(&mut text, section.name, &section_text(section, &rows))?;
        }
    }
    if SECTIONS.iter().all(|section| rows.iter().any(|row| row.section == section.name)) {
        replace(&mut text, "goals", &goals::table(rows))?;
    }
    fs::write(FILE, text).context("write docs/performance.md")?;
    let is_measured = |name: &str| rows.iter().any(|row| row.section == name);
    if !is_measured("counter") || !is_measured("histogram") {
        return Ok(());
    }
    let mut text = fs::read_to_string(DOORS_FILE).context("read docs/recording.md")?;
    replace(&mut text, "doors", &doors(rows)?)?;
    fs::write(DOORS_FILE, text).context("write docs/recording.md")
}

/// Our doors in the words of a user, and the rows that measured them: section, case and candidate.
const DOORS: &[(&str, &str, &str, &str)] = &[
    ("bound counter", "counter", "no attributes, bound or cached", OURS),
    (
        "counter without attributes",
        "counter",
        "no attributes, bound or cached",
        "throughline (no attributes, typed)",
    ),
    ("typed, 3 enums, 100 combinations", "counter", "3 closed sets (enums), 100 combinations", OURS),
    ("typed, 3 `&'static str`, 100 combinations", "counter", "3 &'static str, 100 combinations", OURS),
    ("typed, 3 `&'static str`, 1000 combinations", "counter", "3 &'static str, 1000 combinations", OURS),
    ("typed, 3 borrowed strings, 100 combinations", "counter", "3 borrowed strings, 100 combinations", OURS),
    (
        "typed, 3 borrowed strings, 1000 combinations",
        "counter",
        "3 borrowed strings, 1000 combinations",
        OURS,
    ),
    (
        "dynamic, 3 `KeyValue`, 100 combinations",
        "counter",
        "3 &'static str, 100 combinations",
        "throughline ([KeyValue])",
    ),
    (
        "OpenTelemetry's API, 3 attributes, 100 combinations",
        "counter",
        "opentelemetry::Counter::add(&[KeyValue; 3]), 100 combinations",
        OURS,
    ),
    ("bound histogram, 14 bounds", "histogram", "14 explicit bounds, bound or cached", OURS),
    ("bound exponential histogram", "histogram", "exponential or native, bound or cached", OURS),
    ("typed histogram, 3 enums", "histogram", "14 explicit bounds, 3 closed sets, 100 combinations", OURS),
];

fn doors(rows: &[Row]) -> Result<String> {
    let mut text = "\n| door | ns | × limit |\n|---|---:|---:|\n".to_owned();
    for (door, section, case, candidate) in DOORS {
        let is = |row: &&Row| row.section == *section && row.case == *case && row.candidate == *candidate;
        let row = rows.iter().find(is).with_context(|| format!("no row `{candidate}` of `{case}`"))?;
        let ratio = row.limit_ratio.map(number).unwrap_or_default();
        let _ = writeln!(text, "| {door} | {} | {ratio} |", number(row.min));
    }
    text.push('\n');
    Ok(text)
}

fn replace(text: &mut String, name: &str, new: &str) -> Result<()> {
    let (begin, end) = (format!("<!-- bench:{name} -->\n"), format!("<!-- /bench:{name} -->"));
    let start = text.find(&begin).with_context(|| format!("no marker {}", begin.trim()))? + begin.len();
    let length = text[start..].find(&end).with_context(|| format!("no marker {end}"))?;
    text.replace_range(start..start + length, new);
    Ok(())
}

fn section_text(section: &Section, rows: &[&Row]) -> String {
    let mut text = format!("\n### {}\n", section.title);
    for of_case in rows.chunk_by(|a, b| a.case == b.case) {
        let _ = write!(text, "\n{} [{}]\n\n", of_case[0].case, of_case[0].unit);
        text.push_str("| | min | median | × limit |\n|---|---:|---:|---:|\n");
        for row in of_case {
            let ratio = row.limit_ratio.map(number).unwrap_or_default();
            let (min, median) = (number(row.min), number(row.median));
            let _ = writeln!(text, "| {} | {min} | {median} | {ratio} |", row.candidate);
        }
    }
    text.push_str("\nWhat is not even:\n\n");
    for note in section.notes {
        let _ = writeln!(text, "- {note}");
    }
    text.push('\n');
    text
}

fn machine() -> Result<String> {
    let lock = fs::read_to_string(LOCK).context("read the lock file")?;
    let versions: Vec<String> =
        PEERS.iter().filter_map(|name| Some(format!("{name} {}", version(&lock, name)?))).collect();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    Ok(format!(
        "\nMeasured {} on {} ({processors} processors), {}, thin LTO, one codegen unit. Peers: {}.\n\n",
        said_by("date", &["-u", "+%Y-%m-%d"]),
        processor(),
        said_by("rustc", &["--version"]),
        versions.join(", "),
    ))
}

fn version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let package =
        lock.split("[[package]]").find(|package| package.contains(&format!("\nname = \"{name}\"\n")))?;
    package.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
}

fn processor() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    model.unwrap_or("an unknown processor").to_owned()
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
