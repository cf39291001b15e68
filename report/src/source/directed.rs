//! The functions of Go files with `//line` directives, with their units twice: as Go up to 1.26 records them, in the
//! places that the directives give, and where each Go draws them in the file. `cmd/cover/cover.go`, `postFunc`, `newCounter`, `dedup`.

use std::collections::HashMap;

use covfmt::unit::Unit;

use super::blocks::{Drawing, SourceBlocks};
use super::declarations::{Declaration, declarations};
use super::line_map::{LineMap, LogicalPlace};
use super::text::SourceText;

/// A Go file that may have directives.
#[derive(Debug)]
pub struct DirectedSource {
    text: SourceText,
    map: LineMap,
    blocks: SourceBlocks,
    declarations: Vec<Declaration>,
}

/// A function in such a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectedFunction {
    /// The name that the cover tool gives it; that of a literal is its place, as directives give it.
    pub name: Vec<u8>,
    /// Whether it is a literal.
    pub literal: bool,
    /// The base name of the file that directives give for its start.
    pub file: Vec<u8>,
    /// The units as Go up to 1.26 records them.
    pub recorded: Vec<Unit>,
    /// Its number among the functions of the file.
    number: usize,
}

/// The places that the cover tool has given to units of a package: none twice. Each with the column to look on at for an end
/// that is free, as all before it are taken: thousands of units may be at the same place.
#[derive(Debug, Default)]
pub struct TakenPlaces(HashMap<(LogicalPlace, LogicalPlace), u32>);

impl DirectedSource {
    /// Reads the file with the base name `name`; `None` if it is no Go, or has directives that Go refuses.
    pub fn new(bytes: Vec<u8>, name: &[u8]) -> Option<Self> {
        let text = SourceText::new(bytes);
        let map = LineMap::new(&text, name)?;
        let blocks = SourceBlocks::new(&text)?;
        let declarations = declarations(&text);
        Some(Self { text, map, blocks, declarations })
    }

    /// Its functions. What two units would share is changed as the cover tool does it, which goes from file to file of a
    /// package with the same `taken`.
    pub fn functions(&self, taken: &mut TakenPlaces) -> Vec<DirectedFunction> {
        let text = &self.text;
        let mut found = Vec::with_capacity(self.blocks.functions().len());
        for (number, function) in self.blocks.functions().iter().enumerate() {
            let place = self.map.place_of(text, function.start());
            let declared = self.declarations.iter().find(|declared| declared.start == function.start());
            let name = match declared {
                Some(declared) => name_of(declared),
                None => format!("func.L{}.C{}", place.line, place.column).into_bytes(),
            };
            let mut recorded = Vec::new();
            for (start, end, statements) in function.ranges(text, Drawing::Blocks) {
                let places = (self.map.place_of(text, start), self.map.place_of(text, end));
                recorded.push(taken.unit(places, statements));
            }
            found.push(DirectedFunction {
                name,
                literal: declared.is_none(),
                file: place.base().to_vec(),
                recorded,
                number,
            });
        }
        found
    }

    /// The units of one of its functions in the file itself.
    pub fn physical(&self, function: &DirectedFunction, drawing: Drawing) -> Vec<Unit> {
        let blocks = self.blocks.functions().get(function.number);
        blocks.map(|blocks| blocks.units(&self.text, drawing)).unwrap_or_default()
    }
}

impl TakenPlaces {
    fn unit(&mut self, mut places: (LogicalPlace, LogicalPlace), statements: u32) -> Unit {
        let mut passed = Vec::new();
        while let Some(next) = self.0.get(&places).copied().filter(|next| *next > places.1.column) {
            passed.push(places.1.column);
            places.1.column = next;
        }
        let (free, next) = (places.1.column, places.1.column.saturating_add(1));
        for column in passed {
            places.1.column = column;
            self.0.entry(places.clone()).and_modify(|looked_on_at| *looked_on_at = next);
        }
        places.1.column = free;
        let unit = Unit {
            start_line: places.0.line,
            start_column: places.0.column,
            end_line: places.1.line,
            end_column: places.1.column,
            statements,
        };
        self.0.insert(places, next);
        unit
    }
}

/// `f`, `T.f` or `*T.f`; the receiver is left out if its type has parameters.
fn name_of(declared: &Declaration) -> Vec<u8> {
    match declared.receiver.as_ref().filter(|receiver| !receiver.generic) {
        None => declared.name.clone(),
        Some(receiver) => {
            let star: &[u8] = if receiver.pointer { b"*" } else { b"" };
            [star, &receiver.base, b".", &declared.name].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start line and column, end line and column, statements.
    type Shown = (u32, u32, u32, u32, u32);

    fn shown(units: &[Unit]) -> Vec<Shown> {
        units.iter().map(|u| (u.start_line, u.start_column, u.end_line, u.end_column, u.statements)).collect()
    }

    const SOURCE: &[u8] =
        b"package p\n\n//line a.y:9\nfunc (t *T) f() { a(); if b { c() } }\nfunc (l *L[K]) g() {\n\td()\n}\n\
                            var h = func() { e() }\n";

    #[test]
    fn units_are_as_recorded_and_where_they_are() {
        let source = DirectedSource::new(SOURCE.to_vec(), b"p.go").unwrap();
        let functions = source.functions(&mut TakenPlaces::default());
        let told: Vec<_> =
            functions.iter().map(|f| (f.name.as_slice(), f.literal, f.file.as_slice())).collect();
        assert_eq!(
            told,
            [
                (b"*T.f".as_slice(), false, b"a.y".as_slice()),
                (b"g".as_slice(), false, b"a.y".as_slice()),
                (b"func.L13.C0".as_slice(), true, b"a.y".as_slice())
            ]
        );
        // Without columns, the second unit of a line is told from the first by its end.
        assert_eq!(shown(&functions[0].recorded), [(9, 0, 9, 0, 2), (9, 0, 9, 1, 1)]);
        let physical = |number: usize, drawing| shown(&source.physical(&functions[number], drawing));
        assert_eq!(physical(0, Drawing::Blocks), [(4, 17, 4, 29, 2), (4, 29, 4, 36, 1)]);
        assert_eq!(physical(0, Drawing::Parts), [(4, 19, 4, 29, 2), (4, 31, 4, 36, 1)]);
        assert_eq!(shown(&functions[1].recorded), [(10, 0, 12, 0, 1)]);
        assert_eq!(physical(1, Drawing::Blocks), [(5, 20, 7, 2, 1)]);
    }

    #[test]
    fn thousands_of_units_at_one_place_are_told_apart_at_once() {
        const UNITS: u32 = 30_000;
        let began = std::time::Instant::now();
        let place = |line, column| LogicalPlace { file: b"a.y".to_vec(), line, column };
        let mut taken = TakenPlaces::default();
        taken.unit((place(1, 0), place(3, 7)), 1);
        let mut end = |column| taken.unit((place(1, 0), place(3, column)), 1).end_column;
        let ends: Vec<u32> = (0..UNITS).map(|_| end(0)).collect();
        let expected: Vec<u32> = (0..=UNITS).filter(|column| *column != 7).collect();
        assert_eq!(ends, expected);
        assert_eq!((0..UNITS).map(&mut end).collect::<Vec<_>>(), (UNITS + 1..=2 * UNITS).collect::<Vec<_>>());
        assert_eq!((end(u32::MAX), end(u32::MAX)), (u32::MAX, u32::MAX), "which no source has");
        // One after the other they would be two thousand million looks.
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }

    #[test]
    fn places_are_taken_for_a_whole_package() {
        let read = |name: &[u8]| DirectedSource::new(SOURCE.to_vec(), name).unwrap();
        let mut taken = TakenPlaces::default();
        read(b"p.go").functions(&mut taken);
        let functions = read(b"q.go").functions(&mut taken);
        assert_eq!(shown(&functions[0].recorded), [(9, 0, 9, 2, 2), (9, 0, 9, 3, 1)]);
        assert!(DirectedSource::new(b"package p\n//line a.y:0\nvar a = 1\n".to_vec(), b"p.go").is_none());
    }
}
