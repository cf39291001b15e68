//! How many lines the units of a whole run may claim: what a view takes stays in proportion to the input.
//!
//! A unit of a dozen bytes can claim four million lines where no source says otherwise, and a report that has a value for each
//! line of a file takes as many for a unit on its last one. [`LineRule::lines`](super::LineRule::lines) bounds one file.

use covfmt::unit::Unit;

use super::lines::MAX_LINES_OF_A_FILE;

/// What any run may claim, and what is added for each unit and each file of it. Programs have two to five lines in a unit,
/// and files of some hundred; the largest repositories have some ten million lines of Go, with units in proportion.
const LINES_OF_ANY_RUN: u64 = 1 << 24;
const LINES_FOR_A_UNIT: u64 = 64;
const LINES_FOR_A_FILE: u64 = 1024;

/// The units of all files together claim more lines than any program has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{units} units of {files} files claim {lines} lines, more than any program has ({most}); most of them are claimed in {worst}"
)]
pub struct TooManyClaimed {
    files: u64,
    units: u64,
    lines: u64,
    most: u64,
    worst: String,
}

/// Adds up what files claim.
#[derive(Debug, Default)]
pub(super) struct Claims<'n> {
    files: u64,
    units: u64,
    lines: u64,
    worst: (u64, &'n str),
}

impl<'n> Claims<'n> {
    /// Counts a file by its name and units: their lines, or the greatest number of a line if that is more. More than a file may
    /// have is left to who looks at the file itself.
    pub(super) fn add(&mut self, name: &'n str, units: impl Iterator<Item = Unit>) {
        let (mut lines, mut last) = (0_u64, 0_u64);
        for unit in units {
            self.units += 1;
            if unit.statements != 0 {
                // One that ends before it begins has the line that it begins on.
                let end = unit.end_line.max(unit.start_line);
                lines = lines.saturating_add(u64::from(end - unit.start_line) + 1);
                last = last.max(end.into());
            }
        }
        let lines = lines.max(last).min(MAX_LINES_OF_A_FILE as u64);
        self.files += 1;
        self.lines += lines;
        self.worst = self.worst.max((lines, name));
    }

    /// Whether that is too much.
    pub(super) fn check(&self) -> Result<(), TooManyClaimed> {
        let Self { files, units, lines, worst: (_, worst) } = *self;
        let most = LINES_OF_ANY_RUN
            .saturating_add(units.saturating_mul(LINES_FOR_A_UNIT))
            .saturating_add(files.saturating_mul(LINES_FOR_A_FILE));
        if lines <= most {
            return Ok(());
        }
        Err(TooManyClaimed { files, units, lines, most, worst: worst.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: u32 = 1 << 22;

    fn unit(start_line: u32, end_line: u32) -> Unit {
        Unit { start_line, end_line, start_column: 1, end_column: 9, statements: 1 }
    }

    fn check(files: &[Vec<Unit>]) -> Result<(), TooManyClaimed> {
        let mut claims = Claims::default();
        let names: Vec<String> = (0..files.len()).map(|index| format!("{index}.go")).collect();
        names.iter().zip(files).for_each(|(name, units)| claims.add(name, units.iter().copied()));
        claims.check()
    }

    #[test]
    fn one_file_may_have_all_that_a_file_may_have() {
        assert_eq!(FILE as usize, MAX_LINES_OF_A_FILE);
        assert_eq!(check(&vec![vec![unit(1, FILE)]; 4]), Ok(()));
        assert_eq!(check(&vec![vec![unit(1, u32::MAX)]; 4]), Ok(()), "that file has an error of its own");
    }

    #[test]
    fn many_files_may_not_claim_millions_each() {
        let whole = || vec![unit(1, FILE)];
        let small = vec![unit(1, 4000), unit(4001, 9000)];
        let error = check(&[whole(), small, whole(), whole(), whole()]).unwrap_err().to_string();
        assert_eq!(
            error,
            "6 units of 5 files claim 16786216 lines, more than any program has (16782720); most of them are claimed in 4.go"
        );
    }

    #[test]
    fn a_line_far_below_is_a_claim_to_all_above_it() {
        for end in [FILE, 3] {
            assert_eq!(check(&vec![vec![unit(FILE, end)]; 4]), Ok(()));
            assert!(check(&vec![vec![unit(FILE, end)]; 5]).is_err());
        }
    }

    #[test]
    fn what_has_no_lines_claims_none() {
        let mut empty = unit(1, FILE);
        empty.statements = 0;
        assert_eq!(check(&vec![vec![empty]; 9]), Ok(()));
    }

    #[test]
    fn large_programs_have_units_in_proportion() {
        // Forty million lines in units of fifty.
        let units: Vec<Unit> = (0..4000).map(|n| unit(50 * n + 1, 50 * n + 50)).collect();
        assert_eq!(check(&vec![units; 200]), Ok(()));
    }
}
