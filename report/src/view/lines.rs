//! Units to lines: which lines hold code, how often each ran, and which ran in part only.
//!
//! The one line rule for every format. With source at hand, a line is code of a unit if it holds a byte of a token
//! of it ([`SourceText::code_of`]); then the lines are the same whichever Go version built the program. Without
//! source, a unit's lines are those from its start to its end.

use covfmt::merge::add;
use covfmt::mode::CounterMode;
use covfmt::unit::Unit;

use super::statements::CountedUnit;
use crate::source::{CodeSpan, Mismatch, SourceText};

/// A line that holds code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// 1-based number.
    pub number: u32,
    /// The greatest count of the units with code on it. Never the sum: a line does not run more often than its
    /// busiest part.
    pub hits: u32,
    /// The counts of those units in the order of their columns, if there are two or more; else empty. The position
    /// in this list is the branch's id: it depends on the source only, not on what ran.
    pub branches: Vec<u32>,
}

impl Line {
    /// Number of branches that ran; 0 for a line without branches.
    pub fn branches_hit(&self) -> usize {
        self.branches.iter().filter(|count| **count != 0).count()
    }

    /// Whether some of the line's units ran and some did not.
    pub fn partial(&self) -> bool {
        let hit = self.branches_hit();
        hit != 0 && hit != self.branches.len()
    }
}

/// The code of units on lines, for the units of one file.
#[derive(Debug)]
pub struct LineRule<'s> {
    source: Option<&'s SourceText>,
    /// Where units end, to know the opening braces without source.
    ends: Vec<(u32, u32)>,
}

impl<'s> LineRule<'s> {
    /// The rule with source. `units` are all units of the file; one that cannot stem from the source is an error.
    pub fn with_source(
        source: &'s SourceText,
        mut units: impl Iterator<Item = Unit>,
    ) -> Result<Self, Mismatch> {
        units.try_for_each(|unit| match unit {
            Unit { start_column: 0, start_line: line, .. } | Unit { end_column: 0, end_line: line, .. } => {
                Err(Mismatch::Directed { line })
            }
            _ => source.check(&unit),
        })?;
        Ok(Self { source: Some(source), ends: Vec::new() })
    }

    /// The rule without source, for the units of a file.
    pub fn without_source(units: impl Iterator<Item = Unit>) -> Self {
        let mut ends: Vec<(u32, u32)> = units.map(|unit| (unit.end_line, unit.end_column)).collect();
        ends.sort_unstable();
        ends.dedup();
        Self { source: None, ends }
    }

    /// Puts the lines that hold code of a unit, and where on them, into `spans`, and nothing else. Ascending; none for a unit
    /// without statements.
    pub fn find_code(&self, unit: &Unit, spans: &mut Vec<CodeSpan>) {
        if let Some(source) = self.source {
            *spans = source.code_of(unit).unwrap_or_default();
        } else {
            spans.clear();
            spans.extend(self.whole_lines(unit));
        }
    }

    /// From the start to the end of a unit, without what is surely no code:
    ///
    /// - a last line that the unit reaches to its column 1 only, as Go 1.27 ends units on the line behind them, or to
    ///   column 2, where up to Go 1.26 the closing brace of a function stands;
    /// - a first line on which the unit starts right where another ends: that is an opening brace of Go 1.26 or older.
    ///   (At column 1 it is a label in data of Go 1.27.)
    ///
    /// Always the line that it begins on, if that leaves nothing or the unit ends before it begins: what it counts has to
    /// be on a line. Line 0, which no Go writes, is line 1.
    fn whole_lines(&self, unit: &Unit) -> impl Iterator<Item = CodeSpan> + use<> {
        let unit = *unit;
        let several = unit.start_line < unit.end_line;
        let columns_known = unit.start_column != 0;
        let opens = several
            && unit.start_column > 1
            && self.ends.binary_search(&(unit.start_line, unit.start_column)).is_ok();
        let closes = several && columns_known && matches!(unit.end_column, 1 | 2);
        let (first, last) = (unit.start_line + u32::from(opens), unit.end_line - u32::from(closes));
        let (first, last) = if first > last { (unit.start_line, unit.start_line) } else { (first, last) };
        let (first, last) = (first.max(1), last.max(1));
        let most = if unit.statements == 0 { 0 } else { MAX_LINES_OF_A_FILE + 1 };
        let span = move |line| CodeSpan {
            line,
            from: if line == unit.start_line { unit.start_column } else { 0 },
            to: if line == unit.end_line && columns_known { unit.end_column } else { u32::MAX },
        };
        (first..=last).take(most).map(span)
    }

    /// The lines of a file, ascending, from all its units.
    pub fn lines(&self, mode: CounterMode, units: &[CountedUnit]) -> Result<Vec<Line>, TooManyLines> {
        let mut parts: Vec<Part> = Vec::new();
        let mut spans = Vec::new();
        for counted in units {
            let exact = self.source.is_some();
            let part = |span| Part { span, exact, count: counted.count };
            self.find_code(&counted.unit, &mut spans);
            parts.extend(spans.iter().copied().map(part));
            // Some formats write a value for each line up to the last.
            if parts.len() > MAX_LINES_OF_A_FILE
                || parts.last().is_some_and(|p| p.span.line as usize > MAX_LINES_OF_A_FILE)
            {
                return Err(TooManyLines);
            }
        }
        parts.sort_by_key(|part| (part.span, part.exact));
        // The same tokens counted twice: two builds drew the borders of their units differently.
        parts.dedup_by(|next, kept| {
            let same = next.exact && kept.exact && next.span == kept.span;
            if same {
                kept.count = add(mode, kept.count, next.count);
            }
            same
        });
        let line = |parts: &[Part]| {
            let branches = match parts {
                [_] => Vec::new(),
                several => several.iter().map(|part| part.count).collect(),
            };
            let hits = parts.iter().map(|part| part.count).max().unwrap_or_default();
            Line { number: parts.first().map_or(0, |part| part.span.line), hits, branches }
        };
        let by_line = || parts.chunk_by(|a, b| a.span.line == b.span.line);
        // Lines are most of what a view of files takes: no room for more of them.
        let mut lines = Vec::with_capacity(by_line().count());
        lines.extend(by_line().map(line));
        Ok(lines)
    }
}

/// Whether a unit is no stretch of lines: it ends before the line that it begins on, as places that `//line` directives give
/// may up to Go 1.26, or is on line 0, which no Go writes. Units without statements have no lines anyway.
pub(super) fn is_misplaced(unit: &Unit) -> bool {
    unit.statements != 0 && (unit.end_line < unit.start_line || unit.start_line == 0)
}

/// What one unit has on one line.
struct Part {
    span: CodeSpan,
    /// Whether the span says which unit of the line this is: not without source.
    exact: bool,
    count: u32,
}

/// The most lines that the units of one file may have together, and the greatest number of a line; the largest generated Go
/// files have half a million.
pub(super) const MAX_LINES_OF_A_FILE: usize = 1 << 22;

/// The units of a file claim more lines than any source file has: damaged or hostile data, of which a few bytes can
/// claim four billion lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its units claim more than {MAX_LINES_OF_A_FILE} lines")]
pub struct TooManyLines;

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(places: (u32, u32, u32, u32), count: u32) -> CountedUnit {
        let (start_line, start_column, end_line, end_column) = places;
        CountedUnit { unit: Unit { start_line, end_line, start_column, end_column, statements: 1 }, count }
    }

    fn without(units: &[CountedUnit]) -> Vec<(u32, u32, Vec<u32>)> {
        let rule = LineRule::without_source(units.iter().map(|counted| counted.unit));
        shown(rule.lines(CounterMode::Count, units).unwrap())
    }

    fn with(source: &str, units: &[CountedUnit]) -> Vec<(u32, u32, Vec<u32>)> {
        let text = SourceText::new(source.into());
        let rule = LineRule::with_source(&text, units.iter().map(|counted| counted.unit)).unwrap();
        shown(rule.lines(CounterMode::Count, units).unwrap())
    }

    fn shown(lines: Vec<Line>) -> Vec<(u32, u32, Vec<u32>)> {
        lines.into_iter().map(|line| (line.number, line.hits, line.branches)).collect()
    }

    // 1 func f() {
    // 2         for i := 0; i < 2; i++ {
    // 3                 g(i)
    // 4         }
    // 5         if x { g(3) } else { g(4) }
    // 6 }
    const SOURCE: &str =
        "func f() {\n\tfor i := 0; i < 2; i++ {\n\t\tg(i)\n\t}\n\tif x { g(3) } else { g(4) }\n}\n";
    const OLD: [((u32, u32, u32, u32), u32); 5] =
        [((1, 10, 2, 25), 1), ((2, 25, 4, 3), 2), ((5, 2, 5, 7), 1), ((5, 7, 5, 15), 0), ((5, 21, 5, 29), 1)];
    const NEW: [((u32, u32, u32, u32), u32); 5] =
        [((2, 2, 2, 25), 1), ((3, 3, 4, 1), 2), ((5, 2, 5, 7), 1), ((5, 9, 5, 15), 0), ((5, 23, 5, 29), 1)];

    #[test]
    fn with_source_old_and_new_units_give_the_same_lines() {
        let units = |of: [((u32, u32, u32, u32), u32); 5]| of.map(|(places, count)| counted(places, count));
        let expected = [(2, 1, vec![]), (3, 2, vec![]), (5, 1, vec![1, 0, 1])];
        assert_eq!(with(SOURCE, &units(OLD)), expected);
        assert_eq!(with(SOURCE, &units(NEW)), expected);
        // Both builds in one report: the same lines, counts added.
        let mut both: Vec<CountedUnit> = units(OLD).into_iter().chain(units(NEW)).collect();
        both.sort_by_key(|counted| counted.unit);
        assert_eq!(with(SOURCE, &both), [(2, 2, vec![]), (3, 4, vec![]), (5, 2, vec![2, 0, 2])]);
    }

    #[test]
    fn without_source_old_units_lose_their_braces_only() {
        let units = OLD.map(|(places, count)| counted(places, count));
        assert_eq!(
            without(&units),
            [(1, 1, vec![]), (2, 1, vec![]), (3, 2, vec![]), (4, 2, vec![]), (5, 1, vec![1, 0, 1])]
        );
    }

    #[test]
    fn without_source_new_units_are_nearly_exact() {
        let units = NEW.map(|(places, count)| counted(places, count));
        assert_eq!(without(&units), [(2, 1, vec![]), (3, 2, vec![]), (5, 1, vec![1, 0, 1])]);
    }

    #[test]
    fn a_label_is_no_brace() {
        let units = [counted((2, 2, 3, 1), 1), counted((3, 1, 4, 9), 1)];
        assert_eq!(without(&units).iter().map(|line| line.0).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn hits_are_the_maximum_and_never_the_sum() {
        let units = [counted((1, 1, 1, 5), 6), counted((1, 6, 1, 9), 24)];
        assert_eq!(without(&units), [(1, 24, vec![6, 24])]);
        let units = [counted((1, 0, 1, 0), 6), counted((1, 0, 1, 1), 24)];
        assert_eq!(without(&units), [(1, 24, vec![6, 24])]);
    }

    #[test]
    fn units_without_columns_stay_apart() {
        // A one-line loop behind a //line directive, as Go up to 1.26 records it.
        let units = [counted((5, 0, 5, 0), 6), counted((5, 0, 5, 1), 24)];
        assert_eq!(without(&units), [(5, 24, vec![6, 24])]);
    }

    #[test]
    fn units_without_columns_are_no_places_in_the_source() {
        let text = SourceText::new(SOURCE.into());
        for (start_column, end_column) in [(0, 7), (2, 0)] {
            let unit = counted((5, start_column, 5, end_column), 1).unit;
            let rule = LineRule::with_source(&text, std::iter::once(unit));
            assert_eq!(rule.err(), Some(Mismatch::Directed { line: 5 }));
        }
    }

    #[test]
    fn units_without_statements_have_no_lines() {
        let mut empty = counted((1, 10, 3, 2), 5);
        empty.unit.statements = 0;
        assert_eq!(without(&[empty]), []);
        assert_eq!(with("func f() {\n\n}\n", &[empty]), []);
    }

    #[test]
    fn a_partial_line_has_hit_and_missed_branches() {
        let line = |branches: Vec<u32>| Line { number: 1, hits: 0, branches };
        assert!(line(vec![1, 0]).partial());
        assert!(!line(vec![1, 2]).partial() && !line(vec![0, 0]).partial() && !line(vec![]).partial());
    }

    #[test]
    fn a_file_may_have_just_as_many_lines_as_are_shown_of_it() {
        let most = u32::try_from(MAX_LINES_OF_A_FILE).unwrap();
        let lines = |units: &[CountedUnit]| {
            let rule = LineRule::without_source(units.iter().map(|counted| counted.unit));
            rule.lines(CounterMode::Count, units).map(|lines| lines.len())
        };
        assert_eq!(lines(&[counted((1, 1, most, 9), 1)]), Ok(MAX_LINES_OF_A_FILE));
        assert_eq!(lines(&[counted((1, 1, most, 9), 1), counted((7, 1, 7, 9), 1)]), Err(TooManyLines));
        assert_eq!(lines(&[counted((most, 1, most, 9), 1)]), Ok(1));
        assert_eq!(lines(&[counted((most + 1, 1, most + 1, 9), 1)]), Err(TooManyLines));
    }

    #[test]
    fn every_unit_has_a_line() {
        // As up to Go 1.26 behind `//line x.y:100` and `//line x.y:3`.
        assert_eq!(
            without(&[counted((100, 0, 3, 0), 0), counted((7, 1, 7, 9), 1)]),
            [(7, 1, vec![]), (100, 0, vec![])]
        );
        // What looks like two braces and nothing between them.
        assert_eq!(
            without(&[counted((1, 1, 2, 8), 1), counted((2, 8, 3, 2), 0)]),
            [(1, 1, vec![]), (2, 1, vec![1, 0])]
        );
        assert_eq!(without(&[counted((0, 1, 2, 9), 1)]), [(1, 1, vec![]), (2, 1, vec![])]);
        assert_eq!(without(&[counted((0, 1, 0, 9), 1)]), [(1, 1, vec![])]);
    }

    #[test]
    fn absurd_units_are_bounded() {
        let mut absurd = counted((1, 1, 1, 1), 1);
        absurd.unit =
            Unit { start_line: 1, end_line: u32::MAX, start_column: 1, end_column: 3, statements: 1 };
        let rule = LineRule::without_source(std::iter::once(absurd.unit));
        assert_eq!(rule.lines(CounterMode::Count, &[absurd]), Err(TooManyLines));
        // One line only, but the last of four billion.
        for end in [u32::MAX, 1] {
            let last = counted((u32::MAX, 1, end, 9), 1);
            assert_eq!(rule.lines(CounterMode::Count, &[last]), Err(TooManyLines));
        }
    }
}
