//! Values of a counter segment, many at a time: what [`uleb128::read`] does one by one.
//!
//! Most values take one byte or two. Where all values of a stretch of bytes do, they are read together: by a vector
//! instruction where the processor has it ([`super::shuffle`]), else by joining each byte with the one before it and keeping the
//! ends of values. Longer values are read one by one. Those that do not fit in 32 bits are not read: the caller goes on in the
//! slow way, which knows the error.

use super::short::{Read, ReadShort};
use super::shuffle;
use crate::uleb128;

/// Room for values: as many as fit in the nearest cache with the bytes that they come from.
pub(crate) const BULK_VALUES: usize = 2048;

/// Bytes that are looked at together without vector instructions.
const BLOCK_BYTES: usize = 32;

/// Set in all bytes of a value but the last.
const MORE: u8 = 0x80;

/// The values of a stretch of bytes, in order.
#[derive(Debug)]
pub(crate) struct BulkValues<'a> {
    bytes: &'a [u8],
    read_short: ReadShort,
}

impl<'a> BulkValues<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, read_short: shuffle::if_there_is().unwrap_or(read_short) }
    }

    /// Puts further values behind the first `held`, and gives how many there are then. No more than before: the bytes are
    /// at their end, or what follows is not read here.
    pub(crate) fn fill(&mut self, values: &mut [u32; BULK_VALUES], mut held: usize) -> usize {
        while let Some(room) = values.get_mut(held..).filter(|room| !room.is_empty()) {
            let Read { bytes, values } = (self.read_short)(self.bytes, room);
            self.bytes = self.bytes.get(bytes..).unwrap_or_default();
            held += values;
            // A long value follows, or the end of the bytes or of the room is near.
            let Some(place) = room.get_mut(values) else { break };
            let Ok((value, length)) = uleb128::read(self.bytes) else { break };
            let Ok(value) = u32::try_from(value) else { break };
            *place = value;
            self.bytes = self.bytes.get(length..).unwrap_or_default();
            held += 1;
        }
        held
    }

    /// Whether all bytes were read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// The way without vector instructions.
fn read_short(bytes: &[u8], values: &mut [u32]) -> Read {
    let mut all = Read::default();
    while let Some(block) = bytes.get(all.bytes..).and_then(<[u8]>::first_chunk)
        && let Some(room) = values.get_mut(all.values..).and_then(<[u32]>::first_chunk_mut)
        && let Some(read) = read_block(block, room)
    {
        all.bytes += read.bytes;
        all.values += read.values;
    }
    all
}

/// Reads the values of a block if none takes more than two bytes; one that goes on behind it is left out.
#[inline]
fn read_block(block: &[u8; BLOCK_BYTES], values: &mut [u32; BLOCK_BYTES]) -> Option<Read> {
    let [before @ .., last] = block;
    let mut previous = [0; BLOCK_BYTES];
    let [_, shifted @ ..] = &mut previous;
    shifted.copy_from_slice(before);
    let two = previous.iter().zip(block).fold(0, |two, (previous, byte)| two | (previous & byte));
    if two & MORE != 0 {
        return None;
    }
    let mut joined = [0_u16; BLOCK_BYTES];
    for ((joined, previous), byte) in joined.iter_mut().zip(&previous).zip(block) {
        let (previous, byte) = (u16::from(*previous), u16::from(*byte));
        let goes_on = (previous >> 7).wrapping_neg();
        *joined = (byte & !goes_on) | (((byte << 7) | (previous & 0x7f)) & goes_on);
    }
    let mut read = 0;
    for (value, byte) in joined.iter().zip(block) {
        // Taken modulo the length, the index needs no check: it is less anyway.
        if let Some(place) = values.get_mut(read % BLOCK_BYTES) {
            *place = u32::from(*value);
        }
        read += usize::from(byte & MORE == 0);
    }
    Some(Read { bytes: BLOCK_BYTES - usize::from(last & MORE != 0), values: read })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Both ways that there are, with and without vector instructions.
    fn in_bulk(bytes: &[u8]) -> (Vec<u32>, bool) {
        let plain = read_all(BulkValues { bytes, read_short });
        assert_eq!(read_all(BulkValues::new(bytes)), plain, "{bytes:?}");
        plain
    }

    fn read_all(mut bulk: BulkValues<'_>) -> (Vec<u32>, bool) {
        let (mut values, mut all) = ([0; BULK_VALUES], Vec::new());
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
        assert_eq!(in_bulk(bytes), one_by_one(bytes), "{bytes:?}");
    }

    fn value() -> impl Strategy<Value = u32> {
        prop_oneof![20 => 0_u32..128, 10 => 0_u32..1 << 14, 1 => any::<u32>(), 1 => Just(u32::MAX)]
    }

    proptest! {
        #[test]
        fn gives_what_the_slow_way_gives(values in prop::collection::vec(value(), 0..6000)) {
            let mut bytes = Vec::new();
            for value in &values {
                uleb128::append(&mut bytes, (*value).into());
            }
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
            for value in &values {
                uleb128::append(&mut bytes, (*value).into());
            }
            let at = at.index(bytes.len());
            for (byte, damaged) in bytes[at..].iter_mut().zip(damage) {
                *byte = damaged | MORE;
            }
            check(&bytes);
        }
    }

    #[test]
    fn long_values_are_read_as_far_as_they_fit() {
        for length in 1..=80 {
            let bytes = [&[1_u8; 7][..], &vec![0x80; length], &[1], &[2; 90]].concat();
            check(&bytes);
            assert_eq!(in_bulk(&bytes).1, length < 5, "{length}");
        }
    }
}
