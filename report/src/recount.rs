//! Statements counted anew where the compiler miscounted them.
//!
//! Go 1.27.0 and 1.27.1 split basic blocks at comments and blank lines, and gave each part the number of statements of the
//! whole block (golang/go#80974): percentages come out wrong, mostly too high. Coverage files do not say which Go wrote
//! them, but the source does: where all units of a function are those that these versions draw in it, number by number, and
//! not those of a later Go, the numbers of the later Go take their place. Lines are not concerned.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bstr::ByteSlice as _;
use covfmt::profile::{Function, Package, Profile, Rewritten};
use covfmt::unit::Unit;
use rayon::prelude::*;

use crate::checkout::Checkout;
use crate::source::{Drawing, SourceBlocks, SourceText};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recount {
    /// Functions whose statements were counted anew.
    pub functions: usize,
    /// Files, by the compiler's names, that look miscounted and have no source here that tells.
    pub untold: Vec<String>,
}

/// Whether any function looks miscounted: two parts of a block with the same number of statements, which is more than one
/// of them has lines. Formatted source has no more statements than lines.
pub fn is_suspicious(profile: &Profile) -> bool {
    profile.packages().par_iter().any(|package| package.functions().any(|f| shows_sum(f.units)))
}

/// Counts the statements of miscounted functions anew, from the source in `checkout`.
pub fn recount(profile: &mut Profile, checkout: &Checkout) -> Recount {
    let corrections = corrections(profile, checkout);
    let key = |package: &Package, function: &Function<'_>| (package.path().to_vec(), function.file.to_vec());
    let mut untold = BTreeSet::new();
    let mut functions = 0;
    for package in profile.packages() {
        for function in package.functions().filter(|function| may_be_sum(function.units)) {
            match corrections.get(&key(package, &function)).map_or(Told::No, |file| file.tell(function.units))
            {
                Told::Miscounted(_) => functions += 1,
                Told::Right => {}
                Told::No => drop(untold.insert(function.file.to_str_lossy().into_owned())),
            }
        }
    }
    profile.rewrite(|package, function| {
        match corrections.get(&key(package, &function))?.tell(function.units) {
            Told::Miscounted(units) => Some(Rewritten { file: None, units: units.clone() }),
            Told::Right | Told::No => None,
        }
    });
    Recount { functions, untold: untold.into_iter().collect() }
}

/// A file: the import path of its package, and the compiler's name.
type FileKey = (Vec<u8>, Vec<u8>);

/// What the source says of the units of a function.
enum Told<'f> {
    Right,
    Miscounted(&'f Vec<Unit>),
    No,
}

/// The units that Go 1.27 draws in a file's functions, by those that it drew there at first.
#[derive(Default)]
struct FileUnits {
    right: BTreeSet<Vec<Unit>>,
    of_miscounted: BTreeMap<Vec<Unit>, Vec<Unit>>,
}

impl FileUnits {
    fn new(text: &SourceText) -> Self {
        let mut file = Self::default();
        for function in SourceBlocks::new(text).iter().flat_map(SourceBlocks::functions) {
            let right = function.units(text, Drawing::Parts);
            file.of_miscounted.insert(function.units(text, Drawing::PartsCountedAsWholes), right.clone());
            file.right.insert(right);
        }
        file
    }

    fn tell(&self, units: &[Unit]) -> Told<'_> {
        if self.right.contains(units) {
            return Told::Right;
        }
        self.of_miscounted.get(units).map_or(Told::No, Told::Miscounted)
    }
}

/// The source of every file that has a function in question, by package and the compiler's name.
fn corrections(profile: &Profile, checkout: &Checkout) -> HashMap<FileKey, FileUnits> {
    let of_package = |package: &Package| -> Vec<(FileKey, FileUnits)> {
        // Labels are counted once too often, too, in blocks that are not split.
        let files: BTreeSet<_> = package.functions().map(|function| function.file).collect();
        let corrected = |file: &bstr::BStr| {
            let place = checkout.place(package.module(), package.path(), file);
            let text = checkout.read(&place.path).filter(|_| place.by.is_inside())?;
            Some(((package.path().to_vec(), file.to_vec()), FileUnits::new(&SourceText::new(text))))
        };
        files.into_iter().filter_map(corrected).collect()
    };
    profile.packages().par_iter().flat_map_iter(of_package).collect()
}

/// The pairs of units that may be parts of one block: the first ends at the start of a line, and the second begins behind
/// that line.
fn split_pairs(units: &[Unit]) -> impl Iterator<Item = (&Unit, &Unit)> {
    let split = |a: &Unit, b: &Unit| a.end_column == 1 && a.start_column != 0 && b.start_line > a.end_line;
    units.iter().zip(units.iter().skip(1)).filter(move |(a, b)| split(a, b))
}

/// Whether the function may be miscounted: it has a split block with several statements in each part.
fn may_be_sum(units: &[Unit]) -> bool {
    split_pairs(units).any(|(a, b)| a.statements == b.statements && a.statements > 1)
}

fn shows_sum(units: &[Unit]) -> bool {
    let lines = |unit: &Unit| unit.end_line.saturating_sub(unit.start_line) + u32::from(unit.end_column != 1);
    split_pairs(units).any(|(a, b)| a.statements == b.statements && a.statements > lines(a).min(lines(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(start_line: u32, end_line: u32, end_column: u32, statements: u32) -> Unit {
        Unit { start_line, start_column: 2, end_line, end_column, statements }
    }

    #[test]
    fn parts_with_more_statements_than_lines_are_suspicious() {
        // x := 1, a blank line, x++ and return x: three statements in the block.
        assert!(shows_sum(&[unit(4, 5, 1, 3), unit(6, 8, 1, 3)]));
        assert!(!shows_sum(&[unit(4, 5, 1, 1), unit(6, 8, 1, 2)]));
        // Two lines with two statements each: right.
        assert!(!shows_sum(&[unit(4, 6, 1, 2), unit(7, 9, 1, 2)]));
        assert!(may_be_sum(&[unit(4, 6, 1, 2), unit(7, 9, 1, 2)]));
        // Units that no block was split into.
        assert!(!shows_sum(&[unit(4, 5, 20, 3), unit(6, 8, 1, 3)]));
        assert!(!shows_sum(&[unit(6, 8, 1, 3), unit(4, 5, 1, 3)]));
        // A goto's label ends a block without a part behind it.
        assert!(!shows_sum(&[unit(47, 48, 1, 2), unit(49, 49, 11, 1)]));
    }
}
