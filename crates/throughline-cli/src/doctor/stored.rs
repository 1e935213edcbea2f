//! What a Prometheus has of the probe, asked of itself by `prometheus.rs` and through Grafana by `grafana.rs`.

use serde_json::Value;

use super::check::{Check, Hop, Verdict};
use super::fix::Fix;

/// The probe under every translation of its name.
pub(crate) const QUERY: &str = r#"{__name__=~"throughline[._]doctor[._]probe"}"#;

/// The series in an answer to [`QUERY`].
pub(crate) fn stored(data: &Value) -> Vec<Stored> {
    data["result"].as_array().into_iter().flatten().map(Stored::read).collect()
}

/// The newest value in an answer to [`QUERY`].
pub(crate) fn newest(data: &Value) -> Option<f64> {
    stored(data).iter().map(|stored| stored.value).reduce(f64::max)
}

/// A series of the probe.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) value: f64,
    labels: Vec<(String, String)>,
}

impl Stored {
    fn read(series: &Value) -> Self {
        let value = series["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        let labels = series["metric"].as_object().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self { value, labels: labels.map(|(name, value)| (name.clone(), text(value))).collect() }
    }

    /// Prometheus keeps floats, and so does the way there.
    pub(crate) fn is(&self, value: f64) -> bool {
        (self.value - value).abs() < 0.0005
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn check(&self) -> Check {
        let name = self.label("__name__").unwrap_or_default();
        let shown = ["job", "instance", "exported_job"].into_iter();
        let shown = shown.filter_map(|label| Some(format!("{label}=\"{}\"", self.label(label)?)));
        let evidence =
            format!("{name}{{{}}} has the value of the probe", shown.collect::<Vec<_>>().join(","));
        if self.label("exported_job").is_none() {
            return Check::ok(Hop::Store, "metrics", evidence);
        }
        let job = self.label("job").unwrap_or_default();
        let yaml = format!("scrape_configs:\n  - job_name: {job}\n    honor_labels: true\n");
        let evidence = format!("{evidence}, but job and instance are those of the Collector");
        Check::new(Hop::Store, Verdict::Warning, "metrics", evidence)
            .because("D603", Fix::PrometheusFile(yaml))
    }
}
