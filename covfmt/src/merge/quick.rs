//! The quick way through a segment: values in bulk, functions by looking at their heads. Whatever it does not understand it
//! leaves to the slow way, [`Counts::merge_file`](super::counters::Counts), which goes on where this one stopped.
#![allow(
    clippy::inline_always,
    reason = "what the processor can do is known only inside the function that asks for it"
)]

use super::slots::{Slot, Slots};
use crate::ids::{FunctionIndex, PackageIndex};
use crate::read::{BULK_VALUES, BulkValues};

/// Where the quick way stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped {
    /// Number of functions that were handed on.
    pub(super) functions: u64,
    /// Number of counters of the next one that were handed on, too.
    pub(super) counters: usize,
}

impl Stopped {
    /// Before the first function.
    pub(super) const AT_START: Self = Self { functions: 0, counters: 0 };
}

/// Who is given the counters of a segment.
pub(super) trait Receiver {
    /// All counters of a function: as many values as it has units. More values may follow, which are not the function's.
    fn take(&mut self, slot: Slot, values: &[u32]);

    /// Some of the counters of a function, one at least, and the position of the first one's unit.
    fn take_part(&mut self, slot: Slot, at: usize, counters: &[u32]);
}

/// Hands on the counters of a segment with `functions` functions, all of `bytes`. The error is no error yet.
#[inline(always)]
pub(super) fn read_segment(
    slots: &Slots,
    receiver: &mut impl Receiver,
    bytes: &[u8],
    functions: u64,
) -> Result<(), Stopped> {
    let mut bulk = BulkValues::new(bytes);
    let mut buffer = [0_u32; BULK_VALUES];
    // At the start of the buffer: the start of a head that the rest was not decoded of yet.
    let mut held = 0;
    let mut done = 0;
    // The function that some counters were read of, and how many.
    let mut open: Option<(Slot, usize)> = None;
    loop {
        let filled = bulk.fill(&mut buffer, held);
        if filled == held {
            let whole = done == functions && open.is_none() && held == 0 && bulk.is_at_end();
            let counters = open.map_or(0, |(_, read)| read);
            return if whole { Ok(()) } else { Err(Stopped { functions: done, counters }) };
        }
        let mut values = buffer.get(..filled).unwrap_or_default();
        if let Some((slot, read)) = &mut open {
            let left = slot.end - slot.start - *read;
            // New ones, as the buffer was empty before, and a function without any is never open.
            let (counters, behind) = values.split_at(values.len().min(left));
            receiver.take_part(*slot, slot.start + *read, counters);
            *read += counters.len();
            values = behind;
            if counters.len() == left {
                open = None;
                done += 1;
            }
        }
        while open.is_none()
            && let &[counters, package, function, ref behind @ ..] = values
        {
            let slot = slots.find(PackageIndex(package), FunctionIndex(function));
            let fits = |slot: &Slot| slot.end - slot.start == counters as usize && done < functions;
            let Some(slot) = slot.filter(fits) else {
                return Err(Stopped { functions: done, counters: 0 });
            };
            if let Some(next) = behind.get(counters as usize..) {
                receiver.take(slot, behind);
                values = next;
                done += 1;
            } else {
                if !behind.is_empty() {
                    receiver.take_part(slot, slot.start, behind);
                }
                values = &[];
                open = Some((slot, behind.len()));
            }
        }
        held = values.len();
        buffer.copy_within(filled - held..filled, 0);
    }
}
