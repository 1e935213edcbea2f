//! The real Prometheus.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use crate::process::{Process, Recipe, server_methods, write_config};
use crate::{DEADLINE, Need, Rig, eventually, http};

/// Queries for exemplars look this far back and ahead.
const EXEMPLAR_WINDOW: Duration = Duration::from_secs(3600);

/// What a test wants of its Prometheus; [`Default`] is a server with the OTLP receiver and nothing to scrape.
#[derive(Clone, Debug)]
pub struct PrometheusConfig {
    /// `host:port` of what to scrape, as job `app`.
    pub targets: Vec<String>,
    /// The path to scrape.
    pub metrics_path: String,
    /// How often to scrape and to evaluate rules; whole milliseconds count.
    pub interval: Duration,
    /// Formats to ask for, best first; empty leaves the server's default.
    pub scrape_protocols: Vec<String>,
    /// Whether native histograms are taken from a protobuf scrape.
    pub native_histograms: bool,
    /// Whether the page's own `job` and `instance` labels win.
    pub honor_labels: bool,
    /// Whether OTLP is received; a build without the receiver then fails to start, with the reason.
    pub otlp: bool,
    /// How OTLP names become Prometheus names.
    pub translation_strategy: String,
    /// Resource attributes that become labels of every series received as OTLP.
    pub promote_resource_attributes: Vec<String>,
    /// How old a sample may be and still be stored out of order; `0s` for not at all.
    pub out_of_order_window: String,
    /// Names for `--enable-feature`.
    pub features: Vec<String>,
    /// A file of alerting and recording rules, as YAML.
    pub rules: Option<String>,
    /// A folder of such files, `*.yml`.
    pub rule_folder: Option<PathBuf>,
    /// `host:port` of Alertmanagers.
    pub alertmanagers: Vec<String>,
    /// A whole configuration file in place of the one made from the fields above.
    pub raw: Option<String>,
    /// More command line flags.
    pub flags: Vec<String>,
}

impl Default for PrometheusConfig {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            metrics_path: "/metrics".to_owned(),
            interval: Duration::from_millis(250),
            scrape_protocols: Vec::new(),
            native_histograms: false,
            honor_labels: false,
            otlp: true,
            translation_strategy: "UnderscoreEscapingWithSuffixes".to_owned(),
            promote_resource_attributes: Vec::new(),
            out_of_order_window: "30m".to_owned(),
            features: vec!["exemplar-storage".to_owned()],
            rules: None,
            rule_folder: None,
            alertmanagers: Vec::new(),
            raw: None,
            flags: Vec::new(),
        }
    }
}

impl PrometheusConfig {
    fn recipe(&self, folder: &Path, [port]: [u16; 1]) -> Result<Recipe> {
        let config = write_config(folder, "prometheus.yml", self.raw.as_deref(), &self.file())?;
        if let Some(rules) = &self.rules {
            write_config(folder, "rules.yml", Some(rules), &Value::Null)?;
        }
        let mut arguments = vec![
            format!("--config.file={config}"),
            format!("--web.listen-address=127.0.0.1:{port}"),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            // Else the first scrape waits for up to five seconds.
            "--scrape.discovery-reload-interval=100ms".to_owned(),
        ];
        if self.otlp {
            arguments.push("--web.enable-otlp-receiver".to_owned());
        }
        if !self.features.is_empty() {
            arguments.push(format!("--enable-feature={}", self.features.join(",")));
        }
        if !self.alertmanagers.is_empty() {
            // The first notification is lost while Alertmanagers are being discovered; the default is a minute.
            arguments.push("--rules.alert.resend-delay=1s".to_owned());
        }
        arguments.extend_from_slice(&self.flags);
        let ready_url = format!("http://127.0.0.1:{port}/-/ready");
        Ok(Recipe { arguments, environment: Vec::new(), ready_url })
    }

    fn file(&self) -> Value {
        let interval = format!("{}ms", self.interval.as_millis());
        let mut job = json!({
            "job_name": "app",
            "metrics_path": self.metrics_path,
            "scrape_native_histograms": self.native_histograms,
            "honor_labels": self.honor_labels,
            "static_configs": [{"targets": self.targets}],
        });
        if !self.scrape_protocols.is_empty() {
            job["scrape_protocols"] = json!(self.scrape_protocols);
        }
        let mut file = json!({
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "storage": {"tsdb": {"out_of_order_time_window": self.out_of_order_window}},
            "scrape_configs": [job],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": self.alertmanagers}]}]},
        });
        if self.otlp {
            file["otlp"] = json!({
                "translation_strategy": self.translation_strategy,
                "promote_resource_attributes": self.promote_resource_attributes,
            });
        }
        let of_folder = self.rule_folder.iter().map(|folder| format!("{}/*.yml", folder.display()));
        let rules = self.rules.iter().map(|_| "rules.yml".to_owned()).chain(of_folder);
        file["rule_files"] = rules.collect();
        file
    }
}

/// One series of an instant query's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// All labels, `__name__` among them where the expression keeps it.
    pub labels: BTreeMap<String, String>,
    /// The value; NaN for a native histogram.
    pub value: f64,
    /// A native histogram as the API gives it: `count`, `sum`, `buckets`.
    pub histogram: Option<Value>,
}

impl Sample {
    /// The value of label `name`, empty where there is none, as in `PromQL`.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    url: String,
}

server_methods!(Prometheus);

impl Rig {
    /// Starts Prometheus and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not start, with its log; when `config.otlp` is set and this build has no OTLP receiver.
    #[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
    #[track_caller]
    pub fn prometheus(&self, config: PrometheusConfig) -> Prometheus {
        let program = self.expect(Need::Prometheus);
        let (process, [port]) = Process::start(&program, |folder, ports| config.recipe(folder, ports));
        let prometheus = Prometheus { process, url: format!("http://127.0.0.1:{port}") };
        if config.otlp {
            prometheus.require_otlp_receiver();
        }
        prometheus
    }
}

impl Prometheus {
    /// `http://host:port`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The OTLP base address, to which a client appends `/v1/metrics`.
    pub fn otlp_url(&self) -> String {
        format!("{}/api/v1/otlp", self.url)
    }

    /// The series that the instant query `promql` gives now; a scalar is one series without labels.
    #[track_caller]
    pub fn query(&self, promql: &str) -> Vec<Sample> {
        let data = self.get_json("/api/v1/query", &[("query", promql)]);
        let result = &data["result"];
        if data["resultType"] == "scalar" {
            return vec![sample(&json!({"metric": {}, "value": result}))];
        }
        result.as_array().map(|series| series.iter().map(sample).collect()).unwrap_or_default()
    }

    /// The value of `promql` when it gives exactly one series.
    #[track_caller]
    pub fn value(&self, promql: &str) -> Option<f64> {
        let [sample] = self.query(promql).try_into().ok()?;
        let Sample { value, .. } = sample;
        Some(value)
    }

    /// The value of `promql` as soon as it gives exactly one series.
    #[track_caller]
    pub fn value_soon(&self, promql: &str) -> f64 {
        eventually(DEADLINE, &format!("single value of {promql}"), || self.value(promql))
    }

    /// Waits until `promql` gives exactly one series of value `expected`.
    #[track_caller]
    pub fn await_value(&self, promql: &str, expected: f64) {
        let what = format!("value {expected} of {promql}");
        eventually(DEADLINE, &what, || self.value(promql).filter(|value| value.total_cmp(&expected).is_eq()));
    }

    /// Exemplars of the series in `promql`, of this hour: `[{seriesLabels, exemplars: [{labels, value, timestamp}]}]`.
    #[track_caller]
    pub fn query_exemplars(&self, promql: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock set after 1970");
        let start = now.saturating_sub(EXEMPLAR_WINDOW).as_secs().to_string();
        let end = (now + EXEMPLAR_WINDOW).as_secs().to_string();
        self.get_json("/api/v1/query_exemplars", &[("query", promql), ("start", &start), ("end", &end)])
    }

    /// The label sets of all series that match `matcher`.
    #[track_caller]
    pub fn series(&self, matcher: &str) -> Vec<BTreeMap<String, String>> {
        let data = self.get_json("/api/v1/series", &[("match[]", matcher)]);
        data.as_array().map(|series| series.iter().map(labels).collect()).unwrap_or_default()
    }

    /// Type, help and unit of scraped `metric`: `[{type, help, unit}]`; empty for OTLP series, which have none.
    #[track_caller]
    pub fn metadata(&self, metric: &str) -> Vec<Value> {
        let data = self.get_json("/api/v1/metadata", &[("metric", metric)]);
        data[metric].as_array().cloned().unwrap_or_default()
    }

    /// The active scrape targets: `{scrapeUrl, health, lastError, …}` each.
    #[track_caller]
    pub fn targets(&self) -> Vec<Value> {
        let data = self.get_json("/api/v1/targets", &[("state", "active")]);
        data["activeTargets"].as_array().cloned().unwrap_or_default()
    }

    /// The `data` of the API's answer on `path`.
    ///
    /// # Panics
    ///
    /// When the server does not answer or answers with an error.
    #[track_caller]
    pub fn get_json(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let url = format!("{}{path}", self.url);
        ask(&url, parameters)
            .unwrap_or_else(|error| panic!("ask Prometheus {path} {parameters:?}: {error:#}"))
    }

    #[track_caller]
    fn require_otlp_receiver(&self) {
        let url = format!("{}/v1/metrics", self.otlp_url());
        let answer = http::post(&url, "application/x-protobuf", &[]);
        let lacking = answer.is_ok_and(|answer| answer.status == 404);
        assert!(
            !lacking,
            "this Prometheus lacks the OTLP receiver (Debian's build does): run `cargo xtask rig` with go"
        );
    }
}

fn ask(url: &str, parameters: &[(&str, &str)]) -> Result<Value> {
    let answer = http::get_with(url, parameters, &[])?;
    ensure!(answer.is_success(), "status {}: {}", answer.status, answer.body);
    let mut answer: Value = serde_json::from_str(&answer.body)?;
    Ok(answer["data"].take())
}

fn sample(series: &Value) -> Sample {
    let value = series["value"][1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
    let histogram = series["histogram"].get(1).cloned();
    Sample { labels: labels(&series["metric"]), value, histogram }
}

fn labels(metric: &Value) -> BTreeMap<String, String> {
    let empty = Map::new();
    let pairs = metric.as_object().unwrap_or(&empty).iter();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}
