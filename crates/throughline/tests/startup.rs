//! Start-up and shutdown through the public API, without servers. Nothing here is global: see `globals.rs` for that.
#![expect(clippy::panic, reason = "a test's helpers fail by panicking")]

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use throughline::{Detector, Error, KeyValue, TelemetryConfig, TelemetryProviders, init_telemetry};

fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Telemetry with just these variables, touching nothing global.
fn with(variables: &[(&'static str, &'static str)]) -> TelemetryConfig {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    TelemetryConfig::new("shop")
        .without_globals()
        .with_environment_variables(move |name| variables.get(name).map(|value| (*value).to_owned()))
}

fn started(variables: &[(&'static str, &'static str)]) -> TelemetryProviders {
    init_telemetry(with(variables).with_prometheus_address(any_port())).expect("telemetry starts")
}

/// A setting's value and source, as described.
fn setting(telemetry: &TelemetryProviders, name: &str) -> (String, String) {
    let settings = telemetry.describe().settings();
    let setting = settings.iter().find(|setting| setting.name == name).unwrap_or_else(|| panic!("no {name}"));
    (setting.value.clone(), setting.source.to_string())
}

/// What the endpoint answers.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the endpoint is there");
    write!(stream, "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn metrics_are_scraped_and_rendered() {
    let telemetry = started(&[]);
    telemetry.meter("it").u64_counter("orders").build().add(2, &[KeyValue::new("paid", true)]);
    let address = telemetry.prometheus_address().expect("an endpoint");
    let answer = ask(address, "GET /metrics");
    assert!(answer.contains("orders_total{otel_scope_name=\"it\",paid=\"true\"} 2"), "{answer}");
    assert!(telemetry.render().ends_with("# EOF\n"));
    assert!(ask(address, "GET /healthz").ends_with("ok"));
    let status = ask(address, "GET /telemetry");
    assert!(status.contains(r#""service":"shop""#) && status.contains(r#""series":1"#), "{status}");
    assert!(telemetry.shutdown_blocking().is_complete());
    TcpStream::connect(address).expect_err("the port is closed after shutdown");
}

#[test]
fn the_environment_is_read_and_described() {
    let telemetry = started(&[
        ("OTEL_SERVICE_NAME", "from env"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b,service.name=other"),
    ]);
    assert_eq!(setting(&telemetry, "service.name"), ("from env".into(), "OTEL_SERVICE_NAME".into()));
    let page = telemetry.render();
    assert!(page.contains(r#"service_name="from env""#) && page.contains(r#"team="a b""#), "{page}");

    let named = started(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=other")]);
    assert_eq!(setting(&named, "service.name"), ("other".into(), "OTEL_RESOURCE_ATTRIBUTES".into()));
    let config = with(&[("OTEL_SERVICE_NAME", "from env")]).with_service_name("from code");
    let fixed = init_telemetry(config.with_prometheus_address(any_port())).expect("telemetry starts");
    assert_eq!(setting(&fixed, "service.name"), ("from code".into(), "`with_service_name` in code".into()));
}

#[test]
fn detectors_find_out_about_the_process_unless_switched_off() {
    let variables = [("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("POD_NAME", "shop-0")];
    let page = started(&variables).render();
    for label in ["k8s_pod_name=\"shop-0\"", "process_pid=", "os_type=", "host_arch=", "service_instance_id="]
    {
        assert!(page.contains(label), "{label} in {page}");
    }
    let config = with(&variables).with_resource_detectors([Detector::Service]);
    let telemetry = init_telemetry(config.with_prometheus_address(any_port())).expect("telemetry starts");
    let page = telemetry.render();
    assert!(page.contains("telemetry_sdk_name") && !page.contains("k8s_pod_name"), "{page}");
    assert_eq!(setting(&telemetry, "resource.detectors").0, "service");

    let none = started(&[("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "none")]);
    assert!(!none.render().contains("telemetry_sdk_name"));
    let wrong = with(&[("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "hots")]);
    let error = init_telemetry(wrong).expect_err("no such detector").to_string();
    assert!(error.contains("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS") && error.contains("`hots`"), "{error}");
}

#[test]
fn the_endpoint_can_be_moved_by_the_environment() {
    let port = TcpListener::bind(any_port()).expect("a port").local_addr().expect("its address").port();
    let port: &'static str = Box::leak(port.to_string().into_boxed_str());
    let config =
        with(&[("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost"), ("OTEL_EXPORTER_PROMETHEUS_PORT", port)]);
    let telemetry = init_telemetry(config).expect("telemetry starts");
    let address = telemetry.prometheus_address().expect("an endpoint");
    assert_eq!(address.to_string(), format!("127.0.0.1:{port}"));
    assert!(ask(address, "GET /metrics").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_taken_port_is_an_error() {
    let taken = TcpListener::bind(any_port()).expect("a port");
    let address = taken.local_addr().expect("its address");
    let error = init_telemetry(with(&[]).with_prometheus_address(address)).expect_err("the port is taken");
    assert!(matches!(error, Error::Bind { address: named, .. } if named == address), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn without_an_endpoint_nothing_is_opened() {
    let telemetry = init_telemetry(with(&[]).without_prometheus_endpoint()).expect("telemetry starts");
    assert_eq!(telemetry.prometheus_address(), None);
    telemetry.meter("it").u64_counter("orders").build().add(2, &[]);
    assert!(telemetry.render().contains("orders_total"));
    assert!(telemetry.shutdown_blocking().is_complete());
}

#[test]
fn disabled_is_fine_and_does_nothing() {
    for config in [with(&[]).disabled(), with(&[("OTEL_SDK_DISABLED", "TRUE")])] {
        let telemetry = init_telemetry(config).expect("disabled is fine");
        let counter = telemetry.meter("it").u64_counter("orders").build();
        counter.add(1, &[]);
        counter.bind(&[]).add(1);
        assert_eq!(telemetry.prometheus_address(), None);
        assert_eq!(telemetry.render(), "");
        assert_eq!(telemetry.catalogue().iter().filter(|entry| entry.series > 0).count(), 0);
        assert!(
            telemetry.describe().to_string().starts_with("telemetry is disabled"),
            "{}",
            telemetry.describe()
        );
        assert!(telemetry.shutdown_blocking().is_complete());
    }
}

#[test]
fn every_bad_setting_is_reported_with_its_source() {
    let error = init_telemetry(with(&[
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "http"),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "nowhere.example"),
        ("OTEL_RESOURCE_ATTRIBUTES", "novalue"),
    ]))
    .expect_err("three bad settings");
    let Error::Configuration(problems) = &error else { panic!("{error}") };
    assert_eq!(problems.len(), 3, "{error}");
    let text = error.to_string();
    for part in
        ["OTEL_EXPORTER_PROMETHEUS_PORT = `http`", "nowhere.example", "`novalue` has no `=`", "0 to 65535"]
    {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
}

#[test]
fn empty_variables_are_unset() {
    let telemetry = started(&[("OTEL_SERVICE_NAME", " "), ("OTEL_EXPORTER_OTLP_ENDPOINT", "")]);
    assert_eq!(setting(&telemetry, "service.name").0, "shop");
    assert!(telemetry.describe().to_string().contains("pushed nowhere"));
}

#[tokio::test]
async fn it_starts_and_ends_inside_a_current_thread_runtime() {
    let telemetry = started(&[]);
    telemetry.meter("it").u64_counter("orders").build().add(2, &[]);
    assert!(telemetry.flush().await.is_complete());
    telemetry.shutdown().await.expect("nothing is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_starts_and_ends_inside_a_multi_thread_runtime() {
    let telemetry = started(&[]);
    drop(telemetry);
    started(&[]).shutdown().await.expect("nothing is left behind");
}

#[test]
fn a_callback_that_hangs_does_not_hang_the_end() {
    let telemetry = started(&[]);
    let (_hold, released) = std::sync::mpsc::channel::<()>();
    let (reached, is_reached) = std::sync::mpsc::channel();
    let state = std::sync::Mutex::new((released, reached));
    let _stuck = telemetry
        .meter("it")
        .u64_observable_gauge("stuck")
        .with_callback(move |_| {
            let state = state.lock().expect("the first callback");
            let _waiting = state.1.send(());
            let _forever = state.0.recv();
        })
        .build();
    let address = telemetry.prometheus_address().expect("an endpoint");
    let mut scrape = TcpStream::connect(address).expect("the endpoint is there");
    write!(scrape, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").expect("it reads");
    is_reached.recv().expect("the callback runs");
    let report = telemetry.shutdown_within(Duration::from_secs(2));
    assert_eq!(report.points.undelivered, 0, "{report}");
}

#[cfg(feature = "otlp-http")]
mod otlp {
    use super::*;

    #[test]
    fn every_otlp_setting_is_described_and_secrets_are_not() {
        let telemetry = init_telemetry(
            with(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hunter2@127.0.0.1:9/base/"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter3"),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
                ("OTEL_METRIC_EXPORT_INTERVAL", "15s"),
                ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
            ])
            .with_prometheus_address(any_port()),
        )
        .expect("telemetry starts");
        let value = |name| setting(&telemetry, name).0;
        assert!(
            value("metrics.otlp.endpoint").ends_with("127.0.0.1:9/base/v1/metrics"),
            "{}",
            value("metrics.otlp.endpoint")
        );
        assert_eq!(value("metrics.otlp.protocol"), "http/json");
        assert_eq!(value("metrics.otlp.compression"), "gzip");
        assert_eq!(value("metrics.otlp.timeout"), "1s 500ms");
        assert_eq!(value("metrics.export_interval"), "15s");
        assert_eq!(value("metrics.temporality"), "delta");
        let shown = format!("{} {} {telemetry:?}", telemetry.describe(), telemetry.status());
        assert!(!shown.contains("hunter"), "{shown}");
        // Nobody listens: what was recorded is reported as not delivered, in time.
        telemetry.meter("it").u64_counter("orders").build().add(1, &[]);
        let report = telemetry.shutdown_within(Duration::from_millis(400));
        assert!(!report.is_complete(), "{report}");
    }

    #[test]
    fn bad_otlp_settings_say_what_would_be_right() {
        for (variable, value, expected) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "http://"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://localhost:4318", "`https://`"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://", "host"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "smoke", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip", "gzip, zstd or none"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "15s"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "0", "milliseconds"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "-1", "15s"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "novalue", "="),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
            ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "/pem", "OTEL_EXPORTER_OTLP_CLIENT_KEY"),
            ("HTTP_PROXY", "socks5://me:hunter2@proxy:1080", "write `http://host:port`"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                "sometimes",
                "cumulative, delta or lowmemory",
            ),
        ] {
            let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
            let variables: &[_] =
                if variable == endpoint.0 { &[(variable, value)] } else { &[endpoint, (variable, value)] };
            let error = init_telemetry(with(variables).with_prometheus_address(any_port())).expect_err(value);
            let text = error.to_string();
            assert!(text.contains(variable) && text.contains(expected), "{variable}={value}: {text}");
        }
    }

    #[test]
    fn the_way_to_the_receiver_is_described() {
        let telemetry = init_telemetry(
            with(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318"),
                ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/certificates/ca.pem"),
                ("http_proxy", "http://user:hunter2@127.0.0.1:9"),
            ])
            .with_prometheus_address(any_port()),
        )
        .expect("telemetry starts");
        let shown = telemetry.describe().to_string();
        for part in ["/certificates/ca.pem", "otlp.proxy", "http://127.0.0.1:9", "(http_proxy)"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("hunter"), "{shown}");
        telemetry.shutdown_within(Duration::from_millis(100));
    }

    #[cfg(feature = "otlp-grpc")]
    #[test]
    fn grpc_is_chosen_by_the_protocol() {
        for (endpoint, shown) in
            [("http://127.0.0.1:9/", "http://127.0.0.1:9"), ("127.0.0.1:9", "http://127.0.0.1:9")]
        {
            let telemetry = init_telemetry(
                with(&[
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
                    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
                    ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
                ])
                .with_prometheus_address(any_port()),
            )
            .expect("telemetry starts");
            assert_eq!(setting(&telemetry, "metrics.otlp.endpoint").0, shown);
            assert_eq!(setting(&telemetry, "metrics.otlp.protocol").0, "grpc");
            telemetry.shutdown_within(Duration::from_millis(100));
        }
    }

    #[cfg(not(feature = "otlp-grpc"))]
    #[test]
    fn grpc_is_refused_with_the_feature_that_adds_it() {
        let variables =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        let error =
            init_telemetry(with(&variables).with_prometheus_address(any_port())).expect_err("no gRPC");
        assert!(error.to_string().contains("add the cargo feature `otlp-grpc`"), "{error}");
    }

    #[test]
    fn a_bad_endpoint_does_not_hide_other_problems() {
        let variables =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"), ("OTEL_METRIC_EXPORT_INTERVAL", "often")];
        let error =
            init_telemetry(with(&variables).with_prometheus_address(any_port())).expect_err("two problems");
        let Error::Configuration(problems) = &error else { panic!("{error}") };
        assert_eq!(problems.len(), 2, "{error}");
    }
}
