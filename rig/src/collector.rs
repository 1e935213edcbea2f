//! The real OpenTelemetry Collector.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::process::{Process, Recipe, server_methods, write_config};
use crate::{Need, Rig, http};

/// Where the file exporter writes, inside the server's folder.
const OUT: &str = "out.jsonl";

/// What a test wants of its Collector.
///
/// [`Default`] receives OTLP over gRPC and HTTP, batches for 200 ms, and gives every signal to a file
/// and metrics to a Prometheus exporter. Configuration written by a test can use
/// `${env:OTLP_GRPC}`, `${env:OTLP_HTTP}`, `${env:PROMETHEUS}`, `${env:HEALTH}` (each `host:port`),
/// `${env:TELEMETRY_PORT}` (a number) and `${env:OUT}` (the file that [`Collector::received`] reads).
#[derive(Clone, Debug, Default)]
pub struct CollectorConfig {
    /// Base URL of an OTLP/HTTP server that gets all metrics too, as exporter `otlphttp/prom`; see
    /// [`Prometheus::otlp_url`](crate::Prometheus::otlp_url).
    pub metrics_to: Option<String>,
    /// `host:port` of an OTLP/gRPC server that gets all traces too, as exporter `otlp/jaeger`; see
    /// [`Jaeger::otlp_grpc`](crate::Jaeger::otlp_grpc). It must be up first, or its back-off takes seconds.
    pub traces_to: Option<String>,
    /// A second configuration file, as YAML: maps are merged over the first file's, lists replace its lists.
    pub overlay: Option<String>,
    /// A whole configuration file in place of the one made here. Readiness needs
    /// extension `health_check` on `${env:HEALTH}`, [`Collector::own_metric`] a reader on `${env:TELEMETRY_PORT}`.
    pub raw: Option<String>,
}

impl CollectorConfig {
    fn recipe(&self, folder: &Path, ports: [u16; 5]) -> Result<Recipe> {
        let [grpc, http, prometheus, health, telemetry] = ports;
        let config = write_config(folder, "collector.yml", self.raw.as_deref(), &self.file())?;
        let mut arguments = vec!["--config".to_owned(), config];
        if let Some(overlay) = &self.overlay {
            let path = write_config(folder, "overlay.yml", Some(overlay), &Value::Null)?;
            arguments.extend(["--config".to_owned(), path]);
        }
        let local = |name: &str, port: u16| (name.to_owned(), format!("127.0.0.1:{port}"));
        let environment = vec![
            local("OTLP_GRPC", grpc),
            local("OTLP_HTTP", http),
            local("PROMETHEUS", prometheus),
            local("HEALTH", health),
            ("TELEMETRY_PORT".to_owned(), telemetry.to_string()),
            ("OUT".to_owned(), folder.join(OUT).to_string_lossy().into_owned()),
        ];
        Ok(Recipe { arguments, environment, ready_url: format!("http://127.0.0.1:{health}/") })
    }

    fn file(&self) -> Value {
        let mut exporters = json!({
            "prometheus": {"endpoint": "${env:PROMETHEUS}", "send_timestamps": true, "enable_open_metrics": true},
            "file": {"path": "${env:OUT}", "flush_interval": "100ms"},
        });
        let mut metrics_to = vec!["file", "prometheus"];
        let mut traces_to = vec!["file"];
        if let Some(endpoint) = &self.metrics_to {
            exporters["otlphttp/prom"] = json!({"endpoint": endpoint});
            metrics_to.push("otlphttp/prom");
        }
        if let Some(endpoint) = &self.traces_to {
            exporters["otlp/jaeger"] = json!({"endpoint": endpoint, "tls": {"insecure": true}});
            traces_to.push("otlp/jaeger");
        }
        let pipeline = |to: &[&str]| json!({"receivers": ["otlp"], "processors": ["batch"], "exporters": to});
        let reader = json!({"host": "127.0.0.1", "port": "${env:TELEMETRY_PORT}"});
        json!({
            "receivers": {"otlp": {"protocols": {
                "grpc": {"endpoint": "${env:OTLP_GRPC}"},
                "http": {"endpoint": "${env:OTLP_HTTP}"},
            }}},
            "processors": {"batch": {"timeout": "200ms"}},
            "exporters": exporters,
            "extensions": {"health_check": {"endpoint": "${env:HEALTH}"}},
            "service": {
                "extensions": ["health_check"],
                "telemetry": {"metrics": {"readers": [{"pull": {"exporter": {"prometheus": reader}}}]}},
                "pipelines": {
                    "metrics": pipeline(&metrics_to),
                    "traces": pipeline(&traces_to),
                    "logs": pipeline(&["file"]),
                },
            },
        })
    }
}

/// A running OpenTelemetry Collector.
#[derive(Debug)]
pub struct Collector {
    process: Process,
    ports: [u16; 5],
}

server_methods!(Collector);

impl Rig {
    /// Starts the Collector and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not start, with its log.
    #[expect(clippy::needless_pass_by_value, reason = "a literal at every call")]
    #[track_caller]
    pub fn collector(&self, config: CollectorConfig) -> Collector {
        let program = self.expect(Need::Collector);
        let (process, ports) = Process::start(&program, |folder, ports| config.recipe(folder, ports));
        Collector { process, ports }
    }
}

impl Collector {
    /// The OTLP/HTTP base address, to which a client appends `/v1/metrics` and so on.
    pub fn otlp_http_url(&self) -> String {
        let [_, http, ..] = self.ports;
        format!("http://127.0.0.1:{http}")
    }

    /// The OTLP/gRPC address as a URL.
    pub fn otlp_grpc_url(&self) -> String {
        let [grpc, ..] = self.ports;
        format!("http://127.0.0.1:{grpc}")
    }

    /// The page of the Prometheus exporter.
    pub fn prometheus_exporter_url(&self) -> String {
        format!("http://{}/metrics", self.prometheus_exporter_address())
    }

    /// `host:port` of the Prometheus exporter, as a scrape target is written.
    pub fn prometheus_exporter_address(&self) -> String {
        let [_, _, prometheus, ..] = self.ports;
        format!("127.0.0.1:{prometheus}")
    }

    /// The page of the Collector's own metrics.
    pub fn own_metrics_url(&self) -> String {
        let [.., telemetry] = self.ports;
        format!("http://127.0.0.1:{telemetry}/metrics")
    }

    /// The sum over all series of one of the Collector's own metrics; 0 while it has none.
    ///
    /// The counters `otelcol_receiver_accepted_*`, `otelcol_receiver_refused_*`, `otelcol_exporter_sent_*` and
    /// `otelcol_exporter_send_failed_*` are exact; `_total` at the end may be left out.
    #[track_caller]
    pub fn own_metric(&self, name: &str) -> f64 {
        let answer = http::get(&self.own_metrics_url())
            .unwrap_or_else(|error| panic!("read the Collector's own metrics: {error:#}"));
        answer.body.lines().filter_map(|line| own_value(line, name)).sum()
    }

    /// Everything that arrived, in order: one OTLP/JSON request for each batch.
    ///
    /// Each has one of the keys `resourceMetrics`, `resourceSpans`, `resourceLogs`.
    pub fn received(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.process.folder().join(OUT)).unwrap_or_default();
        // The last line may be half written; it is whole at the next look.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// All metrics that arrived, without their resource and scope.
    pub fn received_metrics(&self) -> Vec<Value> {
        self.received_within(["resourceMetrics", "scopeMetrics", "metrics"])
    }

    /// All spans that arrived, without their resource and scope.
    pub fn received_spans(&self) -> Vec<Value> {
        self.received_within(["resourceSpans", "scopeSpans", "spans"])
    }

    /// All log records that arrived, without their resource and scope.
    pub fn received_logs(&self) -> Vec<Value> {
        self.received_within(["resourceLogs", "scopeLogs", "logRecords"])
    }

    fn received_within(&self, keys: [&str; 3]) -> Vec<Value> {
        let inside = |outer: Vec<Value>, key: &str| -> Vec<Value> {
            outer
                .into_iter()
                .filter_map(|mut value| value.get_mut(key)?.as_array_mut().map(std::mem::take))
                .flatten()
                .collect()
        };
        keys.into_iter().fold(self.received(), inside)
    }
}

/// The value on `line` of a page in the text format, when it is a series of `name`.
fn own_value(line: &str, name: &str) -> Option<f64> {
    let rest = line.strip_prefix(name)?;
    let rest = rest.strip_prefix("_total").unwrap_or(rest);
    if !rest.starts_with(['{', ' ']) {
        return None;
    }
    rest.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_metrics_are_read_by_whole_name() {
        assert_eq!(own_value("sent_points_total{exporter=\"a b\"} 3", "sent_points"), Some(3.0));
        assert_eq!(own_value("sent_points 4", "sent_points"), Some(4.0));
        assert_eq!(own_value("sent_points_failed_total 5", "sent_points"), None);
        assert_eq!(own_value("# TYPE sent_points counter", "sent_points"), None);
    }
}
