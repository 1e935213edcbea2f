//! `throughline send`: one of each signal.

use std::process::ExitCode;
use std::time::Duration;

use throughline::KeyValue;
use throughline::core::attribute::ValueRef;
use throughline::trace::LogRecord;

use super::Receiver;

/// Sends one metric, one span and one log record, and says whether they were taken
///
/// The metric is the gauge `throughline.send`, so that sending again adds no series. `throughline doctor` looks where it
/// goes from there.
#[derive(Debug, clap::Args)]
#[command(before_help = "\
Examples:
  throughline send --endpoint http://localhost:4318
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 throughline send --protocol grpc")]
pub(crate) struct Arguments {
    #[command(flatten)]
    receiver: Receiver,
}

pub(crate) fn run(Arguments { receiver }: &Arguments) -> anyhow::Result<ExitCode> {
    let telemetry = receiver.start(Duration::from_secs(60))?;
    let gauge = telemetry.meter(super::SCOPE).u64_gauge("throughline.send").build();
    let span = telemetry.tracer_provider().tracer(super::SCOPE).span("send").with_no_parent().start();
    let context = span.span_context().clone();
    gauge.set(1, &[KeyValue::new("command", "send")]);
    let body = Some(ValueRef::Str("sent by `throughline send`"));
    let record = LogRecord { severity_number: INFO, body, ..LogRecord::default() };
    telemetry.logger_provider().logger(super::SCOPE).record(&record, &());
    drop(span);
    let status = super::tell(&telemetry.shutdown_within(receiver.timeout))?;
    say!("\ntrace {}", context.trace_id());
    Ok(status)
}

/// The severity number of an ordinary message, as OpenTelemetry's logs have it.
pub(super) const INFO: u8 = 9;
