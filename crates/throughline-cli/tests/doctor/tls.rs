//! Faults of certificates.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tempfile::TempDir;
use throughline_rig::http::get;
use throughline_rig::{Collector, CollectorConfig, PrometheusConfig, Rig};

use crate::examination::{PROTOCOL, Patient, mended, sending_to};
use crate::fake::{Fake, Response, path};
use crate::healthy::Stack;

/// An authority, and files of it.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("it is written");
        Self { folder, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Certificate and key of a server or client, as `NAME.pem` and `NAME.key`.
    pub(crate) fn issue(&self, name: &str, host: &str, is_expired: bool) {
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
    pub(crate) fn collector(&self, rig: &Rig, name: &str, wants_clients: bool) -> Collector {
        let mut tls = json!({ "cert_file": self.file(&format!("{name}.pem")), "key_file": self.file(&format!("{name}.key")) });
        if wants_clients {
            tls["client_ca_file"] = self.file("ca.pem").into();
        }
        let protocols = json!({ "grpc": { "tls": tls }, "http": { "tls": tls } });
        let overlay = json!({ "receivers": { "otlp": { "protocols": protocols } } });
        rig.collector(CollectorConfig { overlay: Some(overlay.to_string()), ..CollectorConfig::default() })
    }
}

/// A server that shows its certificate, and passes on what is asked to one that speaks plain text.
fn in_front(authority: &Authority, url: String) -> Fake {
    let certificate = CertificateDer::from_pem_file(authority.file("good.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(authority.file("good.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key))
        .expect("a configuration that works");
    Fake::answering_over_tls(config, move |head| {
        let answer = get(&format!("{url}{}", path(head))).expect("the server is up");
        let kind = format!("Content-Type: {}\r\n", answer.content_type);
        Some(Response::new(format!("{} As It Is", answer.status), kind, answer.body))
    })
}

/// What stands behind TLS is asked as any other, with the authority that the exporters trust.
pub(crate) fn apis(rig: &Rig) {
    let authority = Authority::new();
    authority.issue("good", "127.0.0.1", false);
    let stack = Stack::pushing(rig, PrometheusConfig::default());
    let origin = |url: String| url.trim_end_matches("/metrics").to_owned();
    let own = in_front(&authority, origin(stack.collector.own_metrics_url()));
    let prometheus = in_front(&authority, stack.prometheus.url().to_owned());
    let jaeger = in_front(&authority, stack.jaeger.url());
    let page = in_front(&authority, origin(stack.collector.prometheus_exporter_url()));
    let distrusting = sending_to(stack.collector.otlp_http_url())
        .looking_at("--collector-metrics", format!("{}/metrics", own.url()))
        .looking_at("--prometheus", prometheus.url().replace("//", "//reader:secret@"))
        .looking_at("--traces-api", jaeger.url());
    let trusting = distrusting.clone().with("OTEL_EXPORTER_OTLP_CERTIFICATE", authority.file("ca.pem"));
    trusting.examine().is_green();
    let pulled = Patient::new().looking_at("--scrape", format!("{}/metrics", page.url()));
    pulled.with("OTEL_EXPORTER_OTLP_CERTIFICATE", authority.file("ca.pem")).examine().is_green();
    let examined = distrusting.examine();
    examined.found("nobody trusts the authority of the APIs", "collector", "D401");
    let said = examined.report.to_string();
    assert!(examined.fix()["text"].as_str().is_some_and(|text| text.starts_with("trust the authority")));
    assert!(said.contains("UnknownIssuer") && !said.contains("secret"), "{said}");
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
