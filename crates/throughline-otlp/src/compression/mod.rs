//! Compresses request bodies, and reads compressed answers.
//!
//! The exporters compress a request once, before it waits in the queue, so that the queue is bounded in what it really
//! holds and no attempt compresses again. `transport/grpc.rs` reads answers: servers of gRPC compress them as the
//! request was. zstd is there with the cargo feature of that name.

use std::borrow::Cow;
use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::config::Compression;

#[cfg(feature = "zstd")]
mod enabled;
#[cfg(feature = "zstd")]
use self::enabled as zstd_codec;

#[cfg(not(feature = "zstd"))]
mod disabled;
#[cfg(not(feature = "zstd"))]
use self::disabled as zstd_codec;

/// Whether zstd is in this build.
pub(crate) const ZSTD_BUILT_IN: bool = zstd_codec::BUILT_IN;

/// A request body as it goes out. What is not compressed is copied only when it is borrowed.
pub(crate) fn compress<'a>(compression: Compression, bytes: impl Into<Cow<'a, [u8]>>) -> Bytes {
    let bytes = bytes.into();
    match compression {
        Compression::None => bytes.into_owned().into(),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&bytes).expect("a Vec takes every write");
            encoder.finish().expect("a Vec takes every write").into()
        }
        Compression::Zstd => zstd_codec::compress(&bytes).into(),
    }
}

/// What was compressed under this name; `None` when the name is unknown, the bytes are broken, or there would be more
/// than `limit` of them.
pub(crate) fn decompress(name: &str, bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match name {
        "gzip" => GzDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut out).ok()?,
        "zstd" => return zstd_codec::decompress(bytes, limit),
        _ => return None,
    };
    (out.len() <= limit).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_is_read_back_within_a_limit() {
        let text = b"the same again, ".repeat(100);
        for compression in [Compression::Gzip, Compression::Zstd] {
            if compression == Compression::Zstd && !ZSTD_BUILT_IN {
                continue;
            }
            let name = compression.name().expect("a compression");
            let compressed = compress(compression, &text);
            assert!(compressed.len() < text.len() / 4, "{name}");
            assert_eq!(decompress(name, &compressed, text.len()), Some(text.clone()), "{name}");
            assert_eq!(decompress(name, &compressed, text.len() - 1), None, "{name}");
            assert_eq!(decompress(name, b"garbage", 100), None, "{name}");
        }
        assert_eq!(decompress("snappy", b"", 100), None);
    }
}
