//! The MCP kit: the names of the document, the semantic conventions, one trace from client to server, and bounds.

#![expect(clippy::float_cmp, reason = "whole numbers, far below where floats lose any")]

use serde_json::{Value, json};
use throughline_core::KeyValue;
use throughline_core::propagation::{BaggageExt as _, Context, KeyValueMetadata, baggage_items};
use throughline_instruments::mcp::{Call, Endpoint, KIT, Method, Metrics, Transport, Version};
use throughline_metrics::data::MetricData;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{DEFAULT_LIMIT, MeterProvider, MetricSet as _};
use throughline_trace::{SpanKind, TracerProvider, testing};

use crate::warnings::warnings_of;

fn attributes(pairs: &[(&'static str, &'static str)]) -> Vec<KeyValue> {
    pairs.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect()
}

#[test]
fn the_names_are_those_of_the_document() {
    let names: Vec<_> = KIT.definitions().map(|definition| definition.name).collect();
    for name in [
        "mcp.connections.total",
        "mcp.connections.active",
        "mcp.connection.duration",
        "mcp.sessions.created",
        "mcp.sessions.active",
        "mcp.session.duration",
        "mcp.requests.total",
        "mcp.request.duration",
        "mcp.server.operation.duration",
        "mcp.client.operation.duration",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(KIT.definitions().all(|definition| !definition.description.is_empty()));
}

#[test]
fn an_operation_is_recorded_by_the_conventions() {
    let provider = MeterProvider::default();
    let spans = TracerProvider::default();
    let mut reader = spans.reader().expect("the first reader");
    let meter = provider.meter("test");
    let server = Endpoint::server(&meter, spans.tracer("mcp"), Transport::Tcp);
    let call = Call::new(Method::ToolsCall).with_tool("search").with_version(Version::of("2025-11-25"));
    let call = call.with_session("s1").with_request_number(7).with_size(120);
    let serving = server.begin(call);
    serving.record_response_size(30);
    serving.tool_error();

    let snapshot = Snapshot::of(&provider);
    let method = attributes(&[("method", "tools/call")]);
    assert_eq!(snapshot.sum("mcp.requests.total", &method), 1.0);
    assert_eq!(snapshot.histogram("mcp.request.size", &method).sum, 120.0);
    assert_eq!(snapshot.histogram("mcp.response.size", &method).sum, 30.0);
    let ended = attributes(&[("method", "tools/call"), ("status", "error")]);
    assert_eq!(snapshot.histogram("mcp.request.duration", &ended).count, 1);
    let conventions = attributes(&[
        ("mcp.method.name", "tools/call"),
        ("mcp.protocol.version", "2025-11-25"),
        ("gen_ai.tool.name", "search"),
        ("gen_ai.operation.name", "execute_tool"),
        ("error.type", "tool_error"),
        ("network.transport", "tcp"),
        ("network.protocol.name", "http"),
    ]);
    assert_eq!(snapshot.histogram("mcp.server.operation.duration", &conventions).count, 1);

    let [span] = testing::spans(&mut reader).try_into().expect("one span");
    assert_eq!((span.name.as_str(), &span.kind), ("tools/call search", &SpanKind::Server));
    assert_eq!(span.status, Some((false, String::new())));
    for (key, value) in [("mcp.session.id", "s1"), ("jsonrpc.request.id", "7"), ("error.type", "tool_error")]
    {
        assert!(
            span.attributes.contains(&(key.to_owned(), value.to_owned())),
            "{key}: {:?}",
            span.attributes
        );
    }
}

#[test]
fn a_client_counts_every_code_as_an_error_and_a_server_its_own() {
    for (number, is_servers) in [(-32602, false), (-32601, false), (-32603, true), (4711, true)] {
        let provider = MeterProvider::default();
        let (meter, spans) = (provider.meter("test"), TracerProvider::default());
        let server = Endpoint::server(&meter, spans.tracer("mcp"), Transport::Pipe);
        let client = Endpoint::client(&meter, spans.tracer("mcp"), Transport::Pipe);
        server.begin(Call::new(Method::ToolsList)).rpc_error(number, "no");
        client.begin(Call::new(Method::ToolsList)).rpc_error(number, "no");

        let snapshot = Snapshot::of(&provider);
        let code = if number == 4711 { "_OTHER".to_owned() } else { number.to_string() };
        let with = |error: Option<&String>| {
            let mut attributes =
                attributes(&[("mcp.method.name", "tools/list"), ("network.transport", "pipe")]);
            attributes.push(KeyValue::new("rpc.response.status_code", code.clone()));
            attributes.extend(error.map(|error| KeyValue::new("error.type", error.clone())));
            attributes
        };
        let count = |name: &str, error| snapshot.histogram(name, &with(error)).count;
        assert_eq!(count("mcp.client.operation.duration", Some(&code)), 1, "{number}");
        assert_eq!(count("mcp.server.operation.duration", is_servers.then_some(&code)), 1, "{number}");
    }
}

#[test]
fn one_trace_goes_through_meta() {
    let spans = TracerProvider::default();
    let mut reader = spans.reader().expect("the first reader");
    let meter = MeterProvider::default().meter("test");
    let client =
        Endpoint::client(&meter, spans.tracer("client"), Transport::Tcp).with_server("localhost", 80);
    let server = Endpoint::server(&meter, spans.tracer("server"), Transport::Tcp);

    let tenant = KeyValueMetadata::new("tenant", "Çatal", "");
    let _tenant = Context::current().with_baggage([tenant]).attach();
    let calling = client.begin(Call::new(Method::ToolsCall).with_tool("search"));
    let mut request =
        json!({"method": "tools/call", "params": {"name": "search", "_meta": {"progressToken": 1}}});
    calling.inject(request["params"]["_meta"].as_object_mut().expect("an object"));

    // What goes over the wire is text.
    let request: Value = serde_json::from_str(&request.to_string()).expect("JSON");
    let meta = request["params"]["_meta"].as_object().expect("an object");
    assert_eq!(meta.keys().collect::<Vec<_>>(), ["baggage", "progressToken", "traceparent"]);
    let transport = spans.tracer("http").span("POST /mcp").with_no_parent().start();
    let in_transport = transport.enter();
    let serving = server.begin(Call::new(Method::ToolsCall).with_tool("search").with_meta(meta));
    drop(in_transport);
    let handler = async {
        let context = Context::current();
        let tenant = baggage_items(&context).next().expect("the caller's baggage").value().to_owned();
        spans.tracer("tool").span("look up").start().end();
        tenant
    };
    assert_eq!(ready(serving.enter(handler)), "Çatal");
    serving.ok();
    calling.ok();

    let spans = testing::spans(&mut reader);
    let named = |scope: &str| spans.iter().find(|span| span.scope == scope).expect("a span of that scope");
    let (client, server, tool) = (named("client"), named("server"), named("tool"));
    assert_eq!(server.trace_id, client.trace_id);
    assert_eq!(server.parent_span_id, client.span_id);
    assert!(server.parent_is_remote);
    assert_eq!(tool.parent_span_id, server.span_id);
    assert_eq!(
        server.links[0].trace_id,
        transport.span_context().trace_id(),
        "the transport's span is linked"
    );
}

/// The value of a future that is ready.
#[expect(clippy::panic, reason = "a helper of tests")]
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the future waits"),
    }
}

#[test]
fn memory_is_held_as_long_as_somebody_holds_it() {
    let provider = MeterProvider::default();
    let metrics = Metrics::new(&provider.meter("test"));
    let held = metrics.hold(1000);
    assert_eq!(Snapshot::of(&provider).sum("mcp.memory.usage", &()), 1000.0);
    drop(held);
    assert_eq!(Snapshot::of(&provider).sum("mcp.memory.usage", &()), 0.0);
}

/// A million names that a stranger made up, some of them far too long.
const ATTACK: u64 = 1_000_000;

#[test]
fn a_million_names_of_tools_stay_within_the_limit() {
    let (provider, warnings) = warnings_of(|| {
        let provider = MeterProvider::default();
        let spans = TracerProvider::builder().without_recording().build();
        let server = Endpoint::server(&provider.meter("test"), spans.tracer("mcp"), Transport::Tcp);
        for number in 0..ATTACK {
            let name = match number % 10 {
                0 => format!("{number:0>200}"),
                _ => format!("tool-{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            };
            let call = Call::new(Method::of("tools/call")).with_tool(&name);
            server.begin(call).rpc_error(-32602, "there is no such tool");
        }
        provider
    });

    let snapshot = Snapshot::of(&provider);
    let MetricData::Histogram { points, .. } = &snapshot.metric("mcp.server.operation.duration").1.data
    else {
        panic!("not a histogram")
    };
    assert_eq!(points.iter().count(), DEFAULT_LIMIT + 1, "the limit, and the rest");
    assert_eq!(points.iter().map(|point| point.value.count).sum::<u64>(), ATTACK, "nothing is lost");
    let overflow =
        snapshot.histogram("mcp.server.operation.duration", &[KeyValue::new("otel.metric.overflow", true)]);
    let too_long = ATTACK / 10;
    assert_eq!(overflow.count, ATTACK - too_long - (DEFAULT_LIMIT as u64 - 1));
    assert_eq!(snapshot.sum("mcp.requests.total", &attributes(&[("method", "tools/call")])), ATTACK as f64);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("gen_ai.tool.name"), "{warnings:?}");
}
