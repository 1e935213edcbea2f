//! What becomes of telemetry when its process ends in one way or another. The child is this test binary once more.
#![expect(clippy::panic, reason = "a test's helpers fail by panicking")]
#![cfg(unix)]

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use opentelemetry::trace::Tracer as _;
use throughline::{TelemetryConfig, TelemetryProviders, init_telemetry, opentelemetry};

/// Tells the child where its spool is, and what it does at the end.
const SPOOL: &str = "THROUGHLINE_TEST_SPOOL";
const END: &str = "THROUGHLINE_TEST_END";

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// Telemetry whose receiver is away: nothing listens at the port of a listener that is closed again.
fn start(spool: &Path) -> TelemetryProviders {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let config = TelemetryConfig::new("shop")
        .without_globals()
        .without_environment_variables()
        .without_prometheus_endpoint()
        .with_otlp_endpoint(endpoint)
        .with_spool(spool);
    init_telemetry(config).expect("telemetry starts")
}

/// What the child does; nothing when this is not one.
#[test]
fn child() {
    let Some(spool) = std::env::var_os(SPOOL) else { return };
    let telemetry = start(Path::new(&spool));
    telemetry.shutdown_on_signal().expect("a handler");
    let tracer = telemetry.tracer_provider().tracer("it");
    for _ in 0..1000 {
        tracer.in_span("work", |_| ());
    }
    match std::env::var(END).as_deref() {
        Ok("panic") => panic!("at the disco"),
        Ok("drop") => return,
        Ok("spooled") => {
            while spooled(&telemetry) < 1000 {
                std::thread::yield_now();
            }
        }
        _ => {}
    }
    println!("ready");
    std::thread::park();
}

fn spooled(telemetry: &TelemetryProviders) -> u64 {
    telemetry.status()["otlp"]["traces"]["spooled"].as_u64().expect("a number")
}

struct Process {
    child: Child,
    spool: tempfile::TempDir,
}

impl Process {
    fn start(end: &str) -> Self {
        let spool = tempfile::tempdir().expect("a directory");
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args(["child", "--exact", "--nocapture"])
            .env(SPOOL, spool.path())
            .env(END, end)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        Self { child, spool }
    }

    /// Waits until it has recorded.
    fn ready(mut self) -> Self {
        let out = self.child.stdout.take().expect("piped");
        let is_ready = BufReader::new(out).lines().map_while(Result::ok).any(|line| line.ends_with("ready"));
        assert!(is_ready);
        self
    }

    fn kill(&mut self, signal: i32) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args([format!("-{signal}"), id]).status();
        assert!(killed.expect("the command").success());
    }

    /// Its status at the end, and how many spans the next process finds.
    fn end(mut self) -> (ExitStatus, u64) {
        let status = self.child.wait().expect("an end");
        let telemetry = start(self.spool.path());
        while telemetry.status()["otlp"]["traces"]["spool"]["state"] != "working" {
            std::thread::yield_now();
        }
        let found = spooled(&telemetry);
        (status, found)
    }
}

#[test]
fn what_stands_in_the_spool_survives_a_kill() {
    let mut process = Process::start("spooled").ready();
    process.kill(SIGKILL);
    let (status, found) = process.end();
    assert_eq!((status.signal(), found), (Some(SIGKILL), 1000));
}

#[test]
fn a_signal_flushes_and_then_ends_the_process_as_it_would_have() {
    let mut process = Process::start("wait").ready();
    process.kill(SIGTERM);
    let (status, found) = process.end();
    assert_eq!((status.signal(), found), (Some(SIGTERM), 1000));
}

#[test]
fn a_panic_flushes() {
    let (status, found) = Process::start("panic").end();
    assert!(!status.success());
    assert_eq!(found, 1000);
}

#[test]
fn the_end_of_the_scope_flushes() {
    let (status, found) = Process::start("drop").end();
    assert!(status.success());
    assert_eq!(found, 1000);
}
