//! Faults of settings, ways, receivers, Collectors and stores, one at a time.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use tempfile::TempDir;
use throughline_rig::{Collector, CollectorConfig, PrometheusConfig, Rig};

use crate::examination::Patient;
use crate::fake::{Fake, closed_port};
use crate::healthy::{Stack, looking_at_collector};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";

fn sending_to(endpoint: impl Into<String>) -> Patient {
    Patient::new().with(ENDPOINT, endpoint)
}

/// Examines, holds it against what was broken, and applies the printed change of the environment.
#[track_caller]
fn mended(fault: &str, patient: &Patient, hop: &str, id: &str) {
    patient.examine().found(fault, hop, id).mends(patient);
}

pub(crate) fn settings(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    let url = collector.otlp_http_url();
    let well = sending_to(&url);
    well.examine().is_green();
    let bare = url.trim_start_matches("http://");
    let with = |variable: &str, value: &str| well.clone().with(variable, value);
    mended("telemetry is disabled", &with("OTEL_SDK_DISABLED", "true"), "settings", "D002");
    mended("an unknown protocol", &with(PROTOCOL, "thrift"), "settings", "D001");
    mended("a timeout that is no time", &with("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), "settings", "D001");
    mended("an endpoint without a scheme", &with(ENDPOINT, bare), "settings", "D001");
    mended("an unknown exporter", &with("OTEL_METRICS_EXPORTER", "influx"), "settings", "D001");
    mended("an unknown compression", &with("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"), "settings", "D001");
    mended("headers that are none", &with("OTEL_EXPORTER_OTLP_HEADERS", "authorization"), "settings", "D001");
    mended("an unknown sampler", &with("OTEL_TRACES_SAMPLER", "sometimes"), "settings", "D001");
    mended("an interval that is no time", &with("OTEL_METRIC_EXPORT_INTERVAL", "often"), "settings", "D001");
    mended(
        "an endpoint of one signal without a scheme",
        &with(METRICS_ENDPOINT, &format!("{bare}/v1/metrics")),
        "settings",
        "D001",
    );
    let none = ["METRICS", "TRACES", "LOGS"]
        .iter()
        .fold(well.clone(), |patient, signal| patient.with(&format!("OTEL_{signal}_EXPORTER"), "none"));
    mended("all exporters are none", &none, "settings", "D003");
    Patient::new().examine().found("no endpoint", "settings", "D003");
    let misspelt = Patient::new().with("OTEL_EXPORTER_OLTP_ENDPOINT", &url);
    mended("a misspelt variable", &misspelt, "settings", "D004");
    let doubled = sending_to(format!("{url}/v1/metrics"));
    mended("the path of a signal in the general endpoint", &doubled, "settings", "D005");
    let doubled = sending_to(format!("{url}/v1/traces/"));
    mended("the path of another signal in the general endpoint", &doubled, "settings", "D005");
    let swapped = Patient::new().with("OTEL_EXPORTER_OTLP_ENDPONT", &url);
    mended("a variable that lacks a letter", &swapped, "settings", "D004");
    let no_path = with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{url}/"));
    mended("a slash as the path in the endpoint of a signal", &no_path, "settings", "D005");
    mended("no path in the endpoint of a signal", &with(METRICS_ENDPOINT, &url), "settings", "D005");
}

pub(crate) fn ways(_: &Rig) {
    let nobody = format!("http://127.0.0.1:{}", closed_port());
    sending_to(&nobody).examine().found("nobody listens (HTTP)", "reach", "D102");
    let grpc = sending_to(&nobody).with(PROTOCOL, "grpc");
    grpc.examine().found("nobody listens (gRPC)", "reach", "D102");
    let unknown = sending_to("http://otel-collector.invalid:4318");
    unknown.examine().found("a host without an address", "reach", "D101");
    // What is on this machine is asked directly.
    let proxied = sending_to("http://collector.invalid:4318").with("HTTP_PROXY", nobody);
    proxied.examine().found("a proxy that is not there", "reach", "D109");
}

pub(crate) fn protocols(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    let (http, grpc) = (collector.otlp_http_url(), collector.otlp_grpc_url());
    mended("http/protobuf to the port of gRPC", &sending_to(&grpc), "protocol", "D201");
    let json = sending_to(&grpc).with(PROTOCOL, "http/json");
    mended("http/json to the port of gRPC", &json, "protocol", "D201");
    mended("grpc to the port of HTTP", &sending_to(&http).with(PROTOCOL, "grpc"), "protocol", "D202");
    let tls = |url: &str| sending_to(url.replace("http://", "https://"));
    mended("https to a plain port (HTTP)", &tls(&http), "protocol", "D204");
    mended("https to a plain port (gRPC)", &tls(&grpc).with(PROTOCOL, "grpc"), "protocol", "D204");
    let one = sending_to(&http).with(METRICS_ENDPOINT, &grpc);
    mended("one signal to the port of gRPC", &one, "protocol", "D201");
    let one = sending_to(&http).with("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc");
    mended("grpc for one signal to the port of HTTP", &one, "protocol", "D202");
    let one = sending_to(&http).with(METRICS_ENDPOINT, http.replace("http://", "https://") + "/v1/metrics");
    mended("https for one signal to a plain port", &one, "protocol", "D204");
    let file = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    let otlp = json!({ "otlp_http": { "endpoint": format!("{grpc}/v1/traces") } });
    let exporter = json!({ "processors": [{ "batch": { "exporter": otlp } }] });
    let written = json!({ "file_format": "1.0", "tracer_provider": exporter });
    fs::write(file.path(), written.to_string()).expect("it is written");
    let configured = Patient::new().looking_at("--config", file.path().to_string_lossy());
    mended("a file that leads to the port of gRPC", &configured, "protocol", "D201");
    let ssh = Fake::raw(b"SSH-2.0-OpenSSH_9.7\r\n");
    sending_to(ssh.url()).examine().found("something else listens", "protocol", "D205");
}

/// An authority, and files of it.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("it is written");
        Self { folder, issuer: Issuer::new(params, key) }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Certificate and key of a server or client, as `NAME.pem` and `NAME.key`.
    fn issue(&self, name: &str, host: &str, is_expired: bool) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        if is_expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let write = |end: &str, text: String| fs::write(self.file(&format!("{name}.{end}")), text);
        write("pem", certificate.pem())
            .and_then(|()| write("key", key.serialize_pem()))
            .expect("they are written");
    }

    /// A Collector that shows this certificate.
    fn collector(&self, rig: &Rig, name: &str, wants_clients: bool) -> Collector {
        let mut tls = json!({ "cert_file": self.file(&format!("{name}.pem")), "key_file": self.file(&format!("{name}.key")) });
        if wants_clients {
            tls["client_ca_file"] = self.file("ca.pem").into();
        }
        let protocols = json!({ "grpc": { "tls": tls }, "http": { "tls": tls } });
        let overlay = json!({ "receivers": { "otlp": { "protocols": protocols } } });
        rig.collector(CollectorConfig { overlay: Some(overlay.to_string()), ..CollectorConfig::default() })
    }
}

pub(crate) fn tls(rig: &Rig) {
    let authority = Authority::new();
    for (name, host, is_expired) in [
        ("good", "127.0.0.1", false),
        ("other", "collector.example", false),
        ("old", "127.0.0.1", true),
        ("client", "app", false),
    ] {
        authority.issue(name, host, is_expired);
    }
    let trusting =
        |url: String| sending_to(url).with("OTEL_EXPORTER_OTLP_CERTIFICATE", authority.file("ca.pem"));
    let https = |url: String| url.replace("http://", "https://");
    {
        let collector = authority.collector(rig, "good", false);
        trusting(https(collector.otlp_http_url())).examine().is_green();
        mended("http to a port with TLS (HTTP)", &trusting(collector.otlp_http_url()), "protocol", "D203");
        let grpc = trusting(collector.otlp_grpc_url()).with(PROTOCOL, "grpc");
        grpc.examine().found("http to a port with TLS (gRPC)", "protocol", "D203").mends(&grpc);
        let distrusting = sending_to(https(collector.otlp_http_url()));
        distrusting.examine().found("an authority that nobody trusts", "reach", "D104");
        let distrusting = sending_to(https(collector.otlp_grpc_url())).with(PROTOCOL, "grpc");
        distrusting.examine().found("an authority that nobody trusts (gRPC)", "reach", "D104");
    }
    let faulty = |name: &str, wants_clients, fault: &str, id: &str| {
        let collector = authority.collector(rig, name, wants_clients);
        trusting(https(collector.otlp_http_url())).examine().found(fault, "reach", id);
    };
    faulty("other", false, "a certificate for another name", "D105");
    faulty("old", false, "a certificate that has expired", "D107");
    faulty("good", true, "a client certificate is wanted", "D106");
}

/// A Collector with an OTLP receiver and these pipelines, which end in a file.
fn with_pipelines(rig: &Rig, signals: &[&str], more: &Value, overlay: Option<String>) -> Collector {
    let pipeline = json!({ "receivers": ["otlp"], "exporters": ["file"] });
    let pipelines: serde_json::Map<_, _> =
        signals.iter().map(|signal| ((*signal).to_owned(), pipeline.clone())).collect();
    let reader = json!({ "host": "127.0.0.1", "port": "${env:TELEMETRY_PORT}" });
    let mut config = json!({
        "receivers": { "otlp": { "protocols": {
            "grpc": { "endpoint": "${env:OTLP_GRPC}" },
            "http": { "endpoint": "${env:OTLP_HTTP}" },
        }}},
        "exporters": { "file": { "path": "${env:OUT}", "flush_interval": "100ms" } },
        "extensions": { "health_check": { "endpoint": "${env:HEALTH}" } },
        "service": {
            "extensions": ["health_check"],
            "telemetry": { "metrics": { "readers": [{ "pull": { "exporter": { "prometheus": reader } } }] } },
            "pipelines": pipelines,
        },
    });
    merge(&mut config, more);
    rig.collector(CollectorConfig { raw: Some(config.to_string()), overlay, ..CollectorConfig::default() })
}

fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, more) => *into = more.clone(),
    }
}

pub(crate) fn pipelines(rig: &Rig) {
    for (missing, left, protocol) in [
        ("traces", ["metrics", "logs"], "http/protobuf"),
        ("logs", ["metrics", "traces"], "grpc"),
        ("metrics", ["traces", "logs"], "http/json"),
    ] {
        let patient = |collector: &Collector| {
            let url = if protocol == "grpc" { collector.otlp_grpc_url() } else { collector.otlp_http_url() };
            looking_at_collector(collector).with(ENDPOINT, url).with(PROTOCOL, protocol)
        };
        let collector = with_pipelines(rig, &left, &Value::Null, None);
        let examined = patient(&collector).examine();
        let found = examined.found(&format!("no pipeline for {missing} ({protocol})"), "accepted", "D302");
        let overlay = found.fix()["yaml"].as_str().map(str::to_owned);
        drop(collector);
        patient(&with_pipelines(rig, &left, &Value::Null, overlay)).examine().is_green();
        found.mended_by("collector_file");
    }
    let all = ["metrics", "traces", "logs"];
    let small =
        json!({ "receivers": { "otlp": { "protocols": { "http": { "max_request_body_size": 10 } } } } });
    let collector = with_pipelines(rig, &all, &small, None);
    let examined = sending_to(collector.otlp_http_url()).examine();
    let (hop, id) = examined.first();
    assert!(hop == "accepted" && ["D308", "D313"].contains(&id), "{:#}", examined.report);
}

/// Answers that real servers give when something is in front of them, or wrong with them.
pub(crate) fn answers(_: &Rig) {
    for (status, headers, body, id) in [
        ("401 Unauthorized", "", "", "D301"),
        ("403 Forbidden", "", "", "D301"),
        ("301 Moved Permanently", "Location: https://elsewhere/\r\n", "", "D311"),
        ("404 Not Found", "", "404 page not found", "D302"),
        ("413 Content Too Large", "", "", "D308"),
        ("415 Unsupported Media Type", "", "", "D309"),
        ("503 Service Unavailable", "", "data refused due to high memory usage", "D312"),
        ("500 Internal Server Error", "", "", "D313"),
        ("200 OK", "Content-Type: text/html\r\n", "<html>log in</html>", "D310"),
        (
            "200 OK",
            "Content-Type: application/json\r\n",
            r#"{"partialSuccess":{"rejectedSpans":"1","rejectedDataPoints":"1","rejectedLogRecords":"1","errorMessage":"no"}}"#,
            "D306",
        ),
    ] {
        let server = Fake::http(status, headers, body);
        let json = sending_to(server.url()).with(PROTOCOL, "http/json");
        json.examine().found(
            &format!("the receiver answers {status} {}", &headers.get(..12).unwrap_or_default()),
            "accepted",
            id,
        );
    }
}

pub(crate) fn prometheus(rig: &Rig) {
    let mut off = rig.prometheus(PrometheusConfig { otlp: false, ..PrometheusConfig::default() });
    let metrics_to = |prometheus: &throughline_rig::Prometheus| {
        Patient::new()
            .with(METRICS_ENDPOINT, format!("{}/v1/metrics", prometheus.otlp_url()))
            .looking_at("--prometheus", prometheus.url())
    };
    let examined = metrics_to(&off).examine();
    let found = examined.found("Prometheus without its OTLP receiver", "accepted", "D303");
    let flags = found.fix()["flags"]
        .as_array()
        .expect("flags")
        .iter()
        .map(|flag| flag.as_str().expect("text").to_owned());
    off.kill();
    let on = rig.prometheus(PrometheusConfig {
        otlp: false,
        flags: flags.collect(),
        ..PrometheusConfig::default()
    });
    metrics_to(&on).examine().is_green();
    found.mended_by("prometheus_flags");

    let looking = |patient: Patient| patient.looking_at("--prometheus", on.url());
    mended("Prometheus' address without /api/v1/otlp", &looking(sending_to(on.url())), "accepted", "D304");
    mended("traces and logs to Prometheus", &looking(sending_to(on.otlp_url())), "settings", "D009");
    let delta = metrics_to(&on).with("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    mended("delta metrics to Prometheus", &delta, "accepted", "D307");
    let low = metrics_to(&on).with("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "lowmemory");
    mended("lowmemory metrics to Prometheus", &low, "accepted", "D307");
    let logs = looking(sending_to(on.otlp_url())).with("OTEL_TRACES_EXPORTER", "none");
    mended("logs to Prometheus", &logs, "settings", "D009");
    let path = looking(Patient::new().with(METRICS_ENDPOINT, format!("{}/v1/metrics", on.url())));
    mended("the path of a Collector at Prometheus", &path, "accepted", "D304");
    let grpc = looking(sending_to(on.otlp_url()))
        .with(PROTOCOL, "grpc")
        .with("OTEL_TRACES_EXPORTER", "none")
        .with("OTEL_LOGS_EXPORTER", "none");
    let examined = grpc.examine();
    assert_eq!(examined.first(), ("protocol", "D202"), "{:#}", examined.report);
    for translation_strategy in
        ["NoUTF8EscapingWithSuffixes", "UnderscoreEscapingWithoutSuffixes", "NoTranslation"]
    {
        let translation_strategy = translation_strategy.to_owned();
        let prometheus =
            rig.prometheus(PrometheusConfig { translation_strategy, ..PrometheusConfig::default() });
        metrics_to(&prometheus).examine().is_green();
    }
}

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
        rig.collector(CollectorConfig { traces_to: Some(dead.clone()), ..CollectorConfig::default() });
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
    let delta = stack.patient().with("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    mended("delta metrics through the Collector to Prometheus", &delta, "collector", "D408");
    let other = looking_at_collector(&stack.collector).with(ENDPOINT, to_nobody.otlp_http_url());
    other.examine().found("another Collector is looked at", "collector", "D402");

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
    let elsewhere = looking_at_collector(&plain).looking_at("--traces-api", stack.jaeger.url());
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
    let seldom = json!({
        "global": { "scrape_interval": "1h", "scrape_timeout": "10s" },
        "scrape_configs": [{ "job_name": "app", "honor_labels": true, "static_configs": [{ "targets": [collector.prometheus_exporter_address()] }] }],
    });
    let prometheus =
        rig.prometheus(PrometheusConfig { raw: Some(seldom.to_string()), ..PrometheusConfig::default() });
    looking("--prometheus", prometheus.url()).examine().found("a scrape an hour", "store", "D602");
}
