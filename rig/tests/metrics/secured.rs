//! The scrape endpoint with TLS and credentials, scraped by the real Prometheus.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use throughline::{TelemetryConfig, TelemetryProviders, init_telemetry};
use throughline_rig::{DEADLINE, Prometheus, PrometheusConfig, Rig, eventually};

const PASSWORD: &str = "open sesame";
const TOKEN: &str = "token-1";

/// Prometheus scrapes over TLS with basic authentication, and with a token; without either it is refused, and says so.
pub(crate) fn tls_and_credentials(rig: &Rig) {
    let folder = tempfile::tempdir().expect("a folder");
    issue(folder.path());
    let telemetry = telemetry(folder.path());
    telemetry.meter("it").u64_counter("orders").build().add(3, &[]);
    let target = telemetry.prometheus_address().expect("an endpoint").to_string();

    let basic = json!({"basic_auth": {"username": "prometheus", "password": PASSWORD}});
    let token_file = folder.path().join("token");
    let bearer = json!({"authorization": {"credentials_file": token_file}});
    for credentials in [basic, bearer] {
        let prometheus = scrape(rig, folder.path(), &target, &credentials);
        assert!((prometheus.value_soon("orders_total") - 3.0).abs() < f64::EPSILON, "{credentials}");
    }
    let refused = scrape(rig, folder.path(), &target, &json!({}));
    let error = eventually(DEADLINE, "a refused scrape", || {
        let targets = refused.targets();
        Some(targets.first()?["lastError"].as_str()?.to_owned()).filter(|error| !error.is_empty())
    });
    assert!(error.contains("401"), "{error}");
    assert!(telemetry.shutdown_blocking().is_complete());
}

fn telemetry(folder: &Path) -> TelemetryProviders {
    fs::write(folder.join("token"), TOKEN).expect("a writable folder");
    let config = TelemetryConfig::new("shop")
        .without_globals()
        .without_environment_variables()
        .with_prometheus_address(([127, 0, 0, 1], 0).into())
        .with_prometheus_tls(folder.join("cert.pem"), folder.join("key.pem"))
        .with_prometheus_basic_auth("prometheus", PASSWORD)
        .with_prometheus_bearer_token_file(folder.join("token"));
    init_telemetry(config).expect("telemetry starts")
}

fn scrape(rig: &Rig, folder: &Path, target: &str, credentials: &Value) -> Prometheus {
    let mut job = json!({
        "job_name": "app",
        "scheme": "https",
        "scrape_interval": "250ms",
        "scrape_timeout": "250ms",
        "tls_config": {"ca_file": folder.join("cert.pem"), "server_name": "localhost"},
        "static_configs": [{"targets": [target]}],
    });
    for (key, value) in credentials.as_object().into_iter().flatten() {
        job[key] = value.clone();
    }
    let raw = Some(json!({"scrape_configs": [job]}).to_string());
    rig.prometheus(PrometheusConfig { raw, otlp: false, ..PrometheusConfig::default() })
}

/// A certificate for `localhost`, and its key.
fn issue(folder: &Path) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    fs::write(folder.join("key.pem"), key.serialize_pem()).expect("a writable folder");
    fs::write(folder.join("cert.pem"), certificate.pem()).expect("a writable folder");
}
