//! The percentage of statements of each package, and totals of statements, lines and functions.
//!
//! A package's line is modelled on that of `go tool covdata percent` (`cformat/format.go`, `EmitPercent`). For a package without
//! statements the reference prints its name and no line end; here it says `[no statements]`, as `go test` does. The
//! totals of lines and functions are those of LCOV and Cobertura; they are left out if there is no
//! repository to find the files in and no other report of the run needs files.

use std::io::{self, Write};

use crate::view::{FileTotals, Ratio, View};

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    for package in &view.packages {
        out.write_all(b"\t")?;
        out.write_all(package.path)?;
        writeln!(out, "\t\tcoverage: {}", share(package.statements, "statements"))?;
    }
    let mut total = |ratio: Ratio, what: &str| {
        let Ratio { covered, total } = ratio;
        writeln!(out, "total\t\tcoverage: {} ({covered} of {total})", share(ratio, what))
    };
    total(view.statements, "statements")?;
    if !view.files.is_empty() {
        let totals = FileTotals::of_all(&view.files);
        total(totals.lines, "lines")?;
        total(totals.functions, "functions")?;
    }
    Ok(())
}

fn share(ratio: Ratio, what: &str) -> String {
    ratio.percent().map_or_else(|| format!("[no {what}]"), |percent| format!("{percent}% of {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{FunctionView, Line, PackageView, SourceFile};
    use covfmt::mode::CounterMode;

    #[test]
    fn packages_and_totals() {
        let package = |path: &'static str, covered, total| PackageView {
            path: path.into(),
            name: "".into(),
            module: "".into(),
            files: Vec::new(),
            statements: Ratio { covered, total },
        };
        let mut view = View {
            packages: vec![package("a.b/c", 7, 8), package("a.b/d", 0, 0)],
            statements: Ratio { covered: 7, total: 8 },
            ..View::empty(CounterMode::Set)
        };
        let shown = |view: &View<'_>| {
            let mut out = Vec::new();
            write(view, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let statements = "\ta.b/c\t\tcoverage: 87.5% of statements\n\ta.b/d\t\tcoverage: [no statements]\n\
                          total\t\tcoverage: 87.5% of statements (7 of 8)\n";
        assert_eq!(shown(&view), statements);
        let line = |number, hits| Line { number, hits, branches: Vec::new() };
        let function =
            |hits, lines: &[u32]| FunctionView { hits, lines: lines.into(), ..FunctionView::default() };
        view.files.push(SourceFile {
            lines: vec![line(1, 1), line(2, 0), line(3, 1)],
            functions: vec![function(1, &[1, 2]), function(0, &[3]), function(9, &[])],
            ..SourceFile::default()
        });
        assert_eq!(
            shown(&view).strip_prefix(statements),
            Some(
                "total\t\tcoverage: 66.7% of lines (2 of 3)\ntotal\t\tcoverage: 50.0% of functions (1 of 2)\n"
            )
        );
    }
}
