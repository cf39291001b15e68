//! The basic blocks that Go's cover tool cuts functions into, worked out from the source as it does: what the units of a file
//! must be, and how many statements each holds. `cmd/cover/cover.go`, `Visit` and `addCounters`.
//!
//! A grammar reads the source; where it errs, units come out that are in no data, and nothing follows from them. No source
//! makes it panic; memory is proportional to the source.

mod cut;
mod ranges;
mod statement;
mod walk;

use covfmt::unit::Unit;

use super::text::SourceText;
use cut::Block;

/// The functions of a file, in the order of the cover tool.
#[derive(Debug, Clone, Default)]
pub struct SourceBlocks {
    functions: Vec<FunctionBlocks>,
}

/// One function: a declaration with a body, or a literal outside of functions. Literals within are part of it.
#[derive(Debug, Clone)]
pub struct FunctionBlocks {
    /// Offset in bytes of the keyword `func`.
    start: u32,
    blocks: Vec<Block>,
}

/// How a Go version draws and counts units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Drawing {
    /// Up to Go 1.26: a unit is a basic block, braces and comments included.
    Blocks,
    /// Go 1.27.0 and 1.27.1: a basic block is split at comments and blank lines, and each part is given the number of
    /// statements of the whole (golang/go#80974).
    PartsCountedAsWholes,
    /// From Go 1.27.2 or 1.27.3 on: each part has its own number of statements.
    Parts,
}

impl SourceBlocks {
    /// The functions of a source file; `None` if the grammar makes nothing of it.
    pub fn new(text: &SourceText) -> Option<Self> {
        walk::functions(text).map(|functions| Self { functions })
    }

    /// The functions.
    pub fn functions(&self) -> &[FunctionBlocks] {
        &self.functions
    }
}

impl FunctionBlocks {
    /// Offset in bytes of the keyword `func`.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// The units as byte ranges with their statements, in the order of the coverage data.
    pub fn ranges(&self, text: &SourceText, drawing: Drawing) -> Vec<(u32, u32, u32)> {
        match drawing {
            Drawing::Blocks => self.blocks.iter().map(|b| (b.start, b.end, b.statement_count())).collect(),
            Drawing::PartsCountedAsWholes => {
                let parts =
                    |block| ranges::parts(text, block).map(|part| (part.start, part.end, part.of_block));
                self.blocks.iter().flat_map(parts).collect()
            }
            Drawing::Parts => {
                let parts =
                    |block| ranges::parts(text, block).map(|part| (part.start, part.end, part.statements));
                self.blocks.iter().flat_map(parts).collect()
            }
        }
    }

    /// The units, in the order of the coverage data.
    pub fn units(&self, text: &SourceText, drawing: Drawing) -> Vec<Unit> {
        let unit = |(start, end, statements): (u32, u32, u32)| {
            let ((start_line, start_column), (end_line, end_column)) =
                (text.place_of(start), text.place_of(end));
            Unit { start_line, start_column, end_line, end_column, statements }
        };
        self.ranges(text, drawing).into_iter().map(unit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Start line and column, end line and column, statements.
    type Shown = (u32, u32, u32, u32, u32);

    fn units(source: &str, drawing: Drawing) -> Vec<Vec<Shown>> {
        let text = SourceText::new(source.into());
        let blocks = SourceBlocks::new(&text).unwrap();
        let shown = |u: Unit| (u.start_line, u.start_column, u.end_line, u.end_column, u.statements);
        let of = |function: &FunctionBlocks| function.units(&text, drawing).into_iter().map(shown).collect();
        blocks.functions().iter().map(of).collect()
    }

    const SOURCE: &str = "package p\n\nfunc f(n int) {\n\ta := 1\n\n\ta++ // more\n\tb(a)\nagain:\n\tif n > a {\n\t\tgoto again\n\t} else if n == 0 {\n\t}\n}\n\n\
         var g = func() { f(2) }\n";

    #[test]
    fn each_go_draws_its_own_units() {
        assert_eq!(
            units(SOURCE, Drawing::Blocks),
            [
                vec![
                    (3, 15, 8, 1, 4),
                    (9, 2, 9, 11, 1),
                    (9, 11, 10, 13, 1),
                    (11, 8, 11, 19, 1),
                    (11, 20, 12, 3, 0)
                ],
                vec![(15, 16, 15, 24, 1)],
            ]
        );
        let parts = units(SOURCE, Drawing::Parts);
        assert_eq!(parts[0][..3], [(4, 2, 5, 1, 1), (6, 2, 8, 1, 2), (9, 2, 9, 11, 1)]);
        let wholes = units(SOURCE, Drawing::PartsCountedAsWholes);
        assert_eq!(wholes[0][..3], [(4, 2, 5, 1, 4), (6, 2, 8, 1, 4), (9, 2, 9, 11, 1)]);
    }

    #[test]
    fn depth_is_no_danger() {
        const DEPTH: usize = 4_000;
        for (open, close) in
            [("{", "}"), ("L: ", ""), ("if a { } else ", "{}"), ("f(func() {", "})"), ("(", ")")]
        {
            let source = format!("package p\nfunc f() {{ {} {} }}", open.repeat(DEPTH), close.repeat(DEPTH));
            let text = SourceText::new(source.into());
            if let Some(blocks) = SourceBlocks::new(&text) {
                blocks.functions().iter().for_each(|function| drop(function.units(&text, Drawing::Parts)));
            }
        }
    }

    proptest! {
        #[test]
        fn any_source_is_survived(source in "(func f\\(\\)|if|for|else|switch|case|default:|select|L:|[{}();:=a`\n]|\"| ){0,60}") {
            let text = SourceText::new(source.into());
            for function in SourceBlocks::new(&text).iter().flat_map(SourceBlocks::functions) {
                for drawing in [Drawing::Blocks, Drawing::Parts, Drawing::PartsCountedAsWholes] {
                    function.units(&text, drawing);
                }
            }
        }
    }
}
