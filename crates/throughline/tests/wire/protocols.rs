//! Which protocol, compression, headers and paths: as the receiver sees them, for all signals.

use http::Version;
use throughline::{ExportConfig, LogConfig, MetricsConfig, OtlpCompression, OtlpProtocol, TraceConfig};

use crate::receiver::{Received, Receiver};
use crate::{end, record_spans, start, to, within};

/// One request of each signal: of metrics, spans and log records.
fn one_of_each(receiver: &Receiver, export: ExportConfig) -> [Received; 3] {
    let telemetry = start(to(receiver).with_export(export.with_endpoint(receiver.url())));
    telemetry.meter("it").u64_counter("orders").build().add(1, &[]);
    record_spans(&telemetry, 1);
    within(&telemetry, || tracing::warn!("m"));
    end(telemetry);
    let mut all = receiver.all();
    all.sort_by_key(|request| {
        [request.metrics().len(), request.spans().len(), request.logs().len()].map(|count| count == 0)
    });
    all.try_into().unwrap_or_else(|all| panic!("three requests: {all:?}"))
}

const HTTP_PATHS: [&str; 3] = ["/v1/metrics", "/v1/traces", "/v1/logs"];

#[test]
fn http_is_http_with_protobuf() {
    let requests = one_of_each(&Receiver::start(), ExportConfig::new());
    for (request, path) in requests.iter().zip(HTTP_PATHS) {
        assert_eq!((request.version, &*request.path), (Version::HTTP_11, path));
        assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(request.header("content-encoding"), None);
    }
}

#[test]
fn json_is_json() {
    let export = ExportConfig::new().with_protocol(OtlpProtocol::HttpJson);
    let requests = one_of_each(&Receiver::start(), export);
    for (request, path) in requests.iter().zip(HTTP_PATHS) {
        assert_eq!((request.version, &*request.path), (Version::HTTP_11, path));
        assert_eq!(request.header("content-type"), Some("application/json"));
        let json: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        assert!(json.is_object());
    }
}

#[test]
fn grpc_is_grpc() {
    let timeout = std::time::Duration::from_secs(7);
    let export = ExportConfig::new().with_protocol(OtlpProtocol::Grpc).with_timeout(timeout);
    let requests = one_of_each(&Receiver::start(), export);
    for (request, service) in requests.iter().zip(["metrics.v1.Metrics", "trace.v1.Trace", "logs.v1.Logs"]) {
        let path = format!("/opentelemetry.proto.collector.{service}Service/Export");
        assert_eq!((request.version, &request.path), (Version::HTTP_2, &path));
        assert_eq!(request.header("content-type"), Some("application/grpc"));
        let told = request.header("grpc-timeout").expect("it tells what it may take");
        assert!(told.trim_end_matches('m').parse::<u64>().is_ok_and(|told| told <= 7000), "{told}");
    }
}

#[test]
fn grpc_without_a_scheme_is_plain_when_it_is_insecure() {
    let receiver = Receiver::start();
    let export = ExportConfig::new()
        .with_protocol(OtlpProtocol::Grpc)
        .with_insecure()
        .with_endpoint(receiver.address.to_string());
    let telemetry = start(to(&receiver).with_export(export));
    record_spans(&telemetry, 1);
    end(telemetry);
    assert_eq!(receiver.spans().len(), 1);
}

#[test]
fn bodies_are_compressed_as_asked() {
    const GZIP: &[u8] = &[0x1F, 0x8B];
    const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
    for (compression, name, magic) in
        [(OtlpCompression::Gzip, "gzip", GZIP), (OtlpCompression::Zstd, "zstd", ZSTD)]
    {
        let receiver = Receiver::start();
        let telemetry = start(
            to(&receiver)
                .with_export(ExportConfig::new().with_compression(compression).with_endpoint(receiver.url())),
        );
        record_spans(&telemetry, 1);
        end(telemetry);
        let request = receiver.next_to("/v1/traces");
        assert_eq!(request.header("content-encoding"), Some(name));
        assert!(request.body.starts_with(magic), "{name}");
    }
    let grpc = ExportConfig::new().with_protocol(OtlpProtocol::Grpc).with_compression(OtlpCompression::Gzip);
    for request in one_of_each(&Receiver::start(), grpc) {
        assert_eq!(request.header("grpc-encoding"), Some("gzip"));
        assert!(request.body[5..].starts_with(GZIP));
    }
}

#[test]
fn headers_and_tokens_arrive_with_every_signal() {
    let token = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(token.path(), "s3cret\n").expect("it is written");
    let export = ExportConfig::new().with_header("x-tenant", "blue").with_bearer_token_file(token.path());
    for request in one_of_each(&Receiver::start(), export) {
        assert_eq!(request.header("x-tenant"), Some("blue"));
        assert_eq!(request.header("authorization"), Some("Bearer s3cret"));
    }
}

#[test]
fn what_a_signal_asks_for_itself_wins() {
    let (shared, own) = (Receiver::start(), Receiver::start());
    let export = |path: &str, tenant: &str| {
        ExportConfig::new()
            .with_url(format!("{}{path}", own.url()))
            .with_header("x-tenant", tenant)
            .with_protocol(OtlpProtocol::HttpJson)
    };
    let telemetry = start(
        to(&shared)
            .with_traces(TraceConfig::new().with_export(export("/spans/v1/traces", "t")))
            .with_logs(LogConfig::new().with_export(export("/records/v1/logs", "l")))
            .with_metrics(MetricsConfig::new().with_export(export("/points/v1/metrics", "m"))),
    );
    telemetry.meter("it").u64_counter("orders").build().add(1, &[]);
    record_spans(&telemetry, 1);
    within(&telemetry, || tracing::warn!("m"));
    end(telemetry);
    let mut seen: Vec<_> = own
        .all()
        .iter()
        .map(|request| (request.path.clone(), request.header("x-tenant").map(str::to_owned)))
        .collect();
    seen.sort();
    let expected = [("/points/v1/metrics", "m"), ("/records/v1/logs", "l"), ("/spans/v1/traces", "t")];
    assert_eq!(seen, expected.map(|(path, tenant)| (path.to_owned(), Some(tenant.to_owned()))));
    assert!(shared.all().is_empty());
}
