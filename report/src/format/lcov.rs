//! LCOV tracefile, in the narrow profile that every version of lcov and Codecov reads alike. geninfo(1), "FILES".
//!
//! Branches are given as integers, one block per line; `FN` stands on the function's first line of code, as
//! genhtml 2.3 and later insist that it is a line with a count. Neither end lines of functions nor `FNL` records are
//! written: lcov 1.16 misreads the one and lcov 2.0 rejects the other.

use std::io::{self, Write};

use crate::view::{Line, Ratio, SourceFile, View};

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    // A record without lines makes lcov complain.
    view.files.iter().filter(|file| !file.lines.is_empty()).try_for_each(|file| write_file(file, out))
}

fn write_file(file: &SourceFile<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "TN:\nSF:{}", file.path)?;
    let mut functions: Vec<_> =
        file.functions.iter().filter_map(|function| Some((*function.lines.first()?, function))).collect();
    functions.sort_by_key(|(line, _)| *line);
    for (line, function) in &functions {
        writeln!(out, "FN:{line},{}", function.name)?;
    }
    for (_, function) in &functions {
        writeln!(out, "FNDA:{},{}", function.hits, function.name)?;
    }
    let Ratio { covered, total } = file.function_totals();
    writeln!(out, "FNF:{total}\nFNH:{covered}")?;

    file.lines.iter().try_for_each(|line| write_branches(line, out))?;
    let Ratio { covered, total } = file.branch_totals();
    writeln!(out, "BRF:{total}\nBRH:{covered}")?;

    file.lines.iter().try_for_each(|line| writeln!(out, "DA:{},{}", line.number, line.hits))?;
    let Ratio { covered, total } = file.line_totals();
    writeln!(out, "LF:{total}\nLH:{covered}\nend_of_record")
}

/// A line that never ran has no branches that could have been taken: they are `-`, not 0.
fn write_branches(line: &Line, out: &mut dyn Write) -> io::Result<()> {
    for (index, count) in line.branches.iter().enumerate() {
        if line.hits == 0 {
            writeln!(out, "BRDA:{},0,{index},-", line.number)?;
        } else {
            writeln!(out, "BRDA:{},0,{index},{count}", line.number)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::FunctionView;
    use covfmt::mode::CounterMode;

    #[test]
    fn a_record_per_file() {
        let line = |number, hits, branches: &[u32]| Line { number, hits, branches: branches.to_vec() };
        let function = |name: &str, hits, lines: &[u32]| FunctionView {
            name: name.into(),
            hits,
            lines: lines.into(),
            ..FunctionView::default()
        };
        let file = SourceFile {
            path: "a/b.go".into(),
            package: "p/a".into(),
            statements: Ratio::default(),
            lines: vec![line(3, 2, &[]), line(4, 2, &[2, 0]), line(9, 0, &[0, 0])],
            functions: vec![
                function("(*T).M", 2, &[3, 4]),
                function("empty", 7, &[]),
                function("g", 0, &[9]),
            ],
        };
        let silent = SourceFile {
            path: "a/z.go".into(),
            package: "p/a".into(),
            statements: Ratio::default(),
            lines: Vec::new(),
            functions: Vec::new(),
        };
        let view = View {
            mode: CounterMode::Count,
            packages: Vec::new(),
            statements: Ratio::default(),
            files: vec![file, silent],
            root: None,
            excluded: crate::view::Excluded::default(),
        };
        let mut out = Vec::new();
        write(&view, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "TN:\nSF:a/b.go\nFN:3,(*T).M\nFN:9,g\nFNDA:2,(*T).M\nFNDA:0,g\nFNF:2\nFNH:1\n\
             BRDA:4,0,0,2\nBRDA:4,0,1,0\nBRDA:9,0,0,-\nBRDA:9,0,1,-\nBRF:4\nBRH:1\n\
             DA:3,2\nDA:4,2\nDA:9,0\nLF:3\nLH:2\nend_of_record\n"
        );
    }
}
