//! Spans and log records, from the recorder to the receiver: in which batches, when, and where each of them ends.

use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use throughline_core::Resource;
use throughline_core::attribute::ValueRef;
use throughline_trace::{DropReason, LogRecord, LoggerProvider, Tracer, TracerProvider};

use super::super::records::{Logs, Spans};
use super::fake::{Rig, start_records};
use super::*;
use crate::batch::BatchConfiguration;
use crate::{Endpoint, Signal};

pub(super) fn span_config() -> OtlpConfig {
    let endpoint = Endpoint::base("http://fake:4318", Signal::Traces).expect("a URL");
    OtlpConfig::new(endpoint).with_retry(RetryPolicy::disabled())
}

/// Batches of ten, none of which fills by itself: the recorder looks every 64 spans.
pub(super) fn tens() -> BatchConfiguration {
    BatchConfiguration::spans().with_max_export_batch_size(10)
}

/// A tracer whose spans are exported.
pub(super) struct Traced {
    pub(super) rig: Rig,
    provider: TracerProvider,
    tracer: Tracer,
}

pub(super) fn start(
    config: OtlpConfig,
    batch: &BatchConfiguration,
    answers: impl IntoIterator<Item = Answer>,
) -> Traced {
    let provider = TracerProvider::default();
    let reader = provider.reader().expect("the first reader");
    let spans = Spans::new(reader, &Resource::default(), &config);
    let rig = start_records(config, batch, spans, answers);
    Traced { rig, provider, tracer: provider.tracer("it") }
}

impl Traced {
    /// Records spans with these names.
    pub(super) fn record(&self, names: impl IntoIterator<Item = usize>) {
        names.into_iter().for_each(|name| self.tracer.span(&name.to_string()).start().end());
    }

    /// The names in each request.
    pub(super) fn received(&self) -> Vec<Vec<usize>> {
        self.rig.collector.received().iter().map(|request| span_names(&request.body)).collect()
    }
}

fn span_names(body: &[u8]) -> Vec<usize> {
    let request = ExportTraceServiceRequest::decode(body).expect("valid protobuf");
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.flat_map(|scope| &scope.spans).map(|span| span.name.parse().expect("a number")).collect()
}

pub(super) fn unavailable() -> Answer {
    answer("503 Service Unavailable", "", b"")
}

#[tokio::test(start_paused = true)]
async fn what_there_is_goes_at_every_delay() {
    let started = Instant::now();
    let traced = start(span_config(), &BatchConfiguration::spans(), []);
    traced.record(0..3);
    sleep(seconds(12)).await;
    traced.record(3..4);
    sleep(seconds(9)).await;
    assert_eq!(traced.received(), [vec![0, 1, 2], vec![3]], "nothing is sent when there is nothing");
    let received = traced.rig.collector.received();
    let times: Vec<_> = received.iter().map(|request| (request.at - started).as_secs()).collect();
    assert_eq!(times, [5, 15]);
    let head = &received[0].head;
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert_eq!(traced.rig.status().exported_items, 4);
}

#[tokio::test(start_paused = true)]
async fn full_batches_go_at_once_and_the_rest_when_it_is_due() {
    let started = Instant::now();
    let batch = BatchConfiguration::spans().with_max_export_batch_size(64);
    let traced = start(span_config(), &batch, []);
    sleep(seconds(3)).await;
    traced.record(0..150);
    sleep(seconds(1)).await;
    assert_eq!(traced.received(), [(0..64).collect::<Vec<_>>(), (64..128).collect()]);
    sleep(seconds(2)).await;
    assert_eq!(traced.received()[2], (128..150).collect::<Vec<_>>());
    let received = traced.rig.collector.received();
    let times: Vec<_> = received.iter().map(|request| (request.at - started).as_secs()).collect();
    assert_eq!(times, [3, 3, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_flush_sends_everything_in_batches() {
    let traced = start(span_config(), &tens(), []);
    traced.record(0..25);
    assert_eq!(traced.rig.flush().await, report(25, 0));
    assert_eq!(traced.received(), [(0..10).collect::<Vec<_>>(), (10..20).collect(), (20..25).collect()]);
    assert_eq!(traced.rig.collector.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_keeps_up_gets_more_than_the_queue_holds() {
    let traced = start(span_config(), &tens().with_max_queue_size(20), []);
    traced.record(0..100);
    assert_eq!(traced.rig.flush().await, report(100, 0));
    assert_eq!(traced.received().concat(), (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_was_not_taken_waits_and_goes_first() {
    let traced = start(span_config(), &tens(), [Answer::Refuse, unavailable()]);
    traced.record(0..15);
    let failed = traced.rig.flush().await;
    assert_eq!((failed.delivered_items, failed.undelivered_items), (0, 15));
    assert_eq!(traced.rig.status().queued_items, 15);
    traced.record(15..16);
    assert_eq!(traced.rig.flush().await.undelivered_items, 16);
    assert_eq!(traced.rig.flush().await, report(16, 0));
    let first = (0..10).collect::<Vec<_>>();
    assert_eq!(
        traced.received(),
        [first.clone(), first, (10..15).collect(), vec![15]],
        "the first again, after 503"
    );
    let status = traced.rig.status();
    assert_eq!((status.exported_items, status.queued_items, status.queued_bytes), (16, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_queue_drops_the_oldest_and_counts_them() {
    let traced = start(span_config(), &tens().with_max_queue_size(20), vec![Answer::Refuse; 2]);
    traced.record(0..10);
    traced.rig.flush().await;
    traced.record(10..40);
    let failed = traced.rig.flush().await;
    assert_eq!((failed.delivered_items, failed.undelivered_items), (0, 40));
    let status = traced.rig.status();
    assert_eq!((status.queued_items, status.dropped_items.queue_full), (20, 20));
    traced.record(40..45);
    assert_eq!(traced.rig.flush().await, report(25, 0));
    assert_eq!(traced.received().concat(), (20..45).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_in_bytes_too() {
    let traced = start(span_config().with_queue_bytes_max(0), &tens(), [Answer::Refuse]);
    traced.record(0..15);
    traced.rig.flush().await;
    let status = traced.rig.status();
    assert_eq!((status.queued_items, status.dropped_items.queue_full), (0, 15));
}

#[tokio::test(start_paused = true)]
async fn requests_are_bounded_in_bytes() {
    let traced = start(span_config().with_request_bytes_max(600), &tens(), []);
    traced.record(0..10);
    assert_eq!(traced.rig.flush().await, report(10, 0));
    let received = traced.rig.collector.received();
    assert!(received.len() > 1 && received.iter().all(|request| request.body.len() <= 600));
    assert_eq!(traced.received().concat(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn partial_success_counts_spans() {
    let json = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#;
    let partial = answer("200 OK", "content-type: application/json\r\n", json);
    let traced = start(span_config(), &tens(), [partial, answer("404 Not Found", "", b"")]);
    traced.record(0..15);
    let report = traced.rig.flush().await;
    assert_eq!((report.delivered_items, report.undelivered_items), (7, 8));
    let status = traced.rig.status();
    assert_eq!((status.rejected_items, status.dropped_items.refused), (3, 5));

    traced.rig.collector.script([answer("200 OK", "content-type: application/json\r\n", json)]);
    traced.record(0..4);
    let error = traced.rig.flush().await.last_error.expect("an error");
    assert!(error.contains("/v1/traces refused 3 of 4 spans: too old"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn shutdown_delivers_what_there_is() {
    let Traced { rig, provider, tracer } = start(span_config(), &tens(), [Answer::Refuse]);
    tracer.span("1").start().end();
    rig.flush().await;
    tracer.span("2").start().end();
    let collector = rig.collector.clone();
    let (last, status) = rig.shutdown(seconds(5)).await;
    assert_eq!((last, status.exported_items, status.queued_items), (report(2, 0), 2, 0));
    let names: Vec<_> = collector.received().iter().map(|request| span_names(&request.body)).collect();
    assert_eq!(names, [[1], [2]]);
    tracer.span("late").start().end();
    assert_eq!(provider.drops(), [(DropReason::Closed, 1)], "and what comes later is counted");
}

#[tokio::test(start_paused = true)]
async fn shutdown_keeps_to_its_deadline_and_tells_what_is_lost() {
    let before = Instant::now();
    let config = span_config().with_retry(RetryPolicy::default());
    let traced = start(config, &tens(), vec![Answer::Refuse; 100]);
    traced.record(0..25);
    let (last, status) = traced.rig.shutdown(seconds(3)).await;
    assert!(before.elapsed() <= seconds(3));
    assert_eq!((last.delivered_items, last.undelivered_items), (0, 25));
    assert_eq!((status.dropped_items.shutdown, status.queued_items), (25, 0));
}

#[tokio::test(start_paused = true)]
async fn the_shorter_timeout_holds() {
    let started = Instant::now();
    let batch = tens().with_export_timeout(seconds(2));
    let traced = start(span_config(), &batch, [Answer::Hang]);
    traced.record(0..1);
    assert_eq!(traced.rig.flush().await.undelivered_items, 1);
    assert_eq!(started.elapsed(), seconds(2));
}

#[tokio::test(start_paused = true)]
async fn log_records_have_a_delay_of_a_second() {
    let provider = LoggerProvider::default();
    let reader = provider.reader().expect("the first reader");
    let endpoint = Endpoint::base("http://fake:4318", Signal::Logs).expect("a URL");
    let config = OtlpConfig::new(endpoint);
    let logs = Logs::new(reader, &Resource::default(), &config);
    let rig = start_records(config, &BatchConfiguration::logs(), logs, []);
    let body = Some(ValueRef::Str("hello"));
    provider.logger("it").record(&LogRecord { body, severity_number: 9, ..LogRecord::default() }, &());
    sleep(Duration::from_millis(1001)).await;
    let received = rig.collector.received().remove(0);
    assert!(received.head.starts_with("post /v1/logs http/1.1\r\n"), "{}", received.head);
    let request = ExportLogsServiceRequest::decode(&received.body[..]).expect("valid protobuf");
    assert_eq!(request.resource_logs[0].scope_logs[0].log_records[0].severity_number, 9);
    assert_eq!(rig.status().exported_items, 1);
}

#[tokio::test(start_paused = true)]
async fn an_excluded_thread_does_all_of_the_work() {
    let _excluded = Context::enter_telemetry_suppressed_scope();
    let traced = start(span_config(), &tens(), [Answer::Close]);
    std::thread::scope(|scope| scope.spawn(|| traced.record(0..5)).join().expect("no panic"));
    assert_eq!(traced.rig.flush().await.undelivered_items, 5);
    assert_eq!(traced.rig.flush().await, report(5, 0));
    assert!(!traced.rig.collector.is_recorded());
}

#[test]
fn durations_that_cannot_work_are_refused() {
    let built = |batch: BatchConfiguration| {
        let reader = TracerProvider::default().reader().expect("the first reader");
        let (resource, clock) = (Resource::default(), Arc::new(SystemClock));
        RecordExporter::spans(reader, &resource, span_config(), &batch, clock, 1)
    };
    let error = built(tens().with_scheduled_delay(Duration::ZERO)).expect_err("a delay of zero");
    assert_eq!(error.to_string(), "the OTLP scheduled delay is zero; set it to a second or more");
    assert!(built(tens().with_export_timeout(Duration::ZERO)).is_err());
    assert!(built(tens().with_max_export_batch_size(0).with_max_queue_size(0)).is_ok());
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let partial = br#"{"partialSuccess":{"rejectedSpans":"3"}}"#;
    prop::sample::select(vec![
        ok(),
        Answer::Refuse,
        Answer::Close,
        unavailable(),
        answer("400 Bad Request", "", b""),
        answer("429 Too Many Requests", "retry-after: 7\r\n", b""),
        answer("200 OK", "content-type: application/json\r\n", partial),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_span_is_accounted_for(
        answers in prop::collection::vec(any_answer(), 0..30),
        steps in prop::collection::vec((0..40_usize, any::<bool>()), 1..12),
        queue in 0..60_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let traced = start(span_config(), &tens().with_max_queue_size(queue), answers);
            let mut recorded = 0;
            for (spans, flushes) in steps {
                traced.record(recorded..recorded + spans);
                recorded += spans;
                if flushes {
                    traced.rig.flush().await;
                } else {
                    sleep(seconds(6)).await;
                }
                traced.rig.status();
            }
            let collector = traced.rig.collector.clone();
            let (_, status) = traced.rig.shutdown(seconds(1)).await;
            assert_eq!(status.collected_items, recorded as u64);
            assert_eq!(status.queued_items, 0);
            let mut arrived: Vec<_> =
                collector.received().iter().flat_map(|request| span_names(&request.body)).collect();
            // Sent again are only requests that were not answered with success or refused for good.
            arrived.sort_unstable();
            arrived.dedup();
            let taken = status.exported_items + status.rejected_items + status.dropped_items.refused;
            assert!(arrived.len() as u64 >= taken, "{status:?}");
        });
    }
}
