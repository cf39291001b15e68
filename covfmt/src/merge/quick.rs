//! The quick way through a segment: values in bulk, functions by looking at their heads. Whatever it does not understand it
//! leaves to the slow way, [`Counts::merge_file`](super::counters::Counts), which goes on where this one stopped.

use std::ops::Range;

use crate::ids::{FunctionIndex, PackageIndex};
use crate::meta::MetaTables;
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
    /// Counters of a function follow, of all its units; the function by its position in the tables.
    fn begin(&mut self, position: usize);

    /// Some of its counters, with the positions of their units.
    fn take(&mut self, units: Range<usize>, counters: &[u32]);
}

/// Hands on the counters of a segment with `functions` functions, all of `bytes`. The error is no error yet.
pub(super) fn read_segment(
    tables: &MetaTables,
    receiver: &mut impl Receiver,
    bytes: &[u8],
    functions: u64,
) -> Result<(), Stopped> {
    let mut bulk = BulkValues::new(bytes);
    let mut buffer = [0_u32; BULK_VALUES];
    // At the start of the buffer: the start of a head that the rest was not decoded of yet.
    let mut held = 0;
    let mut merged = 0;
    // The function that counters are being read of.
    let mut open: Range<usize> = 0..0;
    let mut opened = 0;
    loop {
        let filled = bulk.fill(&mut buffer, held);
        let stopped =
            Stopped { functions: merged, counters: if open.is_empty() { 0 } else { open.start - opened } };
        if filled == held {
            let whole = merged == functions && open.is_empty() && held == 0 && bulk.is_at_end();
            return if whole { Ok(()) } else { Err(stopped) };
        }
        let mut values = buffer.get(..filled).unwrap_or_default();
        loop {
            if !open.is_empty() {
                let (counters, behind) = values.split_at(values.len().min(open.len()));
                let place = open.start..open.start + counters.len();
                receiver.take(place, counters);
                open.start += counters.len();
                values = behind;
                if !open.is_empty() {
                    break;
                }
                merged += 1;
            }
            let &[counters, package, function, ref behind @ ..] = values else { break };
            let (package, function) = (PackageIndex(package), FunctionIndex(function));
            let known = tables.function_position(package, function);
            let known = known.and_then(|position| Some((position, tables.functions().get(position)?)));
            let known = known.map(|(position, entry)| (position, entry.unit_positions()));
            let fits = known.filter(|(_, units)| units.len() == counters as usize && merged < functions);
            let Some((position, units)) = fits else {
                return Err(Stopped { functions: merged, counters: 0 });
            };
            receiver.begin(position);
            values = behind;
            merged += u64::from(units.is_empty());
            opened = units.start;
            open = units;
        }
        held = values.len();
        let rest = filled - held..filled;
        buffer.copy_within(rest, 0);
    }
}
