//! Variables with certificates, by what happens between a client and a receiver over TLS.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};
use throughline::init_telemetry;

use super::bare;

/// Certificates that one authority signed, in files.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self(tempfile::tempdir().expect("a folder"));
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("signed");
        files.write("roots.pem", &authority.pem());
        for name in ["server", "client"] {
            let key = KeyPair::generate().expect("a key");
            let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
            files.write(&format!("{name}.pem"), &params.signed_by(&key, &authority).expect("signed").pem());
            files.write(&format!("{name}.key"), &key.serialize_pem());
        }
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    /// A receiver that shows the certificate to clients and wants one of theirs; it tells whether somebody passed.
    fn listen(&self) -> (String, mpsc::Receiver<bool>) {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.path("roots.pem"))).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(clients.build().expect("a verifier"))
            .with_single_cert(
                vec![certificate(&self.path("server.pem"))],
                PrivateKeyDer::from_pem_file(self.path("server.key")).expect("a key"),
            )
            .expect("a certificate");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("its address"));
        let (sender, passed) = mpsc::channel();
        thread::spawn(move || {
            for mut tcp in listener.incoming().flatten() {
                let mut tls = ServerConnection::new(Arc::new(config.clone())).expect("a connection");
                let mut stream = Stream::new(&mut tls, &mut tcp);
                let passed = stream.read(&mut [0; 1]).is_ok_and(|length| length > 0);
                let _gone =
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _test_is_over = sender.send(passed);
            }
        });
        (url, passed)
    }
}

pub(crate) fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("a certificate")
}

/// Whether a client with these files is let in.
fn passes(files: &Files, exporter: &str, variables: &[(&str, &str)]) -> bool {
    let (url, passed) = files.listen();
    let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", &*url), ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000")];
    let exporters = ["OTEL_METRICS_EXPORTER", "OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER"];
    all.extend(exporters.into_iter().filter(|name| *name != exporter).map(|name| (name, "none")));
    all.extend_from_slice(variables);
    let telemetry = init_telemetry(bare(&all)).expect("telemetry starts");
    telemetry.meter("it").u64_counter("orders").build().add(1, &[]);
    drop(telemetry.tracer_provider().tracer("it").span("work").start());
    let logger = telemetry.logger_provider().logger("it");
    logger.record(&throughline::trace::LogRecord::default(), &[]);
    telemetry.shutdown_within(Duration::from_secs(3));
    passed.try_iter().any(|passed| passed)
}

#[test]
fn certificates_of_all_signals_and_of_one_are_used() {
    let files = Files::new();
    let (roots, certificate, key) =
        (files.text("roots.pem"), files.text("client.pem"), files.text("client.key"));
    for (exporter, names) in [
        (
            "OTEL_METRICS_EXPORTER",
            [
                "OTEL_EXPORTER_OTLP_CERTIFICATE",
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
                "OTEL_EXPORTER_OTLP_CLIENT_KEY",
            ],
        ),
        (
            "OTEL_METRICS_EXPORTER",
            [
                "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
                "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
                "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY",
            ],
        ),
        (
            "OTEL_TRACES_EXPORTER",
            [
                "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
                "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
                "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
            ],
        ),
        (
            "OTEL_LOGS_EXPORTER",
            [
                "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE",
                "OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE",
                "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY",
            ],
        ),
    ] {
        let [of_roots, of_certificate, of_key] = names;
        let all = [(of_roots, &*roots), (of_certificate, &*certificate), (of_key, &*key)];
        assert!(passes(&files, exporter, &all), "{names:?}");
        assert!(!passes(&files, exporter, &all[..1]), "{of_certificate} is what lets the client in");
        assert!(!passes(&files, exporter, &all[1..]), "{of_roots} is what makes the receiver trusted");
    }
}
