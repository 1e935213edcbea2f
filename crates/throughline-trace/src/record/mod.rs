//! What a finished span or log record looks like in a ring: a header of fixed length, then entries in the order they
//! were made. `writer.rs` writes them while a span is open; `entries.rs` reads them on the exporter's side.
//!
//! ```text
//! entry = tag:u8 key_len:u24 value_len:u32   key   value      (little endian)
//! ```
//! The value of an event is `time:u64 dropped:u32 count:u32` and entries; that of a link `trace_id:16 span_id:8 flags:u32
//! dropped:u32 count:u32` and entries. Keys are the attribute's key, the event's name, and the link's trace state.

mod entries;
mod header;
mod writer;

pub(crate) use entries::{Entries, Entry, text, value};
pub(crate) use header::{LogHeader, SpanHeader, bits, word};
pub(crate) use writer::Writer;

/// What an entry is.
pub(crate) mod tag {
    /// An attribute that a later one of the same key replaced.
    pub(crate) const DEAD: u8 = 0;
    pub(crate) const STR: u8 = b's';
    pub(crate) const BOOL: u8 = b'b';
    pub(crate) const I64: u8 = b'i';
    pub(crate) const F64: u8 = b'f';
    pub(crate) const ARRAY: u8 = b'a';
    pub(crate) const NAME: u8 = b'N';
    /// The description of an error status.
    pub(crate) const STATUS: u8 = b'S';
    pub(crate) const TRACE_STATE: u8 = b'T';
    pub(crate) const EVENT: u8 = b'E';
    pub(crate) const LINK: u8 = b'L';
    pub(crate) const SEVERITY_TEXT: u8 = b'V';
    /// The body of a log record: one attribute without a key inside.
    pub(crate) const BODY: u8 = b'B';

    /// Whether this is the tag of an attribute.
    #[inline]
    pub(crate) const fn is_attribute(tag: u8) -> bool {
        tag >= b'a'
    }
}

/// Bytes of a record. Attributes that do not fit are dropped and counted in the span, like those over a limit.
pub(crate) const RECORD_BYTES_MAX: usize = 1 << 20;
/// What an entry's header has room for.
pub(crate) const KEY_BYTES_MAX: usize = (1 << 16) - 1;
/// Bytes of an entry's header.
pub(crate) const ENTRY_HEADER: usize = 8;
/// Bytes before the entries of an event.
pub(crate) const EVENT_HEADER: usize = 16;
/// Bytes before the entries of a link.
pub(crate) const LINK_HEADER: usize = 36;
