//! Where `//line` and `/*line*/` directives say that code is: the places that Go up to 1.26 writes into coverage data.
//! `go/scanner`, `updateLineInfo`; `go/token`, `File.unpack`.
//!
//! No source makes it panic; memory is proportional to the source.

use super::comments::comments;
use super::text::SourceText;

/// The directives of a source file, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineMap {
    own_file: Vec<u8>,
    infos: Vec<Info>,
}

/// A place as directives give it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LogicalPlace {
    /// The file, as a cleaned path; relative ones are in the directory of the source.
    pub(super) file: Vec<u8>,
    /// 1-based line.
    pub(super) line: u32,
    /// 1-based column in bytes; 0 behind a directive without a column.
    pub(super) column: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Info {
    /// Offset of the first byte that the directive is about.
    offset: u32,
    /// The line of the source that this byte is on.
    on_line: u32,
    file: Vec<u8>,
    line: u32,
    /// 0 if the directive has none.
    column: u32,
}

/// What a comment directs.
enum Directive {
    None,
    /// One that Go refuses: there is no data of such a file.
    Wrong,
    /// File (`None`: the one before), line and column (0: none).
    To(Option<Vec<u8>>, u32, u32),
}

impl LineMap {
    /// The directives of the source called `own_file`; `None` if one of them is not understood.
    pub(super) fn new(text: &SourceText, own_file: &[u8]) -> Option<Self> {
        let mut map = Self { own_file: own_file.to_vec(), infos: Vec::new() };
        let length = u32::try_from(text.bytes().len()).ok()?;
        for comment in comments(text) {
            let bytes = text.bytes().get(comment.start as usize..comment.end as usize).unwrap_or_default();
            let (content, offset) = if bytes.starts_with(b"//") {
                if text.place_of(comment.start).1 != 1 {
                    continue;
                }
                (bytes.strip_suffix(b"\r").unwrap_or(bytes).get(2..), comment.end.saturating_add(1))
            } else {
                (bytes.strip_suffix(b"*/").and_then(|bytes| bytes.get(2..)), comment.end)
            };
            let Some(directive) = content.and_then(|content| content.strip_prefix(b"line ")) else {
                continue;
            };
            let (file, line, column) = match parse(directive) {
                Directive::None => continue,
                Directive::Wrong => return None,
                Directive::To(file, line, column) => (file, line, column),
            };
            let file = match file {
                None => map.infos.last().map_or(&map.own_file, |info| &info.file).clone(),
                Some(file) if file.is_empty() => file,
                Some(file) => clean(&file)?,
            };
            if offset < length && map.infos.last().is_none_or(|last| last.offset < offset) {
                map.infos.push(Info { offset, on_line: text.line_of(offset), file, line, column });
            }
        }
        Some(map)
    }

    /// The place of a byte of the source.
    pub(super) fn place_of(&self, text: &SourceText, offset: u32) -> LogicalPlace {
        let (line, column) = text.place_of(offset);
        let behind = self.infos.partition_point(|info| info.offset <= offset);
        let Some(info) = behind.checked_sub(1).and_then(|last| self.infos.get(last)) else {
            return LogicalPlace { file: self.own_file.clone(), line, column };
        };
        let column = match info.column {
            0 => 0,
            first if info.on_line == line => first.saturating_add(offset - info.offset),
            _ => column,
        };
        let line = info.line.saturating_add(line.saturating_sub(info.on_line));
        LogicalPlace { file: info.file.clone(), line, column }
    }
}

impl LogicalPlace {
    /// The last element of the file's path, `.` for an empty path.
    pub(super) fn base(&self) -> &[u8] {
        if self.file.is_empty() {
            return b".";
        }
        self.file.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }
}

/// What stands behind `//line `.
fn parse(text: &[u8]) -> Directive {
    const LARGEST: u64 = 1 << 30;
    let number = |digits: &[u8]| -> Option<u64> {
        let digits = std::str::from_utf8(digits).ok()?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let in_range = |number: u64| u32::try_from(number).ok().filter(|_| (1..=LARGEST).contains(&number));
    let Some((rest, last)) = split_at_last_colon(text) else { return Directive::None };
    let Some(last) = number(last) else { return Directive::Wrong };
    let before = split_at_last_colon(rest).and_then(|(file, line)| Some((file, number(line)?)));
    let (file, line, column) = match before {
        Some((file, line)) => match in_range(last) {
            Some(column) => (file, line, column),
            None => return Directive::Wrong,
        },
        None => (rest, last, 0),
    };
    let Some(line) = in_range(line) else { return Directive::Wrong };
    let file = Some(file.to_vec()).filter(|file| !file.is_empty() || column == 0);
    Directive::To(file, line, column)
}

fn split_at_last_colon(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().rposition(|byte| *byte == b':')?;
    Some((text.get(..colon)?, text.get(colon + 1..)?))
}

/// A path without empty elements, `.` and, where something precedes them, `..`. `None` for a path that ends with a
/// directory's name which it does not say. `path/filepath`, `Clean`.
fn clean(path: &[u8]) -> Option<Vec<u8>> {
    let absolute = path.starts_with(b"/");
    let mut elements: Vec<&[u8]> = Vec::new();
    for element in path.split(|byte| *byte == b'/') {
        match element {
            b"" | b"." => {}
            b".." if elements.last().is_some_and(|last| *last != b"..") => drop(elements.pop()),
            b".." if absolute => {}
            _ => elements.push(element),
        }
    }
    elements.last().filter(|last| **last != b"..")?;
    let joined = elements.join(&b'/');
    Some(if absolute { [b"/", joined.as_slice()].concat() } else { joined })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(source: &str, marks: char) -> Vec<(String, u32, u32)> {
        let text = SourceText::new(source.into());
        let map = LineMap::new(&text, b"own.go").unwrap();
        let offsets = source.match_indices(marks).map(|(offset, _)| u32::try_from(offset).unwrap());
        let shown = offsets
            .map(|offset| map.place_of(&text, offset))
            .map(|place| (String::from_utf8(place.base().to_vec()).unwrap(), place.line, place.column));
        shown.collect()
    }

    #[test]
    fn directives_move_what_follows() {
        let source = "x\n//line d/./a.y:10\r\n x\nx\n//line b.y:7:3\n x\n x /*line :9:5*/x\n//line own.go:8\nx\n \
                      //line no.y:1\nx /*line c.y:4*/ x\n//line nothing\nx\n//line :3\nx\n//line C:\\e.y:7\nx\n";
        let at = |file: &str, line, column| (file.to_owned(), line, column);
        assert_eq!(
            places(source, 'x'),
            [
                at("own.go", 1, 1),
                at("a.y", 10, 0),
                at("a.y", 11, 0),
                // The column holds on the first line only.
                at("b.y", 7, 4),
                at("b.y", 8, 2),
                at("b.y", 9, 5),
                at("own.go", 8, 0),
                at("own.go", 10, 0),
                at("c.y", 4, 0),
                at("c.y", 6, 0),
                at(".", 3, 0),
                at("C:\\e.y", 7, 0),
            ]
        );
    }

    #[test]
    fn what_go_refuses_is_no_map() {
        for wrong in ["a.y:x", "a.y:0", "a.y:1:0", "a.y:1073741825", "a.y:3 ", "..:3", "a/..:3", "a.y:-1"] {
            let text = SourceText::new(format!("package p\n//line {wrong}\nvar a = 1\n").into());
            assert_eq!(LineMap::new(&text, b"own.go"), None, "{wrong}");
        }
        // In a string there are no directives.
        let text = SourceText::new(b"package p\nvar a = `\n//line a.y:1\n`\n".to_vec());
        assert_eq!(LineMap::new(&text, b"own.go").unwrap().infos, []);
    }

    proptest! {
        #[test]
        fn any_source_is_answered(source in "(/[*/]line |a|:[0-9]{0,11}|[*]/|\n|`|[.][.]|/){0,40}", offset in 0u32..99) {
            let text = SourceText::new(source.into_bytes());
            if let Some(map) = LineMap::new(&text, b"own.go") {
                map.place_of(&text, offset);
            }
        }
    }
}
