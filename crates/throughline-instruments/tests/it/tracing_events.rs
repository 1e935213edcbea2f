//! Metrics in fields of events.
#![expect(clippy::float_cmp, reason = "the sums are of numbers that floats hold exactly")]

use throughline_core::KeyValue;
use throughline_instruments::tracing_events::metrics_layer;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{DropReason, MeterProvider};
use tracing::info;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::counting::allocations;

fn with_layer(provider: &MeterProvider, run: impl FnOnce()) {
    let subscriber = tracing_subscriber::registry().with(metrics_layer(&provider.meter("events")));
    tracing::subscriber::with_default(subscriber, run);
}

fn recorded(run: impl FnOnce()) -> Snapshot {
    let provider = MeterProvider::default();
    with_layer(&provider, run);
    Snapshot::of(&provider)
}

#[test]
fn each_prefix_is_an_instrument() {
    let snapshot = recorded(|| {
        for _ in 0..2 {
            info!(monotonic_counter.requests = 1);
            info!(monotonic_counter.cost = 1.5);
            info!(counter.open = 3, counter.balance = -0.5);
            info!(counter.open = -1);
            info!(histogram.latency = 1);
            info!(histogram.latency = 2.5);
            info!(histogram.latency = -1);
            info!(gauge.depth = 4_u64);
            info!(gauge.depth = -4);
            info!(gauge.ratio = 0.5);
        }
    });
    assert_eq!(snapshot.sum("requests", &()), 2.0);
    assert_eq!(snapshot.sum("cost", &()), 3.0);
    assert_eq!(snapshot.sum("open", &()), 4.0);
    assert_eq!(snapshot.sum("balance", &()), -1.0);
    assert_eq!((snapshot.histogram("latency", &()).count, snapshot.histogram("latency", &()).sum), (6, 5.0));
    assert_eq!(snapshot.gauge("depth", &()), -4.0);
    assert_eq!(snapshot.gauge("ratio", &()), 0.5);
}

#[test]
fn other_fields_are_attributes_but_for_the_message() {
    let snapshot = recorded(|| {
        let error = std::io::Error::other("broken");
        info!(
            monotonic_counter.foo = 1,
            bar = "baz",
            r#type = true,
            qux = 2,
            ratio = 0.5,
            large = u64::MAX,
            debug = ?Some(1),
            display = %"text",
            error = &error as &dyn std::error::Error,
            "the message {}", 7
        );
    });
    let attributes = [
        KeyValue::new("bar", "baz"),
        KeyValue::new("type", true),
        KeyValue::new("qux", 2),
        KeyValue::new("ratio", 0.5),
        KeyValue::new("large", "18446744073709551615"),
        KeyValue::new("debug", "Some(1)"),
        KeyValue::new("display", "text"),
        KeyValue::new("error", "broken"),
    ];
    assert_eq!(snapshot.sum("foo", &attributes), 1.0);
}

#[test]
fn what_cannot_be_recorded_is_counted() {
    let provider = MeterProvider::default();
    with_layer(&provider, || {
        info!(monotonic_counter.down = -1);
        info!(counter.far = u64::MAX);
        info!(gauge.text = "four");
        info!(monotonic_counter.down = -1.0);
        info!(monotonic_counter.mixed = 1);
        info!(monotonic_counter.mixed = 1.0);
    });
    let snapshot = Snapshot::of(&provider);
    for reason in ["negative_increment", "out_of_range", "not_a_number"] {
        let dropped = snapshot.sum("throughline.events.dropped", &[KeyValue::new("reason", reason)]);
        assert_eq!(dropped, 1.0, "{reason}");
    }
    // The second type of number of a name is another instrument, which the engine refuses.
    assert_eq!(provider.drops(), [(DropReason::InstrumentConflict, 2)]);
}

#[test]
fn events_without_measurements_are_not_wanted() {
    let asked = std::cell::Cell::new(false);
    let provider = MeterProvider::default();
    with_layer(&provider, || {
        let _span = tracing::info_span!("a span", monotonic_counter.no = 1).entered();
        tracing::error!(plain = asked.replace(true), "counter. in a message");
    });
    assert!(!asked.get(), "the event is not even made");
    assert_eq!(Snapshot::of(&provider).names(), <[&str; 0]>::default());
}

#[test]
fn an_event_that_comes_again_allocates_nothing() {
    let provider = MeterProvider::default();
    with_layer(&provider, || {
        let record =
            || info!(monotonic_counter.again = 1, histogram.size = 2.0, route = "/a", user = ?7, "text");
        record();
        assert_eq!(allocations(record), 0);
    });
    assert_eq!(provider.drops(), []);
}

#[test]
fn a_field_may_record_while_it_is_formatted() {
    struct Chatty;
    impl std::fmt::Debug for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("quiet")
        }
    }
    let provider = MeterProvider::default();
    let meter = provider.meter("inside");
    let inside = meter.u64_counter("inside").build();
    struct Counting(throughline_metrics::Counter<u64>);
    impl std::fmt::Debug for Counting {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.add(1, &[]);
            write!(f, "{Chatty:?}")
        }
    }
    with_layer(&provider, || info!(monotonic_counter.outside = 1, by = ?Counting(inside.clone())));
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("outside", &[KeyValue::new("by", "quiet")]), 1.0);
    assert!(snapshot.sum("inside", &()) >= 1.0);
}
