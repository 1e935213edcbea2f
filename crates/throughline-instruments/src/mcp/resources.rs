//! Memory that somebody answers for.

use throughline_metrics::UpDownCounter;

/// So many bytes are held, as long as this lives.
#[derive(Debug)]
#[must_use = "the bytes are no longer held when this is dropped"]
pub struct Held {
    usage: UpDownCounter<i64>,
    bytes: i64,
}

impl Held {
    pub(crate) fn new(usage: UpDownCounter<i64>, bytes: usize) -> Self {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        usage.add(bytes, &[]);
        Self { usage, bytes }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.usage.add(-self.bytes, &[]);
    }
}
