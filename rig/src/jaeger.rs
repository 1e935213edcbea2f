//! The real Jaeger (v2), with its traces in memory.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::process::{Process, Recipe, server_methods, write_config};
use crate::{Need, Rig, http};

/// A running Jaeger. Start it before the Collector that feeds it.
#[derive(Debug)]
pub struct Jaeger {
    process: Process,
    ports: [u16; 5],
}

server_methods!(Jaeger);

impl Rig {
    /// Starts Jaeger and waits until it is ready.
    ///
    /// # Panics
    ///
    /// When it does not start, with its log.
    #[track_caller]
    pub fn jaeger(&self) -> Jaeger {
        let (process, ports) = Process::start(&self.expect(Need::Jaeger), recipe);
        Jaeger { process, ports }
    }
}

impl Jaeger {
    /// `http://host:port` of the query API and the user interface.
    pub fn url(&self) -> String {
        let [query, ..] = self.ports;
        format!("http://127.0.0.1:{query}")
    }

    /// `host:port` of the OTLP/gRPC receiver.
    pub fn otlp_grpc(&self) -> String {
        let [_, _, grpc, ..] = self.ports;
        format!("127.0.0.1:{grpc}")
    }

    /// Base address of the OTLP/HTTP receiver.
    pub fn otlp_http_url(&self) -> String {
        let [_, _, _, http, _] = self.ports;
        format!("http://127.0.0.1:{http}")
    }

    /// The names of all services that sent spans.
    #[track_caller]
    pub fn services(&self) -> Vec<String> {
        let data = self.get_json("/api/services");
        let names = data.as_array().into_iter().flatten();
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }

    /// The trace of this id in lower-case hexadecimal digits: `{traceID, spans, processes}`.
    #[track_caller]
    pub fn trace(&self, id: &str) -> Option<Value> {
        self.get_json(&format!("/api/traces/{id}")).as_array().and_then(|traces| traces.first().cloned())
    }

    /// The `data` of the API's answer on `path`; null where it is an error, such as an unknown trace.
    #[track_caller]
    pub fn get_json(&self, path: &str) -> Value {
        let answer = http::get(&format!("{}{path}", self.url()));
        let answer = answer.unwrap_or_else(|error| panic!("ask Jaeger {path}: {error:#}"));
        serde_json::from_str(&answer.body).map(|mut body: Value| body["data"].take()).unwrap_or_default()
    }
}

fn recipe(folder: &Path, [query, query_grpc, grpc, http, health]: [u16; 5]) -> Result<Recipe> {
    let local = |port: u16| json!({"endpoint": format!("127.0.0.1:{port}")});
    let config = json!({
        "extensions": {
            "healthcheckv2": {"use_v2": true, "http": local(health)},
            "jaeger_storage": {"backends": {"mem": {"memory": {"max_traces": 100_000}}}},
            "jaeger_query": {"storage": {"traces": "mem"}, "http": local(query), "grpc": local(query_grpc)},
        },
        "receivers": {"otlp": {"protocols": {"grpc": local(grpc), "http": local(http)}}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "mem"}},
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
        },
    });
    let config = write_config(folder, "jaeger.yml", None, &config)?;
    let arguments = vec!["--config".to_owned(), config];
    Ok(Recipe { arguments, environment: Vec::new(), ready_url: format!("http://127.0.0.1:{health}/status") })
}
