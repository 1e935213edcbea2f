//! Whichever way a guard is left, it counts once, and the accounts close.
#![expect(clippy::float_cmp, reason = "small whole numbers are exact")]

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::KeyValue;
use throughline_core::propagation::{BaggageExt as _, Context};
use throughline_metrics::MeterProvider;
use throughline_metrics::testing::Snapshot;
use throughline_trace::{Enter as _, SpanKind, TracerProvider, testing};

use super::*;

fn with(events: &[KeyValue], error: &'static str) -> Vec<KeyValue> {
    let mut all = events.to_vec();
    all.push(KeyValue::new("error.type", error));
    all
}

#[test]
fn each_event_ends_once() {
    let provider = MeterProvider::default();
    let events = StreamMetrics::new(&provider.meter("it")).events;
    events.start().with_type("feedback").succeed();
    events.start().with_type("feedback").fail("overflow");
    events.start().discard(DropReason::Invalid);
    events.start().with_type("feedback").discard(DropReason::Late);
    drop(events.start());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _event = events.start().with_type("feedback");
        panic!("in the middle");
    }));
    assert!(panicked.is_err());

    let snapshot = Snapshot::of(&provider);
    let feedback = [KeyValue::new("event.type", "feedback")];
    assert_eq!(snapshot.sum("processor.events.received", &()), 6.0);
    let processed = "processor.events.processed";
    assert_eq!(snapshot.sum(processed, &feedback), 1.0);
    for (attributes, count) in
        [(with(&feedback, "overflow"), 1.0), (with(&feedback, "panic"), 1.0), (with(&[], "cancelled"), 1.0)]
    {
        assert_eq!(snapshot.sum(processed, &attributes), count);
        assert_eq!(snapshot.histogram("processor.processing.duration", &attributes).count, 1);
    }
    let dropped = "processor.events.dropped";
    assert_eq!(snapshot.sum(dropped, &with(&[], "invalid")), 1.0);
    assert_eq!(snapshot.sum(dropped, &with(&feedback, "late")), 1.0);
}

#[test]
fn windows_are_active_until_they_end() {
    let provider = MeterProvider::default();
    let windows = StreamMetrics::new(&provider.meter("it")).windows;
    let sliding = [KeyValue::new("window.type", "sliding")];
    let (first, second) = (windows.open(WindowType::Sliding), windows.open(WindowType::Sliding));
    assert_eq!(Snapshot::of(&provider).sum("processor.windows.active", &sliding), 2.0);
    first.trigger(3);
    drop(second);
    let snapshot = Snapshot::of(&provider);
    for (name, value) in [
        ("processor.windows.active", 0.0),
        ("processor.windows.created", 2.0),
        ("processor.window.triggers", 1.0),
        ("processor.windows.discarded", 1.0),
    ] {
        assert_eq!(snapshot.sum(name, &sliding), value, "{name}");
    }
    assert_eq!(snapshot.histogram("processor.window.size.events", &sliding).sum, 3.0);
}

#[test]
fn aggregations_and_operations_say_how_they_went() {
    let provider = MeterProvider::default();
    let stream = StreamMetrics::new(&provider.meter("it"));
    stream.aggregations.start(AggregationType::P99).succeed();
    stream.aggregations.start(AggregationType::P99).fail("too_few_values");
    stream.state.start(Operation::Put, StateBackend::Memory).succeed();
    drop(stream.state.start(Operation::Put, StateBackend::Memory));
    drop(stream.operators.start("window"));
    stream.watermarks.advance(2, 0.5);
    stream.deduplication.check(false);
    stream.deduplication.check(true);

    let snapshot = Snapshot::of(&provider);
    let p99 = [KeyValue::new("aggregation.type", "p99")];
    assert_eq!(snapshot.sum("processor.aggregations.computed", &p99), 1.0);
    assert_eq!(snapshot.sum("processor.aggregation.errors", &with(&p99, "too_few_values")), 1.0);
    let put = [KeyValue::new("operation.type", "put"), KeyValue::new("state.backend", "memory")];
    assert_eq!(snapshot.sum("processor.state.operations", &put), 1.0);
    assert_eq!(snapshot.sum("processor.state.operations", &with(&put, "cancelled")), 1.0);
    let window = [KeyValue::new("operator", "window")];
    assert_eq!(snapshot.sum("processor.pipeline.operators.active", &window), 0.0);
    assert_eq!(snapshot.histogram("processor.operator.duration", &window).count, 1);
    let partition = [KeyValue::new("partition.id", 2)];
    assert_eq!(snapshot.gauge("processor.watermark.lag", &partition), 0.5);
    assert_eq!(snapshot.sum("processor.dedup.events.checked", &()), 2.0);
    assert_eq!(snapshot.sum("processor.deduplication.count", &()), 1.0);
}

#[test]
fn a_trace_and_its_baggage_go_through_the_headers() {
    let (meters, tracers) = (MeterProvider::default(), TracerProvider::default());
    let mut reader = tracers.reader().expect("the first reader");
    let messaging = Messaging::new("kafka", &meters.meter("it"), tracers.tracer("it"));
    let mut headers = HashMap::new();
    {
        let _tenant = Context::new().with_baggage([KeyValue::new("tenant", "t1")]).enter();
        messaging.send("orders", &mut headers).succeed();
    }
    let handling = messaging.process("orders", &headers);
    assert_eq!(handling.context().baggage().get("tenant").map(ToString::to_string), Some("t1".to_owned()));
    {
        let _entered = handling.context().enter();
        drop(tracers.tracer("it").span("inside").start());
    }
    handling.fail("malformed");

    let spans = testing::spans(&mut reader);
    let [sent, inside, handled] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((sent.name.as_str(), &sent.kind), ("send orders", &SpanKind::Producer));
    assert_eq!((handled.name.as_str(), &handled.kind), ("process orders", &SpanKind::Consumer));
    assert_eq!((handled.trace_id, handled.parent_span_id), (sent.trace_id, sent.span_id));
    assert_eq!((inside.trace_id, inside.parent_span_id), (sent.trace_id, handled.span_id));
    assert_eq!(handled.status, Some((false, "malformed".to_owned())));

    let snapshot = Snapshot::of(&meters);
    let by = |operation: &'static str| {
        [
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.destination.name", "orders"),
            KeyValue::new("messaging.operation.name", operation),
        ]
    };
    assert_eq!(snapshot.sum("messaging.client.sent.messages", &by("send")), 1.0);
    let failed = with(&by("process"), "malformed");
    assert_eq!(snapshot.sum("messaging.client.consumed.messages", &failed), 1.0);
    assert_eq!(snapshot.histogram("messaging.process.duration", &failed).count, 1);
}

#[test]
fn names_are_those_that_prometheus_shows() {
    use throughline_core::name::{FamilyKind, TranslationStrategy};
    let name = |wanted: &str| {
        let definition = KIT.definitions().find(|definition| definition.name == wanted).expect("a metric");
        let kind = FamilyKind::from(definition.kind);
        TranslationStrategy::default().metric_name(wanted, definition.unit, kind).expect("a name")
    };
    for (metric, stored) in [
        ("processor.events.processed", "processor_events_processed_total"),
        ("processor.processing.duration", "processor_processing_duration_seconds"),
        ("processor.window.triggers", "processor_window_triggers_total"),
        ("processor.window.size.events", "processor_window_size_events"),
        ("processor.windows.active", "processor_windows_active"),
        ("processor.aggregation.duration", "processor_aggregation_duration_seconds"),
        ("processor.state.size", "processor_state_size_bytes"),
        ("processor.watermark.lag", "processor_watermark_lag_seconds"),
        ("processor.late.events", "processor_late_events_total"),
        ("processor.kafka.consumer.lag", "processor_kafka_consumer_lag"),
    ] {
        assert_eq!(name(metric), stored);
    }
}
