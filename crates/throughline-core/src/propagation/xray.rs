//! AWS X-Ray: `X-Amzn-Trace-Id`, as its load balancers and functions send it.
//!
//! [Specification](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
//! Fields come in any order; those that are not known are not passed on. A header without a parent, as load balancers
//! begin traces with, names no span to continue, and is not one of a trace here.

use std::str;

use opentelemetry::trace::{SpanContext, TraceId};

use super::extracted::Extracted;
use super::{ReadCarrier, Rejected, Sampling, WriteCarrier, hex, text};

pub(super) const TRACE: &str = "x-amzn-trace-id";

/// What is read at most: the four fields of the specification take 120, the rest is room for unknown ones.
const BYTES_MAX: usize = 1024;

pub(super) fn read<C: ReadCarrier + ?Sized>(carrier: &C, found: &mut Extracted) {
    match text::only(carrier.read(TRACE)) {
        Ok(None) => {}
        Ok(Some(header)) if read_trace(header, found).is_some() => {}
        _ => Rejected::XRay.add(1),
    }
}

fn read_trace(header: &[u8], found: &mut Extracted) -> Option<()> {
    if header.len() > BYTES_MAX {
        return None;
    }
    let (mut root, mut parent, mut sampling) = (None, None, Sampling::Defer);
    for field in text::list(header, b';') {
        let (name, value) = text::split_once(field, b'=')?;
        match name {
            b"Root" => root = Some(trace_id(value)?),
            b"Parent" => parent = Some(hex::span_id(value)?),
            b"Sampled" => sampling = state(value)?,
            _ => {}
        }
    }
    root.is_some().then_some(())?;
    if let (Some(trace), Some(span)) = (root, parent) {
        found.set_trace(trace, span, sampling);
    }
    Some(())
}

/// `1-TIME-REST`: the trace id's first eight digits, and the others.
fn trace_id(text: &[u8]) -> Option<TraceId> {
    let text: &[u8; 35] = text.try_into().ok()?;
    if !text.starts_with(b"1-") || text[10] != b'-' {
        return None;
    }
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(&text[2..10]);
    digits[8..].copy_from_slice(&text[11..]);
    hex::trace_id(&digits)
}

fn state(text: &[u8]) -> Option<Sampling> {
    match text {
        b"0" => Some(Sampling::Deny),
        b"1" => Some(Sampling::Accept),
        b"?" => Some(Sampling::Defer),
        _ => None,
    }
}

/// Writes a valid span context. `kept` is what its flags do not say.
pub(super) fn write<C: WriteCarrier + ?Sized>(span: &SpanContext, kept: Option<Sampling>, carrier: &mut C) {
    let mut header = *b"Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0";
    let trace = hex::encode(span.trace_id().to_bytes());
    let (time, rest) = trace.as_flattened().split_at(8);
    header[7..15].copy_from_slice(time);
    header[16..40].copy_from_slice(rest);
    header[48..64].copy_from_slice(hex::encode(span.span_id().to_bytes()).as_flattened());
    header[73] = match Sampling::decided(kept, span.is_sampled()) {
        Sampling::Deny => b'0',
        Sampling::Accept | Sampling::Debug => b'1',
        Sampling::Defer => b'?',
    };
    carrier.write(TRACE, str::from_utf8(&header).unwrap_or_default());
}
