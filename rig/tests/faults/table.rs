//! What the cases found, for people: printed at the end, and written to `target/faults.txt`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::probe::Costs;
use crate::run::{Account, Ended};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// One case.
pub(crate) struct Row<'a> {
    pub(crate) case: &'static str,
    pub(crate) ended: &'a Ended,
    pub(crate) costs: Costs,
    pub(crate) memory: Option<u64>,
    pub(crate) seconds: f64,
}

/// Adds a case.
pub(crate) fn add(row: &Row<'_>) {
    let Row { case, ended, costs, memory, seconds } = row;
    let Ended { recorded, spans, logs, points, .. } = ended;
    let mut accounts = vec![("spans", spans), ("logs", logs)];
    accounts.retain(|(_, account)| **account != Account::default());
    let mut recorded = accounts.iter().map(|(_, account)| recorded + account.recovered).sum::<u64>();
    if accounts.is_empty() {
        recorded = points.collected;
        accounts.push(("points", points));
    }
    let sum = |count: fn(&Account) -> u64| accounts.iter().map(|(_, account)| count(account)).sum::<u64>();
    let microseconds = |nanos: u64| nanos as f64 / 1000.0;
    let line = format!(
        "{case:38} {:>8} {:>9} {:>8} {:>8} {:>8.1} {:>8.1} {:>6.2} {:>7} {seconds:>8.2}  {}",
        recorded,
        sum(|account| account.exported),
        sum(Account::dropped) + sum(|account| account.rejected),
        sum(|account| account.spooled),
        microseconds(costs.p99[0]),
        microseconds(costs.p99[1]),
        costs.ratio,
        memory.map_or_else(String::new, |bytes| format!("{}", bytes >> 20)),
        reasons(&accounts),
    );
    LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

fn reasons(accounts: &[(&str, &Account)]) -> String {
    let mut text = String::new();
    for (signal, account) in accounts {
        if account.rejected > 0 {
            write!(text, "{signal} rejected {}; ", account.rejected).expect("a string takes it");
        }
        for (reason, count) in &account.dropped {
            write!(text, "{signal} {reason} {count}; ").expect("a string takes it");
        }
    }
    text.trim_end_matches("; ").to_owned()
}

/// Prints what there is.
pub(crate) fn print() {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if lines.is_empty() {
        return;
    }
    lines.sort_unstable();
    let table = format!(
        "{:38} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8} {:>6} {:>7} {:>8}\n{}\n",
        "spans and log records",
        "recorded",
        "delivered",
        "dropped",
        "spooled",
        "p99 µs",
        "faulty",
        "ratio",
        "MiB",
        "shutdown",
        lines.join("\n"),
    );
    println!("{table}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").join("target");
    // The table is printed in any case.
    drop(std::fs::write(folder.join("faults.txt"), table));
}
