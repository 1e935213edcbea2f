//! A header map hashes a name byte by byte, which takes longer than looking at every name of a usual request. So the few
//! headers of such a request are gone through once; only large maps are asked. What is written has names made beforehand,
//! so that none is parsed.

use http::header::{GetAll, HeaderMap, HeaderName, HeaderValue};

use crate::propagation::{ReadCarrier, WriteCarrier};

impl ReadCarrier for HeaderMap {
    #[inline]
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        find(self, name).into_iter().map(HeaderValue::as_bytes)
    }

    #[inline]
    fn read_each<'a, const NAMES: usize>(
        &'a self,
        names: [&str; NAMES],
        mut see: impl FnMut(usize, &'a [u8]),
    ) {
        let known = names.map(known);
        if self.len() > SCANNED_MAX || known.contains(&None) {
            for (place, name) in names.into_iter().enumerate() {
                self.read(name).for_each(|value| see(place, value));
            }
            return;
        }
        for (name, value) in self {
            if let Some(place) = known.iter().position(|known| *known == Some(name)) {
                see(place, value.as_bytes());
            }
        }
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
    #[expect(clippy::inline_always, reason = "only where the name is known is it found by the compiler")]
    #[inline(always)]
    fn write(&mut self, name: &str, value: &str) {
        let Ok(value) = HeaderValue::from_str(value) else { return };
        if let Some(name) = known(name) {
            self.insert(name, value);
        } else if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            self.insert(name, value);
        }
    }

    #[expect(clippy::inline_always, reason = "only where the name is known is it found by the compiler")]
    #[inline(always)]
    fn remove(&mut self, name: &str) {
        match known(name) {
            Some(name) if self.keys_len() <= SCANNED_MAX && self.keys().all(|key| key != name) => None,
            Some(name) => self.remove(name),
            None => self.remove(name),
        };
    }
}

/// How many headers are gone through rather than asked for: beyond this a look-up costs less.
const SCANNED_MAX: usize = 32;

/// The ready-made name. Callers pass constants, so that the compiler decides.
#[expect(clippy::inline_always, reason = "only where the name is known is it found by the compiler")]
#[inline(always)]
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
