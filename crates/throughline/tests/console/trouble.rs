//! What becomes of what cannot be written: it is counted with its reason, and nobody waits or panics.

use std::io::{self, Write};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use throughline::{ConsoleConfig, TelemetryProviders, init_telemetry};

use crate::support::{everything, record, with};

/// A writer that always fails in this way.
struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn started(writer: impl Write + Send + 'static) -> TelemetryProviders {
    let console: ConsoleConfig = everything().with_writer(writer);
    init_telemetry(with(&[]).with_console_exporter(console)).expect("telemetry starts")
}

fn flush(telemetry: &TelemetryProviders) -> throughline::ShutdownReport {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(telemetry.flush())
}

fn dropped(telemetry: &TelemetryProviders, reason: &str) -> Value {
    telemetry.status()["console"]["dropped"][reason].clone()
}

#[test]
fn a_pipe_that_nobody_reads_any_more() {
    let telemetry = started(Failing(io::ErrorKind::BrokenPipe));
    record(&telemetry);
    let report = flush(&telemetry);
    assert_eq!((report.console.delivered, report.console.undelivered), (0, 6), "{report}");
    assert_eq!(
        dropped(&telemetry, "closed"),
        serde_json::json!({ "points": 3, "spans": 2, "log_records": 1 })
    );
    assert_eq!(dropped(&telemetry, "failed")["spans"], 0);
    assert!(!telemetry.shutdown_blocking().is_complete());
}

#[test]
fn a_disk_that_is_full() {
    let telemetry = started(Failing(io::ErrorKind::StorageFull));
    record(&telemetry);
    assert_eq!(flush(&telemetry).console.undelivered, 6);
    assert_eq!(dropped(&telemetry, "failed")["points"], 3);
    assert!(telemetry.status()["console"]["last_error"].is_string());
}

/// A writer that waits until it is told that it can go on.
struct Blocked(mpsc::Receiver<()>);

impl Write for Blocked {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let _released = self.0.recv();
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_hangs_does_not_keep_the_program_from_ending() {
    let (release, blocked) = mpsc::channel();
    let telemetry = started(Blocked(blocked));
    record(&telemetry);
    let report = telemetry.shutdown_within(Duration::from_millis(200));
    assert!(!report.is_complete(), "{report}");
    drop(release);
}
