//! Which units of a file its marks mean.

use std::collections::BTreeSet;
use std::ops::Range;

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

/// Applies the marks of a file to its functions, each given by its units. `text` is the source of the units.
pub(super) fn apply<'u>(
    text: &SourceText,
    marks: &[Mark],
    functions: impl Iterator<Item = &'u [Unit]>,
) -> Marked {
    let functions: Vec<Vec<Placed>> = functions.map(|units| place(text, units)).collect();
    let all = || functions.iter().flatten();
    let mut marked = Marked::default();
    if marks.iter().any(|mark| mark.means == Means::File) {
        marked.units = all().map(|placed| placed.unit).collect();
        return marked;
    }
    let mut ranges: Vec<Range<u32>> = marks.iter().filter_map(range_of).collect();
    ranges.sort_by_key(|range| range.start);
    marked.units = all().filter(|placed| lies_in(text, placed, &ranges)).map(|placed| placed.unit).collect();
    for mark in marks {
        if let Means::Statements(at) = mark.means {
            let run = functions.iter().flat_map(|units| run_around(text, units, at));
            let before = marked.units.len();
            let mut found = false;
            for placed in run {
                found = true;
                marked.units.insert(placed.unit);
            }
            if !found && before == marked.units.len() {
                marked.idle.push(mark.line);
            }
        }
    }
    for mark in marks {
        let Some(range) = range_of(mark) else {
            if mark.means == Means::Nothing {
                marked.idle.push(mark.line);
            }
            continue;
        };
        let mut touched = all().filter(|placed| touches(text, placed, &range)).peekable();
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

/// In the order of the source.
fn place(text: &SourceText, units: &[Unit]) -> Vec<Placed> {
    let tokens = text.tokens();
    let placed = |unit: &Unit| {
        let (start, end) = text.range_of(unit).ok()?;
        let first = tokens.partition_point(|token| token.end <= start);
        let behind = tokens.partition_point(|token| token.start < end);
        Some(Placed { unit: *unit, bytes: start..end, tokens: first..behind.max(first) })
    };
    let mut placed: Vec<Placed> = units.iter().filter_map(placed).collect();
    placed.sort_by_key(|placed| (placed.tokens.start, placed.tokens.end));
    placed
}

fn code<'t>(text: &'t SourceText, placed: &Placed) -> impl Iterator<Item = &'t Token> {
    let tokens = text.tokens().get(placed.tokens.clone()).unwrap_or_default();
    tokens.iter().filter(|token| !matches!(token.kind, TokenKind::OpenBrace | TokenKind::CloseBrace))
}

/// Whether all code of a unit lies in the ranges; of a unit without code, whether it lies in one of them itself.
fn lies_in(text: &SourceText, placed: &Placed, ranges: &[Range<u32>]) -> bool {
    let within = |part: &Range<u32>| ranges.iter().any(|r| r.start <= part.start && part.end <= r.end);
    let mut code = code(text, placed).peekable();
    if code.peek().is_none() || placed.unit.statements == 0 {
        return within(&placed.bytes);
    }
    code.all(|token| within(&(token.start..token.end)))
}

fn touches(text: &SourceText, placed: &Placed, range: &Range<u32>) -> bool {
    let within = |token: &&Token| range.start <= token.start && token.end <= range.end;
    if placed.unit.statements == 0 {
        return range.start <= placed.bytes.start && placed.bytes.end <= range.end;
    }
    code(text, placed).any(|token| within(&token))
}

/// The units of one function around the token at an offset, back and forth while nothing but comments and white space
/// stands between two of them: what Go up to 1.26 takes for one unit, Go 1.27 parts at comments and blank lines.
fn run_around<'p>(text: &SourceText, units: &'p [Placed], at: u32) -> &'p [Placed] {
    let holds = |placed: &Placed| code(text, placed).any(|token| token.start == at);
    let Some(found) = units.iter().position(|placed| placed.unit.statements != 0 && holds(placed)) else {
        return &[];
    };
    let (mut first, mut last) = (found, found);
    let pair = |index: usize| Some((units.get(index)?, units.get(index + 1)?));
    while let Some(before) = first.checked_sub(1)
        && pair(before).is_some_and(|(a, b)| follows(text, a, b))
    {
        first = before;
    }
    while pair(last).is_some_and(|(a, b)| follows(text, a, b)) {
        last += 1;
    }
    units.get(first..=last).unwrap_or_default()
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
