//! Faults behind the receiver: of the Collector's exporters, of scrapes and stores, and what cannot be judged.

use serde_json::json;
use throughline_rig::{CollectorConfig, PrometheusConfig, Rig};

use crate::examination::{ENDPOINT, mended, sending_to};
use crate::fake::{Fake, closed_port};
use crate::healthy::{Stack, looking_at_collector};

pub(crate) fn behind(rig: &Rig) {
    let dead = format!("127.0.0.1:{}", closed_port());
    let to_nobody = rig.collector(CollectorConfig {
        metrics_to: Some(format!("http://{dead}")),
        ..CollectorConfig::default()
    });
    looking_at_collector(&to_nobody).examine().found(
        "the Collector's exporter has no target (HTTP)",
        "collector",
        "D405",
    );
    let traces_to_nobody =
        rig.collector(CollectorConfig { traces_to: Some(dead), ..CollectorConfig::default() });
    looking_at_collector(&traces_to_nobody).examine().found(
        "the Collector's exporter has no target (gRPC)",
        "collector",
        "D405",
    );

    let off = rig.prometheus(PrometheusConfig { otlp: false, ..PrometheusConfig::default() });
    let refused =
        rig.collector(CollectorConfig { metrics_to: Some(off.otlp_url()), ..CollectorConfig::default() });
    looking_at_collector(&refused).examine().found(
        "the Collector's exporter is refused",
        "collector",
        "D404",
    );

    let stack = Stack::pushing(rig, PrometheusConfig::default());
    let late = rig.collector(CollectorConfig {
        metrics_to: Some(stack.prometheus.otlp_url()),
        overlay: Some(json!({ "processors": { "batch": { "timeout": "1m" } } }).to_string()),
        ..CollectorConfig::default()
    });
    looking_at_collector(&late).examine().found(
        "a batch that waits for a minute before an exporter with a queue",
        "collector",
        "D406",
    );
    let delta = stack.patient().with("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    mended("delta metrics through the Collector to Prometheus", &delta, "collector", "D408");
    let other = looking_at_collector(&stack.collector).with(ENDPOINT, to_nobody.otlp_http_url());
    other.examine().found("another Collector is looked at", "collector", "D402");
}

/// Between the Collector and the stores.
pub(crate) fn stores(rig: &Rig) {
    let dead = format!("127.0.0.1:{}", closed_port());
    let plain = rig.collector(CollectorConfig::default());
    let scraping = |targets: Vec<String>, metrics_path: &str| PrometheusConfig {
        targets,
        metrics_path: metrics_path.to_owned(),
        honor_labels: true,
        ..PrometheusConfig::default()
    };
    let through = |config: PrometheusConfig, fault: &str, hop: &str, id: &str| {
        let prometheus = rig.prometheus(config);
        let patient = looking_at_collector(&plain).looking_at("--prometheus", prometheus.url());
        patient.examine().found(fault, hop, id);
    };
    through(scraping(vec![dead], "/metrics"), "a target that nobody listens at", "bridge", "D502");
    let target = || vec![plain.prometheus_exporter_address()];
    through(scraping(target(), "/metric"), "a target with another path", "bridge", "D502");
    let nothing = PrometheusConfig { otlp: false, ..PrometheusConfig::default() };
    through(nothing, "nothing is scraped", "bridge", "D504");
    let dropping = json!({
        "global": { "scrape_interval": "250ms", "scrape_timeout": "250ms" },
        "scrape_configs": [{
            "job_name": "app",
            "static_configs": [{ "targets": target() }],
            "metric_relabel_configs": [{ "source_labels": ["__name__"], "regex": "throughline.*", "action": "drop" }],
        }],
    });
    through(
        PrometheusConfig { raw: Some(dropping.to_string()), ..PrometheusConfig::default() },
        "a relabelling that drops",
        "store",
        "D601",
    );

    let relabelled = Stack::scraped(rig, false);
    let examined = relabelled.patient().examine();
    let found = examined.found("no honor_labels", "store", "D603");
    assert!(
        found.fix()["yaml"]
            .as_str()
            .is_some_and(|yaml| yaml.contains("job_name: app\n    honor_labels: true"))
    );
    Stack::scraped(rig, true).patient().examine().is_green();
    found.mended_by("prometheus_file");
    let elsewhere = looking_at_collector(&plain).looking_at("--traces-api", relabelled.jaeger.url());
    elsewhere.examine().found("the traces pipeline leads elsewhere", "store", "D604");
}

pub(crate) fn unknown(rig: &Rig) {
    let nobody = format!("http://127.0.0.1:{}", closed_port());
    let collector = rig.collector(CollectorConfig::default());
    let well = sending_to(collector.otlp_http_url());
    let looking = |flag: &str, url: &str| well.clone().looking_at(flag, url);
    looking("--collector-metrics", &nobody).examine().found(
        "no answer from the Collector's metrics",
        "collector",
        "D401",
    );
    let page = collector.prometheus_exporter_url();
    looking("--collector-metrics", &page).examine().found(
        "the exporter's page for the Collector's own",
        "collector",
        "D409",
    );
    looking("--prometheus", &nobody).examine().found("no answer from Prometheus", "bridge", "D501");
    looking("--traces-api", &nobody).examine().found("no answer from Jaeger", "store", "D605");
    // One that never has the probe, so that it does not matter when in the hour it is scraped.
    let other = Fake::http("200 OK", "Content-Type: text/plain; version=0.0.4\r\n", "a 1\n");
    let seldom = json!({
        "global": { "scrape_interval": "1h", "scrape_timeout": "10s" },
        "scrape_configs": [{ "job_name": "app", "honor_labels": true, "static_configs": [{ "targets": [other.url().trim_start_matches("http://")] }] }],
    });
    let prometheus =
        rig.prometheus(PrometheusConfig { raw: Some(seldom.to_string()), ..PrometheusConfig::default() });
    looking("--prometheus", prometheus.url()).examine().found("a scrape an hour", "store", "D602");
}
