//! A list of statements cut into basic blocks. `cmd/cover/cover.go`, `addCounters`.

use super::statement::Statement;

/// A basic block: the byte range that counts as one, and the statements that begin in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Offset of the first byte, often that of an opening brace.
    pub(super) start: u32,
    /// Offset behind the last byte.
    pub(super) end: u32,
    /// Offset of the first byte that code may stand at: behind an opening brace. Only blocks without statements need it.
    pub(super) code_start: u32,
    /// First byte and the one behind the last of each statement.
    pub(super) statements: Vec<(u32, u32)>,
}

impl Block {
    pub(super) fn statement_count(&self) -> u32 {
        u32::try_from(self.statements.len()).unwrap_or(u32::MAX)
    }
}

/// A list of statements with the range that belongs to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Where the first basic block starts: the opening brace, or behind `else` or a colon.
    pub(super) start: u32,
    /// Where a counter for an empty list would stand.
    pub(super) code_start: u32,
    /// Behind the closing brace, or the end of the last statement of a clause.
    pub(super) end: u32,
    /// Whether a list that is one basic block reaches up to `end`: not in clauses.
    pub(super) to_end: bool,
}

/// The basic blocks of a list of statements.
pub(super) fn cut(extent: Extent, list: Vec<Statement<'_>>, blocks: &mut Vec<Block>) {
    let Extent { mut start, code_start, end: list_end, mut to_end } = extent;
    if list.is_empty() {
        // Up to Go 1.26 the unit of an empty list starts where its counter stands.
        blocks.push(Block { start: code_start, end: list_end, code_start, statements: Vec::new() });
        return;
    }
    let mut rest = list.into_iter().peekable();
    loop {
        let mut statements = Vec::new();
        let mut end = list_end;
        let mut behind_label = None;
        for statement in rest.by_ref() {
            if !statement.ends_block() {
                end = statement.boundary();
                statements.push(statement.range());
                continue;
            }
            if let Some((label_end, labeled)) = statement.separable_label() {
                // A jump may come here: the statement starts a block of its own, and this one ends before the label.
                end = statement.range().0;
                statements.push((end, label_end));
                behind_label = Some(labeled);
            } else {
                end = statement.boundary();
                statements.push(statement.range());
            }
            to_end = false;
            break;
        }
        if to_end {
            end = list_end;
        }
        if start != end {
            blocks.push(Block { start, end, code_start: start, statements });
        }
        if let Some(labeled) = behind_label {
            let remaining: Vec<Statement<'_>> = std::iter::once(labeled).chain(rest).collect();
            rest = remaining.into_iter().peekable();
        }
        match rest.peek() {
            Some(next) => start = next.range().0,
            None => return,
        }
    }
}
