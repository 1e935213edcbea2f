//! What becomes of what cannot be pushed: each variable by what it does. Needs the cargo feature `spool`.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use throughline::core::clock::{ManualClock, Timestamp};
use throughline::{TelemetryConfig, TelemetryProviders, init_telemetry};

use super::receiver::Receiver;
use super::{Variables, bare};

/// Where nothing listens: the port of a listener that is closed again.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("its address"))
}

/// Pushes spans one by one, and gives up soon.
fn pushing(url: &str, variables: Variables<'_>) -> TelemetryConfig {
    let mut all = vec![
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "50"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
    ];
    all.extend_from_slice(variables);
    bare(&all)
}

fn start(config: TelemetryConfig) -> TelemetryProviders {
    init_telemetry(config).expect("telemetry starts")
}

fn span(telemetry: &TelemetryProviders, name: &str) {
    drop(telemetry.tracer_provider().tracer("it").span(name).start());
}

fn flush(telemetry: &TelemetryProviders) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(telemetry.flush());
}

fn dropped(telemetry: &TelemetryProviders, reason: &str) -> u64 {
    telemetry.status()["otlp"]["traces"]["dropped"][reason].as_u64().expect("a number")
}

#[test]
fn the_queue_is_bounded_in_bytes() {
    for (bytes, lost) in [("1", 1), ("100000", 0)] {
        let telemetry = start(pushing(&nowhere(), &[("THROUGHLINE_QUEUE_MAX_BYTES", bytes)]));
        span(&telemetry, "work");
        flush(&telemetry);
        assert_eq!(dropped(&telemetry, "queue_full"), lost, "{bytes}");
    }
}

#[test]
fn the_spool_keeps_so_much_and_drops_what_it_is_told_to() {
    for (full, kept) in [("drop_oldest", ["3", "4"]), ("drop_newest", ["1", "2"])] {
        let directory = tempfile::tempdir().expect("a directory");
        let variables = [
            ("THROUGHLINE_SPOOL_DIRECTORY", directory.path().to_str().expect("plain")),
            // A small request takes a page of 4096 bytes.
            ("THROUGHLINE_SPOOL_MAX_BYTES", "8192"),
            ("THROUGHLINE_QUEUE_FULL", full),
        ];
        let telemetry = start(pushing(&nowhere(), &variables));
        ["1", "2", "3", "4"].into_iter().for_each(|name| span(&telemetry, name));
        let report = telemetry.shutdown_blocking();
        assert_eq!((report.spans.spooled, report.spans.undelivered), (2, 2), "{full}");

        let receiver = Receiver::start();
        let telemetry = start(pushing(&receiver.url, &variables));
        while telemetry.status()["otlp"]["traces"]["exported"] != 2 {
            std::thread::yield_now();
        }
        let names = receiver.received().iter().flat_map(|request| request.all("spans")).collect::<Vec<_>>();
        let names: Vec<_> = names.iter().map(|spans| spans[0]["name"].clone()).collect();
        assert_eq!(names, kept, "{full}");
    }
}

#[test]
fn the_spool_forgets_what_is_old() {
    for (later, lost) in [(1, 0), (3, 1)] {
        let directory = tempfile::tempdir().expect("a directory");
        let variables = spool(directory.path());
        let clock = Arc::new(ManualClock::at(Timestamp::from_nanos(1 << 60)));
        let telemetry = start(pushing(&nowhere(), &variables).with_clock(clock.clone()));
        span(&telemetry, "work");
        assert_eq!(telemetry.shutdown_blocking().spans.spooled, 1);
        clock.advance(Duration::from_secs(later));
        let receiver = Receiver::start();
        let telemetry = start(pushing(&receiver.url, &variables).with_clock(clock));
        let done = |name: &str| telemetry.status()["otlp"]["traces"][name].as_u64().expect("a number");
        while done("exported") + dropped(&telemetry, "spool_expired") == 0 {
            std::thread::yield_now();
        }
        assert_eq!(dropped(&telemetry, "spool_expired"), lost);
    }
}

fn spool(directory: &Path) -> [(&str, &str); 2] {
    let directory = directory.to_str().expect("plain");
    [("THROUGHLINE_SPOOL_DIRECTORY", directory), ("THROUGHLINE_SPOOL_MAX_AGE", "2s")]
}

#[test]
fn telemetry_tells_of_itself_or_does_not() {
    for (is_on, tells) in [("true", true), ("false", false)] {
        let receiver = Receiver::start();
        let url = format!("{}/v1/metrics", receiver.url);
        let telemetry = start(bare(&[
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("THROUGHLINE_SELF_TELEMETRY", is_on),
        ]));
        telemetry.meter("it").u64_counter("orders").build().add(1, &[]);
        telemetry.shutdown_blocking();
        let body = String::from_utf8(receiver.next().body).expect("JSON");
        assert!(body.contains("orders"), "{body}");
        assert_eq!(body.contains("otel.sdk.exporter.metric_data_point.exported"), tells, "{body}");
    }
}
