//! The parts of a basic block that Go 1.27 makes units of: stretches of lines with code, without the comments and blank lines
//! between them. `cmd/cover/cover.go`, `codeRanges` and `mergeRangesWithinStatements`.

use super::cut::Block;
use crate::source::scanner::TokenKind;
use crate::source::text::SourceText;

/// A part of a basic block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Offset of its first byte.
    pub(super) start: u32,
    /// Offset behind its last byte.
    pub(super) end: u32,
    /// Statements that begin in it.
    pub(super) statements: u32,
    /// Statements of the whole block.
    pub(super) of_block: u32,
}

/// The parts of a block, one at least.
pub(super) fn parts(text: &SourceText, block: &Block) -> impl Iterator<Item = Part> + use<> {
    let of_block = block.statement_count();
    let mut parts: Vec<Part> = Vec::new();
    if block.statements.is_empty() {
        let first = code_ranges(text, block.code_start, block.end).into_iter().next();
        parts.extend(first.map(|(start, end)| Part { start, end, statements: 0, of_block }));
        return parts.into_iter();
    }
    for (start, end) in code_ranges(text, block.start, block.end) {
        let before = |offset: u32| block.statements.partition_point(|statement| statement.0 < offset);
        let statements = u32::try_from(before(end).saturating_sub(before(start))).unwrap_or(u32::MAX);
        let inside = before(start).checked_sub(1).and_then(|index| block.statements.get(index));
        match parts.last_mut() {
            // A statement is not split.
            Some(last) if inside.is_some_and(|statement| start < statement.1) => {
                last.end = end;
                last.statements += statements;
            }
            _ => parts.push(Part { start, end, statements, of_block }),
        }
    }
    parts.into_iter()
}

/// Stretches of lines with tokens other than braces; where there are none, an empty one at the start.
fn code_ranges(text: &SourceText, start: u32, end: u32) -> Vec<(u32, u32)> {
    let tokens = text.tokens();
    let first = tokens.partition_point(|token| token.start < start);
    let mut ranges = Vec::new();
    // Start of the stretch, and the last line known to hold code of it.
    let mut open: Option<(u32, u32)> = None;
    for token in tokens.iter().skip(first).take_while(|token| token.start < end) {
        if matches!(token.kind, TokenKind::OpenBrace | TokenKind::CloseBrace) {
            continue;
        }
        let line = text.line_of(token.start);
        let last_line = text.line_of(token.start.saturating_add(length_to_go(text.text(*token))));
        open = match open {
            None => Some((token.start, last_line)),
            Some((from, last)) if line > last + 1 => {
                ranges.push((from, text.line_start(last + 1)));
                Some((token.start, last_line.max(last)))
            }
            Some((from, last)) => Some((from, last_line.max(last))),
        };
    }
    match open {
        None => ranges.push((start, start)),
        Some((from, last)) => {
            let next = text.line_start(last + 1);
            ranges.push((from, next.min(end)));
        }
    }
    ranges
}

/// The length in bytes that Go takes a token to have on its way to the line behind it: all but raw strings are on one line,
/// and from those it drops carriage returns first.
fn length_to_go(token: &[u8]) -> u32 {
    let raw = token.starts_with(b"`");
    u32::try_from(token.iter().filter(|byte| raw && **byte != b'\r').count()).unwrap_or(u32::MAX)
}
