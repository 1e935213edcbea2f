//! Jaeger's own headers: `uber-trace-id` for the trace, `uberctx-KEY` for each item of baggage.
//!
//! [Specification](https://www.jaegertracing.io/docs/1.76/client-libraries/#propagation-format). Deprecated there in
//! favour of W3C's, and still sent by older services.

use std::str;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::SpanContext;

use super::baggage::{self, BAGGAGE_BYTES_MAX, BAGGAGE_MEMBERS_MAX, BaggageItem, Collector};
use super::extracted::Extracted;
use super::{ReadCarrier, Rejected, Sampling, WriteCarrier, hex, text};
use crate::percent;

pub(super) const TRACE: &str = "uber-trace-id";

/// What the names of baggage headers begin with. The rest is the key, in lower case where header names have no case.
const BAGGAGE_PREFIX: &str = "uberctx-";

/// The longest header once it is decoded: ids, a parent and flags.
const TRACE_BYTES_MAX: usize = 32 + 1 + 16 + 1 + 16 + 1 + 2;

const SAMPLED: u8 = 0x01;
const DEBUG: u8 = 0x02;

pub(super) fn read<C: ReadCarrier + ?Sized>(carrier: &C, found: &mut Extracted) {
    match text::only(carrier.read(TRACE)) {
        Ok(None) => {}
        Ok(Some(header)) if read_trace(header, found).is_some() => {}
        _ => Rejected::Jaeger.add(1),
    }
    read_baggage(carrier, found);
}

/// Reads `trace:span:parent:flags`. Any of them may lack leading zeros; the parent is not used any more.
fn read_trace(header: &[u8], found: &mut Extracted) -> Option<()> {
    let mut decoded = [0; TRACE_BYTES_MAX];
    let decoded = decode(text::trim(header), &mut decoded)?;
    let mut fields = decoded.split(|&byte| byte == b':');
    let (trace, span, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() || parent.len() > 16 || !parent.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    found.set_trace(hex::short_trace_id(trace)?, hex::short_span_id(span)?, sampling(flags)?);
    Some(())
}

/// Percent-decoded, in lower case; `None` when that is too long.
fn decode<'a>(header: &[u8], decoded: &'a mut [u8; TRACE_BYTES_MAX]) -> Option<&'a [u8]> {
    let mut length = 0;
    for byte in percent::decode(header) {
        *decoded.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    decoded.get(..length)
}

fn sampling(flags: &[u8]) -> Option<Sampling> {
    let [flags] = hex::decode(&hex::padded(flags)?)?;
    Some(match (flags & DEBUG != 0, flags & SAMPLED != 0) {
        (true, _) => Sampling::Debug,
        (false, true) => Sampling::Accept,
        (false, false) => Sampling::Deny,
    })
}

fn read_baggage<C: ReadCarrier + ?Sized>(carrier: &C, found: &mut Extracted) {
    let mut collector = Collector::default();
    let names = carrier.names().filter_map(|name| Some((name, key(name)?)));
    for (name, key) in names.take(BAGGAGE_MEMBERS_MAX) {
        match carrier.read(name).next() {
            Some(value) if value.len() <= BAGGAGE_BYTES_MAX && !text::has_controls(value) => {
                collector.add(BaggageItem::new(key, baggage::decode(text::trim(value))));
            }
            _ => Rejected::BaggageMember.add(1),
        }
    }
    collector.finish(found);
}

/// The key of a baggage header of this name.
fn key(name: &str) -> Option<&str> {
    let (prefix, key) = name.split_at_checked(BAGGAGE_PREFIX.len())?;
    (prefix.eq_ignore_ascii_case(BAGGAGE_PREFIX) && baggage::is_token(key.as_bytes())).then_some(key)
}

/// Writes the trace, when there is one, and the baggage. Allocates for each item of baggage.
pub(super) fn write<C: WriteCarrier + ?Sized>(context: &Context, span: &SpanContext, carrier: &mut C) {
    if span.is_valid() {
        write_trace(span, Sampling::of(context), carrier);
    }
    for (key, (value, _)) in context.baggage().iter().take(BAGGAGE_MEMBERS_MAX) {
        let mut header = String::new();
        baggage::encode(value.as_str(), &mut header);
        if header.len() > BAGGAGE_BYTES_MAX {
            Rejected::BaggageLimit.add(1);
        } else {
            carrier.write(&format!("{BAGGAGE_PREFIX}{key}"), &header);
        }
    }
}

pub(super) fn write_trace<C: WriteCarrier + ?Sized>(
    span: &SpanContext,
    kept: Option<Sampling>,
    carrier: &mut C,
) {
    let mut header = *b"00000000000000000000000000000000:0000000000000000:0:0";
    header[..32].copy_from_slice(hex::encode(span.trace_id().to_bytes()).as_flattened());
    header[33..49].copy_from_slice(hex::encode(span.span_id().to_bytes()).as_flattened());
    header[52] = match Sampling::decided(kept, span.is_sampled()) {
        Sampling::Deny | Sampling::Defer => b'0',
        Sampling::Accept => b'0' + SAMPLED,
        Sampling::Debug => b'0' + (SAMPLED | DEBUG),
    };
    carrier.write(TRACE, str::from_utf8(&header).unwrap_or_default());
}
