//! A stored request, and how its body becomes one that is sent today.
//!
//! `exporter/spool.rs` makes and reads them, `file/stored.rs` turns them into bytes and back.

use bytes::Bytes;

use crate::compression::{compress, decompress};
use crate::config::{Compression, Protocol};

/// How a body is written; it must be told in that way to the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(super) is_json: bool,
    pub(super) compression: Compression,
}

/// A stored request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) encoding: Encoding,
    pub(crate) items: u64,
    pub(crate) body: Bytes,
}

/// More than any request has before compression.
const REQUEST_BYTES_MAX: usize = 64 << 20;

impl Encoding {
    pub(crate) fn new(protocol: Protocol, compression: Compression) -> Self {
        Self { is_json: protocol == Protocol::HttpJson, compression }
    }

    /// The body as it is to be sent now, when a program before this one may have sent otherwise. `None` when it cannot be
    /// made: JSON is not turned into protobuf, nor back.
    pub(crate) fn convert(self, record: &Record) -> Option<Bytes> {
        if record.encoding == self {
            return Some(record.body.clone());
        }
        if record.encoding.is_json != self.is_json {
            return None;
        }
        let plain = match record.encoding.compression.name() {
            None => record.body.to_vec(),
            Some(name) => decompress(name, &record.body, REQUEST_BYTES_MAX)?,
        };
        Some(compress(self.compression, plain))
    }
}

impl Record {
    /// How much of the disk it takes: a value has pages of its own, in a number that is a power of two.
    pub(crate) fn footprint(&self) -> u64 {
        const PAGE: usize = 4096;
        const OVERHEAD: usize = 128;
        (self.body.len() + OVERHEAD).next_power_of_two().max(PAGE) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(protocol: Protocol, compression: Compression, items: u64, body: &[u8]) -> Record {
        let body = compress(compression, body);
        Record { encoding: Encoding::new(protocol, compression), items, body }
    }

    #[test]
    fn what_another_configuration_left_is_sent_in_the_way_of_this_one() {
        let gzip = Encoding::new(Protocol::Grpc, Compression::Gzip);
        let plain = Encoding::new(Protocol::HttpProtobuf, Compression::None);
        let stored = record(Protocol::HttpProtobuf, Compression::Gzip, 1, b"body");
        assert_eq!(gzip.convert(&stored), Some(stored.body.clone()));
        assert_eq!(plain.convert(&stored).expect("the same, plain"), &b"body"[..]);
        let json = Encoding::new(Protocol::HttpJson, Compression::Gzip);
        assert_eq!(json.convert(&stored), None, "protobuf is not JSON");
    }
}
