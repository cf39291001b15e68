//! Which units of a file its marks mean.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Range, RangeInclusive};

use covfmt::unit::Unit;

use crate::source::{Mark, Means, SourceText, Token, TokenKind};

/// What the marks of a file do to its units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Marked {
    /// The units that are taken out, sorted.
    pub(super) units: BTreeSet<Unit>,
    /// Lines of marks that mean no unit at all.
    pub(super) idle: Vec<u32>,
    /// Lines of marks that mean a part of a unit only: that counts in full.
    pub(super) partial: Vec<u32>,
    /// Lines of `LCOV_EXCL_START` without an end.
    pub(super) open: Vec<u32>,
}

/// A unit on the tokens of its source.
struct Placed {
    unit: Unit,
    bytes: Range<u32>,
    /// The tokens in it, braces included.
    tokens: Range<usize>,
}

/// The units of one function, in the order of the source.
struct PlacedFunction {
    units: Vec<Placed>,
    /// For each unit the greatest end of the tokens of those up to it that have statements.
    ends: Vec<usize>,
}

/// Applies the marks of a file to its functions, each given by its units. `text` is the source of the units.
pub(super) fn apply<'u>(
    text: &SourceText,
    marks: &[Mark],
    functions: impl Iterator<Item = &'u [Unit]>,
) -> Marked {
    let functions: Vec<PlacedFunction> = functions.map(|units| place(text, units)).collect();
    let all = || functions.iter().flat_map(|function| &function.units);
    let mut marked = Marked::default();
    if marks.iter().any(|mark| mark.means == Means::File) {
        marked.units = all().map(|placed| placed.unit).collect();
        return marked;
    }
    let ranges = Ranges::of(marks);
    marked.units = all().filter(|placed| lies_in(text, placed, &ranges)).map(|placed| placed.unit).collect();
    // Each run is looked at once, however many marks are in it: up to where one was found, by function.
    let mut runs: Vec<BTreeMap<usize, usize>> = functions.iter().map(|_| BTreeMap::new()).collect();
    for mark in marks {
        let Means::Statements(at) = mark.means else { continue };
        let mut found = false;
        for (function, runs) in functions.iter().zip(&mut runs) {
            let Some(unit) = function.unit_at(text, at) else { continue };
            found = true;
            if runs.range(..=unit).next_back().is_some_and(|(_, last)| unit <= *last) {
                continue;
            }
            let run = function.run_around(text, unit);
            marked.units.extend(function.units.get(run.clone()).unwrap_or_default().iter().map(|p| p.unit));
            runs.insert(*run.start(), *run.end());
        }
        if !found {
            marked.idle.push(mark.line);
        }
    }
    for mark in marks {
        let Some(range) = range_of(mark) else {
            if mark.means == Means::Nothing {
                marked.idle.push(mark.line);
            }
            continue;
        };
        let within = tokens_within(text, &range);
        let mut touched = all().filter(|placed| touches(text, placed, &range, &within)).peekable();
        if touched.peek().is_none() {
            marked.idle.push(mark.line);
        } else if touched.any(|placed| !marked.units.contains(&placed.unit)) {
            marked.partial.push(mark.line);
        }
        if matches!(mark.means, Means::LinesToEnd(_)) {
            marked.open.push(mark.line);
        }
    }
    marked.idle.sort_unstable();
    marked
}

fn range_of(mark: &Mark) -> Option<Range<u32>> {
    match &mark.means {
        Means::Block(range) | Means::Lines(range) | Means::LinesToEnd(range) => Some(range.clone()),
        Means::File | Means::Statements(_) | Means::Nothing => None,
    }
}

/// The ranges of marks.
struct Ranges {
    /// Sorted by their starts.
    starts: Vec<u32>,
    /// For each the greatest end of those up to it.
    ends: Vec<u32>,
}

impl Ranges {
    fn of(marks: &[Mark]) -> Self {
        let mut ranges: Vec<Range<u32>> = marks.iter().filter_map(range_of).collect();
        ranges.sort_by_key(|range| range.start);
        Self {
            starts: ranges.iter().map(|range| range.start).collect(),
            ends: greatest_so_far(ranges.iter().map(|range| range.end)),
        }
    }

    /// Whether one of them holds all of a stretch.
    fn hold(&self, part: &Range<u32>) -> bool {
        let before = self.starts.partition_point(|start| *start <= part.start);
        before.checked_sub(1).and_then(|last| self.ends.get(last)).is_some_and(|end| part.end <= *end)
    }
}

fn greatest_so_far<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> Vec<T> {
    values
        .scan(T::default(), |greatest, value| {
            *greatest = value.max(*greatest);
            Some(*greatest)
        })
        .collect()
}

fn place(text: &SourceText, units: &[Unit]) -> PlacedFunction {
    let tokens = text.tokens();
    let placed = |unit: &Unit| {
        let (start, end) = text.range_of(unit).ok()?;
        let first = tokens.partition_point(|token| token.end <= start);
        let behind = tokens.partition_point(|token| token.start < end);
        Some(Placed { unit: *unit, bytes: start..end, tokens: first..behind.max(first) })
    };
    let mut placed: Vec<Placed> = units.iter().filter_map(placed).collect();
    placed.sort_by_key(|placed| (placed.tokens.start, placed.tokens.end));
    let end = |placed: &Placed| if placed.unit.statements == 0 { 0 } else { placed.tokens.end };
    PlacedFunction { ends: greatest_so_far(placed.iter().map(end)), units: placed }
}

fn is_brace(token: &Token) -> bool {
    matches!(token.kind, TokenKind::OpenBrace | TokenKind::CloseBrace)
}

fn code<'t>(text: &'t SourceText, placed: &Placed) -> impl Iterator<Item = &'t Token> {
    let tokens = text.tokens().get(placed.tokens.clone()).unwrap_or_default();
    tokens.iter().filter(|token| !is_brace(token))
}

/// Whether all code of a unit lies in the ranges; of a unit without code, whether it lies in one of them itself.
fn lies_in(text: &SourceText, placed: &Placed, ranges: &Ranges) -> bool {
    let mut code = code(text, placed).peekable();
    if code.peek().is_none() || placed.unit.statements == 0 {
        return ranges.hold(&placed.bytes);
    }
    code.all(|token| ranges.hold(&(token.start..token.end)))
}

/// The tokens that are in a range as a whole.
fn tokens_within(text: &SourceText, range: &Range<u32>) -> Range<usize> {
    let tokens = text.tokens();
    tokens.partition_point(|token| token.start < range.start)
        ..tokens.partition_point(|token| token.end <= range.end)
}

/// `within` are the tokens within the range.
fn touches(text: &SourceText, placed: &Placed, range: &Range<u32>, within: &Range<usize>) -> bool {
    if placed.unit.statements == 0 {
        return range.start <= placed.bytes.start && placed.bytes.end <= range.end;
    }
    let both = placed.tokens.start.max(within.start)..placed.tokens.end.min(within.end);
    text.tokens().get(both).is_some_and(|tokens| tokens.iter().any(|token| !is_brace(token)))
}

impl PlacedFunction {
    /// The first unit with statements whose code the token at an offset is.
    fn unit_at(&self, text: &SourceText, at: u32) -> Option<usize> {
        let token = text.tokens().binary_search_by_key(&at, |token| token.start).ok()?;
        if text.tokens().get(token).is_none_or(is_brace) {
            return None;
        }
        let unit = self.ends.partition_point(|end| *end <= token);
        self.units.get(unit).filter(|placed| placed.tokens.contains(&token)).map(|_| unit)
    }

    /// The units around one, back and forth while nothing but comments and white space stands between two of them: what Go up
    /// to 1.26 takes for one unit, Go 1.27 parts at comments and blank lines.
    fn run_around(&self, text: &SourceText, unit: usize) -> RangeInclusive<usize> {
        let (mut first, mut last) = (unit, unit);
        let pair = |index: usize| Some((self.units.get(index)?, self.units.get(index + 1)?));
        while let Some(before) = first.checked_sub(1)
            && pair(before).is_some_and(|(a, b)| follows(text, a, b))
        {
            first = before;
        }
        while pair(last).is_some_and(|(a, b)| follows(text, a, b)) {
            last += 1;
        }
        first..=last
    }
}

/// Whether `b` goes on where `a` ends. A brace that opens or closes a block lies between two units, or up to Go 1.26 at
/// the start or end of one.
fn follows(text: &SourceText, a: &Placed, b: &Placed) -> bool {
    let tokens = |placed: &Placed| text.tokens().get(placed.tokens.clone()).unwrap_or_default();
    let opens = tokens(b).first().is_some_and(|token| token.kind == TokenKind::OpenBrace);
    let depth = tokens(a).iter().skip(1).try_fold(0_usize, |depth, token| match token.kind {
        TokenKind::OpenBrace => Some(depth + 1),
        TokenKind::CloseBrace => depth.checked_sub(1),
        _ => Some(depth),
    });
    a.tokens.end == b.tokens.start && !opens && depth == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::marks;

    // 1 package p
    // 2 func f() {
    // 3         a()
    // 4         b(T{1}) //coverage:ignore
    // 5
    // 6         c()
    // 7         if d { // coverage-ignore
    // 8                 e()
    // 9         }
    // 10        g()
    // 11        h() // LCOV_EXCL_LINE
    // 12 }
    const SOURCE: &str = "package p\nfunc f() {\n\ta()\n\tb(T{1}) //coverage:ignore\n\n\tc()\n\tif d { // coverage-ignore\n\t\te()\n\t}\n\tg()\n\th() // LCOV_EXCL_LINE\n}\n";

    fn unit(start_line: u32, start_column: u32, end_line: u32, end_column: u32) -> Unit {
        Unit { start_line, end_line, start_column, end_column, statements: 1 }
    }

    fn marked(source: &str, units: &[Unit]) -> (Vec<u32>, Marked) {
        let text = SourceText::new(source.into());
        let marked = apply(&text, &marks(&text), std::iter::once(units));
        (marked.units.iter().map(|unit| unit.start_line).collect(), marked)
    }

    #[test]
    fn old_and_new_units_are_taken_out_alike() {
        // Up to Go 1.26, and as Go 1.27 draws them.
        let old = [unit(2, 10, 7, 7), unit(7, 7, 9, 3), unit(10, 2, 11, 5)];
        let (lines, outcome) = marked(SOURCE, &old);
        assert_eq!(lines, [2, 7]);
        assert_eq!((outcome.partial, outcome.idle, outcome.open), (vec![11], vec![], vec![]));
        let new = [unit(3, 2, 4, 10), unit(6, 2, 7, 7), unit(8, 3, 9, 1), unit(10, 2, 11, 5)];
        let (lines, outcome) = marked(SOURCE, &new);
        assert_eq!(lines, [3, 6, 8]);
        assert_eq!(outcome.partial, [11]);
    }

    #[test]
    fn a_mark_on_every_line_is_heeded_at_once() {
        const LINES: u32 = 10_000;
        let began = std::time::Instant::now();
        let units: Vec<Unit> = (0..LINES).map(|line| unit(3 + line, 2, 3 + line, 5)).collect();
        for comment in ["coverage-ignore", "LCOV_EXCL_LINE"] {
            let line = format!("\tg() // {comment}\n");
            let source = format!("package p\nfunc f() {{\n{}\th()\n}}\n", line.repeat(LINES as usize));
            for units in [units.as_slice(), &[unit(2, 10, LINES + 2, 5)]] {
                let (lines, outcome) = marked(&source, units);
                assert_eq!(lines.len(), units.len(), "{comment}");
                assert_eq!((outcome.idle, outcome.partial), (vec![], vec![]), "{comment}");
            }
        }
        // Mark by mark through the units of the run they were a thousand million steps.
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }

    #[test]
    fn a_mark_without_units_is_named() {
        let source = "package p\n//coverage:ignore\nvar x = 1\nfunc f() {\n\ta()\n} //coverage:ignore\n";
        let (lines, outcome) = marked(source, &[unit(4, 10, 6, 2)]);
        assert_eq!((lines, outcome.idle), (vec![], vec![2, 6]));
    }

    #[test]
    fn a_section_without_an_end_goes_to_the_end_and_is_named() {
        let source = "package p\nfunc f() {\n\ta()\n}\n// LCOV_EXCL_START\nfunc g() {\n\tb()\n}\n";
        let (lines, outcome) = marked(source, &[unit(2, 10, 4, 2), unit(6, 10, 8, 2)]);
        assert_eq!((lines, outcome.open), (vec![6], vec![5]));
    }

    #[test]
    fn units_without_statements_go_with_their_block() {
        let source = "package p\nfunc f() { // coverage-ignore\n\tif a {\n\t}\n}\nfunc g() {}\n";
        let mut units = [unit(2, 10, 3, 7), unit(3, 7, 4, 3), unit(6, 10, 6, 12)];
        units[1].statements = 0;
        units[2].statements = 0;
        assert_eq!(marked(source, &units).0, [2, 3]);
        assert_eq!(marked(&source.replace("package p", "package p //coverage:ignore"), &units).0, [2, 3, 6]);
    }
}
