//! A source file and the code in it: positions to bytes, and the rule that says which lines are code.
//!
//! Nothing here panics on any source or any position; memory is proportional to the source.

use covfmt::unit::Unit;

use super::scanner::{Scanner, Token, TokenKind};

/// A Go source file, scanned.
#[derive(Debug, Clone)]
pub struct SourceText {
    bytes: Vec<u8>,
    /// Offset of each line's first byte; line 1 is element 0.
    lines: Vec<u32>,
    tokens: Vec<Token>,
}

/// The part of one line that belongs to a unit, from its first token to its last.
///
/// Two units never share a token, so the span also says which of the units on a line is meant, whichever Go
/// version drew their borders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeSpan {
    /// 1-based line.
    pub line: u32,
    /// 1-based column (bytes) of the first byte of code.
    pub from: u32,
    /// Column behind the last byte of code.
    pub to: u32,
}

/// Why a unit cannot stem from this source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The file has fewer lines.
    #[error("a unit is on line {line}, but the file ends at line {lines}")]
    Line {
        /// The unit's line.
        line: u32,
        /// Number of lines in the file.
        lines: u32,
    },
    /// The line is shorter.
    #[error("a unit is at column {column} of line {line}, but that line ends at column {columns}")]
    Column {
        /// The line in question.
        line: u32,
        /// The unit's column.
        column: u32,
        /// The column behind the line's last byte.
        columns: u32,
    },
    /// A place between units is within a word, a number, a string or an operator.
    #[error("a unit begins or ends at column {column} of line {line}, in the middle of {token:?}")]
    Token {
        /// The line in question.
        line: u32,
        /// The unit's column.
        column: u32,
        /// The token, or its start.
        token: String,
    },
    /// The unit ends before it begins.
    #[error(
        "a unit begins at {}.{} and ends before that, as `//line` directives make it up to Go 1.26",
        .0.start_line,
        .0.start_column
    )]
    Backwards(Unit),
    /// The unit has no column: it is no place in a file, but one that a directive gives, even if that is in the file of
    /// this name.
    #[error("a unit on line {line} has no column, as `//line` directives make it up to Go 1.26")]
    Directed {
        /// The unit's line.
        line: u32,
    },
}

impl SourceText {
    /// Scans a source file.
    pub fn new(bytes: Vec<u8>) -> Self {
        let mut lines = vec![0];
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        lines.extend(ends.filter_map(|(offset, _)| u32::try_from(offset + 1).ok()));
        let tokens = Scanner::new(&bytes).collect();
        Self { bytes, lines, tokens }
    }

    /// The bytes that were scanned.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All tokens, braces included.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The text of a token.
    pub fn text(&self, token: Token) -> &[u8] {
        self.bytes.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    /// Number of lines; a file that ends with a line feed has an empty last line.
    pub fn line_count(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }

    /// The 1-based line that holds the byte at `offset`.
    pub fn line_of(&self, offset: u32) -> u32 {
        u32::try_from(self.lines.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }

    /// The 1-based line and column (bytes) of an offset.
    pub fn place_of(&self, offset: u32) -> (u32, u32) {
        let line = self.line_of(offset);
        (line, offset.saturating_sub(self.line_start(line)).saturating_add(1))
    }

    /// Offset of the first byte of a 1-based line; behind the last line, the length of the source.
    pub fn line_start(&self, line: u32) -> u32 {
        self.line_bounds(line).0
    }

    /// Whether a token starts where a unit does. With Go 1.27 every unit that holds statements starts at one.
    pub fn starts_token(&self, unit: &Unit) -> bool {
        let start = if unit.start_column == 0 { None } else { self.range_of(unit).ok() };
        start.is_some_and(|(start, _)| self.tokens.binary_search_by_key(&start, |token| token.start).is_ok())
    }

    /// The byte offsets of a unit. An unknown column (0) means the whole line.
    pub fn range_of(&self, unit: &Unit) -> Result<(u32, u32), Mismatch> {
        let columns_known = unit.start_column != 0;
        let start = self.offset_of(unit.start_line, if columns_known { unit.start_column } else { 1 })?;
        let end = if columns_known && unit.end_column != 0 {
            self.offset_of(unit.end_line, unit.end_column)?
        } else {
            self.line_end(unit.end_line)?
        };
        if end < start {
            return Err(Mismatch::Backwards(*unit));
        }
        Ok((start, end))
    }

    /// Checks that a unit can stem from this source: it lies within it, and neither starts nor ends within a token.
    pub fn check(&self, unit: &Unit) -> Result<(), Mismatch> {
        let (start, end) = self.range_of(unit)?;
        if unit.start_column != 0 && self.token_around(start).is_some() {
            return Err(self.within_token(start, unit.start_line, unit.start_column));
        }
        let split = self.split_string(unit, end).is_some();
        if unit.start_column != 0 && unit.end_column != 0 && self.token_around(end).is_some() && !split {
            return Err(self.within_token(end, unit.end_line, unit.end_column));
        }
        Ok(())
    }

    /// The raw string that a unit ends within, at the start of a line: Go 1.27 looks for the string's end too early if it
    /// holds carriage returns. The string belongs to the unit as a whole.
    fn split_string(&self, unit: &Unit, end: u32) -> Option<Token> {
        self.token_around(end).filter(|token| unit.end_column == 1 && self.text(*token).starts_with(b"`"))
    }

    /// The token that begins before `offset` and ends behind it.
    fn token_around(&self, offset: u32) -> Option<Token> {
        let index = self.tokens.partition_point(|token| token.end <= offset);
        self.tokens.get(index).copied().filter(|token| token.start < offset)
    }

    fn within_token(&self, offset: u32, line: u32, column: u32) -> Mismatch {
        const SHOWN_BYTES: usize = 20;
        let text = self.token_around(offset).map(|token| self.text(token)).unwrap_or_default();
        let token = String::from_utf8_lossy(text.get(..SHOWN_BYTES).unwrap_or(text)).into_owned();
        Mismatch::Token { line, column, token }
    }

    /// The code of a unit, line by line: the lines that hold at least one byte of a token other than a brace.
    ///
    /// Empty for a unit without statements. Comments and white space are no tokens; a token of several lines
    /// (a raw string) holds all of them.
    pub fn code_of(&self, unit: &Unit) -> Result<Vec<CodeSpan>, Mismatch> {
        let (start, mut end) = self.range_of(unit)?;
        let mut spans: Vec<CodeSpan> = Vec::new();
        if unit.statements == 0 {
            return Ok(spans);
        }
        if let Some(string) = self.split_string(unit, end).filter(|string| string.start >= start) {
            end = string.end;
        }
        let first = self.tokens.partition_point(|token| token.end <= start);
        let inside = self.tokens.iter().skip(first).take_while(|token| token.start < end);
        for token in inside.filter(|t| !matches!(t.kind, TokenKind::OpenBrace | TokenKind::CloseBrace)) {
            let (from, to) = (token.start.max(start), token.end.min(end));
            for line in self.line_of(from)..=self.line_of(to.saturating_sub(1)) {
                let (line_start, line_end) = self.line_bounds(line);
                let part = CodeSpan {
                    line,
                    from: from.max(line_start) - line_start + 1,
                    to: to.min(line_end).max(line_start) - line_start + 1,
                };
                match spans.last_mut() {
                    Some(last) if last.line == line => last.to = part.to,
                    _ => spans.push(part),
                }
            }
        }
        Ok(spans)
    }

    /// Offsets of a line's first byte and of the byte behind its last, the line feed left out.
    pub(super) fn line_bounds(&self, line: u32) -> (u32, u32) {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let start_of = |line: u32| self.lines.get(line.checked_sub(1)? as usize).copied();
        let start = start_of(line).unwrap_or(length);
        let end = line.checked_add(1).and_then(start_of).map_or(length, |next| next.saturating_sub(1));
        (start, end.max(start))
    }

    fn check_line(&self, line: u32) -> Result<(u32, u32), Mismatch> {
        if line == 0 || line > self.line_count() {
            return Err(Mismatch::Line { line, lines: self.line_count() });
        }
        Ok(self.line_bounds(line))
    }

    fn offset_of(&self, line: u32, column: u32) -> Result<u32, Mismatch> {
        let (start, end) = self.check_line(line)?;
        let columns = end - start + 1;
        if column > columns {
            return Err(Mismatch::Column { line, column, columns });
        }
        Ok(start + column.saturating_sub(1))
    }

    fn line_end(&self, line: u32) -> Result<u32, Mismatch> {
        self.check_line(line).map(|(_, end)| end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(start_line: u32, start_column: u32, end_line: u32, end_column: u32) -> Unit {
        Unit { start_line, end_line, start_column, end_column, statements: 1 }
    }

    fn lines(text: &SourceText, unit: Unit) -> Vec<u32> {
        text.code_of(&unit).unwrap().iter().map(|span| span.line).collect()
    }

    const SOURCE: &str = "package p\n\nfunc f() {\n\t// why\n\ta := `x\n\ny`\n\n\tb(a)\n}\n";

    #[test]
    fn the_same_lines_are_code_whichever_go_drew_the_unit() {
        let text = SourceText::new(SOURCE.into());
        // Up to Go 1.26: from the opening brace to behind the closing one.
        assert_eq!(lines(&text, unit(3, 10, 10, 2)), [5, 6, 7, 9]);
        // Go 1.27: two units, each ending at column 1 of the next line.
        assert_eq!(lines(&text, unit(5, 2, 8, 1)), [5, 6, 7]);
        assert_eq!(lines(&text, unit(9, 2, 10, 1)), [9]);
    }

    #[test]
    fn spans_name_the_first_and_last_token() {
        let text = SourceText::new(SOURCE.into());
        let spans = text.code_of(&unit(3, 10, 10, 2)).unwrap();
        assert_eq!(
            spans,
            [
                CodeSpan { line: 5, from: 2, to: 9 },
                CodeSpan { line: 6, from: 1, to: 1 },
                CodeSpan { line: 7, from: 1, to: 3 },
                CodeSpan { line: 9, from: 2, to: 6 },
            ]
        );
        assert_eq!(text.code_of(&unit(9, 4, 10, 2)).unwrap(), [CodeSpan { line: 9, from: 4, to: 6 }]);
    }

    #[test]
    fn a_unit_without_statements_is_no_code() {
        let text = SourceText::new(SOURCE.into());
        let empty = Unit { statements: 0, ..unit(3, 10, 10, 2) };
        assert_eq!(text.code_of(&empty).unwrap(), []);
    }

    #[test]
    fn unknown_columns_mean_whole_lines() {
        let text = SourceText::new(SOURCE.into());
        assert_eq!(lines(&text, unit(9, 0, 9, 0)), [9]);
        assert_eq!(lines(&text, unit(5, 0, 9, 2)), [5, 6, 7, 9]);
    }

    #[test]
    fn units_beyond_the_source_are_a_mismatch() {
        let text = SourceText::new(SOURCE.into());
        assert_eq!(text.range_of(&unit(10, 2, 11, 1)), Ok((51, 52)));
        assert_eq!(text.range_of(&unit(9, 2, 12, 1)), Err(Mismatch::Line { line: 12, lines: 11 }));
        assert_eq!(text.range_of(&unit(0, 1, 1, 1)), Err(Mismatch::Line { line: 0, lines: 11 }));
        assert_eq!(
            text.range_of(&unit(9, 2, 9, 7)),
            Err(Mismatch::Column { line: 9, column: 7, columns: 6 })
        );
        assert!(matches!(text.range_of(&unit(9, 2, 5, 1)), Err(Mismatch::Backwards(_))));
        assert_eq!(SourceText::new(Vec::new()).range_of(&unit(1, 1, 1, 1)), Ok((0, 0)));
    }

    #[test]
    fn units_that_cut_a_token_are_a_mismatch() {
        let text = SourceText::new(SOURCE.into());
        let cut = |line, column, token: &str| Err(Mismatch::Token { line, column, token: token.into() });
        assert_eq!(text.check(&unit(3, 10, 10, 2)), Ok(()));
        assert_eq!(text.check(&unit(3, 11, 10, 1)), Ok(()));
        assert_eq!(text.check(&unit(3, 3, 10, 2)), cut(3, 3, "func"));
        assert_eq!(text.check(&unit(5, 2, 5, 5)), cut(5, 5, ":="));
        assert_eq!(text.check(&unit(5, 2, 7, 2)), cut(7, 2, "`x\n\ny`"));
        // Where columns are not known nothing is cut.
        assert_eq!(text.check(&unit(3, 0, 10, 0)), Ok(()));
        // A raw string that a unit reaches into belongs to it as a whole.
        assert_eq!(text.check(&unit(5, 2, 6, 1)), Ok(()));
        assert_eq!(lines(&text, unit(5, 2, 6, 1)), [5, 6, 7]);
    }

    #[test]
    fn carriage_returns_are_white_space() {
        let text = SourceText::new(b"f()\r\n\r\ng()\r\n".to_vec());
        assert_eq!(lines(&text, unit(1, 1, 4, 1)), [1, 3]);
    }

    proptest! {
        #[test]
        fn any_position_in_any_source_is_answered(
            source in "[a`{}\n/*\" ]{0,60}",
            (a, b, c, d) in (0u32..9, 0u32..9, 0u32..9, 0u32..9),
        ) {
            let text = SourceText::new(source.into_bytes());
            if let Ok(spans) = text.code_of(&unit(a, b, c, d)) {
                for pair in spans.windows(2) {
                    prop_assert!(pair[0].line < pair[1].line);
                }
                for span in spans {
                    prop_assert!(a <= span.line && (span.line <= c || d == 1) && span.from <= span.to);
                }
            }
        }
    }
}
