use super::*;
use crate::transport::tls;

#[test]
fn a_base_gets_the_signal_path() {
    for (url, expected) in [
        ("http://localhost:4318", "http://localhost:4318/v1/metrics"),
        ("http://localhost:4318/", "http://localhost:4318/v1/metrics"),
        ("http://localhost:4318//", "http://localhost:4318/v1/metrics"),
        ("HTTP://localhost", "http://localhost/v1/metrics"),
        (" http://h/otlp/ ", "http://h/otlp/v1/metrics"),
        ("http://h/otlp?tenant=a", "http://h/otlp/v1/metrics?tenant=a"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/metrics"),
        ("http://u:p@h:1", "http://h:1/v1/metrics"),
        ("http://p:9090/api/v1/otlp", "http://p:9090/api/v1/otlp/v1/metrics"),
    ] {
        let endpoint = Endpoint::base(url, Signal::Metrics).expect(url);
        assert_eq!(endpoint.uri.to_string(), expected, "{url}");
        assert!(!endpoint.to_string().contains("tenant"), "queries are not shown: {endpoint}");
    }
    let traces = Endpoint::base("http://h:4318", Signal::Traces).unwrap();
    assert_eq!(traces.to_string(), "http://h:4318/v1/traces");
    let logs = Endpoint::base("http://h:4318", Signal::Logs).unwrap();
    assert_eq!(logs.to_string(), "http://h:4318/v1/logs");
}

#[test]
fn the_url_of_one_signal_is_used_as_it_is() {
    for (url, expected) in [
        ("http://h:4318", "http://h:4318/"),
        ("http://h:4318/", "http://h:4318/"),
        ("http://h:4318/custom/", "http://h:4318/custom/"),
        ("http://h:4318?x=1", "http://h:4318/?x=1"),
        ("http://h:4318/v1/metrics", "http://h:4318/v1/metrics"),
    ] {
        assert_eq!(Endpoint::verbatim(url).expect(url).uri.to_string(), expected, "{url}");
    }
}

#[test]
fn the_prometheus_preset_builds_the_path() {
    for url in [
        "http://p:9090",
        "http://p:9090/",
        "http://p:9090/api/v1/otlp",
        "http://p:9090/api/v1/otlp/",
        "http://p:9090/api/v1/otlp/v1/metrics",
    ] {
        let endpoint = Endpoint::prometheus(url).expect(url);
        assert_eq!(endpoint.to_string(), "http://p:9090/api/v1/otlp/v1/metrics", "{url}");
        assert!(endpoint.is_prometheus());
        assert_eq!(endpoint.warnings(Signal::Metrics), [""; 0]);
    }
    let below = Endpoint::prometheus("http://proxy/prom").unwrap();
    assert_eq!(below.to_string(), "http://proxy/prom/api/v1/otlp/v1/metrics");
}

#[test]
fn errors_say_what_where_and_how_to_mend() {
    for (url, expected) in [
        ("localhost:4318", "the OTLP endpoint `localhost:4318` has no scheme; write `http://localhost:4318`"),
        ("", "the OTLP endpoint `` has no scheme"),
        ("grpc://h", "the OTLP endpoint `grpc://h` has the scheme `grpc`"),
        ("http://", "the OTLP endpoint `http://` is not a valid URL"),
        ("http://:4318", "the OTLP endpoint `http://:4318` has no host"),
        ("http://h:99999", "the OTLP endpoint `http://h:99999` has a port"),
        ("http://h:0", "the OTLP endpoint `http://h:0` has a port"),
        ("http://h:x", "the OTLP endpoint `http://h:x` "),
        ("http://a b/", "the OTLP endpoint `http://a b/` is not a valid URL"),
        ("unix://", "the OTLP endpoint `unix://` names no socket"),
        ("unix:relative.sock", "the OTLP endpoint `unix:relative.sock` names no socket"),
        ("unix:///run/", "the OTLP endpoint `unix:///run/` names no socket"),
        ("u:secret@h:4318", "the OTLP endpoint `***@h:4318` has no scheme"),
        ("http://u:a/secret@h/", "the OTLP endpoint `http://***@h/` "),
        ("http://u:sec ret@h/", "the OTLP endpoint `http://***@h/` is not a valid URL"),
    ] {
        let error = Endpoint::base(url, Signal::Metrics).expect_err(url).to_string();
        assert!(error.starts_with(expected), "{url}: {error}");
    }
}

#[test]
fn connections_get_host_and_port() {
    for (url, host, port) in [
        ("http://h", "h", 80),
        ("http://h:", "h", 80),
        ("http://127.0.0.1:4318", "127.0.0.1", 4318),
        ("http://[::1]:4318/x", "::1", 4318),
        ("http://[fe80::1]/x", "fe80::1", 80),
        ("http://u:p@[::1]:7/x", "::1", 7),
    ] {
        let endpoint = Endpoint::verbatim(url).expect(url);
        assert_eq!(endpoint.host_and_port(), Some((host, port)), "{url}");
    }
}

#[test]
fn credentials_are_decoded_and_never_shown() {
    let endpoint = Endpoint::verbatim("http://me%40x:s%3Acret@h/p").unwrap();
    assert_eq!(endpoint.credentials(), Some(("me@x", "s:cret")));
    assert_eq!(endpoint.to_string(), "http://h/p");
    assert!(!format!("{endpoint:?}").contains("cret"));
    assert_eq!(Endpoint::verbatim("http://token@h/p").unwrap().credentials(), Some(("token", "")));
}

#[test]
fn what_can_hardly_be_meant_is_told() {
    let base = |url| Endpoint::base(url, Signal::Metrics).expect(url).warnings(Signal::Metrics);
    let verbatim = |url| Endpoint::verbatim(url).expect(url).warnings(Signal::Metrics);
    for (warnings, expected) in [
        (base("http://h:4317"), "use port 4318"),
        (verbatim("http://h:4317/v1/metrics"), "use port 4318"),
        (base("http://h:9090/"), "use the preset `Endpoint::prometheus`"),
        (verbatim("http://h:9090"), "use the preset `Endpoint::prometheus`"),
        (verbatim("http://h:4318"), "has no path"),
        (verbatim("unix:///run/otel.sock"), "has no path"),
        (base("http://h:4318/v1/metrics"), "becomes `/v1/metrics/v1/metrics`"),
        (base("http://u:secret@h:4317"), "in `http://***@h:4317`"),
    ] {
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(expected), "{warnings:?}");
    }
    assert_eq!(base("http://h:4318"), [""; 0]);
    assert_eq!(base("http://h:9090/api/v1/otlp"), [""; 0]);
    assert_eq!(verbatim("http://h:4318/v1/metrics"), [""; 0]);
}

#[test]
fn the_path_of_another_signal_is_told() {
    let base = |url| Endpoint::base(url, Signal::Traces).expect(url).warnings(Signal::Traces);
    let verbatim = |url| Endpoint::verbatim(url).expect(url).warnings(Signal::Logs);
    for (warnings, expected) in [
        (base("http://h:4318/v1/metrics"), "becomes `/v1/metrics/v1/traces`; leave out `/v1/metrics`"),
        (base("http://h:9090"), "takes metrics alone; set another endpoint for spans"),
        (base("http://h:9090/api/v1/otlp"), "is in Prometheus, which takes metrics alone"),
        (
            verbatim("http://h:4318/v1/traces"),
            "where receivers take spans, not log records; those go to `/v1/logs`",
        ),
    ] {
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(expected), "{warnings:?}");
    }
    assert_eq!(base("http://h:4318"), [""; 0]);
    assert_eq!(verbatim("http://h:4318/v1/logs"), [""; 0]);
}

#[test]
fn tls_is_there_or_refused_with_the_feature_that_adds_it() {
    for (url, port) in [("https://h", 443), ("HTTPS://u:secret@h:4318", 4318)] {
        match Endpoint::base(url, Signal::Metrics) {
            Ok(endpoint) => {
                assert!(tls::BUILT_IN && endpoint.is_tls());
                assert_eq!(endpoint.host_and_port(), Some(("h", port)));
            }
            Err(error) => {
                let error = error.to_string();
                assert!(!tls::BUILT_IN && error.contains("add the cargo feature `tls`"), "{error}");
                assert!(!error.contains("secret"), "{error}");
            }
        }
    }
    match Endpoint::grpc("collector:4317", Signal::Metrics, false) {
        Ok(endpoint) => assert_eq!(endpoint.to_string(), "https://collector:4317"),
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("has no scheme, which over gRPC means TLS"), "{error}");
        }
    }
}

#[test]
fn grpc_takes_host_port_and_scheme() {
    for (url, insecure, expected, host, port) in [
        ("http://h:4317", false, "http://h:4317", "h", 4317),
        ("http://h:4317/", false, "http://h:4317", "h", 4317),
        ("h:4317", true, "http://h:4317", "h", 4317),
        (" localhost:4317 ", true, "http://localhost:4317", "localhost", 4317),
        ("[::1]:4317", true, "http://[::1]:4317", "::1", 4317),
        ("http://h:4317/v1/metrics?x=y", false, "http://h:4317", "h", 4317),
        ("http://u:p@h", false, "http://h", "h", 80),
    ] {
        let endpoint = Endpoint::grpc(url, Signal::Metrics, insecure).expect(url);
        assert_eq!(endpoint.to_string(), expected, "{url}");
        assert_eq!(endpoint.host_and_port(), Some((host, port)), "{url}");
        assert_eq!(
            endpoint.uri().path(),
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            "{url}"
        );
    }
    for (url, expected) in
        [("", "has no scheme"), ("grpc://h", "has the scheme `grpc`"), ("h:x", "has a port")]
    {
        let error = Endpoint::grpc(url, Signal::Metrics, true).expect_err(url).to_string();
        assert!(error.contains(expected), "{url}: {error}");
    }
}

#[test]
fn what_can_hardly_be_meant_over_grpc_is_told() {
    let warnings = |url| Endpoint::grpc(url, Signal::Traces, true).expect(url).warnings(Signal::Traces);
    for (url, expected) in [
        ("http://h:4318", "use port 4317, or the protocol `http/protobuf`"),
        ("h:9090", "Prometheus, which does not speak gRPC"),
        ("h", "has no port, so 80 is taken"),
        ("http://h:4317/v1/traces", "gRPC has no paths"),
        ("http://u:secret@h:4318", "in `http://***@h:4318`"),
    ] {
        let warnings = warnings(url);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(expected), "{warnings:?}");
    }
    assert_eq!(warnings("http://h:4317/"), [""; 0]);
    assert_eq!(warnings("unix:///run/otel.sock"), [""; 0]);
}

#[cfg(unix)]
#[test]
fn unix_sockets_have_a_file_and_perhaps_a_path() {
    let base = |url| Endpoint::base(url, Signal::Metrics).expect(url);
    for (endpoint, shown, path) in [
        (base("unix:///run/otel.sock"), "unix:///run/otel.sock:/v1/metrics", "/v1/metrics"),
        (base("unix:/run/otel.sock:/otlp/"), "unix:///run/otel.sock:/otlp/v1/metrics", "/otlp/v1/metrics"),
        (Endpoint::verbatim("unix:///a:/x").expect("a URL"), "unix:///a:/x", "/x"),
        (
            Endpoint::grpc("unix:///a", Signal::Logs, false).expect("a URL"),
            "unix:///a",
            Signal::Logs.method(),
        ),
    ] {
        assert_eq!((endpoint.to_string().as_str(), endpoint.uri().path()), (shown, path));
        assert!(endpoint.socket().is_some() && endpoint.host_and_port().is_none() && !endpoint.is_tls());
    }
}
