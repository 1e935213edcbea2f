//! What the application prints about its own telemetry: panics of exporter threads, errors of SDKs, what they dropped.
//!
//! `child.rs` shows every line as it comes, and gives it to [`Lines`] as well.

/// A line is looked at so far.
const LINE_BYTES_MAX: usize = 4096;
/// Lines of each kind that are kept.
const KEPT_MAX: usize = 5;
/// Of a kept line.
const SHOWN_CHARS_MAX: usize = 300;

/// Threads that export, as SDKs and this toolkit call them.
const THREADS: [&str; 4] =
    ["thread 'OpenTelemetry.", "thread 'throughline", "Exception in thread Otel", "thread 'opentelemetry"];

/// What is said when a queue was full.
const DROPPED: [&str; 8] = [
    "SpanDroppingStarted",
    "LogDroppingStarted",
    "SpansDropped",
    "LogsDropped",
    "Queue full, dropping",
    "Queue is full, likely spans/logs will be dropped",
    "is full: some are dropped",
    "telemetry was dropped",
];

/// What is said when an export failed.
const FAILED: [&str; 13] = [
    "Failed to export",
    "Exception while exporting",
    "are not delivered; further failures are counted",
    "took a request in part or with a warning",
    "ExportError",
    "NetworkError",
    "OpenTelemetry trace error",
    "OpenTelemetry metrics error",
    "OpenTelemetry log error",
    "Shutdown.Timeout",
    "Shutdown.Error",
    "WorkerThreadTerminated",
    "ThreadStartError",
];

/// The lines that say something.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) panics: Kept,
    pub(super) dropped: Kept,
    pub(super) failed: Kept,
    /// The line before began a panic, whose message stands in the next.
    is_in_panic: bool,
}

/// Lines of one kind.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) lines: Vec<String>,
    pub(super) count: u64,
}

impl Kept {
    fn add(&mut self, line: &str) {
        self.count += 1;
        if self.lines.len() < KEPT_MAX {
            self.lines.push(line.chars().take(SHOWN_CHARS_MAX).collect());
        }
    }

    pub(super) fn first(&self) -> Option<&str> {
        self.lines.first().map(String::as_str)
    }
}

impl Lines {
    /// More of what is printed; `line` is what there is of the last line of the same pipe.
    pub(super) fn add(&mut self, line: &mut Vec<u8>, printed: &[u8]) {
        for byte in printed {
            if *byte == b'\n' {
                self.look(&without_colours(&String::from_utf8_lossy(line)));
                line.clear();
            } else if line.len() < LINE_BYTES_MAX {
                line.push(*byte);
            }
        }
    }

    fn look(&mut self, line: &str) {
        let line = line.trim();
        let says = |words: &[&str]| words.iter().any(|word| line.contains(word));
        if std::mem::take(&mut self.is_in_panic) {
            if let Some(panic) = self.panics.lines.last_mut().filter(|panic| panic.len() < LINE_BYTES_MAX) {
                panic.extend([' '].into_iter().chain(line.chars().take(SHOWN_CHARS_MAX)));
            }
        } else if says(&THREADS) && (line.contains("panicked at") || line.contains("Exception in thread")) {
            self.panics.add(line);
            self.is_in_panic = self.panics.lines.len() < KEPT_MAX && line.contains("panicked at");
        } else if says(&DROPPED) {
            self.dropped.add(line);
        } else if says(&FAILED) || is_of_an_sdk(line) {
            self.failed.add(line);
        }
    }
}

/// A warning or error of one of OpenTelemetry's crates or packages.
fn is_of_an_sdk(line: &str) -> bool {
    let is_severe = ["ERROR", "WARN", "Error"].iter().any(|level| line.contains(level));
    is_severe && ["opentelemetry", "OpenTelemetry"].iter().any(|of| line.contains(of))
}

/// Without the sequences that colour it.
fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            // `ESC [`, numbers, and a letter.
            let _letter = chars.by_ref().skip(1).find(char::is_ascii_alphabetic);
        } else if !c.is_control() || c == '\t' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_telemetry_are_kept_and_others_are_not() {
        let mut lines = Lines::default();
        let mut line = Vec::new();
        lines.add(
            &mut line,
            b"thread 'OpenTelemetry.Metrics.PeriodicReader' (7) panicked at src/a.rs:1:2:\nthere is no ",
        );
        lines.add(&mut line, b"reactor running\nhello\nthread 'main' panicked at src/main.rs:1:1:\nboom\n");
        lines.add(
            &mut line,
            b"\x1b[33m WARN\x1b[0m opentelemetry_sdk: name=\"BatchSpanProcessor.SpanDroppingStarted\"\n",
        );
        lines
            .add(&mut line, b"\x1b[2m2026\x1b[0m \x1b[31mERROR\x1b[0m \x1b[2mopentelemetry_sdk\x1b[0m: no\n");
        lines.add(
            &mut line,
            b"Failed to export span batch code: 400, reason: Bad Request\nERROR shop: no more\n",
        );
        let panic = "thread 'OpenTelemetry.Metrics.PeriodicReader' (7) panicked at src/a.rs:1:2: there is no reactor running";
        assert_eq!((lines.panics.lines.as_slice(), lines.panics.count), (&[panic.to_owned()][..], 1));
        assert_eq!(lines.dropped.count, 1);
        assert_eq!(lines.failed.lines[0], "2026 ERROR opentelemetry_sdk: no");
        assert_eq!(lines.failed.count, 2);
    }

    #[test]
    fn what_is_kept_has_limits() {
        let mut lines = Lines::default();
        let mut line = Vec::new();
        for _ in 0..1000 {
            lines.add(&mut line, b"Failed to export ");
        }
        assert_eq!(line.len(), LINE_BYTES_MAX);
        lines.add(&mut line, b"\n");
        (0..9).for_each(|_| lines.add(&mut line, b"ExportError\n"));
        assert_eq!((lines.failed.count, lines.failed.lines.len()), (10, KEPT_MAX));
        assert!(lines.failed.lines[0].len() <= SHOWN_CHARS_MAX);
    }
}
