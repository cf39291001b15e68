//! ULEB128: seven bits a byte, the least significant first, the top bit set on all bytes but the last.
//!
//! Reading accepts any encoding of a value that fits (also one padded with zero groups, as Go's reader does)
//! of at most ten bytes, and refuses larger values, which Go's reader cuts off without a word.
//! `internal/coverage/uleb128/uleb128.go`, `slicereader/slicereader.go`.

/// The most bytes that one value may take.
pub const MAX_BYTES: usize = 10;

/// Why a value could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The bytes end inside the value.
    Truncated,
    /// The value does not fit in 64 bits, or takes more than [`MAX_BYTES`].
    Overflow,
}

/// Reads one value from the start of `bytes`: the value and the number of bytes it took.
#[inline]
pub fn read(bytes: &[u8]) -> Result<(u64, usize), Failure> {
    // Nearly all values of a coverage file take a byte or two.
    match *bytes {
        [byte, ..] if byte < 0x80 => Ok((u64::from(byte), 1)),
        [low, high, ..] if high < 0x80 => Ok((u64::from(low & 0x7f) | (u64::from(high) << 7), 2)),
        [] => Err(Failure::Truncated),
        _ => read_long(bytes),
    }
}

fn read_long(bytes: &[u8]) -> Result<(u64, usize), Failure> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().take(MAX_BYTES).enumerate() {
        let group = u64::from(byte & 0x7f);
        let shift = 7 * index;
        // The tenth group has room for a single bit.
        if index + 1 == MAX_BYTES && group > 1 {
            return Err(Failure::Overflow);
        }
        value |= group << shift;
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    if bytes.len() < MAX_BYTES { Err(Failure::Truncated) } else { Err(Failure::Overflow) }
}

/// Appends the shortest encoding of `value`.
#[inline]
pub fn append(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let group = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(group);
            return;
        }
        out.push(group | 0x80);
    }
}

/// The number of bytes that [`append`] writes for `value`.
pub fn encoded_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_definition_says() {
        assert_eq!(read(&[0x00, 0xff]), Ok((0, 1)));
        assert_eq!(read(&[0x7f]), Ok((127, 1)));
        assert_eq!(read(&[0x80, 0x01]), Ok((128, 2)));
        assert_eq!(read(&[0xe5, 0x8e, 0x26]), Ok((624_485, 3)));
        assert_eq!(read(&[0x80, 0x80, 0x00]), Ok((0, 3)), "padded with zero groups");
        assert_eq!(read(&[0xff; 9]), Err(Failure::Truncated));
        assert_eq!(read(&[0xff; 10]), Err(Failure::Overflow));
        assert_eq!(read(&[]), Err(Failure::Truncated));
        let max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(read(&max), Ok((u64::MAX, 10)));
        let above = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02];
        assert_eq!(read(&above), Err(Failure::Overflow));
    }

    proptest! {
        #[test]
        fn reading_undoes_appending(value: u64, tail: Vec<u8>) {
            let mut bytes = Vec::new();
            append(&mut bytes, value);
            let length = bytes.len();
            prop_assert_eq!(encoded_len(value), length);
            bytes.extend(tail);
            prop_assert_eq!(read(&bytes), Ok((value, length)));
        }

        #[test]
        fn any_bytes_give_a_value_or_an_error(bytes: Vec<u8>) {
            if let Ok((_, length)) = read(&bytes) {
                prop_assert!(length <= bytes.len() && length <= MAX_BYTES);
            }
        }
    }
}
