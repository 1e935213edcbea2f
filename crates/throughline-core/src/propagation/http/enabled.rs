//! A header map hashes a name byte by byte, which takes longer than looking at every name of a usual request. So the few
//! names of such a request are gone through once; only large maps are asked. What is written has names made beforehand,
//! so that none is parsed.

use http::header::{GetAll, HeaderMap, HeaderName, HeaderValue};

use crate::propagation::{ReadCarrier, WriteCarrier};

impl ReadCarrier for HeaderMap {
    #[inline]
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        find(self, name).into_iter().map(HeaderValue::as_bytes)
    }

    #[expect(
        clippy::inline_always,
        reason = "only where the names are known do comparisons become a few instructions"
    )]
    #[inline(always)]
    fn read_each<'a, const NAMES: usize>(
        &'a self,
        names: [&str; NAMES],
        mut see: impl FnMut(usize, &'a [u8]),
    ) {
        let is_small = self.keys_len() <= SCANNED_MAX;
        let mut found = [if is_small { None } else { Some(usize::MAX) }; NAMES];
        for (at, key) in self.keys().enumerate().take_while(|_| is_small) {
            let place = names.iter().position(|name| *name == key.as_str());
            if let Some(found) = place.and_then(|place| found.get_mut(place)) {
                *found = Some(at);
            }
        }
        for (place, at) in found.into_iter().enumerate() {
            match at {
                Some(at) if at < NEAR && self.keys_len() == self.len() => {
                    self.values().nth(at).into_iter().for_each(|value| see(place, value.as_bytes()));
                }
                Some(_) => self.read(names[place]).for_each(|value| see(place, value)),
                None => {}
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
        self.write_bytes(name, value.as_bytes());
    }

    #[expect(clippy::inline_always, reason = "only where the name is known is it found by the compiler")]
    #[inline(always)]
    fn write_bytes(&mut self, name: &str, value: &[u8]) {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        if let Some(name) = known(name) {
            self.insert(name, value);
        } else if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            self.insert(name, value);
        }
    }

    #[expect(clippy::inline_always, reason = "only where the name is known is it found by the compiler")]
    #[inline(always)]
    fn remove(&mut self, name: &str) {
        let is_small = self.keys_len() <= SCANNED_MAX;
        if is_small && self.keys().all(|key| key.as_str() != name) {
            return;
        }
        match known(name) {
            Some(name) => self.remove(name),
            None => self.remove(name),
        };
    }
}

/// How many headers are gone through rather than asked for: beyond this a look-up costs less.
const SCANNED_MAX: usize = 32;

/// How many values are gone through to get at one whose place is known: they take more than names do.
const NEAR: usize = 10;

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
