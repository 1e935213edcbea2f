//! What is delivered, counted and reported, for each way a receiver can answer. Time is tokio's paused clock.

mod engine;
mod fake;
mod forked;
mod logs;
mod observed;
mod records;
#[cfg(feature = "spool")]
mod spool;
mod tcp;

use std::io::Read as _;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use proptest::prelude::*;
use throughline_core::SystemClock;
use throughline_core::protobuf::Writer;
use throughline_metrics::data::Temporality;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use self::fake::{Answer, Source, answer, config, ok, report, start};
use super::*;
use crate::transport::connect::TcpConnector;
use crate::{Compression, Protocol, RetryPolicy};

const CUMULATIVE: Temporality = Temporality::Cumulative;
const DELTA: Temporality = Temporality::Delta;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What one flush of a cumulative counter with ten points must come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Outcome {
    delivered: u64,
    undelivered: u64,
    rejected: u64,
    refused: u64,
    superseded: u64,
    requests: usize,
    connections: usize,
    retries: u64,
    failed_items: u64,
    /// Whole seconds until the report.
    seconds: u64,
}

/// Flushes once against these answers; the last error must contain `error`, or there must be none.
#[track_caller]
fn check(answers: Vec<Answer>, error: &str, expected: &Outcome) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (outcome, last_error) = runtime.block_on(async {
        let started = Instant::now();
        let rig = start(config(), Source::new(CUMULATIVE).with_points(10), answers);
        let report = rig.flush().await;
        let status = rig.status();
        let outcome = Outcome {
            delivered: report.delivered_items,
            undelivered: report.undelivered_items,
            rejected: status.rejected_items,
            refused: status.dropped_items.refused,
            superseded: status.dropped_items.superseded,
            requests: rig.collector.received().len(),
            connections: rig.collector.connections(),
            retries: status.retries,
            failed_items: status.failed_items,
            seconds: started.elapsed().as_secs(),
        };
        assert_eq!(status.exported_items, report.delivered_items);
        assert_eq!(status.last_error.map(|error| error.message), report.last_error);
        (outcome, report.last_error.unwrap_or_default())
    });
    assert_eq!(outcome, *expected, "{last_error}");
    assert!(last_error.contains(error) && last_error.is_empty() == error.is_empty(), "{last_error}");
}

fn delivered() -> Outcome {
    Outcome { delivered: 10, requests: 1, connections: 1, ..Outcome::default() }
}

fn refused() -> Outcome {
    Outcome {
        undelivered: 10,
        refused: 10,
        failed_items: 10,
        requests: 1,
        connections: 1,
        ..Outcome::default()
    }
}

#[test]
fn success_in_every_form_is_delivery() {
    let broken_off = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc".to_vec();
    let endless = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc".to_vec();
    check(vec![ok()], "", &delivered());
    check(vec![answer("200 OK", "content-type: application/x-protobuf\r\n", b"")], "", &delivered());
    check(vec![answer("202 Accepted", "", b"")], "", &delivered());
    check(
        vec![answer("200 OK", "content-type: application/x-protobuf\r\n", b"\xFFgarbage")],
        "",
        &delivered(),
    );
    check(vec![Answer::SendAndClose(broken_off)], "", &delivered());
    check(vec![Answer::Send(endless)], "", &Outcome { seconds: 2, ..delivered() });
}

#[test]
fn passing_failures_are_tried_again() {
    let retried = Outcome { requests: 2, retries: 1, ..delivered() };
    let reconnected = Outcome { connections: 2, ..retried };
    for status in
        ["429 Too Many Requests", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"]
    {
        check(vec![answer(status, "", b"later"), ok()], "", &retried);
    }
    let in_3_s = answer("429 Too Many Requests", "retry-after: 3\r\n", b"");
    check(vec![in_3_s, ok()], "", &Outcome { seconds: 3, ..retried });
    let at_date = answer("503 Service Unavailable", "retry-after: Sun, 06 Nov 1994 08:49:41 GMT\r\n", b"");
    check(vec![at_date, ok()], "", &Outcome { seconds: 4, ..retried });
    check(vec![Answer::Close, ok()], "", &reconnected);
    check(vec![Answer::SendAndClose(b"HTTP/1.1 200".to_vec()), ok()], "", &reconnected);
    check(vec![Answer::Hang, ok()], "", &Outcome { seconds: 5, ..reconnected });
    check(vec![Answer::Refuse, ok()], "", &Outcome { requests: 1, ..retried });
}

#[test]
fn refusals_are_final() {
    let hint = "http://fake:4318/v1/metrics answered 400 Bad Request: no such tenant";
    check(vec![answer("400 Bad Request", "", b"no such tenant")], hint, &refused());
    for status in ["401 Unauthorized", "404 Not Found", "413 Payload Too Large", "500 Internal Server Error"]
    {
        check(vec![answer(status, "", b"")], status, &refused());
    }
    // Prometheus: data that it will never take.
    let temporality = answer("500 Internal Server Error", "", b"invalid temporality and type combination");
    check(vec![temporality], "takes only cumulative temporality", &refused());
    let redirect = answer("307 Temporary Redirect", "location: http://other:4318/v1/metrics\r\n", b"");
    check(vec![redirect], "(to http://other:4318/v1/metrics); redirects are not followed", &refused());
    let page = answer("200 OK", "content-type: text/html\r\n", b"<html>Welcome</html>");
    check(vec![page], "answered with a page of HTML", &refused());
}

#[test]
fn a_receiver_that_stays_away_costs_the_timeout_and_no_more() {
    let superseded = Outcome { undelivered: 10, superseded: 10, failed_items: 10, ..Outcome::default() };
    let hanging = Outcome { requests: 2, connections: 2, retries: 1, seconds: 10, ..superseded };
    check(
        vec![Answer::Hang, Answer::Hang, ok()],
        "no answer from http://fake:4318/v1/metrics within",
        &hanging,
    );
    // 200 ms, doubled up to 5 s, each less its jitter: six fit into 10 s.
    let refusing = Outcome {
        retries: 6,
        seconds: 7,
        undelivered: 10,
        superseded: 10,
        failed_items: 10,
        ..Outcome::default()
    };
    check(vec![Answer::Refuse; 20], "nothing listens there", &refusing);
    let not_http = vec![Answer::SendAndClose(b"\0\0\x12\x04\0\0\0\0\0\0\0\0\r\n\r\n".to_vec()); 20];
    let not_http_outcome = Outcome { requests: 7, connections: 7, ..refusing };
    check(not_http, "the peer does not speak HTTP/1.1", &not_http_outcome);
}

#[test]
fn partial_success_is_counted() {
    let mut body = Writer::default();
    body.message(1, |writer| {
        writer.uint(1, 3);
        writer.string(2, "out of bounds");
    });
    let partial =
        |rejected, taken| Outcome { rejected, undelivered: rejected, delivered: taken, ..delivered() };
    let protobuf = answer("200 OK", "content-type: application/x-protobuf\r\n", body.as_bytes());
    check(vec![protobuf], "refused 3 of 10 points: out of bounds", &partial(3, 7));
    let json = br#"{"partialSuccess":{"rejectedDataPoints":"99","errorMessage":"all of it"}}"#;
    let json = answer("200 OK", "content-type: application/json\r\n", json);
    check(vec![json], "refused 10 of 10 points: all of it", &partial(10, 0));
}

#[tokio::test(start_paused = true)]
async fn exports_come_at_every_interval_on_one_connection() {
    let started = Instant::now();
    let rig = start(config().with_header("x-tenant", "blue"), Source::new(CUMULATIVE), []);
    sleep(seconds(185)).await;
    let received = rig.collector.received();
    let times: Vec<_> = received.iter().map(|request| (request.at - started).as_secs()).collect();
    assert_eq!(times, [60, 120, 180]);
    assert_eq!(rig.collector.values(), [1, 2, 3]);
    assert_eq!(rig.collector.connections(), 1);
    let head = &received[0].head;
    assert!(head.starts_with("post /v1/metrics http/1.1\r\n"), "{head}");
    for line in [
        "host: fake:4318",
        "content-type: application/x-protobuf",
        "x-tenant: blue",
        "user-agent: throughline/",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert_eq!(rig.status().last_success, Some(Clock::now(&*rig.clock)));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_peer_closed_is_opened_again_without_a_retry() {
    let Answer::Send(bytes) = ok() else { panic!("it keeps the connection") };
    let rig = start(config(), Source::new(DELTA), [Answer::SendAndClose(bytes)]);
    assert_eq!(rig.flush().await, report(1, 0));
    assert_eq!(rig.flush().await, report(1, 0));
    assert_eq!((rig.collector.connections(), rig.status().retries), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_cumulative_export_is_superseded() {
    let rig = start(config().with_retry(RetryPolicy::disabled()), Source::new(CUMULATIVE), [Answer::Refuse]);
    assert_eq!(rig.flush().await.undelivered_items, 1);
    assert_eq!(rig.status().queued_items, 0);
    assert_eq!(rig.flush().await, report(1, 0));
    assert_eq!(rig.collector.values(), [2]);
    assert_eq!(rig.status().dropped_items.superseded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_delta_export_waits_and_goes_first() {
    let config = config().with_retry(RetryPolicy::disabled());
    let rig = start(config, Source::new(DELTA), [Answer::Refuse, answer("503 Service Unavailable", "", b"")]);
    assert_eq!(rig.flush().await.undelivered_items, 1);
    assert_eq!(rig.flush().await.undelivered_items, 2);
    let status = rig.status();
    assert_eq!((status.queued_items, status.failed_items), (2, 2));
    assert!(status.queued_bytes > 0);
    assert_eq!(rig.flush().await, report(3, 0));
    assert_eq!(rig.collector.values(), [1, 1, 2, 3], "the first again, because it was answered with 503");
    let status = rig.status();
    assert_eq!((status.exported_items, status.queued_items, status.queued_bytes), (3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_delta_export_does_not_block_the_next() {
    let answers = [Answer::Refuse, answer("400 Bad Request", "", b"")];
    let rig = start(config().with_retry(RetryPolicy::disabled()), Source::new(DELTA), answers);
    rig.flush().await;
    let report = rig.flush().await;
    assert_eq!((report.delivered_items, report.undelivered_items), (1, 1));
    assert_eq!(rig.status().dropped_items.refused, 1);
}

#[tokio::test(start_paused = true)]
async fn the_queue_drops_the_oldest_and_counts_them() {
    let request = start(config(), Source::new(DELTA), []);
    request.flush().await;
    let request_len = request.collector.received()[0].body.len();

    let config = config().with_retry(RetryPolicy::disabled()).with_queue_bytes_max(2 * request_len);
    let rig = start(config, Source::new(DELTA), vec![Answer::Refuse; 3]);
    for _ in 0..3 {
        rig.flush().await;
    }
    let status = rig.status();
    assert_eq!((status.queued_items, status.dropped_items.queue_full), (2, 1));
    let last = rig.flush().await;
    assert_eq!((last.delivered_items, last.undelivered_items), (3, 0));
    assert_eq!(rig.collector.values(), [2, 3, 4]);
    assert_eq!(rig.status().dropped_items.queue_full, 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_asks_for_quiet_gets_it() {
    let busy = answer("429 Too Many Requests", "retry-after: 120\r\n", b"");
    let rig = start(config().with_interval(seconds(3600)), Source::new(CUMULATIVE), [busy]);
    assert!(rig.flush().await.last_error.expect("an error").contains("answered 429"));
    sleep(seconds(60)).await;
    let error = rig.flush().await.last_error.expect("an error");
    assert!(error.contains("asked to be left alone for another 1m"), "{error}");
    assert_eq!(rig.collector.received().len(), 1);
    sleep(seconds(55)).await;
    assert_eq!(rig.flush().await, report(1, 0), "waits the last five seconds out");
    assert_eq!(rig.collector.received()[1].at - rig.collector.received()[0].at, seconds(120));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_callback_ends_one_collection() {
    let rig = start(config(), Source::new(CUMULATIVE).panicking_at(2), []);
    assert_eq!(rig.flush().await, report(1, 0));
    assert_eq!(rig.flush().await, report(0, 0));
    assert_eq!(rig.flush().await, report(1, 0));
    assert_eq!(rig.collector.values(), [1, 3]);
    assert_eq!(rig.status().collect_panics, 1);
}

#[tokio::test(start_paused = true)]
async fn large_collections_go_in_several_requests() {
    let source = Source::new(CUMULATIVE).with_points(100);
    let answers = [ok(), answer("400 Bad Request", "", b"")];
    let rig = start(config().with_request_bytes_max(2000), source, answers);
    let report = rig.flush().await;
    let received = rig.collector.received();
    assert!(received.len() > 2);
    assert!(received.iter().all(|request| request.body.len() <= 2000));
    assert_eq!(rig.collector.values().iter().sum::<i64>(), 100);
    let lost = u64::try_from(rig.collector.values()[1]).expect("a count");
    assert_eq!((report.delivered_items, report.undelivered_items), (100 - lost, lost));
}

#[tokio::test(start_paused = true)]
async fn bodies_can_be_json_and_compressed() {
    let config = config().with_protocol(Protocol::HttpJson).with_compression(Compression::Gzip);
    let rig = start(config, Source::new(CUMULATIVE), []);
    assert_eq!(rig.flush().await, report(1, 0));
    let request = rig.collector.received().remove(0);
    assert!(request.head.contains("content-type: application/json\r\n"), "{}", request.head);
    assert!(request.head.contains("content-encoding: gzip\r\n"), "{}", request.head);
    let mut json = String::new();
    flate2::read::GzDecoder::new(&request.body[..]).read_to_string(&mut json).expect("gzip of text");
    let decoded: ExportMetricsServiceRequest = serde_json::from_str(&json).expect("OTLP/JSON");
    assert_eq!(decoded.resource_metrics[0].scope_metrics[0].metrics[0].name, "requests");
}

#[tokio::test(start_paused = true)]
async fn a_flush_during_an_export_is_served_by_the_next() {
    let rig = start(config(), Source::new(CUMULATIVE), [Answer::Hang]);
    let first = rig.ask_flush().await;
    sleep(seconds(1)).await;
    let second = rig.ask_flush().await;
    assert_eq!(first.await.expect("a report"), report(1, 0));
    assert_eq!(second.await.expect("a report"), report(1, 0));
    assert_eq!(rig.collector.values(), [1, 1, 2], "the first was sent twice, because it was not answered");
}

#[tokio::test(start_paused = true)]
async fn shutdown_delivers_what_there_is() {
    let answers = [Answer::Refuse, Answer::Refuse];
    let rig = start(config().with_retry(RetryPolicy::disabled()), Source::new(DELTA), answers);
    rig.flush().await;
    rig.flush().await;
    let (report, status) = rig.shutdown(seconds(5)).await;
    assert_eq!(report, fake::report(3, 0));
    assert_eq!((status.exported_items, status.queued_items), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn shutdown_retries_until_its_deadline_and_tells_what_is_lost() {
    let rig = start(config(), Source::new(DELTA).with_points(4), vec![Answer::Refuse; 100]);
    rig.flush().await;
    let before = Instant::now();
    let (report, status) = rig.shutdown(seconds(3)).await;
    assert!(before.elapsed() <= seconds(3));
    assert_eq!((report.delivered_items, report.undelivered_items), (0, 8));
    assert!(report.last_error.expect("an error").contains("cannot connect"));
    assert_eq!((status.dropped_items.shutdown, status.queued_items), (8, 0));
}

#[tokio::test(start_paused = true)]
async fn shutdown_cuts_an_export_that_hangs() {
    let started = Instant::now();
    let rig = start(config(), Source::new(CUMULATIVE), [Answer::Hang]);
    let flushed = rig.ask_flush().await;
    sleep(seconds(1)).await;
    let (report, status) = rig.shutdown(seconds(4)).await;
    assert_eq!(started.elapsed(), seconds(3), "half of the deadline for the export under way");
    assert_eq!(flushed.await.expect("a report").undelivered_items, 1);
    assert_eq!(report, fake::report(1, 0));
    assert_eq!((status.exported_items, status.dropped_items.superseded), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_a_wait_between_attempts_at_once() {
    let started = Instant::now();
    let busy = answer("429 Too Many Requests", "retry-after: 9\r\n", b"");
    let rig = start(config(), Source::new(DELTA), [busy]);
    let flushed = rig.ask_flush().await;
    sleep(seconds(1)).await;
    let (report, status) = rig.shutdown(seconds(5)).await;
    assert_eq!(started.elapsed(), seconds(1), "the peer asked for more patience than there is");
    assert_eq!(flushed.await.expect("a report").undelivered_items, 1);
    assert_eq!((report.delivered_items, report.undelivered_items), (0, 2));
    assert_eq!(status.dropped_items.shutdown, 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_during_the_last_export_gets_its_report() {
    let rig = start(config(), Source::new(CUMULATIVE), [Answer::Hang]);
    let commands = rig.commands.clone();
    let late = tokio::spawn(async move {
        sleep(seconds(1)).await;
        let (reply, report) = oneshot::channel();
        let deadline = Instant::now() + seconds(1);
        commands.send(Command::Shutdown { deadline, reply }).await.expect("the exporter runs");
        report.await.expect("a report")
    });
    let (report, _) = rig.shutdown(seconds(8)).await;
    assert_eq!(report, fake::report(1, 0));
    assert_eq!(late.await.expect("no panic"), report);
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_end_of_the_request_counts() {
    let source = Source::new(CUMULATIVE).with_points(50_000);
    let early = b"HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec();
    let rig = start(config(), source, [Answer::SendEarlyAndClose(early)]);
    let report = rig.flush().await;
    assert_eq!(report.undelivered_items, 50_000);
    assert!(report.last_error.expect("an error").contains("answered 413"));
    assert_eq!(rig.status().retries, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_peer_sends_is_survived(
        start_line in prop_oneof![Just(""), Just("HTTP/1.1 200 OK\r\n"), Just("HTTP/1.1 503 x\r\nretry-after: ")],
        bytes: Vec<u8>,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let answer = Answer::SendAndClose([start_line.as_bytes(), &bytes].concat());
            let rig = start(config().with_retry(RetryPolicy::disabled()), Source::new(CUMULATIVE), [answer]);
            let report = rig.flush().await;
            assert_eq!(report.delivered_items + report.undelivered_items, 1);
            rig.status();
        });
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_sender_it_exports_a_last_time_and_ends() {
    let fake::Rig { collector, commands, task, .. } = start(config(), Source::new(DELTA), []);
    drop(commands);
    task.await.expect("the exporter does not panic");
    assert_eq!(collector.values(), [1]);
}

#[test]
fn durations_that_cannot_work_are_refused_and_huge_ones_are_not_a_panic() {
    let built = |config| {
        let (source, clock) = (Box::new(Source::new(CUMULATIVE)), Arc::new(SystemClock));
        MetricExporter::with_parts(source, config, clock, 1, Box::new(TcpConnector))
    };
    let error = built(config().with_interval(Duration::ZERO)).expect_err("an interval of zero");
    assert_eq!(error.to_string(), "the OTLP export interval is zero; set it to a second or more");
    assert!(built(config().with_timeout(Duration::ZERO)).is_err());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let retry =
            RetryPolicy::default().with_initial_backoff(Duration::MAX).with_max_backoff(Duration::MAX);
        let config = config().with_interval(Duration::MAX).with_timeout(Duration::MAX);
        let config = config.with_retry(retry.with_attempt_timeout(Duration::MAX));
        let rig = start(config, Source::new(CUMULATIVE), [Answer::Refuse]);
        assert_eq!(rig.flush().await, report(1, 0));
    });
}
