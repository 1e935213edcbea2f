//! One call starts everything: what `tracing`, the OpenTelemetry API and an instrument record within one request arrives
//! as one trace.

use opentelemetry::trace::Tracer as _;
use serde_json::Value;
use throughline::{TelemetryConfig, init_telemetry};
use throughline_rig::{CollectorConfig, DEADLINE, Rig, eventually};
use tracing_subscriber::layer::SubscriberExt as _;

/// Span, child of another API, log record and exemplar: one trace id; nothing refused, nothing left behind.
pub(crate) fn all_signals_share_a_trace(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    let config = TelemetryConfig::new("shop")
        .without_globals()
        .without_environment_variables()
        .without_prometheus_endpoint()
        .with_otlp_endpoint(collector.otlp_http_url());
    let telemetry = init_telemetry(config).expect("telemetry starts");
    let duration = telemetry.meter("it").f64_histogram("request.duration").with_unit("s").build();
    let tracer = telemetry.tracer_provider().tracer("it");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.layer()), || {
        let _request = tracing::info_span!("request", otel.kind = "server").entered();
        tracer.in_span("charge", |_| duration.record(0.25, &[]));
        tracing::warn!(amount = 3, "card refused");
        tracing::debug!("below the filter");
    });
    let report = telemetry.shutdown_blocking();
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.spans.delivered, report.log_records.delivered), (2, 1), "{report}");

    let spans =
        eventually(DEADLINE, "spans", || Some(collector.received_spans()).filter(|all| all.len() == 2));
    let [charge, request] = ["charge", "request"].map(|name| named(&spans, name));
    assert_eq!(charge["parentSpanId"], request["spanId"]);
    let logs = eventually(DEADLINE, "logs", || Some(collector.received_logs()).filter(|all| !all.is_empty()));
    assert_eq!(logs[0]["body"]["stringValue"], "card refused");
    assert_eq!(logs[0]["spanId"], request["spanId"]);
    let metrics =
        eventually(DEADLINE, "metrics", || Some(collector.received_metrics()).filter(|all| !all.is_empty()));
    let exemplar = &named(&metrics, "request.duration")["histogram"]["dataPoints"][0]["exemplars"][0];
    assert_eq!(exemplar["spanId"], charge["spanId"]);
    for item in [charge, &logs[0], exemplar] {
        assert_eq!(item["traceId"], request["traceId"]);
    }
    for (items, delivery) in
        [("spans", report.spans), ("log_records", report.log_records), ("metric_points", report.points)]
    {
        let counted = |what: &str| collector.own_metric(&format!("otelcol_receiver_{what}_{items}"));
        assert_eq!(counted("accepted"), delivery.delivered as f64, "{items}");
        assert_eq!(counted("refused"), 0.0, "{items}");
        let failed = collector.own_metric(&format!("otelcol_exporter_send_failed_{items}"));
        assert_eq!(failed, 0.0, "{items}");
    }
}

fn named<'a>(items: &'a [Value], name: &str) -> &'a Value {
    items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("no {name} in {items:?}"))
}
