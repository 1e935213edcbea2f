//! What the tests share: contexts and headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use throughline_core::propagation::{
    Context, Format, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};

pub(crate) type Pairs = Vec<(String, String)>;

pub(crate) const TRACE: u128 = 0x1234_5678_9012_3456_7890_1234_5678_9012;
pub(crate) const SPAN: u64 = 0x1234_5678_9012_3456;

/// The span of a caller.
pub(crate) fn remote(flags: u8, state: TraceState) -> SpanContext {
    SpanContext::new(TRACE.into(), SPAN.into(), TraceFlags::new(flags), true, state)
}

/// A context with a caller's span.
pub(crate) fn context(flags: u8) -> Context {
    Context::new().with_remote_span_context(remote(flags, TraceState::NONE))
}

pub(crate) fn pairs(headers: &[(&str, &str)]) -> Pairs {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The same headers as HTTP has them.
pub(crate) fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).expect("a name of a header"),
            HeaderValue::from_bytes(value.as_bytes()).expect("a value of a header"),
        );
    }
    map
}

pub(crate) fn extract(format: Format, headers: &[(&str, &str)]) -> Context {
    format.extract(&Context::new(), headers)
}

/// The headers that a format makes of a context, in the order of their names.
pub(crate) fn inject(format: Format, context: &Context) -> Pairs {
    let mut headers = Pairs::new();
    format.inject(context, &mut headers);
    headers.sort();
    headers
}

/// The caller's span as a format finds it.
pub(crate) fn span(format: Format, headers: &[(&str, &str)]) -> Option<SpanContext> {
    let context = extract(format, headers);
    let span = context.span().span_context().clone();
    let alone = format.extract_span_context(headers);
    assert_eq!(alone, span.is_valid().then(|| span.clone()), "with and without a context: {headers:?}");
    alone
}

/// A span of our own, in the caller's trace if there is one: what a service does between extracting and injecting.
pub(crate) fn child(parent: &SpanContext) -> SpanContext {
    const OWN_TRACE: u128 = 0xaaaa;
    const OWN_SPAN: u64 = 0xbbbb;
    let trace = if parent.is_valid() { parent.trace_id() } else { TraceId::from(OWN_TRACE) };
    let state = parent.trace_state().clone();
    SpanContext::new(trace, SpanId::from(OWN_SPAN), parent.trace_flags(), false, state)
}
