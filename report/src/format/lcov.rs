//! LCOV tracefile, in the narrow profile that every version of lcov and Codecov reads alike. geninfo(1), "FILES".
//!
//! Branches are given as integers, one block per line; `FN` stands on the function's first line of code, as
//! genhtml 2.3 and later insist that it is a line with a count. End lines of functions are written on request only, in
//! the `FNL` and `FNA` records of lcov 2.2 and later: lcov 2.0 rejects those, and lcov 1.16 misreads end lines in `FN`.

use std::io::{self, Write};

use super::CountLimit;
use super::batches::{append_number, write_in_order};
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
    let files: Vec<&SourceFile<'_>> = view.files.iter().filter(|file| !file.lines.is_empty()).collect();
    write_in_order(&files, out, |file, text| append_file(file, options, text))
}

fn append_file(file: &SourceFile<'_>, options: &LcovOptions, text: &mut Vec<u8>) {
    append(text, &[b"TN:", options.test_name.as_bytes(), b"\nSF:", file.path.as_bytes(), b"\n"]);
    append_functions(file, options, text);

    file.lines.iter().for_each(|line| append_branches(line, options.limit, text));
    append_totals(text, [b"BRF:", b"BRH:"], file.branch_totals());

    for line in &file.lines {
        append_record(text, b"DA:", line.number);
        append_record(text, b",", options.limit.of(line.hits));
        text.push(b'\n');
    }
    append_totals(text, [b"LF:", b"LH:"], file.line_totals());
    text.extend_from_slice(b"end_of_record\n");
}

fn append_functions(file: &SourceFile<'_>, options: &LcovOptions, text: &mut Vec<u8>) {
    let mut functions: Vec<_> =
        file.functions.iter().filter_map(|function| Some((*function.lines.first()?, function))).collect();
    functions.sort_by_key(|(line, _)| *line);
    let hits = |function: &FunctionView| options.limit.of(function.hits);
    match options.functions {
        FunctionRecords::Fn => {
            for (line, function) in &functions {
                append_record(text, b"FN:", *line);
                append(text, &[b",", function.name.as_bytes(), b"\n"]);
            }
            for (_, function) in &functions {
                append_record(text, b"FNDA:", hits(function));
                append(text, &[b",", function.name.as_bytes(), b"\n"]);
            }
        }
        FunctionRecords::Fnl => {
            for (index, (line, function)) in (0..).zip(&functions) {
                append_record(text, b"FNL:", index);
                append_record(text, b",", *line);
                // Without source an end line may be the line above the first line of code.
                append_record(text, b",", function.end_line.max(*line));
                append_record(text, b"\nFNA:", index);
                append_record(text, b",", hits(function));
                append(text, &[b",", function.name.as_bytes(), b"\n"]);
            }
        }
    }
    append_totals(text, [b"FNF:", b"FNH:"], file.function_totals());
}

/// A line that never ran has no branches that could have been taken: they are `-`, not 0.
fn append_branches(line: &Line, limit: CountLimit, text: &mut Vec<u8>) {
    for (index, count) in (0..).zip(&line.branches) {
        append_record(text, b"BRDA:", line.number);
        append_record(text, b",0,", index);
        if line.hits == 0 {
            text.extend_from_slice(b",-");
        } else {
            append_record(text, b",", limit.of(*count));
        }
        text.push(b'\n');
    }
}

fn append_totals(text: &mut Vec<u8>, [total, covered]: [&[u8]; 2], ratio: Ratio) {
    for (name, number) in [(total, ratio.total), (covered, ratio.covered)] {
        append(text, &[name, itoa::Buffer::new().format(number).as_bytes(), b"\n"]);
    }
}

fn append_record(text: &mut Vec<u8>, before: &[u8], number: u32) {
    text.extend_from_slice(before);
    append_number(text, number);
}

fn append(text: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        text.extend_from_slice(part);
    }
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
