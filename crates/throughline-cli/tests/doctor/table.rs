//! What was broken and what was found, for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

static ROWS: Mutex<Vec<Row>> = Mutex::new(Vec::new());

/// One fault.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    fault: String,
    hop: String,
    id: String,
    took: Duration,
    /// How the printed fix was applied; empty when it takes a person.
    pub(crate) mended: &'static str,
}

impl Row {
    pub(crate) fn new(fault: &str, hop: &str, id: &str, took: Duration) -> Self {
        Self { fault: fault.to_owned(), hop: hop.to_owned(), id: id.to_owned(), took, mended: "" }
    }
}

pub(crate) fn add(row: Row) {
    ROWS.lock().unwrap_or_else(PoisonError::into_inner).push(row);
}

/// Prints what there is.
pub(crate) fn print() {
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    let mut table = format!("{:64} {:10} {:5} {:>7}  fix applied\n", "fault", "hop", "id", "seconds");
    for Row { fault, hop, id, took, mended } in &rows {
        let mended = if mended.is_empty() { "by hand" } else { mended };
        writeln!(table, "{fault:64} {hop:10} {id:5} {:>7.1}  {mended}", took.as_secs_f64())
            .expect("a string takes it");
    }
    let hops: BTreeSet<&str> = rows.iter().map(|row| &*row.hop).collect();
    for hop in hops {
        let of_hop: Vec<&Row> = rows.iter().filter(|row| row.hop == hop).collect();
        let ids: BTreeSet<&str> = of_hop.iter().map(|row| &*row.id).collect();
        writeln!(table, "{hop:10} {} faults, {} findings", of_hop.len(), ids.len())
            .expect("a string takes it");
    }
    let mended = rows.iter().filter(|row| !row.mended.is_empty()).count();
    writeln!(table, "{} faults, {mended} mended by what is printed", rows.len()).expect("a string takes it");
    println!("\n{table}");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/doctor.txt");
    // The table is printed in any case.
    drop(std::fs::write(target, table));
}
