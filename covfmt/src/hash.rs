//! FNV-1a with 128 bits, the hash of coverage data since Go 1.22 (`hash/fnv`).

use crate::ids::MetaHash;

const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// A running FNV-1a-128 hash.
#[derive(Debug, Clone, Copy)]
pub struct Fnv128a(u128);

impl Default for Fnv128a {
    fn default() -> Self {
        Self(OFFSET_BASIS)
    }
}

impl Fnv128a {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// Takes in an integer as the meta-data writer does: four bytes, little-endian.
    pub fn update_u32(&mut self, value: u32) {
        self.update(&value.to_le_bytes());
    }

    /// The hash of all bytes so far, most significant byte first.
    pub fn finish(self) -> MetaHash {
        MetaHash(self.0.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        let mut hash = Fnv128a::default();
        hash.update(bytes);
        hash.finish().to_string()
    }

    #[test]
    fn agrees_with_the_published_vectors() {
        assert_eq!(hex(b""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(hex(b"a"), "d228cb696f1a8caf78912b704e4a8964");
        assert_eq!(hex(b"foobar"), "343e1662793c64bf6f0d3597ba446f18");
    }
}
