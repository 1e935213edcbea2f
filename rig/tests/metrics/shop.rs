//! What every case records, and how it should be stored.

use std::collections::BTreeMap;

use throughline::metrics::exemplar::{TraceContext, enter};
use throughline::{KeyValue, MetricsConfig, TelemetryConfig, TelemetryProviders, View};
use throughline_rig::Sample;

/// Telemetry on a free port that touches nothing global.
pub(crate) fn config() -> TelemetryConfig {
    TelemetryConfig::new("shop")
        .without_globals()
        .without_environment_variables()
        .with_prometheus_address(([127, 0, 0, 1], 0).into())
        .with_environment("té\"st\n")
        .with_self_telemetry(false)
        .with_metrics(metrics())
}

/// As [`config`] has it, for cases that add to it.
pub(crate) fn metrics() -> MetricsConfig {
    MetricsConfig::new().with_view(View::of("*.native").exponential())
}

/// Records with every kind of instrument, in and outside of a trace.
pub(crate) fn record(telemetry: &TelemetryProviders) {
    let meter = telemetry.meter("it");
    let requests =
        meter.u64_counter("http.requests").with_unit("{request}").with_description("Requests.").build();
    requests.add(3, &[KeyValue::new("http.method", "GET"), KeyValue::new("ok", true)]);
    requests.add(4, &[KeyValue::new("http.method", "PO\"ST\\\n"), KeyValue::new("ok", false)]);
    meter.u64_counter("requests_total").build().add(7, &[]);
    meter.f64_counter("io.time").with_unit("s").build().add(0.25, &[KeyValue::new("1st", "é")]);
    meter.u64_counter("mcp.connections.total").build().add(2, &[]);
    meter.i64_up_down_counter("queue.depth").build().add(-5, &[]);
    meter.f64_gauge("temperature").with_unit("Cel").build().set(-1.5, &[]);
    meter.f64_gauge("load").with_unit("1").build().set(0.75, &[]);
    let _cores = meter
        .u64_observable_gauge("cores")
        .with_callback(|observer| observer.observe(2, &[KeyValue::new("kind", "fast")]))
        .build();
    let duration = meter.f64_histogram("request_duration_seconds").with_unit("s").build();
    let size = meter.u64_histogram("size.native").with_unit("By").build();
    let _in_span = enter(Some(trace()));
    for value in [0.004, 0.03, 0.03, 0.7, 200.0] {
        duration.record(value, &[KeyValue::new("route", "/cart")]);
    }
    for value in [0, 1, 10, 100, 1000] {
        size.record(value, &[]);
    }
}

/// The trace that histograms are recorded in.
pub(crate) fn trace() -> TraceContext {
    TraceContext { trace_id: *b"0123456789abcdef", span_id: *b"spanspan" }
}

/// The trace id as exemplars show it.
pub(crate) const TRACE_ID: &str = "30313233343536373839616263646566";

/// Values by series: what identifies a series, less what says where it came from.
pub(crate) type Series = BTreeMap<String, f64>;

/// What [`record`] leaves, for the default translation; buckets and native histograms apart.
pub(crate) fn expected() -> Series {
    [
        (r#"http_requests_total{http_method="GET",ok="true"}"#, 3.0),
        ("http_requests_total{http_method=\"PO\\\"ST\\\\\\n\",ok=\"false\"}", 4.0),
        ("requests_total{}", 7.0),
        (r#"io_time_seconds_total{key_1st="é"}"#, 0.25),
        ("mcp_connections_total{}", 2.0),
        ("queue_depth{}", -5.0),
        ("temperature_celsius{}", -1.5),
        ("load_ratio{}", 0.75),
        (r#"cores{kind="fast"}"#, 2.0),
        (r#"request_duration_seconds_count{route="/cart"}"#, 5.0),
        (r#"request_duration_seconds_sum{route="/cart"}"#, 200.764),
    ]
    .map(|(series, value)| (series.to_owned(), value))
    .into()
}

/// The series of a query, named alike whatever way they came: without job and instance, scope, what Prometheus says
/// about its own scraping, and the creation times that it stores as series when it scrapes OpenMetrics.
///
/// Bounds are compared as numbers: Prometheus stores `le="1.0"` for a scraped bucket and `le="1"` for a pushed one.
pub(crate) fn named(samples: &[Sample]) -> Series {
    let own = ["job", "instance", "exported_job", "exported_instance", "__name__"];
    let ours = |sample: &&Sample| {
        let name = sample.label("__name__");
        !name.starts_with("scrape_") && !name.ends_with("_created") && name != "up" && name != "target_info"
    };
    let name = |sample: &Sample| {
        let kept = |key: &str| {
            !own.contains(&key) && !key.starts_with("otel_scope_") && !key.starts_with("otel.scope.")
        };
        let labels = sample.labels.iter().filter(|(key, _)| kept(key));
        let labels: Vec<_> = labels.map(|(key, value)| format!("{key}={:?}", bound(key, value))).collect();
        format!("{}{{{}}}", sample.label("__name__"), labels.join(","))
    };
    samples.iter().filter(ours).map(|sample| (name(sample), value(sample))).collect()
}

fn bound(key: &str, value: &str) -> String {
    match value.parse::<f64>() {
        Ok(bound) if key == "le" && bound.is_finite() => bound.to_string(),
        _ => value.to_owned(),
    }
}

/// A native histogram is stood for by its count.
fn value(sample: &Sample) -> f64 {
    match &sample.histogram {
        Some(histogram) => {
            histogram["count"].as_str().and_then(|count| count.parse().ok()).unwrap_or(f64::NAN)
        }
        None => sample.value,
    }
}

/// Without buckets, and without the native histogram, whose form depends on the format.
pub(crate) fn plain(series: Series) -> Series {
    series.into_iter().filter(|(name, _)| !name.contains("_bucket{") && !name.contains("native")).collect()
}
