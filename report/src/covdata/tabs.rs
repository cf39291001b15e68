//! Columns aligned by tabs, as Go's `text/tabwriter` aligns them with the settings of `cformat.EmitFuncs`: cells at
//! least 1 wide, 1 of padding, tabs 8 wide. `text/tabwriter/tabwriter.go`.
//!
//! Names may hold anything: a tab ends a cell, a line feed a line, and the byte 0xff starts and ends text in which they
//! do not. Memory is that of the text, however many cells it has.

use std::io::{self, Write};
use std::ops::Range;

/// Width of a tab, in characters.
const TAB: usize = 8;
/// Brackets text that is not looked into: `tabwriter.Escape`.
const ESCAPE: u8 = 0xff;

/// Collects text and writes it in aligned columns.
pub(super) struct TabWriter<'o> {
    out: &'o mut dyn Write,
    /// The text without what ended its cells and lines.
    text: Vec<u8>,
    /// The ended cells of all lines.
    cells: Vec<Cell>,
    /// For each line its cells; the last line has not ended.
    lines: Vec<Range<usize>>,
    /// The cell that has not ended.
    cell: Cell,
    escaped: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// In bytes.
    size: usize,
    /// In characters.
    width: usize,
}

/// Lines that have their first columns in common.
struct Block {
    /// The first line that was not written.
    start: usize,
    /// The next line to look at.
    next: usize,
    end: usize,
}

impl<'o> TabWriter<'o> {
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        let lines = vec![Range::default()];
        Self { out, text: Vec::new(), cells: Vec::new(), lines, cell: Cell::default(), escaped: false }
    }

    /// Takes text, with its tabs and line feeds.
    pub(super) fn push(&mut self, mut text: &[u8]) -> io::Result<()> {
        loop {
            let end = |byte: &u8| match *byte {
                ESCAPE => true,
                b'\t' | 0x0b | b'\n' | 0x0c => !self.escaped,
                _ => false,
            };
            let Some(at) = text.iter().position(end) else {
                self.append(text);
                return Ok(());
            };
            let (before, rest) = text.split_at(at);
            self.append(before);
            let Some((byte, rest)) = rest.split_first() else { return Ok(()) };
            text = rest;
            match *byte {
                ESCAPE => {
                    self.append(&[ESCAPE]);
                    self.escaped = !self.escaped;
                    if !self.escaped {
                        self.discount_escapes();
                    }
                }
                b'\n' | 0x0c => self.end_line(*byte == 0x0c)?,
                _ => self.end_cell(),
            }
        }
    }

    fn append(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
        self.cell.size += text.len();
    }

    /// The brackets have no width.
    fn discount_escapes(&mut self) {
        self.cell.width = self.cell.width.wrapping_sub(2);
    }

    fn end_cell(&mut self) {
        let start = self.text.len() - self.cell.size;
        let characters = count_characters(self.text.get(start..).unwrap_or_default());
        self.cell.width = self.cell.width.wrapping_add(characters);
        self.cells.push(std::mem::take(&mut self.cell));
        if let Some(line) = self.lines.last_mut() {
            line.end = self.cells.len();
        }
    }

    /// The last cell of a line has no column. So a line of one cell parts what is before from what is behind, as a form
    /// feed does.
    fn end_line(&mut self, form_feed: bool) -> io::Result<()> {
        self.end_cell();
        let lone = self.lines.last().is_some_and(|line| line.len() == 1);
        self.lines.push(self.cells.len()..self.cells.len());
        if form_feed || lone { self.flush() } else { Ok(()) }
    }

    /// Writes everything.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.cell.size > 0 {
            if std::mem::take(&mut self.escaped) {
                self.discount_escapes();
            }
            self.end_cell();
        }
        self.write_columns()?;
        self.text.clear();
        self.cells.clear();
        self.lines.clear();
        self.lines.push(Range::default());
        self.cell = Cell::default();
        self.escaped = false;
        Ok(())
    }

    /// A column is made of the cells in that place of lines that follow each other and have one there.
    fn write_columns(&mut self) -> io::Result<()> {
        let mut position = 0;
        let mut widths: Vec<usize> = Vec::new();
        let mut blocks = vec![Block { start: 0, next: 0, end: self.lines.len() }];
        while let Some(block) = blocks.last_mut() {
            let column = widths.len();
            let column_of = |line: usize| {
                let cells = self.lines.get(line).and_then(|line| self.cells.get(line.clone()));
                cells.filter(|cells| column + 1 < cells.len()).and_then(|cells| cells.get(column))
            };
            let Some(first) = (block.next..block.end).find(|line| column_of(*line).is_some()) else {
                let rest = block.start..block.end;
                blocks.pop();
                self.write_lines(rest, &widths, &mut position)?;
                widths.pop();
                continue;
            };
            let (mut width, mut end) = (1, first);
            while end < block.end
                && let Some(cell) = column_of(end)
            {
                width = width.max(cell.width.wrapping_add(1));
                end += 1;
            }
            let before = block.start..first;
            (block.start, block.next) = (end, end);
            blocks.push(Block { start: first, next: first, end });
            self.write_lines(before, &widths, &mut position)?;
            widths.push(width);
        }
        Ok(())
    }

    fn write_lines(&mut self, lines: Range<usize>, widths: &[usize], position: &mut usize) -> io::Result<()> {
        for index in lines {
            let cells = self.lines.get(index).and_then(|line| self.cells.get(line.clone()));
            for (column, cell) in cells.unwrap_or_default().iter().enumerate() {
                self.out.write_all(self.text.get(*position..*position + cell.size).unwrap_or_default())?;
                *position += cell.size;
                if let Some(width) = widths.get(column) {
                    let padding = width.next_multiple_of(TAB).saturating_sub(cell.width);
                    for _ in 0..padding.div_ceil(TAB) {
                        self.out.write_all(b"\t")?;
                    }
                }
            }
            if index + 1 < self.lines.len() {
                self.out.write_all(b"\n")?;
            }
        }
        Ok(())
    }
}

/// `utf8.RuneCount`: a byte that is not part of a character counts as one.
fn count_characters(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::BStr;

    /// Written in pieces, which must not show.
    fn aligned(text: &[u8], piece: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut table = TabWriter::new(&mut out);
        text.chunks(piece).try_for_each(|piece| table.push(piece)).unwrap();
        table.flush().unwrap();
        out
    }

    #[test]
    fn columns_are_those_of_tabwriter() {
        // As written by tabwriter.NewWriter(w, 1, 8, 1, '\t', 0).
        for (text, expected) in [
            (
                &b"a.go:1:\tf\t5.0%\nlonger/b.go:10:\tFunction\t100.0%\ntotal\t(statements)\t7.5%\n"[..],
                &b"a.go:1:\t\tf\t\t5.0%\nlonger/b.go:10:\tFunction\t100.0%\ntotal\t\t(statements)\t7.5%\n"[..],
            ),
            (
                &b"\xc3\xa9\xe4\xb8\x96:1:\tf\t1\nabcdefg:1:\tg\t2\n"[..],
                &b"\xc3\xa9\xe4\xb8\x96:1:\t\tf\t1\nabcdefg:1:\tg\t2\n"[..],
            ),
            (&b"abcdefgh\tx\nab\ty\n"[..], &b"abcdefgh\tx\nab\t\ty\n"[..]),
            (&b"a\xe2\x82b\tx\nabcdefg\ty\n"[..], &b"a\xe2\x82b\tx\nabcdefg\ty\n"[..]),
            (&b"a\tb\tc\nlone\nabcdefghij\tb\tc\n"[..], &b"a\tb\tc\nlone\nabcdefghij\tb\tc\n"[..]),
            (&b"a\tb\n\nabcdefghij\tb\n"[..], &b"a\tb\n\nabcdefghij\tb\n"[..]),
            (&b"a\tb\x0cabcdefghij\tb\n"[..], &b"a\tb\nabcdefghij\tb\n"[..]),
            (&b"a\x0bb\x0bc\nab\tabcdefghij\tc\n"[..], &b"a\tb\t\tc\nab\tabcdefghij\tc\n"[..]),
            (&b"\xffa\tb\n\xff\tx\nc\ty\n"[..], &b"\xffa\tb\n\xff\tx\nc\ty\n"[..]),
            (&b"a\tb\n\xffopen\tx\nabcdefghij\ty\n"[..], &b"a\tb\n\xffopen\tx\nabcdefghij\ty\n"[..]),
            (&b"a\tb\tc\td\nabcdefghi\tb\nx\ty\tz\n"[..], &b"a\t\tb\tc\td\nabcdefghi\tb\nx\t\ty\tz\n"[..]),
            (&b"\t\tx\n\ta\tb\n"[..], &b"\t\tx\n\ta\tb\n"[..]),
            (&b"no end"[..], &b"no end"[..]),
            (&b"a\tno end"[..], &b"a\tno end"[..]),
        ] {
            for piece in [1, 3, 100] {
                assert_eq!(BStr::new(&aligned(text, piece)), BStr::new(expected));
            }
        }
    }

    #[test]
    fn a_name_may_be_a_million_tabs() {
        let text = [b"a\tb\n".repeat(3), b"\t".repeat(1_000_000), b"\n".to_vec()].concat();
        assert!(aligned(&text, text.len()).len() >= text.len());
    }
}
