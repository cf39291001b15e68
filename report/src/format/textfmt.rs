//! The text profile that `go test -coverprofile` and `go tool covdata textfmt` write.
//! `internal/coverage/cformat/format.go`, `EmitTextual`.

use std::io::{self, Write};

use covfmt::mode::CounterMode;

use super::CountLimit;
use crate::view::{PackageView, View};

pub(super) fn write(view: &View<'_>, limit: CountLimit, out: &mut dyn Write) -> io::Result<()> {
    write_limited(view.mode, &view.packages, limit, out)
}

/// Writes a `mode:` line and one line per unit.
pub(crate) fn write_profile(
    mode: CounterMode,
    packages: &[PackageView<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    write_limited(mode, packages, CountLimit::None, out)
}

fn write_limited(
    mode: CounterMode,
    packages: &[PackageView<'_>],
    limit: CountLimit,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "mode: {mode}")?;
    let mut line = Vec::new();
    let mut digits = itoa::Buffer::new();
    for file in packages.iter().flat_map(|package| &package.files) {
        for counted in &file.units {
            let unit = &counted.unit;
            line.clear();
            line.extend_from_slice(file.name);
            for (separator, value) in [
                (b':', unit.start_line),
                (b'.', unit.start_column),
                (b',', unit.end_line),
                (b'.', unit.end_column),
                (b' ', unit.statements),
                (b' ', limit.of(counted.count)),
            ] {
                line.push(separator);
                line.extend_from_slice(digits.format(value).as_bytes());
            }
            line.push(b'\n');
            out.write_all(&line)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use covfmt::profile::Function;
    use covfmt::unit::Unit;

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
        let mut out = Vec::new();
        write_profile(CounterMode::Atomic, std::slice::from_ref(&package), &mut out).unwrap();
        assert_eq!(out, b"mode: atomic\np/a.go:3.13,5.2 2 4294967295\n");
        let mut out = Vec::new();
        write_limited(CounterMode::Atomic, &[package], CountLimit::Int32, &mut out).unwrap();
        assert_eq!(out, b"mode: atomic\np/a.go:3.13,5.2 2 2147483647\n");
    }
}
