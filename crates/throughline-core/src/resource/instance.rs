//! Who this process is: the instance id that tells it from others of the same service.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// A random UUID (version 4, RFC 9562). Its bits come from the seeds of the standard library's hash maps, which come
/// from the operating system.
pub(crate) fn random_uuid() -> String {
    let random = |salt: u8| u128::from(RandomState::new().hash_one((salt, std::process::id())));
    let bits = random(0) << 64 | random(1);
    let version_and_variant = bits & !(0xF << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let mut id = format!("{version_and_variant:032x}");
    for dash in [20, 16, 12, 8] {
        id.insert(dash, '-');
    }
    id
}

#[cfg(test)]
mod tests {
    use super::random_uuid;

    #[test]
    fn is_of_version_4_and_never_the_same() {
        let id = random_uuid();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, random_uuid());
    }
}
