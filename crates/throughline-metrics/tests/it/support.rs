//! What several of these tests need.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use throughline_core::clock::ManualClock;
use throughline_core::{KeyValue, Timestamp, Value};
use throughline_metrics::data::{Metric, MetricData, Numbers, Points};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{DropReason, MeterProvider};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

/// One attribute.
pub(crate) fn kv(key: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(key, value)
}

/// No attributes.
pub(crate) const NONE: &[KeyValue] = &[];

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A clock that shows one thousand seconds after the epoch.
pub(crate) fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_nanos(1_000_000_000_000)))
}

/// How often a measurement was dropped for this reason.
pub(crate) fn dropped(provider: &MeterProvider, reason: DropReason) -> u64 {
    provider.drops().into_iter().find(|(dropped, _)| *dropped == reason).map_or(0, |(_, count)| count)
}

/// The points of a sum or gauge; none when there is no such metric.
pub(crate) fn points(snapshot: &Snapshot, name: &str) -> Points<Numbers> {
    let of_name = |metric: &&Metric| &*metric.name == name;
    match snapshot.collection().metrics().map(|(_, metric)| metric).find(of_name).map(|m| &m.data) {
        Some(MetricData::Sum { points, .. } | MetricData::Gauge { points }) => points.clone(),
        _ => Points::new(Vec::new(), Numbers::U64(Vec::new())),
    }
}

/// The sum over all points of a sum.
pub(crate) fn total(snapshot: &Snapshot, name: &str) -> f64 {
    points(snapshot, name).iter().map(|point| point.value.as_f64()).sum()
}

/// Runs `run` and gives what it, on this thread, logged: message and fields in one line each.
pub(crate) fn logged(run: impl FnOnce()) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    on_each_event(move |line| kept.lock().unwrap().push(line), run);
    Arc::try_unwrap(lines).unwrap().into_inner().unwrap()
}

/// Runs `run`, and `then` for each line that it logs on this thread.
pub(crate) fn on_each_event(then: impl Fn(String) + Send + Sync + 'static, run: impl FnOnce()) {
    tracing::subscriber::with_default(Log(then), run);
}

struct Log<F>(F);

impl<F: Fn(String) + Send + Sync + 'static> tracing::Subscriber for Log<F> {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        (self.0)(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}
