//! `cargo xtask matrix`: which release of a crate goes with which OpenTelemetry, as the registry has it today.
//!
//! A scratch package that depends on all crates of the table makes cargo fetch what the registry's index says of them; it
//! is read from cargo's own cache, so whichever registry cargo is set up for is the one that is asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::cache::repository;
use crate::steps::{cargo, step};

const TABLE: &str = "crates/throughline-cli/src/lint/matrix.toml";

/// Versions of one crate, by the OpenTelemetry minor they belong to.
type Releases = BTreeMap<Minor, Vec<Version>>;

/// An OpenTelemetry minor; what does not depend on it comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Minor {
    Any,
    Of(u64, u64),
}

/// A version, for sorting.
type Version = (u64, u64, u64);

/// Writes the table anew.
pub(crate) fn run() -> Result<()> {
    let path = repository().join(TABLE);
    let old = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let names: Vec<&str> =
        old.lines().filter_map(|line| line.strip_prefix("[crates.")?.strip_suffix(']')).collect();
    fetch(&names)?;
    let index = index()?;
    let mut crates = BTreeMap::new();
    for name in &names {
        crates.insert(*name, releases(&index, name)?);
    }
    fs::write(&path, table(&crates)?).with_context(|| format!("write {}", path.display()))?;
    println!("{}: {} crates", path.display(), crates.len());
    Ok(())
}

/// Makes cargo ask the registry for all of them.
fn fetch(names: &[&str]) -> Result<()> {
    let folder = env::temp_dir().join(format!("throughline-matrix-{}", std::process::id()));
    fs::create_dir_all(folder.join("src"))?;
    let dependencies: Vec<String> = names.iter().map(|name| format!("{name} = \"*\"\n")).collect();
    let dependencies = dependencies.concat();
    let manifest = format!(
        "[workspace]\n[package]\nname = \"matrix\"\nedition = \"2021\"\n[dependencies]\n{dependencies}"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), "")?;
    let mut lock = cargo(["generate-lockfile", "--quiet"]);
    lock.current_dir(&folder);
    let done = step("the registry's index", lock);
    fs::remove_dir_all(&folder)?;
    done
}

/// Cargo's cache of the index that was used last.
fn index() -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| Some(env::home_dir()?.join(".cargo"))).context("no home folder: set CARGO_HOME")?;
    let index = home.join("registry/index");
    let folders = fs::read_dir(&index).with_context(|| format!("read {}", index.display()))?;
    let caches = folders.filter_map(|folder| Some(folder.ok()?.path().join(".cache")));
    caches
        .filter(|cache| cache.join("op/en/opentelemetry").exists())
        .max_by_key(|cache| {
            fs::metadata(cache.join("op/en/opentelemetry")).and_then(|file| file.modified()).ok()
        })
        .context("cargo's cache has no opentelemetry")
}

fn releases(index: &Path, name: &str) -> Result<Releases> {
    let file = index.join(name.get(..2).unwrap_or(name)).join(name.get(2..4).unwrap_or_default()).join(name);
    let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
    let mut releases = Releases::new();
    for entry in bytes.split(|byte| *byte == 0).filter(|entry| entry.starts_with(b"{")) {
        let entry: Value = serde_json::from_slice(entry).with_context(|| format!("the index of {name}"))?;
        let version = entry["vers"].as_str().unwrap_or_default();
        let plain = version.split('+').next().unwrap_or_default();
        let (false, Some(number)) = (entry["yanked"] == true, number(plain)) else { continue };
        releases.entry(minor(&entry, name, number)).or_default().push(number);
    }
    if releases.is_empty() {
        bail!("the registry has no release of {name}");
    }
    Ok(releases)
}

/// A release's version; none for what is not a release.
fn number(version: &str) -> Option<Version> {
    let mut parts = version.split('.').map(str::parse);
    let number = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    parts.next().is_none().then_some(number)
}

/// The OpenTelemetry minor that an entry of the index asks for.
fn minor(entry: &Value, name: &str, (major, own, _): Version) -> Minor {
    if matches!(name, "opentelemetry" | "opentelemetry_api") {
        return Minor::Of(major, own);
    }
    let dependencies = entry["deps"].as_array().into_iter().flatten();
    let mut asked = dependencies.filter(|dependency| {
        let package = dependency["package"].as_str().or_else(|| dependency["name"].as_str());
        dependency["kind"] != "dev" && matches!(package, Some("opentelemetry" | "opentelemetry_api"))
    });
    let requirement = asked.next().and_then(|dependency| dependency["req"].as_str()).unwrap_or_default();
    let mut parts =
        requirement.trim_start_matches(['^', '=', '~', '>']).split(['.', ',', ' ']).map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Minor::Of(major, minor),
        _ => Minor::Any,
    }
}

fn table(crates: &BTreeMap<&str, Releases>) -> Result<String> {
    let family = crates.get("opentelemetry").and_then(|releases| releases.keys().next_back());
    let Some(Minor::Of(major, minor)) = family else { bail!("no release of opentelemetry") };
    let mut text = format!(
        "# Which release of a crate goes with which OpenTelemetry: generated from the registry by `cargo xtask matrix`.\n\
         # \"any\" has the releases that do not depend on `opentelemetry`.\n\
         generated = \"{}\"\nfamily = \"{major}.{minor}\"\n",
        today()?
    );
    for (name, releases) in crates {
        writeln!(text, "\n[crates.{name}]")?;
        for (minor, versions) in releases.iter().rev() {
            let minor = match minor {
                Minor::Of(major, minor) => format!("{major}.{minor}"),
                Minor::Any => "any".to_owned(),
            };
            let mut versions = versions.clone();
            versions.sort_unstable_by(|a, b| b.cmp(a));
            let versions: Vec<String> = versions.iter().map(|(a, b, c)| format!("\"{a}.{b}.{c}\"")).collect();
            writeln!(text, "\"{minor}\" = [{}]", versions.join(", "))?;
        }
    }
    Ok(text)
}

/// The day, as `2026-11-21`: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn today() -> Result<String> {
    let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    Ok(format!("{year}-{month:02}-{day:02}"))
}
