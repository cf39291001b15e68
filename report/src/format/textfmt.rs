//! The text profile that `go test -coverprofile` and `go tool covdata textfmt` write.
//! `internal/coverage/cformat/format.go`, `EmitTextual`.

use std::io::{self, Write};

use covfmt::mode::CounterMode;

use super::CountLimit;
use super::batches::{append_number, write_in_order};
use crate::view::{FileUnits, View};

pub(super) fn write(view: &View<'_>, limit: CountLimit, out: &mut dyn Write) -> io::Result<()> {
    write_mode(view.mode, out)?;
    let files: Vec<&FileUnits<'_>> = view.packages.iter().flat_map(|package| &package.files).collect();
    write_in_order(&files, out, |file, text| append_limited(file, limit, text))
}

/// Writes the first line, which says what the counts mean.
pub(crate) fn write_mode(mode: CounterMode, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "mode: {mode}")
}

/// Appends a line for each unit of a file.
pub(crate) fn append_units(file: &FileUnits<'_>, text: &mut Vec<u8>) {
    append_limited(file, CountLimit::None, text);
}

fn append_limited(file: &FileUnits<'_>, limit: CountLimit, text: &mut Vec<u8>) {
    for counted in &file.units {
        let unit = &counted.unit;
        text.extend_from_slice(file.name);
        for (separator, value) in [
            (b':', unit.start_line),
            (b'.', unit.start_column),
            (b',', unit.end_line),
            (b'.', unit.end_column),
            (b' ', unit.statements),
            (b' ', limit.of(counted.count)),
        ] {
            text.push(separator);
            append_number(text, value);
        }
        text.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use covfmt::profile::Function;
    use covfmt::unit::Unit;

    use crate::view::PackageView;

    #[test]
    fn a_line_per_unit() {
        let units = [Unit { start_line: 3, end_line: 5, start_column: 13, end_column: 2, statements: 2 }];
        let function = Function {
            name: "f".into(),
            file: "p/a.go".into(),
            literal: false,
            units: &units,
            counts: &[u32::MAX],
            entries: u32::MAX,
        };
        let package =
            PackageView::new("p".into(), "p".into(), CounterMode::Atomic, std::iter::once(function));
        let view = View { packages: vec![package], ..View::empty(CounterMode::Atomic) };
        let mut out = Vec::new();
        write(&view, CountLimit::None, &mut out).unwrap();
        assert_eq!(out, b"mode: atomic\np/a.go:3.13,5.2 2 4294967295\n");
        let mut out = Vec::new();
        write(&view, CountLimit::Int32, &mut out).unwrap();
        assert_eq!(out, b"mode: atomic\np/a.go:3.13,5.2 2 2147483647\n");
    }
}
