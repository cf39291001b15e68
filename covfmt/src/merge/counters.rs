//! The kernel: counters of one file into the flat counts of a build.
//!
//! In set mode counts are joined (0 or 1); else they are added and stop at 2^32-1. Both operations are
//! commutative and associative, so neither the order of files nor the split over threads shows in the result.
#![allow(
    clippy::inline_always,
    reason = "what the processor can do is known only inside the function that asks for it"
)]

use std::ops::Range;
use std::sync::Arc;

use fearless_simd::{Level, Simd, dispatch};

use super::args::RunArgs;
use super::error::MergeError;
use super::lanes::{add_all, add_first};
use super::quick::{Receiver, Stopped, read_segment};
use super::slots::{Slot, Slots};
use crate::error::ReadError;
use crate::ids::{FunctionIndex, PackageIndex};
use crate::meta::MetaTables;
use crate::mode::CounterMode;
use crate::read::{CounterFile, Segment};

/// Adds a count to a sum in the given mode.
#[inline]
pub fn add(mode: CounterMode, sum: u32, count: u32) -> u32 {
    match mode {
        CounterMode::Set => u32::from(sum | count != 0),
        _ => sum.saturating_add(count),
    }
}

/// One count per unit of a build, and which functions had counters at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    units: Vec<u32>,
    recorded: Vec<bool>,
    saturated: bool,
    args: Option<RunArgs>,
}

/// Counts that counters are added to, in set mode or any other, and the proof of what the processor can do.
struct Sums<'c, S, const SET: bool> {
    simd: S,
    units: &'c mut [u32],
    recorded: &'c mut [bool],
    saturated: bool,
}

impl<S: Simd, const SET: bool> Receiver for Sums<'_, S, SET> {
    #[inline(always)]
    fn take(&mut self, slot: Slot, values: &[u32]) {
        if let Some(recorded) = self.recorded.get_mut(slot.function) {
            *recorded = true;
        }
        let sums = self.units.get_mut(slot.start..).unwrap_or_default();
        self.saturated |= add_first::<S, SET>(self.simd, sums, values, slot.end - slot.start);
    }

    #[inline(always)]
    fn take_part(&mut self, slot: Slot, at: usize, counters: &[u32]) {
        if let Some(recorded) = self.recorded.get_mut(slot.function) {
            *recorded = true;
        }
        let sums = self.units.get_mut(at..slot.end).unwrap_or_default();
        self.saturated |= add_all::<SET>(sums, counters);
    }
}

#[inline(always)]
fn take_all<S: Simd, const SET: bool>(
    sums: &mut Sums<'_, S, SET>,
    functions: &[Slot],
    counters: &[u32],
) -> u64 {
    let mut stopped = 0;
    let mut rest = counters;
    for slot in functions {
        let before = std::mem::take(&mut sums.saturated);
        sums.take(*slot, rest);
        stopped += u64::from(sums.saturated);
        sums.saturated |= before;
        rest = rest.get(slot.end - slot.start..).unwrap_or_default();
    }
    stopped
}

/// Why a counter file could not be merged: its bytes, or what they say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Merge(#[from] MergeError),
}

impl Counts {
    /// Zero counts for the units of a build.
    pub fn new(tables: &MetaTables) -> Self {
        Self {
            units: vec![0; tables.units().len()],
            recorded: vec![false; tables.functions().len()],
            saturated: false,
            args: None,
        }
    }

    /// One count per unit, in the order of [`MetaTables::units`].
    pub fn units(&self) -> &[u32] {
        &self.units
    }

    /// For each function, in the order of [`MetaTables::functions`], whether any file had counters for it. A
    /// running program writes those that were called only.
    pub fn recorded(&self) -> &[bool] {
        &self.recorded
    }

    /// The counters of each function that any file had counters for, in the order of the meta file. The counts must have
    /// been made for these tables.
    pub fn recorded_functions<'c>(
        &'c self,
        tables: &'c MetaTables,
    ) -> impl Iterator<Item = (PackageIndex, FunctionIndex, &'c [u32])> {
        let packages = (0_u32..).map(PackageIndex).zip(tables.packages());
        packages.flat_map(move |(package, table)| {
            let positions = table.function_positions();
            let functions = (0_u32..).map(FunctionIndex).zip(positions).zip(tables.functions_of(table));
            functions.filter_map(move |((function, position), entry)| {
                let recorded = self.recorded.get(position).copied().unwrap_or(false);
                let counts = || self.units.get(entry.unit_positions()).unwrap_or_default();
                recorded.then(|| (package, function, counts()))
            })
        })
    }

    /// Takes the counts apart: one per unit, and for each function whether it was recorded.
    pub fn into_parts(self) -> (Vec<u32>, Vec<bool>) {
        (self.units, self.recorded)
    }

    /// Whether a count reached 2^32-1 by adding, so that its true value is not known.
    pub fn saturated(&self) -> bool {
        self.saturated
    }

    /// What the args of all runs have in common; `None` if there was no run.
    pub fn args(&self) -> Option<&RunArgs> {
        self.args.as_ref()
    }

    /// Adds the counters of a parsed file of the build. After an error the counts are not to be used.
    pub(super) fn merge_file(
        &mut self,
        tables: &MetaTables,
        slots: &Slots,
        file: &CounterFile<'_>,
    ) -> Result<(), FileError> {
        for segment in file.segments() {
            self.add_args(RunArgs::of_segment(segment));
            let done = segment.uleb128_bytes().map(|bytes| self.merge_quickly(tables, slots, segment, bytes));
            match done {
                Some(Ok(())) => {}
                None => self.merge_slowly(tables, segment, Stopped::AT_START)?,
                Some(Err(stopped)) => self.merge_slowly(tables, segment, stopped)?,
            }
        }
        Ok(())
    }

    fn merge_quickly(
        &mut self,
        tables: &MetaTables,
        slots: &Slots,
        segment: &Segment<'_>,
        bytes: &[u8],
    ) -> Result<(), Stopped> {
        let functions = segment.function_count();
        dispatch!(Level::new(), simd => match tables.mode() {
            CounterMode::Set => self.with_sums::<_, true, _>(simd, |sums| read_segment(slots, sums, bytes, functions)),
            _ => self.with_sums::<_, false, _>(simd, |sums| read_segment(slots, sums, bytes, functions)),
        })
    }

    #[inline(always)]
    fn with_sums<S: Simd, const SET: bool, T>(
        &mut self,
        simd: S,
        work: impl FnOnce(&mut Sums<'_, S, SET>) -> T,
    ) -> T {
        let (units, recorded) = (self.units.as_mut_slice(), self.recorded.as_mut_slice());
        let mut sums = Sums { simd, units, recorded, saturated: false };
        let done = work(&mut sums);
        self.saturated |= sums.saturated;
        done
    }

    /// Adds all counters of functions, one function's behind the other's; gives for how many of the functions a sum stopped at
    /// 2^32-1.
    pub(super) fn add_functions(&mut self, mode: CounterMode, functions: &[Slot], counters: &[u32]) -> u64 {
        dispatch!(Level::new(), simd => match mode {
            CounterMode::Set => self.with_sums::<_, true, _>(simd, |sums| take_all(sums, functions, counters)),
            _ => self.with_sums::<_, false, _>(simd, |sums| take_all(sums, functions, counters)),
        })
    }

    /// Takes in the args of a further run.
    pub(super) fn add_args(&mut self, args: RunArgs) {
        RunArgs::gather(&mut self.args, args);
    }

    /// Merges what the quick way left of a segment: values that it does not read, or something that is wrong.
    fn merge_slowly(
        &mut self,
        tables: &MetaTables,
        segment: &Segment<'_>,
        done: Stopped,
    ) -> Result<(), FileError> {
        let set = tables.mode() == CounterMode::Set;
        let mut functions = segment.functions();
        for _ in 0..done.functions {
            functions.read_next()?;
        }
        let mut merged = done.counters;
        while let Some(head) = functions.read_next()? {
            let position = tables.function_position(head.package, head.function);
            let table = position.and_then(|p| tables.functions().get(p).map(|f| (p, f)));
            let Some((position, function)) = table else {
                let (package, function, offset) = (head.package, head.function, head.offset);
                return Err(MergeError::UnknownFunction { package, function, offset }.into());
            };
            let range = function.unit_positions();
            if range.len() != head.counters as usize {
                let package = tables.packages().get(head.package.0 as usize);
                return Err(MergeError::CounterNumber {
                    path: package.map(|p| p.path().to_string()).unwrap_or_default(),
                    name: tables.name_of(function).to_string(),
                    counters: head.counters,
                    units: range.len(),
                    offset: head.offset,
                }
                .into());
            }
            if let Some(recorded) = self.recorded.get_mut(position) {
                *recorded = true;
            }
            let sums = self.units.get_mut(range).unwrap_or_default();
            let before = std::mem::take(&mut merged);
            let mut saturated = false;
            functions.fold_counters(|index, count| {
                let Some(sum) = sums.get_mut(index).filter(|_| index >= before) else { return };
                if set {
                    *sum |= u32::from(count != 0);
                } else {
                    let (added, overflow) = sum.overflowing_add(count);
                    *sum = if overflow { u32::MAX } else { added };
                    saturated |= overflow;
                }
            })?;
            self.saturated |= saturated;
        }
        Ok(())
    }

    /// Adds other counts of the same build.
    pub(crate) fn merge(&mut self, mode: CounterMode, other: &Self) {
        self.saturated |= match mode {
            CounterMode::Set => add_all::<true>(&mut self.units, &other.units),
            _ => add_all::<false>(&mut self.units, &other.units),
        };
        for (mine, theirs) in self.recorded.iter_mut().zip(&other.recorded) {
            *mine |= *theirs;
        }
        self.saturated |= other.saturated;
        if let Some(args) = &other.args {
            RunArgs::gather(&mut self.args, args.clone());
        }
    }
}

/// The merged counts of one build: one Go pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildCounts {
    tables: Arc<MetaTables>,
    counts: Counts,
}

impl BuildCounts {
    /// Puts tables and counts together; the counts must have been made for these tables.
    pub fn new(tables: Arc<MetaTables>, counts: Counts) -> Self {
        Self { tables, counts }
    }

    /// The build's tables.
    pub fn tables(&self) -> &MetaTables {
        &self.tables
    }

    /// The build's counts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The counters of each function that any file had counters for, in the order of the meta file.
    pub fn recorded_functions(&self) -> impl Iterator<Item = (PackageIndex, FunctionIndex, &[u32])> + '_ {
        self.counts.recorded_functions(&self.tables)
    }

    /// The counts of a range of units.
    pub fn counts_of(&self, units: Range<usize>) -> &[u32] {
        self.counts.units.get(units).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_stopped_is_known_behind_every_merge() {
        let counts =
            |count, saturated| Counts { units: vec![count], recorded: vec![true], saturated, args: None };
        for mode in [CounterMode::Count, CounterMode::Set] {
            let mut sum = counts(0, false);
            sum.merge(mode, &counts(1, false));
            assert!(!sum.saturated());
            sum.merge(mode, &counts(0, true));
            assert!(sum.saturated());
            sum.merge(mode, &counts(0, false));
            assert!(sum.saturated());
        }
        let mut sum = counts(u32::MAX, false);
        sum.merge(CounterMode::Count, &counts(1, false));
        assert!(sum.saturated());
    }
}
