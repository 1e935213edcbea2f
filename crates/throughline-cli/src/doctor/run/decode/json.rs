//! Reads OTLP in JSON, as far as the report needs it.

use serde_json::Value;

use super::{Batch, Metric, Signal, TEMPORALITIES};

/// The names of the lists: of resources, of scopes, of items.
fn lists(signal: Signal) -> [&'static str; 3] {
    match signal {
        Signal::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
        Signal::Traces => ["resourceSpans", "scopeSpans", "spans"],
        Signal::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
    }
}

pub(super) fn read(signal: Signal, message: &[u8]) -> Option<Vec<Batch>> {
    let request: Value = serde_json::from_slice(message).ok()?;
    request.as_object()?;
    let [resources, scopes, items] = lists(signal);
    let mut batches = Vec::new();
    for of_resource in list(&request, resources) {
        let resource: Vec<_> =
            list(&of_resource["resource"], "attributes").iter().filter_map(attribute).collect();
        for of_scope in list(of_resource, scopes) {
            let items = list(of_scope, items);
            let is_metrics = signal == Signal::Metrics;
            batches.push(Batch {
                resource: resource.clone(),
                scope: of_scope["scope"]["name"].as_str().unwrap_or_default().to_owned(),
                metrics: if is_metrics { items.iter().map(metric).collect() } else { Vec::new() },
                records: if is_metrics { 0 } else { items.len() as u64 },
            });
        }
    }
    Some(batches)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

const KINDS: [(&str, &str); 5] = [
    ("gauge", "gauge"),
    ("sum", "counter"),
    ("histogram", "histogram"),
    ("exponentialHistogram", "exponential histogram"),
    ("summary", "summary"),
];

fn metric(value: &Value) -> Metric {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let mut metric = Metric { name: text("name"), unit: text("unit"), ..Metric::default() };
    let Some((key, kind)) = KINDS.iter().find(|(key, _)| value[*key].is_object()) else { return metric };
    let data = &value[*key];
    metric.kind = kind;
    metric.points = list(data, "dataPoints").len() as u64;
    if matches!(*key, "sum" | "histogram" | "exponentialHistogram") {
        metric.temporality = temporality(&data["aggregationTemporality"]);
    }
    if *key == "sum" && data["isMonotonic"] != true {
        metric.kind = "up-down counter";
    }
    metric
}

/// A number, as it has to be, or the name that protobuf's own JSON would write.
fn temporality(value: &Value) -> &'static str {
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    let named = || {
        TEMPORALITIES.iter().position(|name| {
            value.as_str().is_some_and(|said| said.to_ascii_lowercase().ends_with(&format!("_{name}")))
        })
    };
    number.or_else(named).and_then(|at| TEMPORALITIES.get(at)).copied().unwrap_or("unspecified")
}

fn attribute(attribute: &Value) -> Option<(String, String)> {
    let value = attribute["value"].as_object()?.values().next();
    let value = match value {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
        Some(_) => "…".to_owned(),
        None => String::new(),
    };
    Some((attribute["key"].as_str()?.to_owned(), value))
}
