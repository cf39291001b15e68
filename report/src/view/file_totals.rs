//! Lines, branches and functions of several files together.

use std::collections::HashMap;
use std::ops::AddAssign;

use bstr::BStr;

use super::files::SourceFile;
use super::totals::Ratio;

/// What source files count, beside statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileTotals {
    /// Lines with code, and those that ran.
    pub lines: Ratio,
    /// Units of lines with two or more of them, and those that ran.
    pub branches: Ratio,
    /// Functions with a line of code, and those that were entered.
    pub functions: Ratio,
}

impl FileTotals {
    /// Of one file.
    pub fn of(file: &SourceFile<'_>) -> Self {
        Self { lines: file.line_totals(), branches: file.branch_totals(), functions: file.function_totals() }
    }

    /// Of all files together.
    pub fn of_all(files: &[SourceFile<'_>]) -> Self {
        files.iter().fold(Self::default(), |mut sum, file| {
            sum += Self::of(file);
            sum
        })
    }

    /// By the import path of the files' packages.
    pub fn by_package<'p>(files: &[SourceFile<'p>]) -> HashMap<&'p BStr, Self> {
        let mut by_package = HashMap::new();
        for file in files {
            *by_package.entry(file.package).or_default() += Self::of(file);
        }
        by_package
    }
}

impl AddAssign for FileTotals {
    fn add_assign(&mut self, other: Self) {
        self.lines += other.lines;
        self.branches += other.branches;
        self.functions += other.functions;
    }
}
