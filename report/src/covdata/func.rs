//! `func`: the statements of each function. `internal/coverage/cformat/format.go`, `EmitFuncs`.

use std::io::{self, BufWriter, Write};

use bstr::BStr;
use covfmt::merge::add;
use covfmt::mode::CounterMode;
use covfmt::profile::Function;
use covfmt::unit::Unit;
use rayon::prelude::*;

use super::tabs::TabWriter;
use crate::view::Ratio;

/// Writes a line for each function of the packages, and the total. Function literals count for the total only.
pub(super) fn write(
    mode: CounterMode,
    packages: &[Vec<Function<'_>>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 17, out);
    let runs: Vec<Vec<Run<'_>>> = packages.par_iter().map(|functions| runs(mode, functions)).collect();
    let mut total = Ratio::default();
    let mut table = TabWriter::new(&mut out);
    let mut digits = itoa::Buffer::new();
    for run in runs.iter().flatten() {
        total += run.statements;
        if !run.literal {
            table.push(run.file)?;
            table.push(b":")?;
            table.push(digits.format(run.line).as_bytes())?;
            table.push(b":\t")?;
            table.push(run.name)?;
            table.push(format!("\t{}%\n", percent(run.statements)).as_bytes())?;
        }
    }
    table.push(format!("total\t(statements)\t{}%\n", percent(total)).as_bytes())?;
    table.flush()?;
    out.flush()
}

fn percent(statements: Ratio) -> String {
    statements.percent().map_or("0.0".into(), |percent| percent.to_string())
}

/// Neighbouring units of functions of one name, which the reference takes for one function, whatever file they are in.
struct Run<'f> {
    name: &'f BStr,
    file: &'f BStr,
    literal: bool,
    /// The line of the first unit, from 1.
    line: u32,
    statements: Ratio,
}

/// A unit of a package as the reference orders them; those equal in file and extent, which it takes in random order,
/// are ordered by name.
type Place<'f> = (&'f BStr, &'f Unit, &'f BStr, bool);

fn runs<'f>(mode: CounterMode, functions: &[Function<'f>]) -> Vec<Run<'f>> {
    let mut units: Vec<(Place<'f>, u32)> = Vec::new();
    for function in functions {
        let counted = function.units.iter().zip(function.counts);
        units.extend(
            counted.map(|(unit, count)| ((function.file, unit, function.name, function.literal), *count)),
        );
    }
    units.sort_unstable_by_key(|(place, _)| *place);
    let mut runs: Vec<Run<'f>> = Vec::new();
    for same in units.chunk_by(|a, b| a.0 == b.0) {
        let Some(((file, unit, name, literal), _)) = same.first() else { continue };
        if runs.last().is_none_or(|run| run.name != *name) {
            let (line, statements) = (unit.start_line, Ratio::default());
            runs.push(Run { name, file, literal: *literal, line, statements });
        }
        let count = same.iter().fold(0, |sum, (_, count)| add(mode, sum, *count));
        if let Some(run) = runs.last_mut() {
            run.statements.count(unit.statements.into(), count != 0);
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(start_line: u32, statements: u32) -> Unit {
        Unit { start_line, start_column: 1, end_line: start_line + 1, end_column: 2, statements }
    }

    #[test]
    fn neighbours_of_one_name_are_one_function() {
        let units: Vec<[Unit; 1]> = (1..=6).map(|line| [unit(10 * line, 2)]).collect();
        let function = |index: usize, file: &'static str, name: &'static str, counts, literal| Function {
            name: name.into(),
            file: file.into(),
            literal,
            units: units.get(index).unwrap(),
            counts,
            entries: 0,
        };
        let package = vec![
            function(5, "p/b.go", "init", &[1], false),
            function(0, "p/a.go", "f", &[0], false),
            function(1, "p/a.go", "f.func1", &[1], true),
            function(2, "p/a.go", "f", &[1], false),
            function(4, "p/a.go", "init", &[0], false),
            function(2, "p/a.go", "f", &[7], false),
        ];
        let mut out = Vec::new();
        write(CounterMode::Count, &[package], &mut out).unwrap();
        // What encloses a literal is shown in parts, and two init functions of two files as one of the first.
        let expected = "p/a.go:10:\tf\t\t0.0%\np/a.go:30:\tf\t\t100.0%\np/a.go:50:\tinit\t\t50.0%\n\
                        total\t\t(statements)\t60.0%\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn no_statements_are_zero_percent() {
        let mut out = Vec::new();
        write(CounterMode::Set, &[Vec::new()], &mut out).unwrap();
        assert_eq!(out, b"total\t(statements)\t0.0%\n");
    }
}
