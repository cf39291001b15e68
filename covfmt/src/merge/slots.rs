//! Where the counters of functions go: what merging needs of [`MetaTables`], close together.

use crate::ids::{FunctionIndex, PackageIndex};
use crate::meta::MetaTables;

/// For each function the place of its counters among those of the build.
///
/// The tables' own entries are ten times as large, and a counter file names thousands of functions without any order: these
/// stay in the cache.
#[derive(Debug)]
pub(super) struct Slots {
    /// Position of each package's first function, and the number of all functions behind them.
    packages: Vec<u32>,
    /// Position of each function's first unit, and the number of all units behind them.
    units: Vec<u32>,
}

/// The place of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// Position of the function in the tables.
    pub(super) function: usize,
    /// Position of its first unit.
    pub(super) start: usize,
    /// Position behind its last unit.
    pub(super) end: usize,
}

impl Slots {
    /// The places of all functions. No meta file has 2^32 units: it would be twenty times as large as any that is read.
    pub(super) fn new(tables: &MetaTables) -> Self {
        let (all_functions, all_units) = (tables.functions().len(), tables.units().len());
        let packages = tables.packages().iter().map(|package| package.function_positions().start);
        let functions = tables.functions().iter().map(|function| function.unit_positions().start);
        let narrow = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
        Self {
            packages: packages.chain([all_functions]).map(narrow).collect(),
            units: functions.chain([all_units]).map(narrow).collect(),
        }
    }

    /// The place of a function; `None` if there is no such package or function.
    #[inline]
    pub(super) fn find(&self, package: PackageIndex, function: FunctionIndex) -> Option<Slot> {
        let &[first, behind] = self.packages.get(package.0 as usize..)?.first_chunk()?;
        let function = first.checked_add(function.0).filter(|position| *position < behind)?;
        let &[start, end] = self.units.get(function as usize..)?.first_chunk()?;
        Some(Slot { function: function as usize, start: start as usize, end: end as usize })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::MetaHeader;
    use crate::meta::{FunctionParts, PackageParts};
    use crate::unit::Unit;

    #[test]
    fn finds_what_the_tables_find() {
        let unit = Unit { start_line: 1, end_line: 1, start_column: 1, end_column: 2, statements: 1 };
        let function = |units| FunctionParts { units: vec![unit; units], ..FunctionParts::default() };
        let package = |units: &[usize]| PackageParts {
            functions: units.iter().map(|units| function(*units)).collect(),
            ..PackageParts::default()
        };
        let packages = vec![package(&[]), package(&[3, 0, 2]), package(&[]), package(&[1])];
        let header = MetaHeader {
            total_length: 0,
            packages: 4,
            hash: crate::ids::MetaHash([0; 16]),
            strings_offset: 0,
            strings_length: 0,
            mode: crate::mode::CounterMode::Count,
            granularity: crate::mode::Granularity::PerBlock,
        };
        let tables = MetaTables::assemble(header, packages);
        let slots = Slots::new(&tables);
        for (package, function) in
            (0_u32..7).flat_map(|package| (0_u32..5).map(move |function| (package, function)))
        {
            for function in [function, function.wrapping_sub(3)] {
                let (package, function) = (PackageIndex(package), FunctionIndex(function));
                let expected = tables.function_position(package, function).map(|position| {
                    let units = tables.functions()[position].unit_positions();
                    Slot { function: position, start: units.start, end: units.end }
                });
                assert_eq!(slots.find(package, function), expected, "{package} {function}");
            }
        }
    }
}
