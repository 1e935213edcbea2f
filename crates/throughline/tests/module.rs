//! The telemetry of a process as most programs have it: started, recorded in through globals, ended signal by signal. One
//! test, because there is one process.
#![expect(dead_code, reason = "the receiver is shared with other tests")]

#[path = "wire/receiver.rs"]
mod receiver;

use std::error::Error;
use std::time::Duration;

use receiver::Receiver;
use throughline::{
    BatchConfiguration, MetricsConfig, MetricsRecorder, ShutdownReport, SpanBuilder, TelemetryConfig,
    TraceConfig, init_telemetry, metric_attributes, metric_names, shutdown_meter_provider,
    shutdown_tracer_provider,
};

const NEVER: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn one_signal_ends_before_the_others() -> Result<(), Box<dyn Error>> {
    let receiver = Receiver::start();
    assert_eq!(shutdown_tracer_provider(), ShutdownReport::default(), "there is nothing yet");
    let config = TelemetryConfig::new("my-processor")
        .without_environment_variables()
        .without_prometheus_endpoint()
        .with_traces(TraceConfig::new().with_batch(BatchConfiguration::new().with_scheduled_delay(NEVER)))
        .with_metrics(MetricsConfig::new().with_export_interval(NEVER))
        .with_otlp_endpoint(receiver.url())
        .with_self_telemetry(false);
    let providers = init_telemetry(config)?;
    let recorder = MetricsRecorder::new().with_attribute(metric_attributes::STATE_BACKEND, "memory");

    drop(SpanBuilder::new("process_event").with_attribute("event.type", "metric").start());
    recorder.record_counter("processor", metric_names::EVENTS_PROCESSED, 1, vec![]);
    let report = shutdown_tracer_provider();
    assert_eq!((report.spans.delivered, report.points.delivered), (1, 0), "{report}");
    assert_eq!(receiver.next_to("/v1/traces").spans()[0].name, "process_event");
    assert_eq!(shutdown_tracer_provider(), ShutdownReport::default(), "it is done once");

    drop(SpanBuilder::new("too late").start());
    let report = shutdown_meter_provider();
    assert_eq!((report.spans.delivered, report.points.delivered), (0, 1), "{report}");
    let metric = &receiver.next_to("/v1/metrics").metrics()[0];
    assert_eq!(metric.name, "processor.events.processed");

    tracing::info!("logs go on");
    let report = providers.shutdown().await?;
    assert_eq!((report.spans.delivered, report.points.delivered), (0, 0), "{report}");
    assert!(report.log_records.delivered > 0, "{report}");
    assert!(receiver.all().iter().all(|request| request.spans().is_empty()));
    Ok(())
}
