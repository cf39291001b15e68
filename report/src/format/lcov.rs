//! LCOV tracefile, in the narrow profile that every version of lcov and Codecov reads alike. geninfo(1), "FILES".
//!
//! Branches are given as integers, one block per line; `FN` stands on the function's first line of code, as
//! genhtml 2.3 and later insist that it is a line with a count. End lines of functions are written on request only, in
//! the `FNL` and `FNA` records of lcov 2.2 and later: lcov 2.0 rejects those, and lcov 1.16 misreads end lines in `FN`.

use std::io::{self, Write};

use super::CountLimit;
use crate::view::{FunctionView, Line, Ratio, SourceFile, View};

/// What an LCOV file can hold beside the usual.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LcovOptions {
    /// The name of the test in `TN` records: letters, digits and underscores, or nothing.
    pub test_name: String,
    /// Which records functions get.
    pub functions: FunctionRecords,
    /// The greatest count.
    pub limit: CountLimit,
}

/// The records of functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum FunctionRecords {
    /// `FN` and `FNDA`, which every version reads.
    #[default]
    Fn,
    /// `FNL` and `FNA`, with end lines, for lcov 2.2 and later only.
    Fnl,
}

pub(super) fn write(view: &View<'_>, options: &LcovOptions, out: &mut dyn Write) -> io::Result<()> {
    // A record without lines makes lcov complain.
    let mut files = view.files.iter().filter(|file| !file.lines.is_empty());
    files.try_for_each(|file| write_file(file, options, out))
}

fn write_file(file: &SourceFile<'_>, options: &LcovOptions, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "TN:{}\nSF:{}", options.test_name, file.path)?;
    write_functions(file, options, out)?;

    file.lines.iter().try_for_each(|line| write_branches(line, options.limit, out))?;
    let Ratio { covered, total } = file.branch_totals();
    writeln!(out, "BRF:{total}\nBRH:{covered}")?;

    let hits = |line: &Line| options.limit.of(line.hits);
    file.lines.iter().try_for_each(|line| writeln!(out, "DA:{},{}", line.number, hits(line)))?;
    let Ratio { covered, total } = file.line_totals();
    writeln!(out, "LF:{total}\nLH:{covered}\nend_of_record")
}

fn write_functions(file: &SourceFile<'_>, options: &LcovOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut functions: Vec<_> =
        file.functions.iter().filter_map(|function| Some((*function.lines.first()?, function))).collect();
    functions.sort_by_key(|(line, _)| *line);
    let hits = |function: &FunctionView| options.limit.of(function.hits);
    match options.functions {
        FunctionRecords::Fn => {
            for (line, function) in &functions {
                writeln!(out, "FN:{line},{}", function.name)?;
            }
            for (_, function) in &functions {
                writeln!(out, "FNDA:{},{}", hits(function), function.name)?;
            }
        }
        FunctionRecords::Fnl => {
            for (index, (line, function)) in functions.iter().enumerate() {
                // Without source an end line may be the line above the first line of code.
                writeln!(out, "FNL:{index},{line},{}", function.end_line.max(*line))?;
                writeln!(out, "FNA:{index},{},{}", hits(function), function.name)?;
            }
        }
    }
    let Ratio { covered, total } = file.function_totals();
    writeln!(out, "FNF:{total}\nFNH:{covered}")
}

/// A line that never ran has no branches that could have been taken: they are `-`, not 0.
fn write_branches(line: &Line, limit: CountLimit, out: &mut dyn Write) -> io::Result<()> {
    for (index, count) in line.branches.iter().enumerate() {
        if line.hits == 0 {
            writeln!(out, "BRDA:{},0,{index},-", line.number)?;
        } else {
            writeln!(out, "BRDA:{},0,{index},{}", line.number, limit.of(*count))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use covfmt::mode::CounterMode;

    #[test]
    fn a_record_per_file() {
        let line = |number, hits, branches: &[u32]| Line { number, hits, branches: branches.to_vec() };
        let function = |name: &str, hits, lines: &[u32]| {
            let end_line = lines.last().map_or(0, |last| last + 1).min(9);
            FunctionView { name: name.into(), hits, lines: lines.into(), end_line, ..FunctionView::default() }
        };
        let file = SourceFile {
            path: "a/b.go".into(),
            lines: vec![line(3, 2, &[]), line(4, u32::MAX, &[u32::MAX, 0]), line(9, 0, &[0, 0])],
            functions: vec![
                function("(*T).M", 2, &[3, 4]),
                function("empty", 7, &[]),
                function("g", 0, &[9]),
            ],
            ..SourceFile::default()
        };
        let silent = SourceFile { path: "a/z.go".into(), ..SourceFile::default() };
        let view = View { files: vec![file, silent], ..View::empty(CounterMode::Count) };
        let shown = |options: &LcovOptions| {
            let mut out = Vec::new();
            write(&view, options, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let functions = "FN:3,(*T).M\nFN:9,g\nFNDA:2,(*T).M\nFNDA:0,g\n";
        let expected = format!(
            "TN:\nSF:a/b.go\n{functions}FNF:2\nFNH:1\n\
             BRDA:4,0,0,4294967295\nBRDA:4,0,1,0\nBRDA:9,0,0,-\nBRDA:9,0,1,-\nBRF:4\nBRH:1\n\
             DA:3,2\nDA:4,4294967295\nDA:9,0\nLF:3\nLH:2\nend_of_record\n"
        );
        assert_eq!(shown(&LcovOptions::default()), expected);

        let test_name = "integration_7".to_owned();
        let options = LcovOptions { test_name, functions: FunctionRecords::Fnl, limit: CountLimit::Int32 };
        let expected = expected
            .replace("TN:", "TN:integration_7")
            .replace(functions, "FNL:0,3,5\nFNA:0,2,(*T).M\nFNL:1,9,9\nFNA:1,0,g\n")
            .replace("4294967295", "2147483647");
        assert_eq!(shown(&options), expected);
    }
}
