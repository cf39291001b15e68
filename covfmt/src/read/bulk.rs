//! Values of a counter segment, many at a time: what [`crate::uleb128::read`] does one by one.
//!
//! Most values take one byte or two. Where no value of a block of bytes takes more, each byte is joined with the one before
//! it without a branch, and the ends of values are kept; other blocks are read byte by byte. Values that do not fit in 32 bits
//! are not read: the caller goes on in the slow way, which knows the error.

/// Bytes that are looked at together.
const BLOCK_BYTES: usize = 32;

/// Room for values: as many as fit in the nearest cache with the bytes that they come from.
pub(crate) const BULK_VALUES: usize = 2048;

const LAST: u8 = 0x80;
const GROUP: u8 = 0x7f;

/// The values of a stretch of bytes, in order.
#[derive(Debug)]
pub(crate) struct BulkValues<'a> {
    blocks: &'a [[u8; BLOCK_BYTES]],
    rest: &'a [u8],
    begun: Begun,
}

/// A value of which some bytes were read.
#[derive(Debug, Clone, Copy, Default)]
struct Begun {
    value: u64,
    /// Bits read of it; 0 if none is begun.
    bits: u32,
}

impl<'a> BulkValues<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let (blocks, rest) = bytes.as_chunks();
        Self { blocks, rest, begun: Begun::default() }
    }

    /// Puts further values behind the first `held`, and gives how many there are then. No more than before: the bytes are
    /// at their end, or what follows is not read here.
    pub(crate) fn fill(&mut self, values: &mut [u32; BULK_VALUES], mut held: usize) -> usize {
        while let Some((block, blocks)) = self.blocks.split_first() {
            let Some(room) = values.get_mut(held..).and_then(|room| room.first_chunk_mut()) else {
                return held;
            };
            match self.begun.read_block(block, room).or_else(|| self.begun.read_bytes(block, room)) {
                Some(read) => held += read,
                None => return self.stop(held),
            }
            self.blocks = blocks;
        }
        let Some(room) = values.get_mut(held..).filter(|room| room.len() >= self.rest.len()) else {
            return held;
        };
        match self.begun.read_bytes(self.rest, room) {
            Some(read) => {
                self.rest = &[];
                held + read
            }
            None => self.stop(held),
        }
    }

    /// Whether all bytes were read, and the last value with them.
    pub(crate) fn is_at_end(&self) -> bool {
        self.blocks.is_empty() && self.rest.is_empty() && self.begun.bits == 0
    }

    fn stop(&mut self, held: usize) -> usize {
        // Never at the end again.
        self.begun.bits = u32::MAX;
        self.blocks = &[];
        self.rest = &[];
        held
    }
}

impl Begun {
    /// Reads a block none of whose values takes more than two bytes, and gives the number of values.
    #[inline]
    fn read_block(&mut self, block: &[u8; BLOCK_BYTES], values: &mut [u32; BLOCK_BYTES]) -> Option<usize> {
        let [before @ .., last] = block;
        let mut previous = [0; BLOCK_BYTES];
        let [carried, shifted @ ..] = &mut previous;
        shifted.copy_from_slice(before);
        *carried = match *self {
            Self { bits: 0, .. } => 0,
            #[allow(clippy::cast_possible_truncation, reason = "seven bits")]
            Self { bits: 7, value } => value as u8 | LAST,
            _ => return None,
        };
        let two = previous.iter().zip(block).fold(0, |two, (previous, byte)| two | (previous & byte));
        if two & LAST != 0 {
            return None;
        }
        let mut joined = [0_u16; BLOCK_BYTES];
        for ((joined, previous), byte) in joined.iter_mut().zip(&previous).zip(block) {
            let (previous, byte) = (u16::from(*previous), u16::from(*byte));
            let goes_on = (previous >> 7).wrapping_neg();
            *joined = (byte & !goes_on) | ((byte << 7 | previous & u16::from(GROUP)) & goes_on);
        }
        let mut read = 0;
        for (value, byte) in joined.iter().zip(block) {
            // Taken modulo the length, the index needs no check: it is less anyway.
            if let Some(place) = values.get_mut(read % BLOCK_BYTES) {
                *place = u32::from(*value);
            }
            read += usize::from(byte & LAST == 0);
        }
        *self = match last & LAST {
            0 => Self::default(),
            _ => Self { value: u64::from(last & GROUP), bits: 7 },
        };
        Some(read)
    }

    /// Reads some bytes one by one, and gives the number of values; there must be room for as many as there are bytes.
    fn read_bytes(&mut self, bytes: &[u8], values: &mut [u32]) -> Option<usize> {
        let mut read = 0;
        let Self { mut value, mut bits } = *self;
        let (mut all, mut most_bits) = (0, 0);
        for byte in bytes {
            value |= u64::from(byte & GROUP) << (bits % u64::BITS);
            all |= value;
            most_bits |= bits;
            #[allow(clippy::cast_possible_truncation, reason = "checked below, for all values together")]
            let short = value as u32;
            *values.get_mut(read)? = short;
            let ends = byte & LAST == 0;
            read += usize::from(ends);
            let goes_on = u64::from(ends).wrapping_sub(1);
            value &= goes_on;
            bits = if ends { 0 } else { bits + 7 };
        }
        *self = Self { value, bits };
        // Of values that end within 32 bits no part begins behind bit 28: no number of bits has bit 5 or a higher one.
        (all >> u32::BITS == 0 && most_bits < 32 && bits < 35).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uleb128;
    use proptest::prelude::*;

    fn in_bulk(bytes: &[u8]) -> (Vec<u32>, bool) {
        let (mut values, mut all) = ([0; BULK_VALUES], Vec::new());
        let mut bulk = BulkValues::new(bytes);
        // What is held is kept, as by a caller who cannot use the last values yet.
        let mut held = 0;
        loop {
            let filled = bulk.fill(&mut values, held);
            all.extend_from_slice(&values[held..filled]);
            if filled == held {
                return (all, bulk.is_at_end());
            }
            held = filled.min(2);
        }
    }

    fn one_by_one(mut bytes: &[u8]) -> (Vec<u32>, bool) {
        let mut all = Vec::new();
        while let Ok((value, length)) = uleb128::read(bytes) {
            let Ok(value) = u32::try_from(value) else { break };
            all.push(value);
            bytes = &bytes[length..];
        }
        (all, bytes.is_empty())
    }

    fn check(bytes: &[u8]) {
        let (slow, slow_at_end) = one_by_one(bytes);
        let (quick, quick_at_end) = in_bulk(bytes);
        // The end of the last value may be missing: the slow way says so.
        assert!(slow.starts_with(&quick), "{bytes:?}");
        if slow_at_end && !padded(bytes) {
            assert!(quick_at_end && quick.len() == slow.len(), "{bytes:?}");
        }
        assert!(slow_at_end || !quick_at_end, "{bytes:?}");
    }

    /// Whether a value takes more than five bytes: zero groups that nobody writes.
    fn padded(bytes: &[u8]) -> bool {
        bytes.windows(5).any(|window| window.iter().all(|byte| byte & LAST != 0))
    }

    fn value() -> impl Strategy<Value = u32> {
        prop_oneof![20 => 0_u32..128, 10 => 0_u32..1 << 14, 1 => any::<u32>(), 1 => Just(u32::MAX)]
    }

    proptest! {
        #[test]
        fn gives_what_the_slow_way_gives(values in prop::collection::vec(value(), 0..6000)) {
            let mut bytes = Vec::new();
            values.iter().for_each(|value| uleb128::append(&mut bytes, (*value).into()));
            prop_assert_eq!(in_bulk(&bytes), (values, true));
        }

        #[test]
        fn never_gives_what_the_slow_way_does_not(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            check(&bytes);
        }

        #[test]
        fn finds_damage_anywhere(
            values in prop::collection::vec(value(), 1..300), at in any::<prop::sample::Index>(), damage: [u8; 6],
        ) {
            let mut bytes = Vec::new();
            values.iter().for_each(|value| uleb128::append(&mut bytes, (*value).into()));
            let at = at.index(bytes.len());
            for (byte, damaged) in bytes[at..].iter_mut().zip(damage) {
                *byte = damaged | LAST;
            }
            check(&bytes);
        }
    }

    #[test]
    fn long_values_stop_it() {
        for length in 1..=80 {
            let bytes = [&[1_u8; 7][..], &vec![0x80; length], &[1], &[2; 90]].concat();
            check(&bytes);
            let (values, at_end) = in_bulk(&bytes);
            assert_eq!(at_end, length < 5, "{length}");
            assert!(values.len() >= 7 || !at_end);
        }
    }
}
