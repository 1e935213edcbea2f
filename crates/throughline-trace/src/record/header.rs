//! The fixed parts of records, as structs that are written and read whole.

use super::Writer;

/// Bits of [`SpanHeader::bits`].
pub(crate) mod bits {
    /// The parent is in another process.
    pub(crate) const REMOTE_PARENT: u8 = 1;
    /// The first span of its trace in this process.
    pub(crate) const LOCAL_ROOT: u8 = 2;
    /// Sampled out, but recorded to be kept should its trace fail.
    pub(crate) const KEEP: u8 = 4;
}

/// What every span has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpanHeader {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
    pub(crate) parent_span_id: [u8; 8],
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) scope: u32,
    /// In OTLP's numbers.
    pub(crate) kind: u8,
    pub(crate) status: u8,
    pub(crate) flags: u8,
    pub(crate) bits: u8,
    pub(crate) attributes: u32,
    pub(crate) dropped_attributes: u32,
    pub(crate) events: u32,
    pub(crate) dropped_events: u32,
    pub(crate) links: u32,
    pub(crate) dropped_links: u32,
}

impl SpanHeader {
    pub(crate) const BYTES: usize = 80;

    /// Writes the header over the first bytes of `out`.
    #[inline]
    pub(crate) fn write(&self, out: &mut Writer) {
        let Some(out) = out.first_bytes::<{ Self::BYTES }>() else { return };
        out[0..16].copy_from_slice(&self.trace_id);
        out[16..24].copy_from_slice(&self.span_id);
        out[24..32].copy_from_slice(&self.parent_span_id);
        out[32..40].copy_from_slice(&self.start.to_le_bytes());
        out[40..48].copy_from_slice(&self.end.to_le_bytes());
        out[48..52].copy_from_slice(&self.scope.to_le_bytes());
        out[52..56].copy_from_slice(&[self.kind, self.status, self.flags, self.bits]);
        out[56..60].copy_from_slice(&self.attributes.to_le_bytes());
        out[60..64].copy_from_slice(&self.dropped_attributes.to_le_bytes());
        out[64..68].copy_from_slice(&self.events.to_le_bytes());
        out[68..72].copy_from_slice(&self.dropped_events.to_le_bytes());
        out[72..76].copy_from_slice(&self.links.to_le_bytes());
        out[76..80].copy_from_slice(&self.dropped_links.to_le_bytes());
    }

    /// Reads the header of a record; the entries follow.
    pub(crate) fn read(record: &[u8]) -> Option<(Self, &[u8])> {
        let mut rest = record;
        let header = Self {
            trace_id: take(&mut rest)?,
            span_id: take(&mut rest)?,
            parent_span_id: take(&mut rest)?,
            start: u64::from_le_bytes(take(&mut rest)?),
            end: u64::from_le_bytes(take(&mut rest)?),
            scope: word(&mut rest)?,
            kind: byte(&mut rest)?,
            status: byte(&mut rest)?,
            flags: byte(&mut rest)?,
            bits: byte(&mut rest)?,
            attributes: word(&mut rest)?,
            dropped_attributes: word(&mut rest)?,
            events: word(&mut rest)?,
            dropped_events: word(&mut rest)?,
            links: word(&mut rest)?,
            dropped_links: word(&mut rest)?,
        };
        Some((header, rest))
    }
}

/// What every log record has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogHeader {
    pub(crate) trace_id: [u8; 16],
    pub(crate) span_id: [u8; 8],
    pub(crate) time: u64,
    pub(crate) observed: u64,
    pub(crate) scope: u32,
    pub(crate) severity: u8,
    pub(crate) flags: u8,
    pub(crate) attributes: u32,
    pub(crate) dropped_attributes: u32,
}

impl LogHeader {
    pub(crate) const BYTES: usize = 56;

    /// Writes the header over the first bytes of `out`.
    #[inline]
    pub(crate) fn write(&self, out: &mut Writer) {
        let Some(out) = out.first_bytes::<{ Self::BYTES }>() else { return };
        out[0..16].copy_from_slice(&self.trace_id);
        out[16..24].copy_from_slice(&self.span_id);
        out[24..32].copy_from_slice(&self.time.to_le_bytes());
        out[32..40].copy_from_slice(&self.observed.to_le_bytes());
        out[40..44].copy_from_slice(&self.scope.to_le_bytes());
        out[44..48].copy_from_slice(&[self.severity, self.flags, 0, 0]);
        out[48..52].copy_from_slice(&self.attributes.to_le_bytes());
        out[52..56].copy_from_slice(&self.dropped_attributes.to_le_bytes());
    }

    /// Reads the header of a record; the entries follow.
    pub(crate) fn read(record: &[u8]) -> Option<(Self, &[u8])> {
        let mut rest = record;
        let (trace_id, span_id) = (take(&mut rest)?, take(&mut rest)?);
        let time = u64::from_le_bytes(take(&mut rest)?);
        let observed = u64::from_le_bytes(take(&mut rest)?);
        let scope = word(&mut rest)?;
        let [severity, flags, _, _] = take(&mut rest)?;
        let (attributes, dropped_attributes) = (word(&mut rest)?, word(&mut rest)?);
        let header = Self {
            trace_id,
            span_id,
            time,
            observed,
            scope,
            severity,
            flags,
            attributes,
            dropped_attributes,
        };
        Some((header, rest))
    }
}

/// The next bytes.
#[inline]
fn take<const LEN: usize>(rest: &mut &[u8]) -> Option<[u8; LEN]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

#[inline]
pub(crate) fn word(rest: &mut &[u8]) -> Option<u32> {
    take(rest).map(u32::from_le_bytes)
}

#[inline]
fn byte(rest: &mut &[u8]) -> Option<u8> {
    take::<1>(rest).map(|[byte]| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_written() {
        let span = SpanHeader {
            trace_id: [1; 16],
            span_id: [2; 8],
            parent_span_id: [3; 8],
            start: 4,
            end: 5,
            scope: 6,
            kind: 7,
            status: 8,
            flags: 9,
            bits: 10,
            attributes: 11,
            dropped_attributes: 12,
            events: 13,
            dropped_events: 14,
            links: 15,
            dropped_links: 16,
        };
        let mut writer = Writer::default();
        writer.start(SpanHeader::BYTES);
        span.write(&mut writer);
        assert_eq!(SpanHeader::read(writer.bytes()), Some((span, &[][..])));

        let log = LogHeader {
            trace_id: [1; 16],
            span_id: [2; 8],
            time: 3,
            observed: 4,
            scope: 5,
            severity: 6,
            flags: 7,
            attributes: 8,
            dropped_attributes: 9,
        };
        writer.start(LogHeader::BYTES);
        log.write(&mut writer);
        assert_eq!(LogHeader::read(writer.bytes()), Some((log, &[][..])));
    }
}
