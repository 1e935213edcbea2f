//! The usage example of the document that this system comes from, as written there but for `build`, which OpenTelemetry
//! called `init` then.

fn main() {
    usage();
}

#[rustfmt::skip]
fn usage() {
use hyperactor_telemetry::opentelemetry;
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{global, KeyValue};

let meter = global::meter("my-service");

// Counter
let requests: Counter<u64> = meter.u64_counter("http_requests_total").build();
requests.add(1, &[
    KeyValue::new("method", "GET"),
    KeyValue::new("status", "200"),
]);

// Histogram
let duration: Histogram<f64> = meter.f64_histogram("http_request_duration_seconds").build();
duration.record(0.045, &[KeyValue::new("endpoint", "/api/data")]);

// Or use the convenient hyperactor_telemetry macros
use hyperactor_telemetry::{declare_static_counter, declare_static_histogram, kv_pairs};

declare_static_counter!(REQUESTS_TOTAL, "http_requests_total");
declare_static_histogram!(REQUEST_DURATION, "http_request_duration_seconds");

REQUESTS_TOTAL.add(1, kv_pairs!("method" => "GET", "status" => "200"));
REQUEST_DURATION.record(0.045, kv_pairs!("endpoint" => "/api/data"));
}
