//! `//line` directives: comments that say which other file a stretch of source was made from. `cmd/compile`
//! documentation, "Compiler Directives"; `go/scanner`, `updateLineInfo`.

use bstr::ByteSlice as _;

/// The base names of the files that `//line` directives at the start of a line and `/*line*/` directives name.
///
/// A comment within a raw string looks the same and is taken for one; that can only suggest a file too many.
pub fn directed_files(source: &[u8]) -> impl Iterator<Item = &[u8]> {
    const LINE: &[u8] = b"//line ";
    const BLOCK: &[u8] = b"/*line ";
    let starts_line = |at: &usize| at.checked_sub(1).is_none_or(|before| source.get(before) == Some(&b'\n'));
    let of_lines = source
        .find_iter(LINE)
        .filter(starts_line)
        .filter_map(|at| source.get(at + LINE.len()..)?.lines().next());
    let of_blocks = source.find_iter(BLOCK).filter_map(|at| {
        let rest = source.get(at + BLOCK.len()..)?;
        rest.get(..rest.find(b"*/")?)
    });
    of_lines.chain(of_blocks).filter_map(|directive| {
        let directive = directive.trim_ascii_end();
        let name = before_number(directive)?;
        // Of two numbers the first is the line, the second the column.
        let name = before_number(name).unwrap_or(name);
        name.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().filter(|base| !base.is_empty())
    })
}

/// What stands before the last colon, if a number stands behind it.
fn before_number(text: &[u8]) -> Option<&[u8]> {
    let colon = text.iter().rposition(|byte| *byte == b':')?;
    let number = text.get(colon + 1..)?;
    (!number.is_empty() && number.iter().all(u8::is_ascii_digit)).then(|| text.get(..colon))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_directives_are_found() {
        let source =
            b"//line a.y:12\nx //line no.y:1\n //line no.y:1\n//line dir/b.y:3:4\r\n//line C:\\d\\c.y:7\n\
                       //line :5\n//line nothing\n//line d.y:\n x /*line e/f.y:7:1*/ y /*line g.y";
        let found: Vec<&[u8]> = directed_files(source).collect();
        assert_eq!(found, [b"a.y", b"b.y", b"c.y", b"f.y"]);
    }
}
