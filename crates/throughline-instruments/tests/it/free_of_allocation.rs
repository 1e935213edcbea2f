//! Guards allocate nothing when their series exist.

use std::time::Duration;

use throughline_instruments::actor::{Actors, ChannelMetrics, MeshMetrics};
use throughline_instruments::stream::{
    AggregationType, DropReason, Operation, StateBackend, StreamMetrics, WindowType,
};
use throughline_metrics::{MeterProvider, MetricSet as _};
use throughline_trace::TracerProvider;

use crate::counting::allocations;

/// Runs `record` until everything is warm, and then checks that it allocates nothing.
#[track_caller]
fn assert_free(what: &str, record: impl Fn()) {
    (0..3).for_each(|_| record());
    let count = allocations(|| (0..100).for_each(|_| record()));
    assert_eq!(count, 0, "{what}");
}

#[test]
fn streams() {
    let stream = StreamMetrics::new(&MeterProvider::default().meter("it"));
    let kind = String::from("feedback");
    assert_free("events that succeed", || stream.events.start().with_type(&kind).succeed());
    assert_free("events that fail", || stream.events.start().with_type(&kind).fail("overflow"));
    assert_free("events that are dropped", || stream.events.start().discard(DropReason::Late));
    assert_free("events that are given up", || drop(stream.events.start()));
    assert_free("windows", || stream.windows.open(WindowType::Sliding).trigger(7));
    assert_free("aggregations", || stream.aggregations.start(AggregationType::P99).fail("too_few"));
    assert_free("state", || stream.state.start(Operation::Get, StateBackend::Memory).succeed());
    assert_free("operators", || drop(stream.operators.start("window")));
    assert_free("watermarks", || stream.watermarks.advance(3, 0.5));
    assert_free("deduplication", || stream.deduplication.check(true));
}

#[test]
fn actors() {
    let meter = MeterProvider::default().meter("it");
    let actors = Actors::new(&meter, TracerProvider::default().tracer("it"));
    let (channels, mesh) = (ChannelMetrics::new(&meter), MeshMetrics::new(&meter));
    let adder = actors.mailbox("adder");
    let dest = String::from("proc-1");
    assert_free("mailboxes", || drop(adder.queue()));
    assert_free("latencies", || adder.record_latency(Duration::from_micros(3)));
    assert_free("channels", || channels.sent(&dest, 300, Duration::from_micros(3)));
    assert_free("processes", || mesh.start_proc().end());
}
