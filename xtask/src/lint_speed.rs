//! `cargo xtask lint-speed`: how long `throughline lint` takes for a workspace of 200 crates, generated for it.
//!
//! Each crate has 100 files of 200 lines, of which ten speak of OpenTelemetry, a manifest and a page of documentation; beside
//! them are a lock file of 800 packages and forty configurations. Nothing in it is built.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

use crate::steps::{cargo, step};

const CRATES: usize = 200;
const FILES: usize = 100;
/// One file in so many speaks of OpenTelemetry.
const ONE_IN: usize = 10;
const PACKAGES: usize = 600;
const CONFIGURATIONS: usize = 40;
/// The first run finds the files on the disk, the others in memory.
const RUNS: usize = 4;

/// Generates the workspace, and times the command on it.
pub(crate) fn run() -> Result<()> {
    let build = ["build", "--quiet", "--release", "--workspace", "--bin", "throughline"];
    step("throughline, optimised", cargo(build))?;
    let folder = env::temp_dir().join(format!("throughline-lint-speed-{}", std::process::id()));
    let done = generate(&folder).and_then(|()| (0..RUNS).try_for_each(|_| time(&folder)));
    fs::remove_dir_all(&folder).context("remove the workspace")?;
    done
}

fn time(folder: &Path) -> Result<()> {
    let mut lint = Command::new(crate::bench::target().join("release/throughline"));
    lint.arg("lint").arg(folder).stdout(Stdio::null());
    let started = Instant::now();
    let status = lint.status().context("start throughline")?;
    println!("-- linted in {:.2} s", started.elapsed().as_secs_f64());
    // Something is to be found, so that finding is measured, too.
    if status.code() == Some(1) { Ok(()) } else { bail!("lint ended with {status}") }
}

fn generate(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("deploy"))?;
    fs::write(folder.join("Cargo.toml"), "[workspace]\nmembers = [\"crates/*\"]\n")?;
    fs::write(folder.join("Cargo.lock"), lock())?;
    for number in 0..CONFIGURATIONS {
        fs::write(folder.join(format!("deploy/collector-{number}.yaml")), COLLECTOR)?;
    }
    for number in 0..CRATES {
        let package = folder.join(format!("crates/part-{number}"));
        fs::create_dir_all(package.join("src"))?;
        fs::write(package.join("Cargo.toml"), manifest(number))?;
        fs::write(package.join("README.md"), DOCUMENT)?;
        for file in 0..FILES {
            fs::write(package.join(format!("src/module_{file}.rs")), source(file))?;
        }
    }
    Ok(())
}

fn manifest(number: usize) -> String {
    let mut text =
        format!("[package]\nname = \"part-{number}\"\n\n[dependencies]\nopentelemetry = \"0.33\"\n");
    for dependency in (number..number + 15).map(|other| other % PACKAGES) {
        let _infallible =
            writeln!(text, "library-{dependency} = {{ version = \"1\", features = [\"std\"] }}");
    }
    text
}

fn lock() -> String {
    let mut text =
        "version = 4\n\n[[package]]\nname = \"opentelemetry\"\nversion = \"0.33.1\"\nsource = \"registry\"\n"
            .to_owned();
    for number in 0..CRATES {
        let libraries = (number..number + 15).map(|other| format!(" \"library-{}\",\n", other % PACKAGES));
        let libraries: String = libraries.collect();
        let _infallible = write!(
            text,
            "\n[[package]]\nname = \"part-{number}\"\nversion = \"0.1.0\"\ndependencies = [\n{libraries} \"opentelemetry\",\n]\n"
        );
    }
    for number in 0..PACKAGES {
        let _infallible = write!(
            text,
            "\n[[package]]\nname = \"library-{number}\"\nversion = \"1.0.{number}\"\nsource = \"registry\"\n"
        );
    }
    text
}

/// A source of 200 lines; one in ten records metrics, and one of those as it was done once.
fn source(number: usize) -> String {
    let mut text = String::new();
    if number % ONE_IN == 0 {
        text.push_str("use opentelemetry::{global, KeyValue};\n\n");
    }
    for function in 0..9 {
        text.push_str(&FUNCTION.replace("NUMBER", &function.to_string()));
        if number % ONE_IN == 0 {
            let build = if number == 0 && function == 0 { "init" } else { "build" };
            text.push_str(&RECORDS.replace("NUMBER", &function.to_string()).replace("BUILD", build));
        } else {
            text.push_str(&COUNTS.replace("NUMBER", &function.to_string()));
        }
    }
    text
}

const FUNCTION: &str = r"
/// Works out what part NUMBER of an order comes to, and says so when it is more than was expected.
pub fn total_NUMBER(items: &[Item], discount: Option<u32>) -> Result<u64, Error> {
    let mut total = 0_u64;
    for item in items.iter().filter(|item| item.is_available()) {
        let price = item.price().checked_mul(u64::from(item.count)).ok_or(Error::Overflow)?;
        total = match discount {
            Some(percent) if percent <= 100 => total + price * u64::from(100 - percent) / 100,
            Some(percent) => return Err(Error::Discount(percent)),
            None => total + price,
        };
    }
    Ok(total)
}
";

const RECORDS: &str = r#"
pub fn record_NUMBER(kind: &'static str) {
    let orders = global::meter("orders").u64_counter("orders.NUMBER").with_unit("{order}").BUILD();
    orders.add(1, &[KeyValue::new("kind", kind), KeyValue::new("part", NUMBER)]);
}
"#;

const COUNTS: &str = r"
pub fn count_NUMBER(items: &[Item]) -> usize {
    let available = items.iter().filter(|item| item.is_available());
    available.map(|item| item.count as usize).sum()
}
";

const DOCUMENT: &str = "# A part\n\nIt records with opentelemetry.\n\n```rust\nlet meter = opentelemetry::global::meter(\"orders\");\n```\n";

const COLLECTOR: &str = "\
receivers:
  otlp: {protocols: {grpc: {endpoint: 0.0.0.0:4317}}}
processors:
  batch: {}
exporters:
  logging: {}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [logging]}
    metrics: {receivers: [otlp], processors: [batch], exporters: [logging]}
    logs: {receivers: [otlp], processors: [batch], exporters: [logging]}
";
