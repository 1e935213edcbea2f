//! Hop 4: one value, one span and one log record, sent by the toolkit's own exporters along the configured way.
//!
//! The value of the gauge is the moment of the run, so that later hops can tell this run's from an earlier one, and a
//! thousand runs are one series. Resource attributes are fixed for the same reason.

use std::time::Duration;

use serde_json::Value;
use throughline::core::attribute::ValueRef;
use throughline::core::{Clock as _, SystemClock};
use throughline::trace::LogRecord;
use throughline::{
    BatchConfiguration, ConsoleFormat, ExportConfig, KeyValue, LogConfig, MetricsConfig, SamplingStrategy,
    SpanBuilder, TelemetryConfig, TelemetryProviders, TraceConfig, init_telemetry,
};
use tokio::time::{Instant, timeout};

use super::check::{Check, Hop};
use super::fix::Fix;
use super::refusal;
use super::routes::Route;
use crate::http::Client;

/// What the probe is called, before any name is translated.
pub(crate) const METRIC: &str = "throughline.doctor.probe";
/// The service that probes come from.
pub(crate) const SERVICE: &str = "throughline-doctor";

/// For all attempts together; a program would try for longer.
const WITHIN: Duration = Duration::from_secs(4);

/// For the exporters to end.
const END_WITHIN: Duration = Duration::from_secs(1);

/// What was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The value of the gauge: seconds since 1970, with three digits after the point.
    pub(crate) value: f64,
    /// In hexadecimal digits.
    pub(crate) trace: String,
    /// The signals that the receiver took.
    pub(crate) taken: Vec<&'static str>,
}

/// Sends, and says what the receiver makes of it.
pub(crate) async fn send(
    client: &Client,
    config: TelemetryConfig,
    routes: &[Route],
    is_delta: bool,
) -> (Option<Sent>, Vec<Check>) {
    let started = Instant::now();
    let telemetry = match init_telemetry(as_probe(config)) {
        Ok(telemetry) => telemetry,
        Err(error) => return (None, vec![not_started(&error.to_string())]),
    };
    let (value, trace) = record(&telemetry, is_delta);
    telemetry.flush().await;
    let status = telemetry.status();
    let handle = telemetry.status_handle();
    let elapsed = started.elapsed();
    // What could not be delivered is told by now, and not worth more waiting.
    drop(timeout(END_WITHIN, telemetry.shutdown()).await);
    // What was given up at the end is counted there.
    let after = handle.status();
    let mut sent = Sent { value, trace, taken: Vec::new() };
    let mut checks = Vec::new();
    for route in routes {
        let of_signal = |status: &Value| status["otlp"][route.signal].clone();
        let outcome = outcome(&of_signal(&status), &of_signal(&after));
        if outcome.is_ok() {
            sent.taken.push(route.signal);
        }
        checks.push(judge(client, route, routes, outcome).await.took(elapsed));
    }
    (Some(sent), checks)
}

/// The application's own configuration, made to say one thing, once.
fn as_probe(config: TelemetryConfig) -> TelemetryConfig {
    // Nothing is due by itself: one flush sends it all.
    let batch = || BatchConfiguration::new().with_scheduled_delay(Duration::from_secs(3600));
    config
        .with_environment_variables(without_spool)
        .with_service_name(SERVICE)
        .with_resource_detectors([])
        .with_resource_attribute(KeyValue::new("service.instance.id", SERVICE))
        .without_globals()
        .without_subscriber()
        .without_prometheus_endpoint()
        .with_self_telemetry(false)
        .with_export(ExportConfig::new().with_timeout(WITHIN))
        .with_metrics(MetricsConfig::new().with_export_interval(Duration::from_secs(3600)))
        .with_traces(TraceConfig::new().with_sampling(SamplingStrategy::AlwaysOn).with_batch(batch()))
        .with_logs(LogConfig::new().with_filter("info").with_console(ConsoleFormat::None).with_batch(batch()))
}

/// What the application keeps on disk is its own.
fn without_spool(variable: &str) -> Option<String> {
    let value = (variable != "THROUGHLINE_SPOOL_DIRECTORY").then(|| std::env::var_os(variable)).flatten();
    value.map(|value| value.to_string_lossy().into_owned())
}

fn record(telemetry: &TelemetryProviders, is_delta: bool) -> (f64, String) {
    let value = (SystemClock.now().as_secs_f64() * 1000.0).floor() / 1000.0;
    let meter = telemetry.meter(SERVICE);
    let probe =
        meter.f64_gauge(METRIC).with_description("When throughline doctor last sent this, in Unix seconds");
    probe.build().set(value, &[]);
    if is_delta {
        // A gauge has no temporality; what becomes of delta is seen by a counter.
        meter.u64_counter("throughline.doctor.runs").build().add(1, &[]);
    }
    let tracer = telemetry.tracer_provider().tracer(SERVICE);
    let span = SpanBuilder::new("throughline doctor").with_tracer(tracer).start();
    let context = span.span_context().clone();
    let record = LogRecord {
        severity_number: 9,
        severity_text: "INFO",
        body: Some(ValueRef::Str("throughline doctor was here")),
        span: Some(&context),
        ..LogRecord::default()
    };
    telemetry.logger_provider().logger(SERVICE).record_now(&record, &[] as &[KeyValue]);
    drop(span);
    (value, context.trace_id().to_string())
}

/// How it ended for one signal: taken, or in the words of the last failure.
fn outcome(flushed: &Value, ended: &Value) -> Result<(), String> {
    let message = |status: &Value| status["last_error"]["message"].as_str().map(str::to_owned);
    if flushed["rejected"].as_u64().unwrap_or(0) > 0 {
        let said = message(flushed).unwrap_or_default();
        return Err(format!("{} {said}", refusal::REJECTED));
    }
    let is_taken = flushed["exported"].as_u64().unwrap_or(0) > 0;
    match message(flushed).or_else(|| message(ended)) {
        // An attempt that failed and was followed by one that did not.
        Some(error) if !is_taken || flushed["dropped"]["refused"].as_u64().unwrap_or(0) > 0 => Err(error),
        None if !is_taken => Err(refusal::NOTHING_SENT.to_owned()),
        _ => Ok(()),
    }
}

async fn judge(client: &Client, route: &Route, routes: &[Route], outcome: Result<(), String>) -> Check {
    let Route { signal, url, .. } = route;
    match outcome {
        Ok(()) => Check::ok(Hop::Accepted, *signal, format!("{url} took the {signal} of the probe")),
        Err(error) => refusal::judge(client, route, routes, &error).await,
    }
}

fn not_started(error: &str) -> Check {
    let fix = Fix::by_hand("correct what is named above: files of certificates and keys, headers, proxies");
    Check::broken(Hop::Settings, "", error).because("D001", fix)
}
