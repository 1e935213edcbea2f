use throughline_core::KeyValue;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::view::View;
use throughline_metrics::{MeterProvider, TemporalityPreference};

#[test]
fn every_kind_is_recorded_and_read() {
    let provider = MeterProvider::builder().with_view(View::of("expo").exponential()).build();
    let meter = provider.meter("it");
    let get = &[KeyValue::new("method", "GET"), KeyValue::new("code", 200)];
    let got = &[KeyValue::new("code", 200), KeyValue::new("method", "GET")];
    meter.u64_counter("c").build().add(2, get);
    meter.u64_counter("c").build().add(3, got);
    meter.f64_counter("fc").build().bind(&[]).add(0.5);
    meter.i64_up_down_counter("u").build().add(-4, &[]);
    meter.f64_gauge("g").build().set(1.5, &[]);
    meter.f64_histogram("h").build().record(7.0, got);
    meter.f64_histogram("expo").build().record(7.0, got);
    let _gauge =
        meter.i64_observable_gauge("og").with_callback(|o| o.observe(-3, &[][..] as &[KeyValue])).build();
    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.names(), ["c", "fc", "u", "g", "h", "expo", "og"]);
    assert_eq!(snapshot.sum("c", get), 5.0);
    assert_eq!(snapshot.sum("fc", &()), 0.5);
    assert_eq!(snapshot.sum("u", &()), -4.0);
    assert_eq!(snapshot.gauge("g", &()), 1.5);
    assert_eq!(snapshot.histogram("h", get).count, 1);
    assert_eq!(snapshot.exponential("expo", get).sum, 7.0);
    assert_eq!(snapshot.gauge("og", &()), -3.0);
}

#[test]
fn delta_readers_see_everything_once() {
    let provider = MeterProvider::default();
    let counter = provider.meter("it").u64_counter("c").build();
    let mut delta = provider.reader(TemporalityPreference::Delta);
    counter.add(2, &[]);
    assert_eq!(Snapshot::collected(&mut delta).sum("c", &()), 2.0);
    counter.add(3, &[]);
    assert_eq!(Snapshot::collected(&mut delta).sum("c", &()), 3.0);
    assert_eq!(Snapshot::collected(&mut delta).names(), Vec::<&str>::new());
    assert_eq!(Snapshot::of(&provider).sum("c", &()), 5.0);
}
