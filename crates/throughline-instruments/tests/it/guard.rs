//! Guards record once, on whatever path their scope is left.

#![expect(clippy::float_cmp, reason = "whole numbers, far below where floats lose any")]

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};

use throughline_core::KeyValue;
use throughline_instruments::guard::{
    Action, Classify, ConnectionMetrics, Connections, Eviction, Interceptors, Phase, Pool, Requests, Sessions,
};
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{MeterProvider, MetricSet as _};

/// How a scope can be left.
#[derive(Clone, Copy, Debug)]
enum Path {
    Ok,
    Question,
    Return,
    Panic,
    Dropped,
}

#[derive(Debug)]
struct Broken;
impl Classify for Broken {}

/// Leaves the scope of a guard in this way.
#[expect(clippy::panic, reason = "panicking is one of the ways")]
fn leave(requests: &Requests, path: Path) -> Result<(), Broken> {
    let guard = requests.begin("search");
    let fails = || if matches!(path, Path::Question) { Err(Broken) } else { Ok(()) };
    match path {
        Path::Ok => guard.ok(),
        Path::Question => {
            let result = fails();
            guard.finish(&result);
            result?;
        }
        Path::Return => return Ok(()),
        Path::Panic => panic!("as the test wants"),
        Path::Dropped => {
            let mut future = pin!(guard.watch(pending::<Result<(), Broken>>()));
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
    }
    Ok(())
}

#[test]
fn each_path_is_recorded_once_and_by_its_name() {
    for (path, status, error_type) in [
        (Path::Ok, "ok", None),
        (Path::Question, "error", Some("Broken")),
        (Path::Return, "cancelled", Some("cancelled")),
        (Path::Panic, "panicked", Some("panicked")),
        (Path::Dropped, "cancelled", Some("cancelled")),
    ] {
        let provider = MeterProvider::default();
        let requests = Requests::new(&provider.meter("test"));
        let _left = catch_unwind(AssertUnwindSafe(|| leave(&requests, path)));

        let snapshot = Snapshot::of(&provider);
        let method = || KeyValue::new("method", "search");
        assert_eq!(snapshot.sum("requests.total", &[method()]), 1.0, "{path:?}");
        assert_eq!(snapshot.sum("requests.active", &()), 0.0, "{path:?}");
        let ended = snapshot.histogram("request.duration", &[method(), KeyValue::new("status", status)]);
        assert_eq!(ended.count, 1, "{path:?}");
        match error_type {
            Some(name) => {
                assert_eq!(snapshot.sum("request.errors", &[KeyValue::new("error_type", name)]), 1.0);
            }
            None => assert!(!snapshot.names().contains(&"request.errors")),
        }
    }
}

#[test]
fn a_guard_that_ends_while_its_thread_unwinds_has_not_panicked_itself() {
    struct Cleaning<'a>(&'a Requests);
    impl Drop for Cleaning<'_> {
        fn drop(&mut self) {
            self.0.begin("clean up").ok();
            drop(self.0.begin("forgotten"));
        }
    }

    let provider = MeterProvider::default();
    let requests = Requests::new(&provider.meter("test"));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _cleaning = Cleaning(&requests);
        panic!("as the test wants");
    }));
    assert!(unwound.is_err());

    let snapshot = Snapshot::of(&provider);
    let count = |method: &'static str, status: &'static str| {
        let attributes = [KeyValue::new("method", method), KeyValue::new("status", status)];
        snapshot.histogram("request.duration", &attributes).count
    };
    assert_eq!(count("clean up", "ok"), 1);
    assert_eq!(count("forgotten", "cancelled"), 1);
}

#[test]
fn connections_may_have_names_of_the_applications_own() {
    let provider = MeterProvider::default();
    let meter = provider.meter("test");
    let total = meter.u64_counter("shop.visitors").build();
    let connections = Connections::from(ConnectionMetrics { total, ..ConnectionMetrics::new(&meter) });
    let open = connections.open();
    connections.open().fail(&std::io::Error::from(std::io::ErrorKind::ConnectionReset));

    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("shop.visitors", &()), 2.0);
    assert_eq!(snapshot.sum("connections.active", &()), 1.0);
    let reset = [KeyValue::new("error_type", "connection_reset")];
    assert_eq!(snapshot.sum("connection.errors", &reset), 1.0);
    open.ok();
    let closed = [KeyValue::new("status", "closed")];
    assert_eq!(Snapshot::of(&provider).histogram("connection.duration", &closed).count, 1);
}

#[test]
fn sessions_are_watched_and_evicted() {
    let provider = MeterProvider::default();
    let sessions = Sessions::new(&provider.meter("test"));
    let [used, dead, lost] = [sessions.create(), sessions.create(), sessions.create()];
    used.heartbeat(true);
    dead.heartbeat(false);
    dead.evict(Eviction::Dead);
    used.close();
    drop(lost);

    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("sessions.created", &()), 3.0);
    assert_eq!(snapshot.sum("sessions.active", &()), 0.0);
    assert_eq!(snapshot.sum("session.heartbeat_checks", &()), 2.0);
    assert_eq!(snapshot.sum("session.dead_detected", &()), 1.0);
    assert_eq!(snapshot.sum("sessions.evicted", &[KeyValue::new("reason", "dead")]), 1.0);
    for status in ["closed", "evicted", "cancelled"] {
        let of = [KeyValue::new("status", status)];
        assert_eq!(snapshot.histogram("session.duration", &of).count, 1, "{status}");
    }
}

#[test]
fn a_pool_knows_what_is_idle_and_what_is_in_use() {
    let provider = MeterProvider::default();
    let pool = Pool::new(&provider.meter("test"), "upstream");
    let of = [KeyValue::new("pool", "upstream")];
    let [idle, active] = ["pool.connections.idle", "pool.connections.active"];

    let (kept, broken) = (pool.wait().created(), pool.wait().created());
    kept.give_back();
    drop(broken);
    drop(pool.wait()); // nobody waits any more
    pool.wait().fail(&Broken);
    let again = pool.wait().reused();

    let snapshot = Snapshot::of(&provider);
    assert_eq!(snapshot.sum("pool.connections.created", &of), 2.0);
    assert_eq!(snapshot.sum("pool.connections.reused", &of), 1.0);
    assert_eq!((snapshot.sum(idle, &of), snapshot.sum(active, &of)), (0.0, 1.0));
    for (status, count) in [("created", 2), ("reused", 1), ("cancelled", 1), ("error", 1)] {
        let of = [KeyValue::new("pool", "upstream"), KeyValue::new("status", status)];
        assert_eq!(snapshot.histogram("pool.wait.duration", &of).count, count, "{status}");
    }
    again.give_back();
    pool.remove_idle();
    let snapshot = Snapshot::of(&provider);
    assert_eq!((snapshot.sum(idle, &of), snapshot.sum(active, &of)), (0.0, 0.0));
}

#[test]
fn interceptors_decide_or_fail() {
    let provider = MeterProvider::default();
    let interceptors = Interceptors::new(&provider.meter("test"));
    interceptors.enter("auth", Phase::Request).decide(Action::Continue);
    interceptors.enter("auth", Phase::Request).decide(Action::Block);
    interceptors.enter("auth", Phase::Response).fail(&Broken);
    drop(interceptors.enter("auth", Phase::Request));

    let snapshot = Snapshot::of(&provider);
    let with = |key: &'static str, value: &'static str| {
        [KeyValue::new("interceptor", "auth"), KeyValue::new(key, value)]
    };
    assert_eq!(snapshot.histogram("interceptor.duration", &with("phase", "request")).count, 3);
    assert_eq!(snapshot.histogram("interceptor.duration", &with("phase", "response")).count, 1);
    assert_eq!(snapshot.sum("interceptor.actions", &with("action", "continue")), 1.0);
    assert_eq!(snapshot.sum("interceptor.actions", &with("action", "block")), 1.0);
    assert_eq!(snapshot.sum("interceptor.errors", &with("error_type", "Broken")), 1.0);
    assert_eq!(snapshot.sum("interceptor.errors", &with("error_type", "cancelled")), 1.0);
}
