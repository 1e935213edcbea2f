//! An operation under way: a request or notification, from one end's view, with its span.
//!
//! Begun by `endpoint.rs`. Ends with one of the words below, or when it is dropped.

use serde_json::{Map, Value};
use throughline_core::propagation::TraceContextExt as _;
use throughline_metrics::exemplar::{self, TraceContext};
use throughline_trace::{Context, Span, SpanContext, SpanKind, Status, WithContext, with_context};

use super::attributes::{code, is_servers_fault};
use super::call::RequestId;
use super::meta::{extract, inject};
use super::metrics::{OfMethod, RequestEnded};
use super::text::StackText;
use super::{Call, Endpoint, Method, OperationAttributes};
use crate::guard::{Classify, End, Guard, Scope};

/// An operation under way. It is recorded when it is dropped, whatever path the code takes: as cancelled unless one of
/// these methods says otherwise.
#[derive(Debug)]
#[must_use = "the operation ends when this is dropped"]
pub struct Operation<'a>(Guard<UnderWay<'a>>);

/// The longest name of a span: a method, a space, and the name of a tool.
const SPAN_NAME_BYTES_MAX: usize = 192;

/// As many as an `i64` has.
const NUMBER_BYTES_MAX: usize = 20;

impl<'a> Operation<'a> {
    pub(super) fn begin(endpoint: &'a Endpoint, call: Call<'a>) -> Self {
        let caller = call.meta.map(extract);
        let mut span = start(endpoint, &call, caller.as_ref());
        if span.is_recording() {
            describe(&mut span, endpoint, &call);
        }
        Self(Guard::begin(UnderWay { endpoint, call, caller, span, code: None, message: None }))
    }

    /// The ids of its span.
    pub fn span_context(&self) -> &SpanContext {
        self.0.scope().span.span_context()
    }

    /// Its span, to be told more.
    pub fn span(&mut self) -> &mut Span {
        &mut self.0.scope_mut().span
    }

    /// The current context with its span in it.
    pub fn context(&self) -> Context {
        self.0.scope().span.context()
    }

    /// Writes its context into the `_meta` of what is about to be sent.
    pub fn inject(&self, meta: &mut Map<String, Value>) {
        inject(&self.context(), meta);
    }

    /// Makes its span the current one whenever the future is polled. With a server, the caller's baggage is current, too.
    pub fn enter<F: Future>(&self, future: F) -> WithContext<F> {
        let UnderWay { caller, span, .. } = self.0.scope();
        let context = match caller {
            Some(caller) => caller.with_remote_span_context(span.span_context().clone()),
            None => span.context(),
        };
        with_context(context, future)
    }

    /// The response has so many bytes, as JSON.
    pub fn record_response_size(&self, bytes: u64) {
        let UnderWay { endpoint, call, .. } = self.0.scope();
        if let Some(requests) = &endpoint.requests {
            requests.response_size.record(bytes, &OfMethod { method: call.method });
        }
    }

    /// Ends it: it went well.
    pub fn ok(self) {
        self.0.ok();
    }

    /// Ends it: a tool's result says that it is an error.
    pub fn tool_error(self) {
        self.0.fail_as("tool_error");
    }

    /// Ends it with a JSON-RPC error. A client counts each as one; a server those that are not the client's fault.
    pub fn rpc_error(mut self, number: i64, message: &str) {
        let under_way = self.0.scope_mut();
        under_way.code = Some(code(number));
        let is_error = under_way.endpoint.kind != SpanKind::Server || is_servers_fault(number);
        if is_error && under_way.span.is_recording() {
            under_way.message = Some(message.to_owned());
        }
        if is_error { self.0.fail_as(code(number)) } else { self.0.ok() }
    }

    /// Ends it with an error that is not JSON-RPC's: of the transport, or a time that was over.
    pub fn fail<E: Classify + ?Sized>(self, error: &E) {
        self.0.fail(error);
    }
}

/// Starts the span. With a server, the caller is the parent, and what was current (the transport's span) is linked.
fn start(endpoint: &Endpoint, call: &Call<'_>, caller: Option<&Context>) -> Span {
    let target = call.tool.or(call.prompt);
    let method = call.method.as_str();
    let name: StackText<SPAN_NAME_BYTES_MAX> = match target {
        Some(target) => StackText::of(format_args!("{method} {target}")),
        None => StackText::of(format_args!("{method}")),
    };
    let span = endpoint.tracer.span(name.as_str()).with_kind(endpoint.kind.clone());
    let Some(caller) = caller else { return span.start() };
    let ambient = Context::map_current(|current| current.span().span_context().clone());
    let is_transports = ambient.is_valid() && ambient != *caller.span().span_context();
    let span = span.with_parent(caller);
    if is_transports { span.with_link(ambient).start() } else { span.start() }
}

/// What a span says and a metric does not, since there are too many.
fn describe(span: &mut Span, endpoint: &Endpoint, call: &Call<'_>) {
    span.set_attributes(&attributes(endpoint, call));
    span.set_attribute("mcp.session.id", call.session);
    span.set_attribute("mcp.resource.uri", call.resource);
    match call.request {
        Some(RequestId::Text(id)) => span.set_attribute("jsonrpc.request.id", id),
        Some(RequestId::Number(id)) => {
            let id = StackText::<NUMBER_BYTES_MAX>::of(format_args!("{id}"));
            span.set_attribute("jsonrpc.request.id", id.as_str());
        }
        None => {}
    }
}

fn attributes<'a>(endpoint: &'a Endpoint, call: &Call<'a>) -> OperationAttributes<'a> {
    let (server_address, server_port) = endpoint.server_address();
    OperationAttributes {
        method: call.method,
        version: call.version,
        tool: call.tool,
        prompt: call.prompt,
        operation: (call.method == Method::ToolsCall).then_some("execute_tool"),
        error_type: None,
        status_code: None,
        transport: endpoint.transport,
        protocol: endpoint.transport.protocol(),
        server_address,
        server_port,
    }
}

#[derive(Debug)]
struct UnderWay<'a> {
    endpoint: &'a Endpoint,
    call: Call<'a>,
    /// What came in `_meta`.
    caller: Option<Context>,
    span: Span,
    code: Option<&'static str>,
    message: Option<String>,
}

impl Scope for UnderWay<'_> {
    fn begin(&mut self) {
        let Some(requests) = &self.endpoint.requests else { return };
        let of = OfMethod { method: self.call.method };
        requests.total.add(1, &of);
        if let Some(bytes) = self.call.size {
            requests.request_size.record(bytes, &of);
        }
    }

    fn end(&mut self, end: End) {
        let Self { endpoint, call, span, code, message, .. } = self;
        let End { error_type, outcome, .. } = end;
        let _exemplar = exemplar::pin(TraceContext::of(span.span_context()));
        let attributes = OperationAttributes { error_type, status_code: *code, ..attributes(endpoint, call) };
        endpoint.operations.record(end.seconds(), &attributes);
        if let Some(requests) = &endpoint.requests {
            requests.duration.record(end.seconds(), &RequestEnded { method: call.method, status: outcome });
        }
        span.set_attribute("rpc.response.status_code", *code);
        if let Some(error_type) = error_type {
            span.set_attribute("error.type", error_type);
            span.set_status(Status::error(message.take().unwrap_or_default()));
        }
        span.end();
    }
}
