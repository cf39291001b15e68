//! Adding counters to sums, several at once.
#![allow(
    clippy::inline_always,
    reason = "what the processor can do is known only inside the function that asks for it"
)]

use fearless_simd::{Simd, prelude::*, u32x8};

/// Adds counts to as many sums in set mode or any other; gives whether a sum stopped at 2^32-1.
#[inline]
pub(super) fn add_all<const SET: bool>(sums: &mut [u32], counts: &[u32]) -> bool {
    let mut saturated = false;
    for (sum, count) in sums.iter_mut().zip(counts) {
        if SET {
            *sum |= u32::from(*count != 0);
        } else {
            let (added, overflow) = sum.overflowing_add(*count);
            *sum = if overflow { u32::MAX } else { added };
            saturated |= overflow;
        }
    }
    saturated
}

/// Counts that are added together.
const LANES: usize = 8;

/// For each number of lanes the bits of those.
static MASKS: [[u32; LANES]; LANES] = {
    let mut masks = [[0; LANES]; LANES];
    let mut lane = 0;
    while lane < LANES * LANES {
        let (length, at) = (lane / LANES, lane % LANES);
        if at < length {
            #[allow(clippy::indexing_slicing, reason = "indices out of range do not compile")]
            {
                masks[length][at] = u32::MAX;
            }
        }
        lane += 1;
    }
    masks
};

/// Does what [`add_all`] does with the first `length` of sums and counts.
///
/// One function has two units and the next one twenty, so that no processor foresees the end of a loop over them. Here whole
/// blocks are added, and what lies behind the end in the last one is taken for 0.
#[inline(always)]
pub(super) fn add_first<S: Simd, const SET: bool>(
    simd: S,
    sums: &mut [u32],
    counts: &[u32],
    length: usize,
) -> bool {
    let mut saturated = false;
    let mut at = 0;
    while at < length {
        let left = length - at;
        let (Some(sums), Some(counts)) = (sums.get_mut(at..), counts.get(at..)) else { break };
        let (Some(block), Some(counted)) = (sums.first_chunk_mut::<LANES>(), counts.first_chunk::<LANES>())
        else {
            // The end of the build's units, or of the values that were read.
            let left = left.min(sums.len());
            return saturated | add_all::<SET>(sums.get_mut(..left).unwrap_or_default(), counts);
        };
        let mask = MASKS.get(left).unwrap_or(&[u32::MAX; LANES]);
        let count = u32x8::from_slice(simd, counted) & u32x8::from_slice(simd, mask);
        let sum = u32x8::from_slice(simd, block);
        if SET {
            (sum | count.min(1)).store_slice(block);
        } else {
            let added = sum + count;
            let over = added.simd_lt(count);
            over.select(u32x8::splat(simd, u32::MAX), added).store_slice(block);
            saturated |= over.any_true();
        }
        at += LANES;
    }
    saturated
}
