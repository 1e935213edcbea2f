//! `traceparent`: the trace, the caller's span, and its flags, in 55 characters.
//!
//! [Specification](https://www.w3.org/TR/trace-context/#traceparent-header), level 2: of the flags, *sampled* and
//! *random* are known. Called by [`trace_context`](super::trace_context).

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::{hex, text};

/// The length of version 00; later ones may add to it.
pub(super) const LENGTH: usize = 55;

/// What a later version may grow to. Longer ones are not looked at.
pub(super) const TRACEPARENT_BYTES_MAX: usize = 512;

/// The flags that are known: *sampled*, and *random* of level 2, set when the trace id was made at random. The others
/// are read and sent as zero, as the specification asks.
const KNOWN_FLAGS: TraceFlags = TraceFlags::new(0x01 | 0x02);

/// The first 55 characters, cut where the fields are.
#[derive(Clone, Copy)]
struct Fields {
    version: hex::Pair,
    /// The trace id's sixteen pairs, then the span id's eight: decoded in one go.
    ids: [hex::Pair; 24],
    flags: hex::Pair,
}

/// The span context that a header names; `None` when it is not what the specification allows.
///
/// Allocates nothing. Only headers with whitespace around them or of a later version leave the straight path.
#[inline]
pub(super) fn parse(header: &[u8]) -> Option<SpanContext> {
    match <&[u8; LENGTH]>::try_from(header) {
        Ok(exact) => span_context(&cut(exact)?),
        Err(_) => parse_unusual(header),
    }
}

#[cold]
fn parse_unusual(header: &[u8]) -> Option<SpanContext> {
    if header.len() > TRACEPARENT_BYTES_MAX {
        return None;
    }
    let header = text::trim(header);
    let fields = cut(header.first_chunk()?)?;
    let ends = match header.get(LENGTH) {
        None => true,
        Some(next) => *next == b'-' && fields.version != VERSION,
    };
    ends.then(|| span_context(&fields))?
}

#[inline]
fn cut(header: &[u8; LENGTH]) -> Option<Fields> {
    let mut ids = [[0; 2]; 24];
    ids[..16].as_flattened_mut().copy_from_slice(&header[3..35]);
    ids[16..].as_flattened_mut().copy_from_slice(&header[36..52]);
    let dashes = [header[2], header[35], header[52]] == *b"---";
    let (version, flags) = ([header[0], header[1]], [header[53], header[54]]);
    dashes.then_some(Fields { version, ids, flags })
}

#[inline]
fn span_context(fields: &Fields) -> Option<SpanContext> {
    let ids = hex::decode(&fields.ids)?;
    let (trace, span) = (first(&ids), last(&ids));
    let flags = known_flags(fields.flags)?;
    let right = trace != TraceId::INVALID && span != SpanId::INVALID && is_version(fields.version);
    right.then(|| SpanContext::new(trace, span, flags, true, TraceState::NONE))
}

#[inline]
fn first(ids: &[u8; 24]) -> TraceId {
    TraceId::from_bytes(*ids.first_chunk().expect("24 bytes have 16"))
}

#[inline]
fn last(ids: &[u8; 24]) -> SpanId {
    SpanId::from_bytes(*ids.last_chunk().expect("24 bytes have 8"))
}

/// Any two digits but `ff`.
#[inline]
fn is_version(version: hex::Pair) -> bool {
    version == VERSION || (version != *b"ff" && hex::decode(&[version]).is_some())
}

#[inline]
fn known_flags(flags: hex::Pair) -> Option<TraceFlags> {
    // What is seen in practice; the decoder answers the same.
    if let [b'0', low @ b'0'..=b'3'] = flags {
        return Some(TraceFlags::new(low - b'0'));
    }
    hex::decode(&[flags]).map(|[flags]| TraceFlags::new(flags) & KNOWN_FLAGS)
}

/// The header of a valid span context.
#[inline]
pub(super) fn format(span: &SpanContext) -> [u8; LENGTH] {
    let mut header = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let flags = (span.trace_flags() & KNOWN_FLAGS).to_u8();
    header[3..35].copy_from_slice(hex::encode(span.trace_id().to_bytes()).as_flattened());
    header[36..52].copy_from_slice(hex::encode(span.span_id().to_bytes()).as_flattened());
    header[LENGTH - 1] = b'0' + flags; // two bits make one digit
    header
}

/// The version that is written.
const VERSION: hex::Pair = *b"00";
