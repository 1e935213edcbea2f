//! How many bytes something has as JSON.

use std::io;

use serde::Serialize;

/// Counts what is written.
struct Counted(u64);

impl io::Write for Counted {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0 += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes it to nowhere, without keeping it in memory; 0 for what cannot be written.
pub(crate) fn of(value: &impl Serialize) -> u64 {
    let mut counted = Counted(0);
    serde_json::to_writer(&mut counted, value).map_or(0, |()| counted.0)
}
