//! How many go out at once, how often, and what becomes of the rest.

use std::time::Duration;

use throughline::{
    BatchConfiguration, ExportConfig, LogConfig, MetricsConfig, Temporality, TraceConfig, metrics,
};

use crate::receiver::{Answers, Received, Receiver};
use crate::{end, record_spans, start, to, within};

/// Longer than any test waits.
const NEVER: Duration = Duration::from_secs(3600);

fn batches(size: usize, delay: Duration) -> BatchConfiguration {
    BatchConfiguration::new().with_max_export_batch_size(size).with_scheduled_delay(delay)
}

#[tokio::test]
async fn a_full_batch_does_not_wait() {
    let receiver = Receiver::start();
    let traces = TraceConfig::new().with_batch(batches(64, NEVER));
    let logs = LogConfig::new().with_batch(batches(128, NEVER));
    let telemetry = start(to(&receiver).with_traces(traces).with_logs(logs));
    // Until the exporters run, nobody is told of a batch.
    assert!(telemetry.flush().await.is_complete());
    record_spans(&telemetry, 70);
    assert_eq!(receiver.next().spans().len(), 64);
    within(&telemetry, || (0..130).for_each(|n| tracing::info!(n, "m")));
    assert_eq!(receiver.next().logs().len(), 128);
    end(telemetry);
    let rest = receiver.all();
    assert_eq!(rest.iter().map(|request| request.spans().len()).sum::<usize>(), 6);
    assert_eq!(rest.iter().map(|request| request.logs().len()).sum::<usize>(), 2);
}

#[test]
fn no_request_has_more_than_a_batch() {
    let receiver = Receiver::start();
    let traces = TraceConfig::new().with_batch(batches(3, NEVER));
    let logs = LogConfig::new().with_batch(batches(2, NEVER));
    let telemetry = start(to(&receiver).with_traces(traces).with_logs(logs));
    record_spans(&telemetry, 7);
    within(&telemetry, || (0..5).for_each(|n| tracing::info!(n, "m")));
    end(telemetry);
    let requests = receiver.all();
    let sizes = |count: fn(&Received) -> usize| -> Vec<_> {
        requests.iter().map(count).filter(|size| *size > 0).collect()
    };
    assert_eq!(sizes(|request| request.spans().len()), [3, 3, 1]);
    assert_eq!(sizes(|request| request.logs().len()), [2, 2, 1]);
}

#[test]
fn what_is_no_batch_waits_for_the_delay() {
    let receiver = Receiver::start();
    let short = BatchConfiguration::new().with_scheduled_delay(Duration::from_millis(20));
    let logs = LogConfig::new().with_batch(short);
    let traces = TraceConfig::new().with_batch(batches(512, NEVER));
    let telemetry = start(to(&receiver).with_traces(traces).with_logs(logs));
    record_spans(&telemetry, 1);
    // Log records go out again and again, and the span is still waiting.
    for _ in 0..3 {
        within(&telemetry, || tracing::info!("m"));
        assert_eq!(receiver.next().logs().len(), 1);
    }
    end(telemetry);
    assert_eq!(receiver.spans().len(), 1);
}

/// The number that the exporter of spans tells under this name.
fn status(telemetry: &throughline::TelemetryProviders, pointer: &str) -> u64 {
    let status = telemetry.status();
    let number = status.pointer(&format!("/otlp/traces/{pointer}")).and_then(serde_json::Value::as_u64);
    number.unwrap_or_else(|| panic!("no {pointer} in {status:#}"))
}

#[tokio::test]
async fn the_queue_keeps_so_many_and_counts_the_rest() {
    let receiver = Receiver::answering(Answers::Status(503));
    let batch = batches(5, NEVER).with_max_queue_size(10).with_max_export_timeout(Duration::from_millis(50));
    let telemetry = start(to(&receiver).with_traces(TraceConfig::new().with_batch(batch)));
    record_spans(&telemetry, 30);
    let report = telemetry.flush().await;
    assert!(!report.is_complete(), "{report}");
    let (queued, full) = (status(&telemetry, "queued"), status(&telemetry, "dropped/queue_full"));
    assert_eq!((queued, full), (10, 20), "{:#}", telemetry.status());
    let report = telemetry.shutdown_within(Duration::from_millis(200));
    assert_eq!(report.spans.delivered, 0);
}

#[tokio::test]
async fn who_does_not_answer_is_given_up_after_the_timeout() {
    let short = Duration::from_millis(50);
    for (export, batch) in [
        (ExportConfig::new().with_timeout(short), BatchConfiguration::new()),
        (ExportConfig::new(), BatchConfiguration::new().with_max_export_timeout(short)),
    ] {
        let receiver = Receiver::answering(Answers::Silence);
        let traces = TraceConfig::new().with_export(export.with_endpoint(receiver.url())).with_batch(batch);
        let telemetry = start(to(&receiver).with_traces(traces));
        record_spans(&telemetry, 1);
        let report = telemetry.flush().await;
        assert_eq!((report.spans.delivered, report.spans.undelivered), (0, 1), "{report}");
        let error = report.last_error.expect("it is told");
        assert!(error.contains("no answer") && error.contains("within"), "{error}");
        telemetry.shutdown_within(short);
    }
}

/// The sum of the only metric, and whether it is a delta.
fn sum(request: &Received) -> (f64, bool) {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    let metrics = request.metrics();
    let Some(Data::Sum(sum)) = &metrics[0].data else { panic!("no sum: {metrics:?}") };
    let Some(Value::AsInt(value)) = sum.data_points[0].value else { panic!("no integer: {sum:?}") };
    (value as f64, sum.aggregation_temporality == 1)
}

#[test]
fn metrics_are_pushed_at_the_interval_with_the_temporality() {
    for (temporality, expected) in [
        (Temporality::Delta, [(2.0, true), (3.0, true)]),
        (Temporality::Cumulative, [(2.0, false), (5.0, false)]),
    ] {
        let receiver = Receiver::start();
        let often = MetricsConfig::new()
            .with_export_interval(Duration::from_millis(20))
            .with_temporality(temporality);
        let telemetry = start(to(&receiver).with_metrics(often));
        let counter: metrics::Counter<u64> = telemetry.meter("it").u64_counter("orders").build();
        // Until it is seen: requests may be on their way that were collected before.
        let seen = |add: u64, expected: (f64, bool)| {
            counter.add(add, &[]);
            while sum(&receiver.next()) != expected {}
        };
        seen(2, expected[0]);
        seen(3, expected[1]);
        end(telemetry);
    }
}
