//! Counts of what is covered out of what there is, and how they are shown.

use std::fmt;
use std::ops::AddAssign;

/// So many covered out of so many: statements, lines, branches or functions, as the field's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ratio {
    /// Number covered; never more than `total`.
    pub covered: u64,
    /// Number there is.
    pub total: u64,
}

impl Ratio {
    /// Counts `weight` more, covered or not.
    pub fn count(&mut self, weight: u64, covered: bool) {
        self.total += weight;
        if covered {
            self.covered += weight;
        }
    }

    /// Number that is not covered.
    pub fn missed(self) -> u64 {
        self.total.saturating_sub(self.covered)
    }

    /// The percentage with one decimal, rounded as the reference rounds it; `None` if there is nothing to cover.
    ///
    /// 99.96 % shows as 100.0 %: where that matters, show the counts beside it.
    pub fn percent(self) -> Option<Percent> {
        (self.total != 0).then_some(Percent(self))
    }
}

impl AddAssign for Ratio {
    fn add_assign(&mut self, other: Self) {
        self.covered += other.covered;
        self.total += other.total;
    }
}

/// A percentage with one decimal and without the sign, as `fmt.Sprintf("%.1f", 100*covered/total)` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(Ratio);

impl fmt::Display for Percent {
    #[allow(clippy::cast_precision_loss, reason = "the reference divides in 64-bit floating point, too")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", 100.0 * self.0.covered as f64 / self.0.total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_as_in_go() {
        // Printed by fmt.Printf("%.1f", 100.0*float64(c)/float64(t)); exact halves go to the even digit.
        for (covered, total, shown) in [
            (0, 7, "0.0"),
            (1, 3, "33.3"),
            (2, 3, "66.7"),
            (1, 16, "6.2"),
            (3, 16, "18.8"),
            (5, 16, "31.2"),
            (1, 80, "1.2"),
            (1999, 2000, "100.0"),
            (7, 7, "100.0"),
        ] {
            assert_eq!(Ratio { covered, total }.percent().map(|p| p.to_string()).as_deref(), Some(shown));
        }
        assert_eq!(Ratio::default().percent(), None);
    }
}
