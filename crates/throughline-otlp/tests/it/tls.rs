//! Over TLS, with certificates made here: what is trusted, what is not and why, and what changes while it runs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use throughline_otlp::{BuildError, Endpoint, MetricExporter, OtlpConfig, Signal, TlsFiles};
use tokio_rustls::TlsAcceptor;

use crate::exporter::Exporter;
use crate::server::{HttpReceiver, answer, closing};

/// Signs certificates, and keeps files of them.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    folder: TempDir,
}

/// A certificate and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("Authority")
    }

    fn named(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let authority =
            Self { issuer: Issuer::new(params, key), pem, folder: tempfile::tempdir().expect("a folder") };
        authority.write("ca.pem", &authority.pem);
        authority
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).expect("a writable folder");
    }

    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    /// What a client needs to trust it.
    pub(crate) fn trusted(&self) -> TlsFiles {
        TlsFiles::default().with_roots(self.path("ca.pem"))
    }

    /// Puts a certificate for clients where [`client`](Self::client) expects it.
    fn issue_client(&self) {
        let pair = self.sign("client", |_| {});
        self.write("client.pem", &pair.certificate);
        self.write("client.key", &pair.key);
    }

    fn client(&self) -> TlsFiles {
        self.trusted().with_client_certificate(self.path("client.pem"), self.path("client.key"))
    }

    pub(crate) fn server(&self, name: &str) -> ServerConfig {
        server(&self.sign(name, |_| {}), None)
    }
}

/// A server with this certificate, which trusts clients of that authority alone, if any is named.
fn server(pair: &Pair, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM"))
                .expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("PEM");
    builder.with_single_cert(chain, key).expect("a certificate with its key")
}

/// Listens with a configuration that can be replaced.
async fn listen_replaceably(
    receiver: &HttpReceiver,
    config: ServerConfig,
) -> (SocketAddr, Arc<Mutex<TlsAcceptor>>) {
    let acceptor = Arc::new(Mutex::new(TlsAcceptor::from(Arc::new(config))));
    let (receiver, current) = (receiver.clone(), Arc::clone(&acceptor));
    let address = crate::server::listen(move |stream| {
        let (receiver, acceptor) = (receiver.clone(), current.lock().expect("no panic").clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                receiver.serve(stream).await;
            }
        }
    });
    (address.await, acceptor)
}

pub(crate) async fn listen(receiver: &HttpReceiver, config: ServerConfig) -> SocketAddr {
    listen_replaceably(receiver, config).await.0
}

fn config(scheme: &str, address: SocketAddr, files: TlsFiles) -> OtlpConfig {
    let url = format!("{scheme}://localhost:{}", address.port());
    OtlpConfig::new(Endpoint::base(&url, Signal::Metrics).expect("a URL")).with_tls(files)
}

#[tokio::test]
async fn a_trusted_receiver_is_delivered_to() {
    let authority = Authority::new();
    let receiver = HttpReceiver::default();
    let address = listen(&receiver, authority.server("localhost")).await;
    let exporter = Exporter::start(config("https", address, authority.trusted()));
    exporter.delivers().await;
    exporter.delivers().await;
    assert_eq!(receiver.received()[1].metrics(), ["requests"]);
}

#[tokio::test]
async fn a_receiver_that_cannot_be_trusted_is_refused_with_what_would_help() {
    let (authority, stranger, namesake) = (Authority::new(), Authority::named("Stranger"), Authority::new());
    let long_ago = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    };
    let far_ahead = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(3000, 1, 1);
        params.not_after = date_time_ymd(3001, 1, 1);
    };
    for (pair, expected) in [
        (stranger.sign("localhost", |_| {}), "set `OTEL_EXPORTER_OTLP_CERTIFICATE`"),
        (namesake.sign("localhost", |_| {}), "set `OTEL_EXPORTER_OTLP_CERTIFICATE`"),
        (authority.sign("localhost", long_ago), "certificate has expired: renew it"),
        (authority.sign("localhost", far_ahead), "is not valid yet"),
        (authority.sign("elsewhere.example", |_| {}), "is for another name"),
    ] {
        let receiver = HttpReceiver::default();
        let address = listen(&receiver, server(&pair, None)).await;
        let exporter = Exporter::start(config("https", address, authority.trusted()));
        exporter.fails_with(&["no private connection to https://localhost:", expected]).await;
        assert_eq!(receiver.received().len(), 0);
    }
}

#[tokio::test]
async fn the_roots_of_the_system_do_not_trust_everybody() {
    let authority = Authority::new();
    let address = listen(&HttpReceiver::default(), authority.server("localhost")).await;
    let endpoint =
        Endpoint::base(&format!("https://localhost:{}", address.port()), Signal::Metrics).expect("a URL");
    // A system without roots says so when the exporter is built.
    let provider = throughline_metrics::MeterProvider::builder().build();
    let reader = provider.reader(throughline_metrics::TemporalityPreference::Cumulative);
    let clock = Arc::new(throughline_core::SystemClock);
    match MetricExporter::new(reader, OtlpConfig::new(endpoint.clone()), clock, 1) {
        Err(error) => assert!(error.to_string().contains("ca-certificates"), "{error}"),
        Ok(_) => {
            let exporter = Exporter::start(OtlpConfig::new(endpoint));
            exporter.fails_with(&["set `OTEL_EXPORTER_OTLP_CERTIFICATE`"]).await;
        }
    }
}

#[tokio::test]
async fn a_receiver_can_ask_for_a_certificate() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    authority.issue_client();
    stranger.issue_client();
    let pair = authority.sign("localhost", |_| {});
    let receiver = HttpReceiver::default();
    let address = listen(&receiver, server(&pair, Some(&authority))).await;
    let exporter = Exporter::start(config("https", address, authority.client()));
    exporter.delivers().await;

    let without = Exporter::start(config("https", address, authority.trusted()));
    without.fails_with(&["wants a client certificate: set `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`"]).await;

    let strange =
        authority.trusted().with_client_certificate(stranger.path("client.pem"), stranger.path("client.key"));
    let strange = Exporter::start(config("https", address, strange));
    strange.fails_with(&["refuses the client certificate"]).await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn certificates_are_read_again_when_they_change() {
    let (first, second) = (Authority::new(), Authority::new());
    first.issue_client();
    let receiver = HttpReceiver::answering([closing(), closing(), closing()]);
    let (address, acceptor) =
        listen_replaceably(&receiver, server(&first.sign("localhost", |_| {}), Some(&first))).await;
    let exporter = Exporter::start(config("https", address, first.client()));
    exporter.delivers().await;

    // The receiver moves to another authority, the client's files follow one by one.
    *acceptor.lock().expect("no panic") =
        TlsAcceptor::from(Arc::new(server(&second.sign("localhost", |_| {}), Some(&second))));
    exporter.fails_with(&["signed by nobody who is trusted here"]).await;
    first.write("ca.pem", &second.pem);
    exporter.fails_with(&["refuses the client certificate"]).await;
    let pair = second.sign("client", |_| {});
    first.write("client.pem", &pair.certificate);
    exporter.fails_with(&["refuses the client certificate"]).await;
    first.write("client.key", &pair.key);
    exporter.delivers().await;

    // What is no good changes nothing.
    first.write("ca.pem", "-----BEGIN CERTIFICATE-----\nnonsense");
    exporter.delivers().await;
    std::fs::remove_file(first.path("client.key")).expect("a file");
    exporter.delivers().await;
}

#[tokio::test]
async fn plain_text_and_tls_are_not_mistaken_for_each_other() {
    let authority = Authority::new();
    let plain = HttpReceiver::default();
    let address = crate::server::listen(move |stream| plain.clone().serve(stream)).await;
    let exporter = Exporter::start(config("https", address, authority.trusted()));
    exporter.fails_with(&["no private connection", "plain text, write `http://`"]).await;

    let address = listen(&HttpReceiver::default(), authority.server("localhost")).await;
    let exporter = Exporter::start(config("http", address, TlsFiles::default()));
    exporter.fails_with(&["the receiver speaks TLS: write `https://`"]).await;

    // What a server of Go says in plain text.
    let polite =
        HttpReceiver::answering([answer(400, &[], "Client sent an HTTP request to an HTTPS server.\n")]);
    let address = crate::server::listen(move |stream| polite.clone().serve(stream)).await;
    let exporter = Exporter::start(config("http", address, TlsFiles::default()));
    exporter.fails_with(&["the receiver speaks TLS: write `https://`"]).await;
}

/// A receiver of gRPC that wants TLS like this.
#[cfg(feature = "grpc")]
async fn listen_grpc(receiver: &crate::grpc::Receiver, mut tls: ServerConfig) -> SocketAddr {
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let (serving, acceptor) = (receiver.clone(), TlsAcceptor::from(Arc::new(tls)));
    let address = crate::server::listen(move |stream| {
        let (receiver, acceptor) = (serving.clone(), acceptor.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                receiver.serve(stream).await;
            }
        }
    });
    address.await
}

#[cfg(feature = "grpc")]
fn grpc_config(scheme: &str, address: SocketAddr, files: TlsFiles) -> OtlpConfig {
    let url = format!("{scheme}localhost:{}", address.port());
    OtlpConfig::new(Endpoint::grpc(&url, Signal::Metrics, false).expect("a URL")).with_tls(files)
}

#[cfg(feature = "grpc")]
#[tokio::test]
async fn grpc_is_private_too() {
    let authority = Authority::new();
    let receiver = crate::grpc::Receiver::default();
    let address = listen_grpc(&receiver, authority.server("localhost")).await;
    // Without a scheme it is TLS.
    let exporter = Exporter::start(grpc_config("", address, authority.trusted()));
    exporter.delivers().await;
    assert_eq!(receiver.requests().len(), 1);

    let exporter = Exporter::start(grpc_config("http://", address, TlsFiles::default()));
    exporter.fails_with(&["if it wants TLS, write `https://`"]).await;

    // A receiver of HTTP alone, over TLS.
    let mut tls = authority.server("localhost");
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let address = listen(&HttpReceiver::default(), tls).await;
    let exporter = Exporter::start(grpc_config("https://", address, authority.trusted()));
    exporter.fails_with(&["try the other of gRPC and HTTP"]).await;
}

#[cfg(feature = "grpc")]
#[tokio::test]
async fn a_receiver_of_grpc_can_ask_for_a_certificate() {
    let authority = Authority::new();
    authority.issue_client();
    let pair = authority.sign("localhost", |_| {});
    let address = listen_grpc(&crate::grpc::Receiver::default(), server(&pair, Some(&authority))).await;
    Exporter::start(grpc_config("https://", address, authority.client())).delivers().await;
    let exporter = Exporter::start(grpc_config("https://", address, authority.trusted()));
    exporter.fails_with(&["wants a client certificate: set `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`"]).await;
}

#[test]
fn files_that_cannot_be_used_are_found_at_start() {
    let authority = Authority::new();
    authority.issue_client();
    authority.write("empty.pem", "");
    let (missing, empty, key) =
        (authority.path("missing"), authority.path("empty.pem"), authority.path("client.key"));
    let other = Authority::new();
    other.issue_client();
    for (files, expected) in [
        (TlsFiles::default().with_roots(&missing), "cannot be read"),
        (TlsFiles::default().with_roots(&empty), "has no certificate"),
        (TlsFiles::default().with_roots(&key), "has no certificate"),
        (
            authority.trusted().with_client_certificate(authority.path("client.pem"), &empty),
            "has no private key",
        ),
        (
            authority
                .trusted()
                .with_client_certificate(authority.path("client.pem"), other.path("client.key")),
            "does not fit",
        ),
    ] {
        let endpoint = Endpoint::base("https://localhost", Signal::Metrics).expect("a URL");
        let provider = throughline_metrics::MeterProvider::builder().build();
        let reader = provider.reader(throughline_metrics::TemporalityPreference::Cumulative);
        let config = OtlpConfig::new(endpoint).with_tls(files);
        let error = MetricExporter::new(reader, config, Arc::new(throughline_core::SystemClock), 1);
        let error = error.expect_err("files that cannot be used");
        assert!(matches!(error, BuildError::File { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
