//! Faults of real servers: down, killed, with a wrong certificate, with another protocol at the port.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use tempfile::TempDir;
use throughline_rig::{Collector, CollectorConfig, DEADLINE, PrometheusConfig, Rig, eventually};

use crate::run::{Account, Ended, Run};

const ITEMS: u64 = 1200;

/// How often each of these records arrived, by its number.
fn numbers(records: &[Value]) -> BTreeMap<i64, usize> {
    let mut numbers = BTreeMap::new();
    for record in records {
        let attributes = record["attributes"].as_array().into_iter().flatten();
        let number = attributes
            .filter(|attribute| attribute["key"] == "n")
            .find_map(|attribute| attribute["value"]["intValue"].as_str()?.parse().ok());
        *numbers.entry(number.expect("a number")).or_default() += 1;
    }
    numbers
}

/// The Collector has every number up to the last one, once.
#[track_caller]
pub(crate) fn assert_once(collector: &Collector, ended: &Ended) {
    for received in [Collector::received_spans, Collector::received_logs] {
        let numbers = eventually(DEADLINE, "all of them in the Collector's file", || {
            Some(numbers(&received(collector))).filter(|numbers| numbers.len() as u64 == ended.recorded)
        });
        assert!(numbers.values().all(|times| *times == 1), "nothing arrived twice");
    }
}

pub(crate) fn down_at_start(rig: &Rig) {
    let mut collector = rig.collector(CollectorConfig::default());
    collector.kill();
    let mut run = Run::start("down at start", json!({"endpoint": collector.otlp_http_url()}));
    run.record(ITEMS);
    run.until_it_fails();
    run.probe();
    collector.restart();
    let ended = run.settle_and_finish();
    ended.assert_delivered();
    assert_once(&collector, &ended);
}

/// What the Collector had taken when it was killed, it may have lost; what it takes afterwards, it has.
pub(crate) fn killed_under_load(rig: &Rig) {
    for grpc in [false, true] {
        let mut collector = rig.collector(CollectorConfig::default());
        let url = if grpc { collector.otlp_grpc_url() } else { collector.otlp_http_url() };
        let case = if grpc { "killed and restarted, gRPC" } else { "killed and restarted" };
        let mut run = Run::start(case, json!({"endpoint": url, "grpc": grpc}));
        run.load();
        run.until("deliveries", |account| account.exported > 0);
        collector.kill();
        run.until_it_fails();
        run.probe();
        let recorded_before = run.status()["recorded"].as_u64().expect("a number");
        collector.restart();
        run.until("all of the outage", |account| account.exported > recorded_before);
        run.unload();
        let ended = run.settle_and_finish();
        ended.assert_delivered();
        for received in [Collector::received_spans, Collector::received_logs] {
            eventually(DEADLINE, "what was recorded later", || {
                let numbers = numbers(&received(&collector));
                let later = recorded_before as i64..ended.recorded as i64;
                (numbers.range(later.clone()).count() == later.count()).then_some(())
            });
        }
    }
}

/// A certificate and its key, in files, and the roots that a client trusts.
struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// `is_trusted`: whether the authority is among the roots. `is_expired`: since ten years.
    fn new(is_trusted: bool, is_expired: bool) -> Self {
        let certificates = Self { folder: tempfile::tempdir().expect("a folder") };
        let (root, issuer) = authority();
        let roots = if is_trusted { root } else { authority().0 };
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        if is_expired {
            (params.not_before, params.not_after) = (date_time_ymd(2014, 1, 1), date_time_ymd(2015, 1, 1));
        }
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        certificates.write("ca.pem", &roots);
        certificates.write("cert.pem", &certificate.pem());
        certificates.write("key.pem", &key.serialize_pem());
        certificates
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a writable folder");
    }

    fn collector(&self, rig: &Rig) -> Collector {
        let tls = json!({"tls": {"cert_file": self.path("cert.pem"), "key_file": self.path("key.pem")}});
        let overlay = json!({"receivers": {"otlp": {"protocols": {"grpc": tls, "http": tls}}}}).to_string();
        rig.collector(CollectorConfig { overlay: Some(overlay), ..CollectorConfig::default() })
    }
}

/// The certificate of an authority, and its key.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).expect("a certificate").pem();
    (pem, Issuer::new(params, key))
}

/// Nothing is delivered, and the error says why.
fn is_refused(case: &'static str, rig: &Rig, certificates: &Certificates, why: &str) {
    let collector = certificates.collector(rig);
    let url = collector.otlp_http_url().replace("http://127.0.0.1", "https://localhost");
    undelivered(case, json!({"endpoint": url, "roots": certificates.path("ca.pem")}), why);
    assert!(collector.own_metric("otelcol_receiver_accepted_spans") < 1.0);
}

pub(crate) fn expired(rig: &Rig) {
    is_refused("TLS: expired certificate", rig, &Certificates::new(true, true), "has expired");
}

pub(crate) fn untrusted(rig: &Rig) {
    is_refused(
        "TLS: untrusted certificate",
        rig,
        &Certificates::new(false, false),
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
    );
}

/// What cannot be delivered is counted, and the error says why.
fn undelivered(case: &'static str, config: Value, why: &str) {
    let mut run = Run::start(case, config);
    run.record(ITEMS);
    run.until_it_fails();
    run.probe();
    let ended = run.finish();
    for account in [&ended.spans, &ended.logs] {
        assert_eq!((account.exported, account.dropped()), (0, ended.recorded), "{account:?}");
    }
    assert!(ended.error.contains(why), "{}", ended.error);
}

pub(crate) fn grpc_to_the_port_of_http(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    let config = json!({"endpoint": collector.otlp_http_url(), "grpc": true});
    undelivered("gRPC to the port of HTTP", config, "4317");
}

pub(crate) fn http_to_the_port_of_grpc(rig: &Rig) {
    let collector = rig.collector(CollectorConfig::default());
    let config = json!({"endpoint": collector.otlp_grpc_url()});
    undelivered("HTTP to the port of gRPC", config, "gRPC");
}

pub(crate) fn no_such_name(_: &Rig) {
    undelivered(
        "a name that does not resolve",
        json!({"endpoint": "http://backend.invalid:4318"}),
        "backend.invalid",
    );
}

/// What Prometheus refuses is counted, and gauges of the same request arrive.
pub(crate) fn delta_to_prometheus(rig: &Rig) {
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let config = json!({"prometheus": prometheus.url(), "delta": true});
    let mut run = Run::start("delta to Prometheus without the feature", config);
    run.record(ITEMS);
    eventually(DEADLINE, "a refusal", || {
        let status = run.status();
        (Account::of(&status, "metrics").dropped_for("refused") > 0).then_some(())
    });
    run.probe();
    let ended = run.finish();
    assert!(ended.error.contains("cumulative"), "{}", ended.error);
    assert_eq!(ended.points.dropped_for("refused") + ended.points.exported, ended.points.collected);
}
