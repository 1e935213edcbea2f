//! `throughline send` and `throughline load`: telemetry of ours, one of each signal or a stream, to a receiver of yours.
//!
//! Both are ordinary applications of the toolkit: what they report is what its exporters counted.

mod load;
mod once;

use std::process::ExitCode;
use std::time::Duration;

use throughline::{
    Delivery, ExportConfig, LogConfig, MetricsConfig, OtlpProtocol, ShutdownReport, TelemetryConfig,
    TelemetryProviders, TraceConfig, init_telemetry,
};

pub(crate) use load::Arguments as LoadArguments;
pub(crate) use load::run as load;
pub(crate) use once::Arguments as SendArguments;
pub(crate) use once::run as send;

/// What the telemetry of these commands is named after.
const SCOPE: &str = "throughline-cli";

/// Where it goes.
#[derive(Debug, clap::Args)]
struct Receiver {
    /// The receiver; unless given, `OTEL_EXPORTER_OTLP_ENDPOINT` and its like say
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// How to speak to it: http/protobuf, http/json or grpc
    #[arg(long, value_name = "PROTOCOL")]
    protocol: Option<OtlpProtocol>,
    /// The name the telemetry comes under
    #[arg(long, value_name = "NAME", default_value = "throughline-cli")]
    service: String,
    /// How long to wait for the receiver
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl Receiver {
    /// Telemetry that goes there, whenever `interval` is over.
    fn start(&self, interval: Duration) -> anyhow::Result<TelemetryProviders> {
        let mut export = ExportConfig::new().with_timeout(self.timeout);
        if let Some(endpoint) = &self.endpoint {
            export = export.with_endpoint(endpoint);
        }
        if let Some(protocol) = self.protocol {
            export = export.with_protocol(protocol);
        }
        let config = TelemetryConfig::new(&self.service)
            .with_export(export)
            .with_metrics(MetricsConfig::new().with_export_interval(interval))
            .with_traces(TraceConfig::new())
            .with_logs(LogConfig::new())
            .with_self_telemetry(false)
            .without_prometheus_endpoint()
            .without_subscriber();
        let telemetry = init_telemetry(config)?;
        let pushes = telemetry
            .status()
            .get("otlp")
            .is_some_and(|otlp| otlp.as_object().is_some_and(|of| !of.is_empty()));
        anyhow::ensure!(
            pushes,
            "nothing says where to send it: give --endpoint http://localhost:4318, or set OTEL_EXPORTER_OTLP_ENDPOINT"
        );
        Ok(telemetry)
    }
}

/// Says for each signal what arrived; the exit status.
fn tell(report: &ShutdownReport) -> anyhow::Result<ExitCode> {
    let ShutdownReport { points, spans, log_records, last_error, timed_out, .. } = report;
    for (signal, Delivery { delivered, undelivered, .. }) in
        [("metrics", points), ("traces", spans), ("logs", log_records)]
    {
        let verdict = if *undelivered == 0 { "ok" } else { "not delivered" };
        say!("{signal:8} {delivered:>10} delivered {undelivered:>10} not  {verdict}");
    }
    if let Some(error) = last_error {
        say!("\n{error}");
    }
    if *timed_out {
        say!("\nthe time was over before everything was sent; `--timeout` gives it more");
    }
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(crate::FOUND) })
}
