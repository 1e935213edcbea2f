//! What an exporter says about itself, as the receiver gets it.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use prost::Message as _;
use throughline_metrics::MeterProvider;

use super::fake::{Answer, config, start_observed};
use super::*;
use crate::METRICS;

/// Each series by its name and what tells it from others, with its value, or count.
fn series(body: &[u8]) -> BTreeMap<String, f64> {
    let request = ExportMetricsServiceRequest::decode(body).expect("valid protobuf");
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let mut series = BTreeMap::new();
    for metric in scopes.flat_map(|scope| &scope.metrics) {
        let number = |value| match value {
            Some(number_data_point::Value::AsInt(value)) => value as f64,
            Some(number_data_point::Value::AsDouble(value)) => value,
            None => panic!("no value"),
        };
        let points: Vec<(&[KeyValue], f64)> = match metric.data.as_ref().expect("data") {
            metric::Data::Sum(sum) => {
                sum.data_points.iter().map(|point| (&point.attributes[..], number(point.value))).collect()
            }
            metric::Data::Gauge(gauge) => {
                gauge.data_points.iter().map(|point| (&point.attributes[..], number(point.value))).collect()
            }
            metric::Data::Histogram(histogram) => {
                let points = histogram.data_points.iter();
                points.map(|point| (&point.attributes[..], point.count as f64)).collect()
            }
            other => panic!("not expected: {other:?}"),
        };
        for (attributes, value) in points {
            let told = ["error.type", "throughline.reason"];
            let told = attributes.iter().find(|attribute| told.contains(&attribute.key.as_str()));
            let told = told.map_or_else(String::new, |attribute| format!(" {}", text(attribute)));
            series.insert(format!("{}{told}", metric.name), value);
        }
    }
    series
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.clone().and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        other => panic!("not text: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_exporter_counts_what_it_does() {
    let provider = MeterProvider::default();
    provider.meter("it").u64_counter("orders").build().add(1, &[]);
    let config = config().with_retry(RetryPolicy::disabled());
    let rig = start_observed(config, &provider, [ok(), Answer::Refuse, answer("404 Not Found", "", b"")]);
    let first = rig.flush().await.delivered_items;
    let superseded = rig.flush().await.undelivered_items;
    let refused = rig.flush().await.undelivered_items;
    rig.flush().await;
    let last = rig.collector.received().pop().expect("a request");
    let series = series(&last.body);
    let expected = [
        ("orders", 1.0),
        ("otel.sdk.exporter.metric_data_point.exported", first as f64),
        ("otel.sdk.exporter.metric_data_point.exported rejected", 0.0),
        ("otel.sdk.exporter.metric_data_point.exported unavailable", superseded as f64),
        ("otel.sdk.exporter.metric_data_point.exported refused", refused as f64),
        ("throughline.exporter.dropped superseded", superseded as f64),
        ("throughline.exporter.dropped refused", refused as f64),
        ("throughline.exporter.dropped queue_full", 0.0),
        ("throughline.exporter.retries", 0.0),
        ("throughline.exporter.alive", 1.0),
        ("throughline.exporter.queue.capacity", 16_777_216.0),
        ("throughline.exporter.last_success.time", 784_111_777.0),
        ("otel.sdk.exporter.operation.duration", 1.0),
        ("otel.sdk.exporter.operation.duration unavailable", 1.0),
        ("otel.sdk.exporter.operation.duration refused", 1.0),
        ("otel.sdk.metric_reader.collection.duration", 3.0),
    ];
    for (name, value) in expected {
        assert_eq!(series.get(name), Some(&value), "{name}: {series:#?}");
    }
    let known: Vec<_> = METRICS.iter().map(|def| def.name).collect();
    for name in series.keys().filter_map(|name| name.split(' ').next()).filter(|name| *name != "orders") {
        assert!(known.contains(&name), "{name} is in no catalogue");
    }
}

#[tokio::test(start_paused = true)]
async fn whether_it_runs_is_known_after_it_ended() {
    let provider = MeterProvider::default();
    let rig = start_observed(config(), &provider, []);
    rig.flush().await;
    assert!(rig.status().is_running);
    let status = rig.task.abort_handle();
    let snapshot = || rig.status();
    status.abort();
    while snapshot().is_running {
        sleep(Duration::from_millis(1)).await;
    }
}
