//! Reading values with the byte shuffle of x86 processors: those of one or two bytes several an instruction.
//!
//! Which of eight bytes end a value gives the places that the bytes of values go to: a table has them. It takes half the
//! time of the way without, which other processors go. Slow twin: [`uleb128::read`](crate::uleb128::read).

use super::short::ReadShort;

/// The function, if the processor has the instructions.
#[cfg(target_arch = "x86_64")]
pub(super) fn if_there_is() -> Option<ReadShort> {
    fearless_simd::Level::new().as_sse4_2().map(|_| x86::read_short as ReadShort)
}

/// None on this processor.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn if_there_is() -> Option<ReadShort> {
    None
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_cvtepu16_epi32, _mm_cvtsi64_si128, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi16, _mm_shuffle_epi8, _mm_srli_epi16, _mm_srli_si128,
    };

    use fearless_simd::{SimdBase as _, SimdInto as _, u8x16, u32x4};

    use super::super::short::Read;

    /// Bytes whose ends of values are looked up at once.
    const CHUNK: usize = 64;
    /// Bytes that a step reads, and the most values that it gives.
    const STEP: usize = 8;

    /// What eight bytes hold, by which of them say that a value goes on.
    #[derive(Clone, Copy)]
    struct Step {
        /// For each value the places of its low and its high byte; the top bit: none.
        places: [u8; 2 * STEP],
        values: u8,
        /// Bytes of these values.
        bytes: u8,
    }

    #[allow(clippy::indexing_slicing, reason = "indices out of range do not compile")]
    #[allow(clippy::cast_possible_truncation, reason = "8")]
    const STEPS: [Step; 256] = {
        let mut steps = [Step { places: [0x80; 2 * STEP], values: 0, bytes: 0 }; 256];
        let mut marks = 0;
        while marks < steps.len() {
            let step = &mut steps[marks];
            let mut at = 0;
            while at < STEP as u8 {
                let goes_on = marks >> at & 1 != 0;
                // Whether the second byte is the last is not known of one behind the eight.
                let two = goes_on && at + 1 < STEP as u8 && marks >> (at + 1) & 1 == 0;
                if goes_on && !two {
                    break;
                }
                step.places[2 * step.values as usize] = at;
                if two {
                    step.places[2 * step.values as usize + 1] = at + 1;
                }
                step.values += 1;
                at += 1 + two as u8;
            }
            step.bytes = at;
            marks += 1;
        }
        steps
    };

    static TABLE: [Step; 256] = STEPS;

    /// Reads the first of eight bytes' values where it takes three to five bytes, and gives its length, too; `None` if it takes
    /// more, or more than 32 bits.
    #[inline]
    fn read_longer(eight: u64, marks: u8) -> Option<(u32, usize)> {
        let length = marks.trailing_ones() as usize + 1;
        let bytes = eight & (u64::MAX >> (64 - 8 * length.min(STEP)));
        let groups = [0x7f, 0x3f80, 0x1f_c000, 0xfe0_0000, 0x7_f000_0000_u64];
        let joined =
            groups.iter().zip(0..).fold(0, |value, (group, place)| value | ((bytes >> place) & group));
        (length <= groups.len()).then_some(())?;
        Some((u32::try_from(joined).ok()?, length))
    }

    pub(super) fn read_short(bytes: &[u8], values: &mut [u32]) -> Read {
        // Asked for again, because the token shows the compiler that the instructions are there.
        fearless_simd::Level::new().as_sse4_2().map_or(Read::default(), |sse| read(sse, bytes, values))
    }

    fearless_simd::kernel!(
        fn read(sse: Sse4_2, bytes: &[u8], values: &mut [u32]) -> Read {
            let (low, high) = (_mm_set1_epi16(0x7f), _mm_set1_epi16(0x3f80));
            let mut all = Read::default();
            // The last step of a chunk reads seven bytes behind it at most, and a chunk gives as many values as it has bytes.
            while let Some(chunk) = bytes.get(all.bytes..).and_then(<[u8]>::first_chunk::<{ CHUNK + STEP }>)
                && let Some(room) =
                    values.get_mut(all.values..).and_then(<[u32]>::first_chunk_mut::<{ CHUNK + STEP }>)
            {
                let mut marks = 0_u64;
                for sixteen in chunk.as_chunks::<16>().0.iter().rev() {
                    let sixteen: __m128i = u8x16::from_slice(sse, sixteen).into();
                    marks = marks << 16 | u64::from(_mm_movemask_epi8(sixteen).cast_unsigned());
                }
                let mut read = Read::default();
                while read.bytes <= CHUNK - STEP {
                    let [here, ..] = (marks >> read.bytes).to_le_bytes();
                    let (Some(eight), Some(places)) = (
                        chunk.get(read.bytes..).and_then(<[u8]>::first_chunk::<STEP>),
                        room.get_mut(read.values..).and_then(<[u32]>::first_chunk_mut::<STEP>),
                    ) else {
                        break;
                    };
                    let eight = i64::from_le_bytes(*eight);
                    let Some(step) = TABLE.get(usize::from(here)) else { break };
                    if step.values == 0 {
                        let Some((value, length)) = read_longer(eight.cast_unsigned(), here) else {
                            return Read { bytes: all.bytes + read.bytes, values: all.values + read.values };
                        };
                        let [place, ..] = places;
                        *place = value;
                        read.values += 1;
                        read.bytes += length;
                        continue;
                    }
                    let bytes = _mm_cvtsi64_si128(eight);
                    let pairs = _mm_shuffle_epi8(bytes, u8x16::from_slice(sse, &step.places).into());
                    let joined = _mm_or_si128(
                        _mm_and_si128(pairs, low),
                        _mm_and_si128(_mm_srli_epi16(pairs, 1), high),
                    );
                    let (first, second) = places.split_at_mut(STEP / 2);
                    let four: u32x4<_> = _mm_cvtepu16_epi32(joined).simd_into(sse);
                    four.store_slice(first);
                    let four: u32x4<_> = _mm_cvtepu16_epi32(_mm_srli_si128(joined, 8)).simd_into(sse);
                    four.store_slice(second);
                    // The next step waits for this number, so it is not looked up where it can be computed.
                    read.bytes += if here & (here >> 1) == 0 {
                        STEP - usize::from(here >> 7)
                    } else {
                        usize::from(step.bytes)
                    };
                    read.values += usize::from(step.values);
                }
                all.bytes += read.bytes;
                all.values += read.values;
            }
            all
        }
    );
}
