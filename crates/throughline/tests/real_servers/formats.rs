//! The exposition formats, judged by Prometheus, by promtool and by the reference parser.

use throughline::init_telemetry;
use throughline_rig::{DEADLINE, PrometheusConfig, Rig, Sample, eventually, http};

use crate::shop;

/// Prometheus scrapes text, OpenMetrics and protobuf, and stores the same.
pub(crate) fn each_format(rig: &Rig) {
    for protocol in ["PrometheusText0.0.4", "PrometheusText1.0.0", "OpenMetricsText1.0.0", "PrometheusProto"]
    {
        let telemetry = init_telemetry(shop::config()).expect("telemetry starts");
        shop::record(&telemetry);
        let address = telemetry.prometheus_address().expect("an endpoint").to_string();
        let prometheus = rig.prometheus(PrometheusConfig {
            targets: vec![address],
            scrape_protocols: vec![protocol.to_owned()],
            native_histograms: true,
            ..PrometheusConfig::default()
        });
        prometheus.value_soon("requests_total");

        let stored = shop::named(&prometheus.query(r#"{job="app"}"#));
        assert_eq!(shop::plain(stored.clone()), shop::expected(), "{protocol}");
        let bucket =
            |le: &str| stored[&format!(r#"request_duration_seconds_bucket{{le="{le}",route="/cart"}}"#)];
        assert_eq!(
            [bucket("0.005"), bucket("0.05"), bucket("1"), bucket("+Inf")],
            [1.0, 3.0, 4.0, 5.0],
            "{protocol}"
        );

        assert_target(&prometheus, protocol);
        assert_metadata(&prometheus, protocol);
        assert_native(&prometheus, protocol);
        assert_exemplars(&prometheus, protocol);
        let report = telemetry.shutdown_blocking();
        assert!(report.is_complete(), "{report}");
    }
}

type Prometheus = throughline_rig::Prometheus;

/// The scrape has no error, and the resource is there.
fn assert_target(prometheus: &Prometheus, protocol: &str) {
    for target in prometheus.targets() {
        assert_eq!(target["health"], "up", "{protocol}: {target}");
        assert_eq!(target["lastError"], "", "{protocol}: {target}");
    }
    let info: Vec<Sample> = prometheus.query("target_info");
    assert_eq!(info.len(), 1, "{protocol}: {info:?}");
    assert_eq!(info[0].label("service_name"), "shop", "{protocol}");
    assert_eq!(info[0].label("deployment_environment_name"), "té\"st\n", "{protocol}");
    assert_eq!(info[0].label("telemetry_sdk_name"), "throughline", "{protocol}");
}

/// Types, help and, where the format has them, units.
fn assert_metadata(prometheus: &Prometheus, protocol: &str) {
    let openmetrics = protocol.starts_with("OpenMetrics");
    let counter = if openmetrics { "http_requests" } else { "http_requests_total" };
    let histogram = "request_duration_seconds";
    for (name, kind, help) in
        [(counter, "counter", "Requests."), (histogram, "histogram", ""), ("queue_depth", "gauge", "")]
    {
        let metadata = prometheus.metadata(name);
        assert_eq!(metadata.len(), 1, "{protocol} {name}: {metadata:?}");
        assert_eq!(metadata[0]["type"], kind, "{protocol} {name}");
        assert_eq!(metadata[0]["help"], help, "{protocol} {name}");
    }
    if openmetrics {
        assert_eq!(prometheus.metadata(histogram)[0]["unit"], "seconds");
    }
}

/// The exponential histogram is a native one by protobuf, and a classic one otherwise: either way complete.
fn assert_native(prometheus: &Prometheus, protocol: &str) {
    if protocol == "PrometheusProto" {
        assert_eq!(prometheus.value("histogram_count(size_native_bytes)"), Some(5.0));
        assert_eq!(prometheus.value("histogram_sum(size_native_bytes)"), Some(1111.0));
        let median = prometheus.value("histogram_quantile(0.5, size_native_bytes)").expect("a median");
        assert!((median - 10.0).abs() < 0.2, "{median}");
    } else {
        assert_eq!(prometheus.value("size_native_bytes_count"), Some(5.0), "{protocol}");
        assert_eq!(prometheus.value("size_native_bytes_sum"), Some(1111.0), "{protocol}");
        assert_eq!(prometheus.value(r#"size_native_bytes_bucket{le="+Inf"}"#), Some(5.0), "{protocol}");
    }
}

/// Text 0.0.4 cannot carry exemplars; the others do.
fn assert_exemplars(prometheus: &Prometheus, protocol: &str) {
    if protocol.starts_with("PrometheusText") {
        return;
    }
    let found = eventually(DEADLINE, "exemplars", || {
        let found = prometheus.query_exemplars("request_duration_seconds_bucket");
        let exemplars: Vec<_> = found
            .as_array()?
            .iter()
            .filter_map(|series| series["exemplars"].as_array())
            .flatten()
            .cloned()
            .collect();
        (!exemplars.is_empty()).then_some(exemplars)
    });
    let mut values: Vec<_> =
        found.iter().map(|exemplar| exemplar["value"].as_str().unwrap_or_default()).collect();
    values.sort_unstable();
    values.dedup();
    assert_eq!(values, ["0.004", "0.03", "0.7", "200"], "{protocol}");
    for exemplar in &found {
        assert_eq!(exemplar["labels"]["trace_id"], shop::TRACE_ID, "{protocol}");
    }
}

/// The strict parser of the Python client agrees with every line.
pub(crate) fn reference_parser(rig: &Rig) {
    let telemetry = init_telemetry(shop::config()).expect("telemetry starts");
    shop::record(&telemetry);
    let families = rig.parse_openmetrics(&telemetry.render()).expect("the reference parser reads it");
    let families = families.as_array().expect("a list of families");
    let family = |name: &str| {
        families.iter().find(|family| family["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    };
    assert_eq!(family("http_requests")["type"], "counter");
    assert_eq!(family("io_time_seconds")["unit"], "seconds");
    assert_eq!(family("target")["type"], "info");
    let duration = family("request_duration_seconds");
    let samples = duration["samples"].as_array().expect("samples");
    let of = |suffix: &str| {
        samples
            .iter()
            .filter(|sample| sample["name"].as_str().is_some_and(|name| name.ends_with(suffix)))
            .count()
    };
    assert_eq!((of("_sum"), of("_count"), of("_created")), (1, 1, 1));
    let exemplars = samples.iter().filter(|sample| !sample["exemplar"].is_null()).count();
    assert_eq!(exemplars, 4);
    let _report = telemetry.shutdown_blocking();
}

/// promtool's lint is clean on what a scraper gets that says nothing about formats.
pub(crate) fn promtool(rig: &Rig) {
    let telemetry = init_telemetry(shop::config().without_scope_labels()).expect("telemetry starts");
    let meter = telemetry.meter("it");
    meter.u64_counter("http.requests").with_description("Requests.").build().add(1, &[]);
    meter
        .f64_histogram("http.duration")
        .with_unit("s")
        .with_description("Durations.")
        .build()
        .record(0.1, &[]);
    meter.f64_gauge("temperature").with_unit("Cel").with_description("Of the room.").build().set(20.0, &[]);
    let address = telemetry.prometheus_address().expect("an endpoint");
    let page = http::get(&format!("http://{address}/metrics")).expect("a scrape");
    assert!(page.content_type.starts_with("text/plain; version=0.0.4"), "{}", page.content_type);
    rig.promtool_check_metrics(&page.body).expect("promtool is content");
    let _report = telemetry.shutdown_blocking();
}
