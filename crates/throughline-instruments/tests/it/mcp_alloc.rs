//! An operation, a connection, an interceptor whose like was seen before is recorded without an allocation.

use throughline_instruments::guard::{Action, Interceptors, Phase, Pool, Requests, Sessions};
use throughline_instruments::mcp::{Call, Endpoint, Method, Metrics, Transport, Version};
use throughline_metrics::{MeterProvider, MetricSet as _};
use throughline_trace::{TracerProvider, testing};

use crate::counting::allocations;

/// Runs `record` until everything is warm, and then checks that it allocates nothing.
#[track_caller]
fn assert_free(what: &str, record: impl Fn()) {
    (0..100).for_each(|_| record());
    assert_eq!(allocations(|| (0..100).for_each(|_| record())), 0, "{what}");
}

#[test]
fn guards_allocate_nothing() {
    let meter = MeterProvider::default().meter("test");
    let (requests, interceptors) = (Requests::new(&meter), Interceptors::new(&meter));
    let (sessions, pool) = (Sessions::new(&meter), Pool::new(&meter, "upstream"));
    let metrics = Metrics::new(&meter);
    let connections = metrics.connections();
    assert_free("a request", || requests.begin("search").fail_as("timeout"));
    assert_free("a connection", || drop(connections.open()));
    assert_free("a session", || {
        let session = sessions.create();
        session.heartbeat(true);
        session.close();
    });
    assert_free("an interceptor", || interceptors.enter("auth", Phase::Request).decide(Action::Continue));
    assert_free("a pool", || pool.wait().created().give_back());
    assert_free("memory", || drop(metrics.hold(100)));
}

#[test]
fn operations_allocate_nothing_with_a_span_or_without() {
    let meter = MeterProvider::default().meter("test");
    let call = Call::new(Method::ToolsCall).with_tool("search").with_version(Version::V2025_11_25);
    let call = call.with_session("191c4850af6c49e08843a3f6c80e5046").with_request_number(7).with_size(100);

    let without = TracerProvider::builder().without_recording().build();
    let server = Endpoint::server(&meter, without.tracer("mcp"), Transport::Tcp);
    assert_free("without a span", || server.begin(call).ok());
    assert_free("an error of the client's", || server.begin(call).rpc_error(-32602, "no such tool"));

    let spans = TracerProvider::default();
    let mut reader = spans.reader().expect("the first reader");
    let server = Endpoint::server(&meter, spans.tracer("mcp"), Transport::Tcp);
    let serve_all = || (0..100).for_each(|_| server.begin(call).tool_error());
    serve_all();
    assert_eq!(testing::spans(&mut reader).len(), 100); // as an exporter takes them
    assert_eq!(allocations(serve_all), 0, "with a span");
}
