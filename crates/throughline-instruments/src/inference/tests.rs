//! What the guards record, whatever path is taken.

use std::panic::{AssertUnwindSafe, catch_unwind};

use throughline_metrics::MeterProvider;
use throughline_metrics::testing::Snapshot;
use throughline_trace::{TracerProvider, testing};

use super::*;

fn kit() -> (MeterProvider, Inference) {
    let provider = MeterProvider::default();
    let inference = Inference::new(&provider.meter("it"), MODEL);
    (provider, inference)
}

const MODEL: Model<'static> = Model::new("bitnet", "tiny");

fn with(status: RequestStatus) -> RequestAttributes {
    RequestAttributes { method: "completion", status }
}

#[track_caller]
fn assert_sum<A: throughline_core::Attributes>(
    snapshot: &Snapshot,
    name: &str,
    attributes: &A,
    expected: u32,
) {
    assert_eq!(snapshot.sum(name, attributes).to_bits(), f64::from(expected).to_bits(), "{name}");
}

#[test]
fn a_request_records_whatever_path_is_taken() {
    let (provider, inference) = kit();
    inference.request("completion").finish(RequestStatus::Success);
    inference.request("completion").finish(RequestStatus::Error);
    inference.request("completion").finish(RequestStatus::Rejected);
    drop(inference.request("completion"));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _request = inference.request("completion");
        std::panic::resume_unwind(Box::new("the model fell over"));
    }));
    assert!(panicked.is_err());
    let snapshot = Snapshot::of(&provider);
    for status in [
        RequestStatus::Success,
        RequestStatus::Error,
        RequestStatus::Rejected,
        RequestStatus::Cancelled,
        RequestStatus::Panicked,
    ] {
        assert_sum(&snapshot, "requests_total", &with(status), 1);
        assert_eq!(snapshot.histogram("request_duration_seconds", &with(status)).count, 1, "{status:?}");
    }
}

#[test]
fn a_future_that_is_dropped_was_cancelled() {
    let (provider, inference) = kit();
    let mut future = Box::pin(async move {
        let request = inference.request("completion");
        std::future::pending::<()>().await;
        request.finish(RequestStatus::Success);
    });
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    drop(future);
    assert_sum(&Snapshot::of(&provider), "requests_total", &with(RequestStatus::Cancelled), 1);
}

#[test]
fn tokens_are_counted_as_they_come_and_timed_when_it_went_well() {
    let (provider, inference) = kit();
    let ask = |status| {
        let mut request = inference.request("completion");
        request.prompt_tokens(7);
        for _ in 0..5 {
            request.token();
        }
        assert_sum(&Snapshot::of(&provider), "requests_total", &with(RequestStatus::Error), 0);
        request.finish(status);
    };
    inference.metrics().requests.add(0, &with(RequestStatus::Error));
    ask(RequestStatus::Success);
    inference.request("completion").finish(RequestStatus::Success);
    let snapshot = Snapshot::of(&provider);
    assert_sum(&snapshot, "prompt_tokens_total", &(), 7);
    assert_sum(&snapshot, "tokens_generated_total", &(), 5);
    assert_eq!(snapshot.histogram("gen_ai.server.time_to_first_token", &MODEL).count, 1, "one had tokens");
    assert_eq!(snapshot.histogram("gen_ai.server.time_per_output_token", &MODEL).count, 1);
    assert_eq!(snapshot.histogram("tokens", &()).count, 1);
    ask(RequestStatus::Error);
    let snapshot = Snapshot::of(&provider);
    assert_sum(&snapshot, "tokens_generated_total", &(), 10);
    assert_eq!(snapshot.histogram("gen_ai.server.time_to_first_token", &MODEL).count, 1, "successes alone");
}

#[test]
fn a_place_in_the_queue_is_taken_or_abandoned() {
    let (provider, inference) = kit();
    let (first, second) = (inference.enqueue(), inference.enqueue());
    assert_sum(&Snapshot::of(&provider), "queue_depth", &(), 2);
    let _waited = first.taken();
    drop(second);
    let snapshot = Snapshot::of(&provider);
    assert_sum(&snapshot, "queue_depth", &(), 0);
    for outcome in [QueueOutcome::Taken, QueueOutcome::Abandoned] {
        assert_eq!(snapshot.histogram("queue_wait_seconds", &QueueAttributes { outcome }).count, 1);
    }
}

#[test]
fn connections_batches_and_memory() {
    let (provider, inference) = kit();
    let connections = [inference.connection(), inference.connection()];
    assert_sum(&Snapshot::of(&provider), "active_connections", &(), 2);
    drop(connections);
    inference.batch(3);
    inference.memory(4096);
    let snapshot = Snapshot::of(&provider);
    assert_sum(&snapshot, "active_connections", &(), 0);
    assert_eq!(snapshot.histogram("batch_size", &()).count, 1);
    assert_sum(&snapshot, "memory_usage_bytes", &(), 4096);
}

#[test]
fn a_request_is_a_span_of_its_model() {
    let (provider, tracers) = (MeterProvider::default(), TracerProvider::default());
    let mut reader = tracers.reader().expect("the first one");
    let inference = Inference::with_spans(&provider.meter("it"), MODEL, tracers.tracer("it"));
    let mut request = inference.request("completion");
    request.prompt_tokens(2);
    request.token();
    request.finish(RequestStatus::Success);
    drop(inference.request("completion"));
    inference.request("completion").finish(RequestStatus::Error);
    let spans = testing::spans(&mut reader);
    let attribute = |span: usize, key: &str| {
        let found = spans[span].attributes.iter().find(|(found, _)| found == key);
        found.map(|(_, value)| value.clone())
    };
    assert!(spans.iter().all(|span| span.name == "text_completion tiny"), "{spans:?}");
    assert_eq!(attribute(0, "gen_ai.request.model").as_deref(), Some("tiny"));
    assert_eq!(attribute(0, "gen_ai.usage.input_tokens").as_deref(), Some("2"));
    assert_eq!(attribute(0, "gen_ai.usage.output_tokens").as_deref(), Some("1"));
    assert_eq!(spans[0].events.len(), 1);
    assert_eq!(
        [0, 1, 2].map(|span| attribute(span, "error.type")),
        [None, Some("cancelled".to_owned()), Some("error".to_owned())]
    );
    assert_eq!([0, 1, 2].map(|span| spans[span].status.is_some()), [false, false, true]);
}

#[test]
fn the_names_of_the_document_are_kept() {
    let names: Vec<_> = KIT.definitions().map(|def| def.name).collect();
    for document in ["request_duration_seconds", "requests_total", "active_connections", "memory_usage_bytes"]
    {
        assert!(names.contains(&document), "{names:?}");
    }
    let definition = KIT.definitions().find(|def| def.name == "requests_total").expect("declared");
    let keys: Vec<_> = definition.attributes.iter().map(|attribute| attribute.key).collect();
    assert_eq!(keys, ["method", "status"]);
}
