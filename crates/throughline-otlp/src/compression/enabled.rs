//! zstd, by the library of its inventors.

pub(super) const BUILT_IN: bool = true;

/// The fastest of the usual levels: telemetry repeats itself, so higher ones gain little.
const LEVEL: i32 = 1;

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, LEVEL).expect("a buffer of the size that zstd asks for")
}

pub(super) fn decompress(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    zstd::bulk::decompress(bytes, limit).ok()
}
