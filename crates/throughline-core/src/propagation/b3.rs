//! B3, Zipkin's headers, in one (`b3`) or in several (`X-B3-…`).
//!
//! [Specification](https://github.com/openzipkin/b3-propagation). Trace ids of 64 bits are read as such, with zeros
//! before them, and sent with 128. Either form reads both, the single header first; each writes its own.

use std::str;

use opentelemetry::trace::{SpanContext, SpanId, TraceId};

use super::extracted::Extracted;
use super::{ReadCarrier, Rejected, Sampling, WriteCarrier, hex, text};

pub(super) const SINGLE: &str = "b3";
pub(super) const TRACE_ID: &str = "x-b3-traceid";
pub(super) const SPAN_ID: &str = "x-b3-spanid";
pub(super) const SAMPLED: &str = "x-b3-sampled";
pub(super) const FLAGS: &str = "x-b3-flags";
pub(super) const PARENT_SPAN_ID: &str = "x-b3-parentspanid";

/// The longest single header: a trace id, a span id, a state and a parent.
const SINGLE_BYTES_MAX: usize = 32 + 1 + 16 + 1 + 1 + 1 + 16;

/// A B3 header that is not what the specification allows.
struct Wrong;

/// The single header; when there is none, or it is wrong, the others.
pub(super) fn read<C: ReadCarrier + ?Sized>(carrier: &C, found: &mut Extracted) {
    if !is_read(single(carrier, found)) {
        is_read(multiple(carrier, found));
    }
}

fn is_read(result: Result<bool, Wrong>) -> bool {
    result.unwrap_or_else(|Wrong| {
        Rejected::B3.add(1);
        false
    })
}

/// Whether there is a single header.
fn single<C: ReadCarrier + ?Sized>(carrier: &C, found: &mut Extracted) -> Result<bool, Wrong> {
    let Some(header) = only(carrier, SINGLE)? else { return Ok(false) };
    if header.len() > SINGLE_BYTES_MAX {
        return Err(Wrong);
    }
    if let Some(sampling) = state(header) {
        set_alone(found, sampling);
        return Ok(true);
    }
    let mut fields = header.split(|&byte| byte == b'-');
    let (trace, span) = (fields.next().ok_or(Wrong)?, fields.next().ok_or(Wrong)?);
    let sampling = fields.next().map_or(Some(Sampling::Defer), state).ok_or(Wrong)?;
    if fields.next().is_some_and(|parent| hex::span_id(parent).is_none()) || fields.next().is_some() {
        return Err(Wrong);
    }
    let (trace, span) = ids(trace, span)?;
    found.set_trace(trace, span, sampling);
    Ok(true)
}

fn state(text: &[u8]) -> Option<Sampling> {
    match text {
        b"0" => Some(Sampling::Deny),
        b"1" => Some(Sampling::Accept),
        b"d" => Some(Sampling::Debug),
        _ => None,
    }
}

/// Whether there is a trace in several headers.
fn multiple<C: ReadCarrier + ?Sized>(carrier: &C, found: &mut Extracted) -> Result<bool, Wrong> {
    let sampling = sampling(carrier)?;
    match (only(carrier, TRACE_ID)?, only(carrier, SPAN_ID)?) {
        (None, None) => {
            if sampling != Sampling::Defer {
                set_alone(found, sampling);
            }
            Ok(false)
        }
        (Some(trace), Some(span)) => {
            let (trace, span) = ids(trace, span)?;
            found.set_trace(trace, span, sampling);
            Ok(true)
        }
        _ => Err(Wrong),
    }
}

/// Debug implies accept, so the flag comes first. Old senders wrote words.
fn sampling<C: ReadCarrier + ?Sized>(carrier: &C) -> Result<Sampling, Wrong> {
    if only(carrier, FLAGS)? == Some(b"1") {
        return Ok(Sampling::Debug);
    }
    match only(carrier, SAMPLED)? {
        None => Ok(Sampling::Defer),
        Some(b"1" | b"true") => Ok(Sampling::Accept),
        Some(b"0" | b"false") => Ok(Sampling::Deny),
        Some(_) => Err(Wrong),
    }
}

/// A decision without a trace; one that another format found comes first.
fn set_alone(found: &mut Extracted, sampling: Sampling) {
    if found.span.is_none() {
        found.sampling = Some(sampling);
    }
}

fn ids(trace: &[u8], span: &[u8]) -> Result<(TraceId, SpanId), Wrong> {
    if !matches!(trace.len(), 16 | 32) {
        return Err(Wrong);
    }
    Ok((hex::short_trace_id(trace).ok_or(Wrong)?, hex::span_id(span).ok_or(Wrong)?))
}

fn only<'a, C: ReadCarrier + ?Sized>(carrier: &'a C, name: &str) -> Result<Option<&'a [u8]>, Wrong> {
    text::only(carrier.read(name)).map(|value| value.map(text::trim)).map_err(|text::Several| Wrong)
}

/// Writes `b3`. `kept` is what the flags of the span context do not say.
pub(super) fn write_single<C: WriteCarrier + ?Sized>(
    span: &SpanContext,
    kept: Option<Sampling>,
    carrier: &mut C,
) {
    let state = letter(Sampling::decided(kept, span.is_sampled()));
    if !span.is_valid() {
        if let (Some(_), Some(state)) = (kept, state) {
            carrier.write(SINGLE, state);
        }
        return;
    }
    let mut header = [b'-'; 32 + 1 + 16 + 1 + 1];
    header[..32].copy_from_slice(hex::encode(span.trace_id().to_bytes()).as_flattened());
    header[33..49].copy_from_slice(hex::encode(span.span_id().to_bytes()).as_flattened());
    let length = state.map_or(49, |state| {
        header[50..].copy_from_slice(state.as_bytes());
        header.len()
    });
    carrier.write(SINGLE, str::from_utf8(&header[..length]).unwrap_or_default());
}

const fn letter(sampling: Sampling) -> Option<&'static str> {
    match sampling {
        Sampling::Deny => Some("0"),
        Sampling::Accept => Some("1"),
        Sampling::Debug => Some("d"),
        Sampling::Defer => None,
    }
}

/// Writes the headers of a trace, and takes out those of the previous hop that would contradict them.
pub(super) fn write_multiple<C: WriteCarrier + ?Sized>(
    span: &SpanContext,
    kept: Option<Sampling>,
    carrier: &mut C,
) {
    if !span.is_valid() && kept.is_none() {
        return;
    }
    if span.is_valid() {
        let trace = hex::encode(span.trace_id().to_bytes());
        let id = hex::encode(span.span_id().to_bytes());
        carrier.write(TRACE_ID, str::from_utf8(trace.as_flattened()).unwrap_or_default());
        carrier.write(SPAN_ID, str::from_utf8(id.as_flattened()).unwrap_or_default());
        carrier.remove(PARENT_SPAN_ID);
    }
    let (name, other, value) = match Sampling::decided(kept, span.is_sampled()) {
        Sampling::Debug => (FLAGS, SAMPLED, Some("1")),
        decided => (SAMPLED, FLAGS, letter(decided)),
    };
    match value {
        Some(value) => carrier.write(name, value),
        None => carrier.remove(name),
    }
    carrier.remove(other);
}
