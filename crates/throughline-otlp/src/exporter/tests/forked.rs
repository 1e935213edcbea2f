//! What a forked child exports: its own, and nothing of its parent's.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource as ResourceMessage;
use prost::Message as _;
use throughline_core::{KeyValue, Resource};
use throughline_metrics::{MeterProvider, TemporalityPreference};

use super::fake::{Answer, config, report, start};
use super::records::{span_config, start as start_spans, tens};
use super::*;
use crate::batch::BatchConfiguration;

fn child() -> Resource {
    Resource::new([KeyValue::new("service.instance.id", "child")])
}

#[track_caller]
fn is_of_the_child(resource: Option<&ResourceMessage>) {
    let attributes = &resource.expect("a resource").attributes;
    let value = attributes[0].value.clone().and_then(|value| value.value);
    assert_eq!(value, Some(Value::StringValue("child".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn spans_of_the_parent_stay_with_the_parent() {
    let mut traced = start_spans(span_config(), &tens(), [Answer::Refuse]);
    traced.record(0..5);
    traced.rig.flush().await;
    traced.record(5..10);
    traced.rig.forked(&child());
    traced.record(10..15);
    assert_eq!(traced.rig.flush().await, report(5, 0));
    assert_eq!(traced.received(), [(10..15).collect::<Vec<_>>()]);
    let request = traced.rig.collector.received().remove(0);
    let request = ExportTraceServiceRequest::decode(&request.body[..]).expect("valid protobuf");
    is_of_the_child(request.resource_spans[0].resource.as_ref());
    let status = traced.rig.status();
    assert_eq!((status.collected_items, status.exported_items), (5, 5));
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_wakes_the_child_too() {
    let batch = BatchConfiguration::spans().with_max_export_batch_size(64);
    let mut traced = start_spans(span_config(), &batch, []);
    sleep(Duration::from_millis(1)).await;
    traced.rig.forked(&child());
    sleep(Duration::from_millis(1)).await;
    traced.record(0..64);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(traced.received(), [(0..64).collect::<Vec<_>>()]);
}

#[tokio::test(start_paused = true)]
async fn what_the_parent_counted_is_not_in_the_childs_deltas() {
    for (temporality, expected) in
        [(TemporalityPreference::Delta, 3), (TemporalityPreference::Cumulative, 10)]
    {
        let provider = MeterProvider::default();
        let counter = provider.meter("it").u64_counter("requests").build();
        let mut rig = start(config(), provider.reader(temporality), []);
        counter.add(7, &[]);
        rig.forked(&child());
        counter.add(3, &[]);
        assert_eq!(rig.flush().await, report(1, 0));
        assert_eq!(rig.collector.values(), [expected]);
        let request = rig.collector.received().remove(0);
        let request = ExportMetricsServiceRequest::decode(&request.body[..]).expect("valid protobuf");
        is_of_the_child(request.resource_metrics[0].resource.as_ref());
    }
}
