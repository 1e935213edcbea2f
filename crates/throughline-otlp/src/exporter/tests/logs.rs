//! Log lines come when the state changes, and only then.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use throughline_metrics::data::Temporality;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use super::fake::{Answer, Source, answer, config, ok, start};
use crate::RetryPolicy;

/// Keeps level and message of each event of ours.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic under the lock"))
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").expect("a String takes every write");
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "throughline" && *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().expect("no panic under the lock").push(line.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_was_never_there_is_logged_once() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let failures = [Answer::Refuse, Answer::Refuse, answer("503 Service Unavailable", "", b"")];
    let rig = start(config().with_retry(RetryPolicy::disabled()), Source::new(Temporality::Delta), failures);
    rig.flush().await;
    rig.flush().await;
    rig.clock.advance(seconds(90));
    rig.flush().await;
    let lines = recorder.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [
        "WARN ",
        "points are not delivered",
        "endpoint=\"http://fake:4318/v1/metrics\"",
        "is the receiver running",
        "last_delivery=\"never\"",
        "queued=1 spooled=0",
    ] {
        assert!(lines[0].contains(part), "{part}: {lines:?}");
    }
    rig.flush().await;
    rig.flush().await;
    let lines = recorder.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("INFO ") && lines[0].contains("failed_requests=3 after=1m 30s"),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_away_is_logged_after_a_few_intervals() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let config = config().with_retry(RetryPolicy::disabled()).with_interval(seconds(60));
    let rig = start(config, Source::new(Temporality::Cumulative), []);
    rig.flush().await;
    rig.collector.script(vec![Answer::Refuse; 2]);
    rig.flush().await;
    rig.clock.advance(seconds(179));
    rig.flush().await;
    rig.flush().await;
    assert!(recorder.take().is_empty(), "a restart of the receiver is not worth a line");

    rig.collector.script(vec![Answer::Refuse; 4]);
    rig.flush().await;
    rig.clock.advance(seconds(180));
    for _ in 0..3 {
        rig.flush().await;
    }
    let lines = recorder.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("last_delivery=\"1994-11-06T08:52:36Z\""), "{lines:?}");
    rig.flush().await;
    assert!(recorder.take()[0].contains("failed_requests=4 after=3m"));
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_logged_at_once() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let rig = start(config(), Source::new(Temporality::Cumulative), [ok(), answer("404 Not Found", "", b"")]);
    rig.flush().await;
    rig.flush().await;
    let lines = recorder.take();
    assert!(lines.len() == 1 && lines[0].contains("404"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn refused_points_are_logged_once() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let json = "content-type: application/json\r\n";
    let partial =
        answer("200 OK", json, br#"{"partialSuccess":{"rejectedDataPoints":1,"errorMessage":"old"}}"#);
    let rig = start(config(), Source::new(Temporality::Cumulative), vec![partial; 3]);
    for _ in 0..4 {
        rig.flush().await;
    }
    let lines = recorder.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("rejected_items=1") && lines[0].contains("old"), "{lines:?}");
}
