//! Results as Markdown tables in `docs/performance.md`, between markers; what stands outside them is left alone.
//!
//! A section's tables stand between `<!-- bench:SECTION -->` and `<!-- /bench:SECTION -->`; the machine, versions and
//! date between the markers of `machine`. A section that was not measured keeps what it had.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::harness::{Row, number};
use crate::sections::{SECTIONS, Section};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");
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
    fs::write(FILE, text).context("write docs/performance.md")
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
