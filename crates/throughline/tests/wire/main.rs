//! Every setting by what it does: seen at the receiver, decoded by the official messages.
#![expect(clippy::panic, reason = "a test's helpers fail by panicking")]

mod batches;
mod protocols;
mod receiver;
mod recording;
mod resource;

use throughline::{TelemetryConfig, TelemetryProviders, init_telemetry};
use tracing_subscriber::layer::SubscriberExt as _;

use receiver::Receiver;

/// Telemetry that pushes everything to this receiver, and is otherwise as by default.
fn to(receiver: &Receiver) -> TelemetryConfig {
    TelemetryConfig::new("shop")
        .without_globals()
        .without_environment_variables()
        .without_prometheus_endpoint()
        .with_otlp_endpoint(receiver.url())
        .with_self_telemetry(false)
}

fn start(config: TelemetryConfig) -> TelemetryProviders {
    init_telemetry(config).expect("telemetry starts")
}

/// So many spans, each a trace of its own.
fn record_spans(telemetry: &TelemetryProviders, count: usize) {
    let tracer = telemetry.tracer_provider().tracer("it");
    (0..count).for_each(|_| drop(tracer.span("work").with_no_parent().start()));
}

/// Runs with the telemetry's layer as the subscriber.
fn within<R>(telemetry: &TelemetryProviders, work: impl FnOnce() -> R) -> R {
    let subscriber = tracing_subscriber::registry().with(telemetry.layer());
    tracing::subscriber::with_default(subscriber, work)
}

/// Pushes what there is, and ends.
fn end(telemetry: TelemetryProviders) {
    let report = telemetry.shutdown_blocking();
    assert!(report.is_complete(), "{report}");
}
