//! The bytes of a stored request: what it is, its body, and a checksum over both.

use bytes::Bytes;
use flate2::Crc;

use crate::config::Compression;
use crate::spool::record::{Encoding, Record};

/// The first byte of a record of this form.
const VERSION: u8 = 1;

const CHECKSUM_LEN: usize = 4;

/// A request as it stands on disk.
pub(super) fn to_bytes(record: &Record) -> Vec<u8> {
    let Record { encoding: Encoding { is_json, compression }, items, body } = record;
    let mut bytes = Vec::with_capacity(body.len() + 16);
    bytes.extend([VERSION, u8::from(*is_json), number(*compression)]);
    bytes.extend(items.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes
}

/// What [`to_bytes`] wrote; `None` when it was damaged since.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<Record> {
    let (rest, sum) = bytes.split_last_chunk::<CHECKSUM_LEN>()?;
    if checksum(rest) != u32::from_le_bytes(*sum) {
        return None;
    }
    let ([version, is_json, compression], rest) = rest.split_first_chunk()?;
    let (items, body) = rest.split_first_chunk()?;
    let encoding = Encoding { is_json: *is_json != 0, compression: compression_of(*compression)? };
    let record = Record { encoding, items: u64::from_le_bytes(*items), body: Bytes::copy_from_slice(body) };
    (*version == VERSION).then_some(record)
}

const fn number(compression: Compression) -> u8 {
    match compression {
        Compression::None => 0,
        Compression::Gzip => 1,
        Compression::Zstd => 2,
    }
}

const fn compression_of(number: u8) -> Option<Compression> {
    match number {
        0 => Some(Compression::None),
        1 => Some(Compression::Gzip),
        2 => Some(Compression::Zstd),
        _ => None,
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written_or_not_at_all(
            is_json: bool,
            items: u64,
            body: Vec<u8>,
            compression in prop_oneof![Just(Compression::None), Just(Compression::Gzip)],
            damage in any::<(usize, u8)>(),
        ) {
            let record = Record { encoding: Encoding { is_json, compression }, items, body: body.clone().into() };
            let mut bytes = to_bytes(&record);
            prop_assert_eq!(from_bytes(&bytes), Some(record));
            let (at, by) = damage;
            let at = at % bytes.len();
            bytes[at] ^= by;
            prop_assert_eq!(from_bytes(&bytes).is_some(), by == 0);
            from_bytes(&body);
        }
    }
}
