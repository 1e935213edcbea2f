//! The ways into a server: scraped, pushed, and through a Collector.

use std::time::Duration;

use serde_json::Value;
use throughline::{
    ExportConfig, OtlpCompression, OtlpProtocol, Temporality, TranslationStrategy, init_telemetry,
};
use throughline_rig::{CollectorConfig, DEADLINE, Prometheus, PrometheusConfig, Rig, eventually};

use crate::shop;

/// Often enough that a test does not wait.
const INTERVAL: Duration = Duration::from_millis(200);

/// Under each strategy, a Prometheus that scrapes and one that is pushed to store the same series and values.
pub(crate) fn pull_equals_push(rig: &Rig) {
    // Prometheus asks for UTF-8 names in text formats, but not in protobuf, where it then gets underscores.
    for (strategy, protocol) in [
        (TranslationStrategy::UnderscoreEscapingWithSuffixes, "PrometheusProto"),
        (TranslationStrategy::UnderscoreEscapingWithoutSuffixes, "PrometheusProto"),
        (TranslationStrategy::NoUtf8EscapingWithSuffixes, "PrometheusText1.0.0"),
        (TranslationStrategy::NoTranslation, "OpenMetricsText1.0.0"),
    ] {
        let pushed_to = rig.prometheus(PrometheusConfig {
            translation_strategy: strategy.to_string(),
            ..PrometheusConfig::default()
        });
        let config = shop::config().with_translation_strategy(strategy).with_metrics(
            shop::metrics().with_otlp_to_prometheus(pushed_to.url()).with_export_interval(INTERVAL),
        );
        let telemetry = init_telemetry(config).expect("telemetry starts");
        shop::record(&telemetry);
        let scraped_by = rig.prometheus(PrometheusConfig {
            targets: vec![telemetry.prometheus_address().expect("an endpoint").to_string()],
            native_histograms: true,
            scrape_protocols: vec![protocol.to_owned()],
            ..PrometheusConfig::default()
        });
        scraped_by.value_soon("requests_total or requests");
        pushed_to.value_soon("requests_total or requests");

        // By text, the exponential histogram has become a classic one.
        let comparable = |name: &String| protocol == "PrometheusProto" || !name.contains("native");
        let stored_in = |prometheus: &Prometheus| {
            let mut series = shop::named(&prometheus.query(r#"{__name__=~".+"}"#));
            series.retain(|name, _| comparable(name));
            series
        };
        let (scraped, pushed) = (stored_in(&scraped_by), stored_in(&pushed_to));
        assert_eq!(scraped, pushed, "{strategy}");
        assert!(scraped.len() >= 30, "{strategy}: {scraped:?}");
        if strategy == TranslationStrategy::default() {
            assert_eq!(shop::plain(scraped), shop::expected());
        }
        assert_eq!(pushed_to.query("target_info").len(), 1, "{strategy}");
        let report = telemetry.shutdown_blocking();
        assert!(report.is_complete() && report.delivered_points > 0, "{strategy}: {report}");
    }
}

/// OTLP into the Collector, out of its Prometheus exporter, scraped: what was recorded.
pub(crate) fn through_the_collector(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    let prometheus = rig.prometheus(PrometheusConfig {
        targets: vec![collector.prometheus_exporter_address()],
        ..PrometheusConfig::default()
    });
    let config = shop::config()
        .with_otlp_endpoint(collector.otlp_http_url())
        .with_metrics(shop::metrics().with_export_interval(INTERVAL));
    let telemetry = init_telemetry(config).expect("telemetry starts");
    shop::record(&telemetry);
    prometheus.value_soon("requests_total");
    let stored = shop::named(&prometheus.query(r#"{job="app"}"#));
    assert_eq!(shop::plain(stored), shop::expected());
    let report = telemetry.shutdown_blocking();
    assert!(report.is_complete(), "{report}");
    let refused = collector.own_metric("otelcol_receiver_refused_metric_points");
    assert!(refused.abs() < f64::EPSILON, "{refused}");
}

/// Protobuf and JSON, compressed and not, arrive as the same.
pub(crate) fn each_encoding(rig: &Rig) {
    let mut arrived = Vec::new();
    for (protocol, compression) in [
        (OtlpProtocol::HttpProtobuf, OtlpCompression::None),
        (OtlpProtocol::HttpProtobuf, OtlpCompression::Gzip),
        (OtlpProtocol::HttpJson, OtlpCompression::None),
        (OtlpProtocol::HttpJson, OtlpCompression::Gzip),
    ] {
        let collector = rig.collector(CollectorConfig::default());
        let config = shop::config().with_export(
            ExportConfig::new()
                .with_endpoint(collector.otlp_http_url())
                .with_protocol(protocol)
                .with_compression(compression),
        );
        let telemetry = init_telemetry(config).expect("telemetry starts");
        shop::record(&telemetry);
        let report = telemetry.shutdown_blocking();
        assert!(report.is_complete(), "{protocol} {compression}: {report}");
        let metrics = eventually(DEADLINE, "what was pushed", || {
            let metrics = collector.received_metrics();
            (metrics.len() >= INSTRUMENTS).then_some(metrics)
        });
        arrived.push(without_times(metrics));
    }
    for other in &arrived[1..] {
        assert_eq!(&arrived[0], other);
    }
}

/// How many instruments [`shop::record`] records with.
const INSTRUMENTS: usize = 10;

/// A delta reader sends what is new, once.
pub(crate) fn delta(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    let config = shop::config()
        .with_otlp_endpoint(collector.otlp_http_url())
        .with_metrics(shop::metrics().with_temporality(Temporality::Delta).with_export_interval(INTERVAL));
    let telemetry = init_telemetry(config).expect("telemetry starts");
    let counter = telemetry.meter("it").u64_counter("steps").build();
    let mut expected = 0;
    for step in 1..=3 {
        counter.add(step, &[]);
        expected += step;
        eventually(DEADLINE, "the step", || {
            (sum_of_deltas(&collector.received_metrics()) == expected).then_some(())
        });
    }
    let report = telemetry.shutdown_blocking();
    assert!(report.is_complete(), "{report}");
    assert_eq!(sum_of_deltas(&collector.received_metrics()), expected);
}

fn sum_of_deltas(metrics: &[Value]) -> u64 {
    let steps = metrics.iter().filter(|metric| metric["name"] == "steps");
    let points = steps.flat_map(|metric| {
        assert_eq!(metric["sum"]["aggregationTemporality"], 1, "{metric}");
        metric["sum"]["dataPoints"].as_array().into_iter().flatten()
    });
    points.filter_map(|point| point["asInt"].as_str()?.parse::<u64>().ok()).sum()
}

/// Metrics by name, without what differs from run to run.
fn without_times(mut metrics: Vec<Value>) -> Vec<Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| !key.to_ascii_lowercase().contains("timeunixnano"));
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    metrics.iter_mut().for_each(strip);
    metrics.sort_by_key(|metric| metric["name"].to_string());
    metrics
}
