//! The headers of this folder's formats have names made beforehand, so that no name is parsed to be looked up.

use http::header::{GetAll, HeaderMap, HeaderName, HeaderValue};

use crate::propagation::{ReadCarrier, WriteCarrier};

impl ReadCarrier for HeaderMap {
    #[inline]
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        find(self, name).into_iter().map(HeaderValue::as_bytes)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.keys().map(HeaderName::as_str)
    }
}

#[inline]
fn find<'a>(headers: &'a HeaderMap, name: &str) -> GetAll<'a, HeaderValue> {
    match known(name) {
        Some(name) => headers.get_all(name),
        None => headers.get_all(name),
    }
}

impl WriteCarrier for HeaderMap {
    #[inline]
    fn write(&mut self, name: &str, value: &str) {
        let Ok(value) = HeaderValue::from_str(value) else { return };
        if let Some(name) = known(name) {
            self.insert(name, value);
        } else if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            self.insert(name, value);
        }
    }

    #[inline]
    fn remove(&mut self, name: &str) {
        match known(name) {
            Some(name) => self.remove(name),
            None => self.remove(name),
        };
    }
}

/// The ready-made name. Callers pass constants, so that the compiler decides.
#[inline]
fn known(name: &str) -> Option<&'static HeaderName> {
    Some(match name {
        "traceparent" => &TRACEPARENT,
        "tracestate" => &TRACESTATE,
        "baggage" => &BAGGAGE,
        "b3" => &B3,
        "x-b3-traceid" => &B3_TRACE_ID,
        "x-b3-spanid" => &B3_SPAN_ID,
        "x-b3-sampled" => &B3_SAMPLED,
        "x-b3-flags" => &B3_FLAGS,
        "x-b3-parentspanid" => &B3_PARENT_SPAN_ID,
        "uber-trace-id" => &UBER_TRACE_ID,
        "x-amzn-trace-id" => &AMZN_TRACE_ID,
        _ => return None,
    })
}

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
static BAGGAGE: HeaderName = HeaderName::from_static("baggage");
static B3: HeaderName = HeaderName::from_static("b3");
static B3_TRACE_ID: HeaderName = HeaderName::from_static("x-b3-traceid");
static B3_SPAN_ID: HeaderName = HeaderName::from_static("x-b3-spanid");
static B3_SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
static B3_FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");
static B3_PARENT_SPAN_ID: HeaderName = HeaderName::from_static("x-b3-parentspanid");
static UBER_TRACE_ID: HeaderName = HeaderName::from_static("uber-trace-id");
static AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
