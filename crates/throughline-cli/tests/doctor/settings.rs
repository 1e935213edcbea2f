//! Faults of settings, of the way, and of what is spoken.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::json;
use throughline_rig::{CollectorConfig, PrometheusConfig, Rig};

use crate::examination::{ENDPOINT, METRICS_ENDPOINT, PROTOCOL, Patient, mended, sending_to};
use crate::fake::{Fake, closed_port, forward};

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
    with("OTEL_TRACES_SAMPLER_ARG", "0.1").examine().found(
        "an argument without its sampler",
        "settings",
        "D010",
    );
    with("OTEL_EXPORTER_OTLP_INSECURE", "maybe").examine().found(
        "a switch that is neither on nor off",
        "settings",
        "D010",
    );
    let no_path = with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &format!("{url}/"));
    mended("a slash as the path in the endpoint of a signal", &no_path, "settings", "D005");
    mended("no path in the endpoint of a signal", &with(METRICS_ENDPOINT, &url), "settings", "D005");
}

/// What is told by Prometheus' own port, 9090, here at an address of its own.
pub(crate) fn port_of_prometheus(rig: &Rig) {
    let prometheus = rig.prometheus(PrometheusConfig::default());
    forward("127.0.0.9:9090", prometheus.url().trim_start_matches("http://").to_owned());
    let metrics = sending_to("http://127.0.0.9:9090")
        .with("OTEL_TRACES_EXPORTER", "none")
        .with("OTEL_LOGS_EXPORTER", "none");
    mended("Prometheus' port without a path", &metrics, "settings", "D006");
    let json = metrics.with(PROTOCOL, "http/json");
    mended("Prometheus' port without a path, as JSON", &json, "settings", "D006");
}

pub(crate) fn ways(_: &Rig) {
    let nobody = format!("http://127.0.0.1:{}", closed_port());
    sending_to(&nobody).examine().found("nobody listens (HTTP)", "reach", "D102");
    let grpc = sending_to(&nobody).with(PROTOCOL, "grpc");
    grpc.examine().found("nobody listens (gRPC)", "reach", "D102");
    let unknown = sending_to("http://otel-collector.invalid:4318");
    unknown.examine().found("a host without an address", "reach", "D101");
    let (full, waiting) = full_queue();
    let endpoint = format!("http://{full}");
    sending_to(&endpoint).examine().found(
        "a receiver that takes no more connections (HTTP)",
        "reach",
        "D103",
    );
    let grpc = sending_to(&endpoint).with(PROTOCOL, "grpc");
    grpc.examine().found("a receiver that takes no more connections (gRPC)", "reach", "D103");
    drop(waiting);
    // What is on this machine is asked directly.
    let proxied = sending_to("http://collector.invalid:4318").with("HTTP_PROXY", nobody);
    proxied.examine().found("a proxy that is not there", "reach", "D109");
}

/// A listener that accepts nothing, and the connections that fill its queue: the system drops more of them in silence, as a
/// firewall does.
fn full_queue() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok();
    let waiting = std::iter::from_fn(connect).take(QUEUE_MAX).collect();
    (address, (listener, waiting))
}

/// More than the queue of a listener of Rust's standard library takes.
const QUEUE_MAX: usize = 500;

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
