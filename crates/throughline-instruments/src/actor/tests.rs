//! Whichever way a guard is left, it counts once, and the accounts close.
#![expect(clippy::float_cmp, reason = "small whole numbers are exact")]

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use opentelemetry::KeyValue;
use throughline_metrics::MeterProvider;
use throughline_metrics::testing::Snapshot;
use throughline_trace::{Enter as _, SpanKind, TracerProvider, testing};

use super::*;

fn with_error(error: &'static str) -> [KeyValue; 2] {
    [KeyValue::new("actor_id", "adder"), KeyValue::new("error_type", error)]
}

#[test]
fn each_message_is_counted_at_both_ends() {
    let (meters, tracers) = (MeterProvider::default(), TracerProvider::default());
    let actors = Actors::new(&meters.meter("it"), tracers.tracer("it"));
    let adder = actors.mailbox("adder");
    let headers = HashMap::<String, String>::new();
    let mut sent = HashMap::new();
    let waiting = [(); 4].map(|()| {
        actors.post("adder", &mut sent).deliver();
        adder.queue()
    });
    actors.post("adder", &mut sent).fail(Undeliverable::Full);
    drop(actors.post("adder", &mut sent));
    let by = [KeyValue::new("actor_id", "adder")];
    assert_eq!(Snapshot::of(&meters).sum("actor.message_queue_size", &by), 4.0);

    let [first, second, third, lost] = waiting;
    adder.handle(first, &headers).succeed();
    adder.handle(second, &headers).fail("invalid");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _handling = adder.handle(third, &headers);
        panic!("in the middle");
    }));
    assert!(panicked.is_err());
    drop(lost);
    adder.record_latency(Duration::from_micros(7));

    let snapshot = Snapshot::of(&meters);
    for (name, value) in [
        ("mailbox.posts", 6.0),
        ("actor.messages_sent", 4.0),
        ("actor.messages_received", 3.0),
        ("actor.message_queue_size", 0.0),
    ] {
        assert_eq!(snapshot.sum(name, &by), value, "{name}");
    }
    for (name, error) in [
        ("mailbox.undeliverable_messages", "full"),
        ("mailbox.undeliverable_messages", "cancelled"),
        ("actor.message_receive_errors", "invalid"),
        ("actor.message_receive_errors", "panic"),
    ] {
        assert_eq!(snapshot.sum(name, &with_error(error)), 1.0, "{name} {error}");
    }
    assert_eq!(snapshot.histogram("actor.message_handler_duration.ns", &by).count, 3);
    assert_eq!(snapshot.histogram("message.e2e_latency.us", &by).sum, 7.0);
}

#[test]
fn what_an_actor_does_is_in_the_trace_of_who_made_it() {
    let (meters, tracers) = (MeterProvider::default(), TracerProvider::default());
    let mut reader = tracers.reader().expect("the first reader");
    let actors = Actors::new(&meters.meter("it"), tracers.tracer("it"));
    let adder = actors.mailbox("adder");
    let (mut headers, mut reply) = (HashMap::new(), HashMap::new());
    actors.post("adder", &mut headers).deliver();
    let handling = adder.handle(adder.queue(), &headers);
    {
        let _entered = handling.context().enter();
        actors.post("source", &mut reply).deliver();
    }
    handling.succeed();
    let spans = testing::spans(&mut reader);
    let [posted, replied, handled] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((&posted.kind, &handled.kind), (&SpanKind::Producer, &SpanKind::Consumer));
    assert_eq!((handled.trace_id, handled.parent_span_id), (posted.trace_id, posted.span_id));
    assert_eq!((replied.trace_id, replied.parent_span_id), (posted.trace_id, handled.span_id));
}

#[test]
fn processes_that_nobody_ended_have_failed() {
    let meters = MeterProvider::default();
    let mesh = MeshMetrics::new(&meters.meter("it"));
    let channel = ChannelMetrics::new(&meters.meter("it"));
    let (first, second) = (mesh.start_proc(), mesh.start_proc());
    assert_eq!(Snapshot::of(&meters).sum("proc_mesh.active_procs", &()), 2.0);
    first.end();
    drop(second);
    channel.sent("proc-1", 300, Duration::from_micros(40));
    let snapshot = Snapshot::of(&meters);
    assert_eq!(snapshot.sum("proc_mesh.active_procs", &()), 0.0);
    assert_eq!(snapshot.sum("proc_mesh.proc_failures", &()), 1.0);
    let dest = [KeyValue::new("dest", "proc-1")];
    assert_eq!(snapshot.sum("channel.throughput.bytes", &dest), 300.0);
    assert_eq!(snapshot.histogram("channel.latency.us", &dest).sum, 40.0);
}
