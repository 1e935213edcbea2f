//! Faults of certificates.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::json;
use tempfile::TempDir;
use throughline_rig::{Collector, CollectorConfig, Rig};

use crate::examination::{PROTOCOL, mended, sending_to};

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
