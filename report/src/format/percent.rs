//! The percentage of statements of each package, and their total.
//!
//! A package's line is that of `go tool covdata percent` (`cformat/format.go`, `EmitPercent`). For a package without
//! statements the reference prints its name and no line end; here it says `[no statements]`, as `go test` does.

use std::io::{self, Write};

use crate::view::{Ratio, View};

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    for package in &view.packages {
        out.write_all(b"\t")?;
        out.write_all(package.path)?;
        writeln!(out, "\t\tcoverage: {}", of_statements(package.statements))?;
    }
    let Ratio { covered, total } = view.statements;
    writeln!(out, "total\t\tcoverage: {} ({covered} of {total})", of_statements(view.statements))
}

fn of_statements(statements: Ratio) -> String {
    statements.percent().map_or("[no statements]".into(), |percent| format!("{percent}% of statements"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::PackageView;
    use covfmt::mode::CounterMode;

    #[test]
    fn packages_and_a_total() {
        let package = |path: &'static str, covered, total| PackageView {
            path: path.into(),
            module: "".into(),
            files: Vec::new(),
            statements: Ratio { covered, total },
        };
        let view = View {
            mode: CounterMode::Set,
            packages: vec![package("a.b/c", 7, 8), package("a.b/d", 0, 0)],
            statements: Ratio { covered: 7, total: 8 },
            files: Vec::new(),
            root: None,
            excluded: crate::view::Excluded::default(),
        };
        let mut out = Vec::new();
        write(&view, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\ta.b/c\t\tcoverage: 87.5% of statements\n\ta.b/d\t\tcoverage: [no statements]\n\
             total\t\tcoverage: 87.5% of statements (7 of 8)\n"
        );
    }
}
