//! Statements: the units of each package as the reference tool counts and orders them.
//! `internal/coverage/cformat/format.go`, `AddUnit` and `sortUnits`.

use bstr::BStr;
use covfmt::merge::add;
use covfmt::mode::CounterMode;
use covfmt::profile::Function;
use covfmt::unit::Unit;

use super::totals::Ratio;

/// One package: its files with their units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageView<'p> {
    /// The import path.
    pub path: &'p BStr,
    /// The name in the package clause; empty if it is not known.
    pub name: &'p BStr,
    /// The path of the module; empty for the standard library and for `go build main.go`.
    pub module: &'p BStr,
    /// The source files, sorted by name bytewise.
    pub files: Vec<FileUnits<'p>>,
    /// Its statements.
    pub statements: Ratio,
}

/// The units of one source file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUnits<'p> {
    /// The file as the compiler named it: import path and base name, or an absolute path.
    pub name: &'p BStr,
    /// Its functions, in the order of the profile.
    pub functions: Vec<Function<'p>>,
    /// Its units in the reference's order. Units equal in extent, function name and literal flag are one; those
    /// equal in extent only, which the reference prints in random order, are ordered by name.
    pub units: Vec<CountedUnit>,
}

/// A unit and its count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedUnit {
    /// The stretch of source.
    pub unit: Unit,
    /// How often it ran; 0 or 1 in set mode.
    pub count: u32,
}

impl<'p> PackageView<'p> {
    /// Collects the functions of one package, of one build or of several, in any order.
    pub fn new(
        path: &'p BStr,
        module: &'p BStr,
        mode: CounterMode,
        functions: impl Iterator<Item = Function<'p>>,
    ) -> Self {
        let mut functions: Vec<Function<'p>> = functions.collect();
        functions.sort_by_key(|function| function.file);
        let files: Vec<FileUnits<'p>> =
            functions.chunk_by(|a, b| a.file == b.file).map(|chunk| FileUnits::new(mode, chunk)).collect();
        let mut statements = Ratio::default();
        for counted in files.iter().flat_map(|file| &file.units) {
            statements.count(counted.unit.statements.into(), counted.count != 0);
        }
        Self { path, name: BStr::new(b""), module, files, statements }
    }
}

impl<'p> FileUnits<'p> {
    fn new(mode: CounterMode, functions: &[Function<'p>]) -> Self {
        let mut keyed = Vec::new();
        for function in functions {
            let counted = function.units.iter().zip(function.counts);
            keyed.extend(counted.map(|(unit, count)| ((unit, function.name, function.literal), *count)));
        }
        keyed.sort_by_key(|(key, _)| *key);
        let units = keyed
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|equal| {
                let ((unit, ..), _) = equal.first()?;
                Some(CountedUnit {
                    unit: **unit,
                    count: equal.iter().fold(0, |sum, (_, c)| add(mode, sum, *c)),
                })
            })
            .collect();
        let name = functions.first().map_or(BStr::new(b""), |function| function.file);
        Self { name, functions: functions.to_vec(), units }
    }

    /// Number of statements in it.
    pub fn statements(&self) -> u64 {
        self.units.iter().map(|counted| u64::from(counted.unit.statements)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(start_line: u32, end_line: u32, statements: u32) -> Unit {
        Unit { start_line, end_line, start_column: 2, end_column: 3, statements }
    }

    fn function<'p>(file: &'p str, name: &'p str, units: &'p [Unit], counts: &'p [u32]) -> Function<'p> {
        let entries = counts.first().copied().unwrap_or_default();
        Function { name: name.into(), file: file.into(), literal: false, units, counts, entries }
    }

    fn shown(package: &PackageView<'_>) -> Vec<(String, u32, u32)> {
        let lines = |f: &FileUnits<'_>| -> Vec<_> {
            f.units.iter().map(|u| (f.name.to_string(), u.unit.start_line, u.count)).collect()
        };
        package.files.iter().flat_map(lines).collect()
    }

    #[test]
    fn units_are_sorted_by_file_and_place() {
        let (a, b) = ([unit(9, 9, 1), unit(4, 5, 2)], [unit(1, 2, 3)]);
        let functions = [function("p/b.go", "f", &a, &[1, 0]), function("p/a.go", "g", &b, &[7])];
        let package = PackageView::new("p".into(), "".into(), CounterMode::Atomic, functions.into_iter());
        assert_eq!(
            shown(&package),
            [("p/a.go".into(), 1, 7), ("p/b.go".into(), 4, 0), ("p/b.go".into(), 9, 1)]
        );
        assert_eq!(package.statements, Ratio { covered: 4, total: 6 });
    }

    #[test]
    fn a_unit_that_two_builds_share_is_one() {
        let (a, b) = ([unit(1, 2, 1), unit(3, 4, 1)], [unit(1, 2, 1), unit(3, 5, 1)]);
        let functions = [function("p/a.go", "f", &a, &[1, 0]), function("p/a.go", "f", &b, &[2, 3])];
        for (mode, first) in [(CounterMode::Atomic, 3), (CounterMode::Set, 1)] {
            let package = PackageView::new("p".into(), "".into(), mode, functions.into_iter());
            let last = if mode == CounterMode::Set { 1 } else { 3 };
            assert_eq!(
                shown(&package),
                [("p/a.go".into(), 1, first), ("p/a.go".into(), 3, 0), ("p/a.go".into(), 3, last)]
            );
        }
    }

    #[test]
    fn equal_extents_of_different_functions_stay_apart() {
        let a = [unit(1, 2, 1)];
        let functions = [
            function("p/a.go", "f", &a, &[1]),
            function("p/a.go", "g", &a, &[0]),
            function("p/a.go", "f", &a, &[u32::MAX]),
        ];
        let package = PackageView::new("p".into(), "".into(), CounterMode::Count, functions.into_iter());
        assert_eq!(shown(&package), [("p/a.go".into(), 1, u32::MAX), ("p/a.go".into(), 1, 0)]);
        assert_eq!(package.statements, Ratio { covered: 1, total: 2 });
    }
}
