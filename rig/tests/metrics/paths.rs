//! The ways into a server: scraped, pushed, and through a Collector.

use std::fs;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
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
        assert!(report.is_complete() && report.points.delivered > 0, "{strategy}: {report}");
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

/// Protobuf and JSON, over HTTP and gRPC, compressed and not, arrive as the same.
pub(crate) fn each_encoding(rig: &Rig) {
    let mut arrived = Vec::new();
    for (protocol, compression) in [
        (OtlpProtocol::HttpProtobuf, OtlpCompression::None),
        (OtlpProtocol::HttpProtobuf, OtlpCompression::Gzip),
        (OtlpProtocol::HttpJson, OtlpCompression::None),
        (OtlpProtocol::HttpJson, OtlpCompression::Gzip),
        (OtlpProtocol::HttpProtobuf, OtlpCompression::Zstd),
        (OtlpProtocol::Grpc, OtlpCompression::None),
        (OtlpProtocol::Grpc, OtlpCompression::Gzip),
        (OtlpProtocol::Grpc, OtlpCompression::Zstd),
    ] {
        let collector = rig.collector(CollectorConfig::default());
        let config = shop::config().with_export(
            ExportConfig::new()
                .with_endpoint(match protocol {
                    OtlpProtocol::Grpc => collector.otlp_grpc_url(),
                    _ => collector.otlp_http_url(),
                })
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

/// A Collector's ports taken for each other: nothing arrives, and the report says what to do.
pub(crate) fn wrong_port(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    for (protocol, url, expected) in [
        (OtlpProtocol::Grpc, collector.otlp_http_url(), "port 4317"),
        (OtlpProtocol::HttpProtobuf, collector.otlp_grpc_url(), "port 4318"),
    ] {
        let export = ExportConfig::new().with_endpoint(url).with_protocol(protocol);
        let telemetry = init_telemetry(shop::config().with_export(export)).expect("telemetry starts");
        shop::record(&telemetry);
        let report = telemetry.shutdown_within(Duration::from_secs(1));
        assert_eq!(report.points.delivered, 0, "{protocol}: {report}");
        let error = report.last_error.expect("an error");
        assert!(error.contains(expected), "{protocol}: {error}");
    }
}

/// Prometheus refuses a request for the delta metrics in it; what is not delta arrives all the same.
pub(crate) fn delta_beside_cumulative(rig: &Rig) {
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let config = shop::config().with_metrics(
        shop::metrics()
            .with_temporality(Temporality::Delta)
            .with_export_interval(Duration::from_secs(3600))
            .with_otlp_to_prometheus(prometheus.url()),
    );
    let telemetry = init_telemetry(config).expect("telemetry starts");
    shop::record(&telemetry);
    let report = telemetry.shutdown_blocking();
    assert!(report.points.delivered >= 4 && report.points.undelivered > 0, "{report}");
    let error = report.last_error.expect("an error");
    assert!(error.contains("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative"), "{error}");
    for name in ["temperature_celsius", "load_ratio", "queue_depth", "cores"] {
        assert_eq!(prometheus.query(name).len(), 1, "{name}");
    }
    assert_eq!(prometheus.query("requests_total").len(), 0);
}

/// A Collector that wants certificates, in both protocols: with one it is delivered to, without it says what is missing.
pub(crate) fn mutual_tls(rig: &Rig) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let write = |name: &str, text: &str| fs::write(path(name), text).expect("a writable folder");
    let key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new([]).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("ca.pem", &authority.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(authority, key);
    for name in ["localhost", "client"] {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        write(&format!("{name}.pem"), &params.signed_by(&key, &issuer).expect("a certificate").pem());
        write(&format!("{name}.key"), &key.serialize_pem());
    }
    let tls = json!({"tls": {
        "cert_file": path("localhost.pem"), "key_file": path("localhost.key"), "client_ca_file": path("ca.pem"),
    }});
    let overlay = json!({"receivers": {"otlp": {"protocols": {"grpc": tls, "http": tls}}}}).to_string();
    let collector = rig.collector(CollectorConfig { overlay: Some(overlay), ..CollectorConfig::default() });
    let private = |url: String| url.replace("http://127.0.0.1", "https://localhost");
    for (protocol, url) in [
        (OtlpProtocol::Grpc, private(collector.otlp_grpc_url())),
        (OtlpProtocol::HttpProtobuf, private(collector.otlp_http_url())),
    ] {
        let export = ExportConfig::new()
            .with_endpoint(url)
            .with_protocol(protocol)
            .with_root_certificates(path("ca.pem"));
        let known = export.clone().with_client_certificate(path("client.pem"), path("client.key"));
        let telemetry = init_telemetry(shop::config().with_export(known)).expect("telemetry starts");
        shop::record(&telemetry);
        let report = telemetry.shutdown_blocking();
        assert!(report.is_complete() && report.points.delivered > 0, "{protocol}: {report}");

        let telemetry = init_telemetry(shop::config().with_export(export)).expect("telemetry starts");
        shop::record(&telemetry);
        let report = telemetry.shutdown_within(Duration::from_secs(1));
        let error = report.last_error.expect("an error");
        assert!(error.contains("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"), "{protocol}: {error}");
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
