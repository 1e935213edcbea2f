//! The endpoint with TLS and authentication, as strangers and as those who may ask see it.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;
use throughline_prometheus::server::{Authentication, Limits, Secret, Server, ServerTls};

use crate::sample::{exporter_of, recorded};
use crate::server::{Answer, Running};

/// `prometheus:open sesame`.
const BASIC: &str = "Authorization: Basic cHJvbWV0aGV1czpvcGVuIHNlc2FtZQ==\r\n";

fn server() -> Server {
    Server::new(exporter_of(&recorded())).with_status(|| "{}".to_owned())
}

fn basic() -> Authentication {
    Authentication::basic("prometheus", &Secret::text("open sesame")).expect("no file")
}

#[test]
fn without_credentials_there_is_one_answer_to_everything_but_healthz() {
    let server = Running::start(server().with_authentication(basic()));
    for path in ["/metrics", "/telemetry", "/nothing-here"] {
        let refused = server.get(path, "");
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.head.contains(r#"www-authenticate: basic realm="metrics""#), "{}", refused.head);
        assert_eq!(refused.text(), "credentials are needed\n", "the path is not reflected");
    }
    assert_eq!(server.get("/healthz", "").text(), "ok");
    assert_eq!(server.get("/metrics", BASIC).status, 200);
    assert_eq!(server.get("/telemetry", BASIC).status, 200);
    assert_eq!(server.get("/nothing-here", BASIC).status, 404);
}

#[test]
fn wrong_credentials_are_none() {
    let token = Authentication::bearer(&Secret::text("token-1")).expect("no file");
    let server = Running::start(server().with_authentication(basic()).with_authentication(token));
    for right in ["basic cHJvbWV0aGV1czpvcGVuIHNlc2FtZQ==", "Bearer token-1", "BEARER  token-1"] {
        assert_eq!(server.get("/metrics", &format!("Authorization: {right}\r\n")).status, 200, "{right}");
    }
    for wrong in [
        "",
        "Basic",
        "Basic ",
        "Basic cHJvbWV0aGV1czpvcGVuIHNlc2FtZB==",
        "Basic cHJvbWV0aGV1czpvcGVuIHNlc2FtZQ==x",
        "Bearer cHJvbWV0aGV1czpvcGVuIHNlc2FtZQ==",
        "Bearer token-",
        "Bearer token-11",
        "Basic token-1",
        "token-1",
    ] {
        let answer = server.get("/metrics", &format!("Authorization: {wrong}\r\n"));
        assert_eq!(answer.status, 401, "{wrong}");
        assert!(
            answer.head.contains("basic realm") && answer.head.contains("bearer realm"),
            "{}",
            answer.head
        );
    }
}

#[test]
fn a_secret_comes_from_its_file_and_goes_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    let bearer = || Authentication::bearer(&Secret::file(&path));
    assert!(bearer().expect_err("no file").to_string().contains("cannot be read"));
    fs::write(&path, "\n").expect("a writable folder");
    assert!(bearer().expect_err("no token").to_string().contains("is empty: it should have a bearer token"));
    fs::write(&path, "first\n").expect("a writable folder");
    let server = Running::start(server().with_authentication(bearer().expect("a token")));
    let status = |token: &str| server.get("/metrics", &format!("Authorization: Bearer {token}\r\n")).status;
    assert_eq!((status("first"), status("second")), (200, 401));
    fs::write(&path, "second\n").expect("a writable folder");
    soon("the new token", || status("second") == 200);
    assert_eq!(status("first"), 401);
}

/// A certificate for `localhost` and its key, in files.
struct Certificate {
    folder: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let certificate = Self { folder: tempfile::tempdir().expect("a folder") };
        certificate.renew();
        certificate
    }

    fn renew(&self) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(self.path("key.pem"), key.serialize_pem()).expect("a writable folder");
        fs::write(self.path("cert.pem"), certificate.pem()).expect("a writable folder");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tls(&self) -> ServerTls {
        ServerTls::new(self.path("cert.pem"), self.path("key.pem")).expect("a certificate")
    }

    /// A connection of one who trusts what the files have now.
    fn connect(&self, server: &Running) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        let pem = fs::read(self.path("cert.pem")).expect("a file");
        roots.add(CertificateDer::from_pem_slice(&pem).expect("PEM")).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        StreamOwned::new(client, server.connect())
    }

    fn get(&self, server: &Running, headers: &str) -> Answer {
        let mut stream = self.connect(server);
        let request = format!("GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n");
        if stream.write_all(request.as_bytes()).is_err() {
            return Answer { status: 0, head: String::new(), body: Vec::new() };
        }
        Answer::read(&mut stream)
    }
}

#[test]
fn tls_is_spoken_with_the_certificate_of_the_day() {
    let certificate = Certificate::new();
    let server = Running::start(server().with_tls(certificate.tls()).with_authentication(basic()));
    let answer = certificate.get(&server, BASIC);
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("shop_requests_total{"));
    assert_eq!(certificate.get(&server, "").status, 401);
    assert_eq!(server.get("/metrics", BASIC).status, 0, "plain text is not answered");
    certificate.renew();
    soon("the new certificate", || certificate.get(&server, BASIC).status == 200);
}

#[test]
fn certificates_that_are_no_good_are_refused_at_start() {
    let certificate = Certificate::new();
    let error = |certificate: PathBuf, key: PathBuf| {
        ServerTls::new(certificate, key).expect_err("not usable").to_string()
    };
    let (chain, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
    assert!(error(certificate.path("none"), key.clone()).contains("cannot be read"));
    assert!(error(key.clone(), key).contains("has no certificate"));
    assert!(error(chain.clone(), chain.clone()).contains("has no private key"));
    let other = Certificate::new();
    let message = error(chain, other.path("key.pem"));
    assert!(message.contains("key.pem` does not fit `"), "{message}");
}

#[test]
fn who_does_not_shake_hands_is_sent_away() {
    let certificate = Certificate::new();
    let mut limits = Limits::default();
    (limits.handshake_timeout, limits.connections) = (Duration::from_millis(50), 1);
    let server = Running::start(server().with_limits(limits).with_tls(certificate.tls()));
    let mut silent = server.connect();
    assert_eq!(certificate.get(&server, "").status, 200, "the one connection allowed is free again");
    assert_eq!(Answer::read(&mut silent).status, 0);
}

/// Asks again until it is so: files are looked at once a second.
#[expect(clippy::disallowed_methods, reason = "the server's time is real")]
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "no {what}");
        std::thread::yield_now();
    }
}
