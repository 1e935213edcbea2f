//! Client and server in one process, over real HTTP: one trace, and what each end recorded.

#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use std::sync::Arc;

use clap::Parser as _;
use rmcp::model::JsonObject;
use throughline::metrics::testing::Snapshot;
use throughline::trace::{SpanKind, TracerProvider, testing};
use throughline::{KeyValue, MeterProvider};
use throughline_instruments::mcp::Transport;

use crate::arguments::Arguments;
use crate::client::{Address, Clients};
use crate::http::HttpServer;
use crate::shared::Shared;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_goes_from_the_client_to_the_server_over_http() {
    let arguments = Arguments::parse_from(["mcp-server", "--listen", "127.0.0.1:0"]);
    let (metrics, spans) = (MeterProvider::default(), TracerProvider::default());
    let mut reader = spans.reader().expect("the first reader");
    let meter = metrics.meter("mcp");
    let shared = Shared::new(&arguments, &meter, spans.tracer("mcp"), Transport::Tcp).expect("a folder");
    let shared = Arc::new(shared);
    let server = HttpServer::start(arguments.listen, arguments.heartbeat, Arc::clone(&shared));
    let server = server.await.expect("a free port");
    let address = Address::new(server.url()).expect("an HTTP client");
    let clients = Clients::new(&shared, address, arguments.token.clone(), 1);

    let leased = clients.acquire().await.expect("a session");
    let answer = leased.call_tool("list_files", JsonObject::new()).await.expect("an answer");
    assert_eq!(answer.is_error, Some(false));
    leased.give_back();
    clients.close().await;
    server.settle().await;

    let spans = testing::spans(&mut reader);
    let called = |kind: SpanKind| {
        let mut called =
            spans.iter().filter(|span| span.name == "tools/call list_files" && span.kind == kind);
        called.next().unwrap_or_else(|| panic!("a span of kind {kind:?} among {spans:#?}"))
    };
    let (client, server) = (called(SpanKind::Client), called(SpanKind::Server));
    assert_eq!(server.trace_id, client.trace_id);
    assert_eq!(server.parent_span_id, client.span_id);
    assert!(server.attributes.iter().any(|(key, _)| key == "mcp.session.id"), "{server:#?}");
    assert!(client.start <= server.start && server.end <= client.end);

    let snapshot = Snapshot::of(&metrics);
    let of = |method: &'static str| [KeyValue::new("method", method)];
    for method in ["initialize", "notifications/initialized", "tools/call"] {
        assert_eq!(snapshot.sum("mcp.requests.total", &of(method)), 1.0, "{method}");
    }
    assert_eq!(snapshot.sum("mcp.sessions.active", &()), 0.0);
    assert_eq!(snapshot.sum("mcp.memory.usage", &()), 0.0, "nothing is held any more");
    let closed = [KeyValue::new("status", "closed")];
    assert_eq!(snapshot.histogram("mcp.session.duration", &closed).count, 1);
}
