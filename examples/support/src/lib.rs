//! What the example programs have in common: how long they run, and what they counted themselves.
//!
//! An example counts what it does a second time, in a [`Tally`] that knows nothing of telemetry, and prints it as its last
//! line. Whoever runs it can hold what Prometheus stores against that.

use std::collections::BTreeMap;
use std::io::{Write as _, stdout};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

/// How long a program runs: `--for 10s`, `--work 1000`, or until Ctrl-C.
#[derive(Clone, Copy, Debug, clap::Args)]
#[expect(clippy::exhaustive_structs, reason = "arguments of unpublished programs")]
pub struct Length {
    /// Drive itself for so long, then end; without it, run until Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub length: Option<Duration>,

    /// Drive itself through so many requests, the same in each run, then end
    #[arg(long, value_name = "N", conflicts_with = "length")]
    pub work: Option<u64>,
}

impl Length {
    /// Whether the program makes its own load.
    pub fn drives_itself(&self) -> bool {
        self.length.is_some() || self.work.is_some()
    }

    /// How many requests there are to be made at most.
    pub fn requests(&self) -> u64 {
        self.work.unwrap_or(u64::MAX)
    }

    /// Waits until it is time to end; when that is after so much work, whoever does it knows sooner.
    ///
    /// # Errors
    /// When the process cannot listen for Ctrl-C.
    pub async fn wait(&self) -> Result<()> {
        let interrupted = tokio::signal::ctrl_c();
        match self.length {
            None => interrupted.await.context("listen for Ctrl-C"),
            Some(length) => {
                tokio::select! {
                    result = interrupted => result.context("listen for Ctrl-C"),
                    () = tokio::time::sleep(length) => Ok(()),
                }
            }
        }
    }
}

/// What a program counted itself, by the name Prometheus stores it under.
#[derive(Debug)]
pub struct Tally {
    service: &'static str,
    counted: Mutex<BTreeMap<String, f64>>,
}

impl Tally {
    /// Nothing yet.
    pub const fn new(service: &'static str) -> Self {
        Self { service, counted: Mutex::new(BTreeMap::new()) }
    }

    /// Counts.
    pub fn add(&self, name: &str, amount: f64) {
        let mut counted = self.counted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match counted.get_mut(name) {
            Some(total) => *total += amount,
            None => {
                counted.insert(name.to_owned(), amount);
            }
        }
    }

    /// All of it: `{"service": …, "counted": {name: total, …}}`.
    pub fn to_json(&self) -> Value {
        let counted = self.counted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let totals: Map<_, _> = counted.iter().map(|(name, total)| (name.clone(), number(*total))).collect();
        json!({ "service": self.service, "counted": totals })
    }

    /// Prints it as one line on standard output.
    ///
    /// # Errors
    /// When nobody reads standard output any more.
    pub fn print(&self) -> Result<()> {
        writeln!(stdout(), "{}", self.to_json()).context("print what was counted")
    }
}

/// Counts as integers, as people write them.
fn number(total: f64) -> Value {
    if total.fract() == 0.0 && total.abs() < 9e15 { json!(total as i64) } else { json!(total) }
}
