//! The end: under each kind of runtime, with backends that take, are gone, or hang, and in a panic.
//!
//! What shutdown reports is checked, not how long it takes to the millisecond: a backend that hangs does so until after
//! shutdown has returned, and each call is given a time far below the suite's patience.

use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use throughline::{
    ExportConfig, SHUTDOWN_TIMEOUT, ShutdownReport, TelemetryConfig, TelemetryProviders, init_telemetry,
};
use throughline_rig::Rig;
use tokio::runtime::Builder;

use crate::backend::{Answer, Backend};

const SPANS: u64 = 10;

/// Beyond the time that shutdown has by itself: for a machine that is busy with other tests.
const GRACE: Duration = Duration::from_secs(10);

/// Where the program ends.
#[derive(Clone, Copy, Debug)]
enum Flavour {
    MultiThread,
    CurrentThread,
    NoRuntime,
}

pub(crate) fn multi_thread(_: &Rig) {
    all_days(Flavour::MultiThread);
}

pub(crate) fn current_thread(_: &Rig) {
    all_days(Flavour::CurrentThread);
}

pub(crate) fn no_runtime(_: &Rig) {
    all_days(Flavour::NoRuntime);
}

fn all_days(flavour: Flavour) {
    delivers(flavour);
    gives_up_on_the_dead(flavour);
    gives_up_on_the_hanging(flavour);
    delivers_in_a_panic(flavour);
}

fn delivers(flavour: Flavour) {
    let backend = Backend::answering(Answer::Take);
    let report = end(flavour, start(&backend.url()));
    assert!(report.is_complete(), "{flavour:?}: {report}");
    assert_eq!(report.spans.delivered, SPANS, "{flavour:?}");
    assert_eq!(backend.taken().spans.len() as u64, SPANS, "{flavour:?}");
}

fn gives_up_on_the_dead(flavour: Flavour) {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let report = end(flavour, start(&format!("http://{nobody}")));
    assert_eq!((report.spans.delivered, report.spans.undelivered), (0, SPANS), "{flavour:?}: {report}");
    assert!(report.last_error.is_some_and(|error| error.contains(&nobody.to_string())), "{flavour:?}");
}

fn gives_up_on_the_hanging(flavour: Flavour) {
    let backend = Backend::answering(Answer::Hang);
    let report = end(flavour, start(&backend.url()));
    assert_eq!((report.spans.delivered, report.spans.undelivered), (0, SPANS), "{flavour:?}: {report}");
    assert_eq!(backend.taken().spans.len(), 0);
}

/// Dropped while its thread unwinds, telemetry still delivers.
fn delivers_in_a_panic(flavour: Flavour) {
    let backend = Backend::answering(Answer::Take);
    let telemetry = start(&backend.url());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        inside(flavour, async move {
            let _telemetry = telemetry;
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err(), "{flavour:?}");
    assert_eq!(backend.taken().spans.len() as u64, SPANS, "{flavour:?}");
}

fn start(url: &str) -> TelemetryProviders {
    let config = TelemetryConfig::new("shutdown")
        .without_globals()
        .without_environment_variables()
        .without_prometheus_endpoint()
        .with_export(ExportConfig::new().with_endpoint(url));
    let telemetry = init_telemetry(config).expect("telemetry starts");
    let tracer = telemetry.tracer_provider().tracer("it");
    for number in 0..SPANS {
        let number = throughline::KeyValue::new("n", number as i64);
        drop(tracer.span("work").with_attributes(&[number][..]).start());
    }
    telemetry
}

/// Shuts down as one does there.
fn end(flavour: Flavour, telemetry: TelemetryProviders) -> ShutdownReport {
    let started = Instant::now();
    let report = match flavour {
        Flavour::NoRuntime => telemetry.shutdown_blocking(),
        _ => inside(flavour, telemetry.shutdown()).unwrap_or_else(|error| error.report().clone()),
    };
    let took = started.elapsed();
    assert!(took < SHUTDOWN_TIMEOUT + GRACE, "{flavour:?}: {took:?}");
    report
}

fn inside<T>(flavour: Flavour, work: impl Future<Output = T>) -> T {
    let mut builder = match flavour {
        Flavour::MultiThread => Builder::new_multi_thread(),
        Flavour::CurrentThread => Builder::new_current_thread(),
        Flavour::NoRuntime => return ready(work),
    };
    builder.worker_threads(2).enable_all().build().expect("a runtime").block_on(work)
}

/// Polls what waits for nothing, without a runtime.
fn ready<T>(work: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(work).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("it waits for nothing"),
    }
}
