//! The stretch of source that one counter counts.

use std::hash::{Hash, Hasher};

/// A coverable unit: the half-open source range `[start, end)` and the statements in it.
///
/// Lines are 1-based; columns are 1-based bytes, and 0 means that the column is not known (units
/// under a `//line` directive, up to Go 1.26). The end column is exclusive. The derived order is
/// the reference's order of units within a file (`cformat/format.go`, `sortUnits`): start line,
/// end line, start column, end column, statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// First line.
    pub start_line: u32,
    /// Last line, inclusive unless `end_column` is 1.
    pub end_line: u32,
    /// First column, or 0 if unknown.
    pub start_column: u32,
    /// First column behind the unit, or 0 if unknown.
    pub end_column: u32,
    /// Number of statements; 0 for the block of an empty function or case.
    pub statements: u32,
}

impl Hash for Unit {
    /// In two pieces, not in five: most of what is hashed are units.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { start_line, end_line, start_column, end_column, statements } = *self;
        let [lines, columns] = [[start_line, end_line], [start_column, end_column]]
            .map(|[low, high]| u128::from(low) | u128::from(high) << 32);
        state.write_u128(lines | columns << 64);
        state.write_u32(statements);
    }
}
