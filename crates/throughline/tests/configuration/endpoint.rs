//! Variables of the scrape endpoint's security, by who is answered and how.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use throughline::init_telemetry;

use super::security::{Files, certificate};
use super::{any_port, started, with};

/// `prometheus:open sesame`.
const BASIC: &str = "Basic cHJvbWV0aGV1czpvcGVuIHNlc2FtZQ==";

/// The status of an answer to a request with these credentials; 0 without an answer.
fn ask(mut stream: impl Read + Write, path: &str, authorization: &str) -> u16 {
    let headers = format!("host: x\r\nauthorization: {authorization}\r\nconnection: close");
    if write!(stream, "GET {path} HTTP/1.1\r\n{headers}\r\n\r\n").is_err() {
        return 0;
    }
    let mut answer = Vec::new();
    // A reset after the answer is as good as a close.
    let _closed = stream.read_to_end(&mut answer).is_ok();
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).expect("the endpoint is there")
}

/// A folder with secrets.
fn secrets() -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path: PathBuf = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (password, token) = (write("password", "open sesame\n"), write("token", "token-1\n"));
    (folder, password, token)
}

#[test]
fn credentials_are_asked_for_of_who_scrapes() {
    let (_folder, password, token) = secrets();
    let user = ("THROUGHLINE_PROMETHEUS_USERNAME", "prometheus");
    for (variables, right) in [
        (vec![user, ("THROUGHLINE_PROMETHEUS_PASSWORD", "open sesame")], BASIC),
        (vec![user, ("THROUGHLINE_PROMETHEUS_PASSWORD_FILE", &*password)], BASIC),
        (vec![("THROUGHLINE_PROMETHEUS_BEARER_TOKEN", "token-1")], "Bearer token-1"),
        (vec![("THROUGHLINE_PROMETHEUS_BEARER_TOKEN_FILE", &*token)], "Bearer token-1"),
    ] {
        let telemetry = started(&variables);
        let address = telemetry.prometheus_address().expect("an endpoint");
        for (path, without, with) in
            [("/metrics", 401, 200), ("/telemetry", 401, 200), ("/healthz", 200, 200)]
        {
            assert_eq!(ask(connect(address), path, "Bearer x"), without, "{variables:?} {path}");
            assert_eq!(ask(connect(address), path, right), with, "{variables:?} {path}");
        }
        let described = telemetry.describe().to_string() + &telemetry.status().to_string();
        assert!(!described.contains("sesame") && !described.contains("token-1"), "{described}");
    }
}

#[test]
fn half_of_the_endpoints_security_is_an_error_that_names_the_other() {
    for (variable, value, expected) in [
        ("USERNAME", "me", "`me`: needs its other half: set `THROUGHLINE_PROMETHEUS_PASSWORD_FILE`"),
        ("USERNAME", "a:b", "`a:b`: has a colon"),
        ("PASSWORD", "sesame", "`…`: needs its other half: set `THROUGHLINE_PROMETHEUS_USERNAME`"),
        ("BEARER_TOKEN_FILE", "/no/such", "`…`: the file `/no/such` cannot be read"),
        ("CERTIFICATE", "c.pem", "`c.pem`: needs its other half: set `THROUGHLINE_PROMETHEUS_KEY`"),
        ("KEY", "k.pem", "`k.pem`: needs its other half: set `THROUGHLINE_PROMETHEUS_CERTIFICATE`"),
    ] {
        let variable = format!("THROUGHLINE_PROMETHEUS_{variable}");
        let config = with(&[(&variable, value)]).with_prometheus_address(any_port());
        let error = init_telemetry(config).expect_err("half of it").to_string();
        assert!(error.contains(&format!("{variable} = {expected}")), "{error}");
        assert!(!error.contains("sesame"), "{error}");
    }
}

#[test]
fn an_endpoint_for_everybody_is_warned_about() {
    let warnings = |variables| {
        let config = with(variables).with_prometheus_address(([0, 0, 0, 0], 0).into());
        init_telemetry(config).expect("telemetry starts").describe().warnings().join("\n")
    };
    let token = ("THROUGHLINE_PROMETHEUS_BEARER_TOKEN", "token-1");
    assert!(warnings(&[]).contains("the scrape endpoint at 0.0.0.0:0 answers whoever can reach it"));
    assert!(warnings(&[token]).contains("is given credentials in the clear: add TLS"));
    assert!(started(&[]).describe().warnings().is_empty(), "it is for this machine alone");
}

#[test]
fn a_certificate_makes_the_endpoint_speak_tls() {
    let files = Files::new();
    let (chain, key) = (files.text("server.pem"), files.text("server.key"));
    let telemetry =
        started(&[("THROUGHLINE_PROMETHEUS_CERTIFICATE", &chain), ("THROUGHLINE_PROMETHEUS_KEY", &key)]);
    let address = telemetry.prometheus_address().expect("an endpoint");
    assert!(telemetry.describe().to_string().contains(&format!("scraped at https://{address}/metrics")));
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&files.path("roots.pem"))).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    assert_eq!(ask(StreamOwned::new(client, connect(address)), "/metrics", "none"), 200);
    assert_eq!(ask(connect(address), "/metrics", "none"), 0, "plain text is not answered");
}
