//! `debugdump`: everything in the files, to be read by people. `cmd/covdata/dump.go`.

use std::io::{self, BufWriter, Write};

use bstr::BStr;
use covfmt::meta::{FunctionTable, PackageTable};

use super::exact::PodCounts;
use super::options::Options;
use crate::view::Ratio;

/// Writes the functions of the packages asked for and adds up their statements: `VisitFunc`.
pub(super) fn write_functions(
    options: &Options,
    pod: &PodCounts,
    statements: &mut Ratio,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 17, out);
    for (index, package) in pod.tables.packages().iter().enumerate() {
        if !options.wants(package.path()) {
            continue;
        }
        let mut named = false;
        let functions = pod.tables.functions_of(package).iter().zip(package.function_positions());
        for (number, (function, position)) in functions.enumerate() {
            let found = pod.recorded.get(position).is_some_and(|recorded| *recorded);
            options.trace_function(pod, (index, number), function, found, &mut out);
            let shown = found || !options.live;
            if shown && !named {
                write_package(package, &mut out)?;
                named = true;
            }
            write_function(pod, function, shown, statements, &mut out)?;
        }
    }
    out.flush()
}

fn write_package(package: &PackageTable, out: &mut impl Write) -> io::Result<()> {
    for (what, value) in [
        ("\nPackage path: ", package.path()),
        ("Package name: ", package.name()),
        ("Module path: ", package.module()),
    ] {
        write_field(what, value, out)?;
    }
    Ok(())
}

fn write_field(what: &str, value: &BStr, out: &mut impl Write) -> io::Result<()> {
    out.write_all(what.as_bytes())?;
    out.write_all(value)?;
    out.write_all(b"\n")
}

fn write_function(
    pod: &PodCounts,
    function: &FunctionTable,
    shown: bool,
    statements: &mut Ratio,
    out: &mut impl Write,
) -> io::Result<()> {
    if shown {
        write_field("\nFunc: ", pod.tables.name_of(function), out)?;
        write_field("Srcfile: ", pod.tables.file_of(function), out)?;
        writeln!(out, "Literal: {}", function.literal())?;
    }
    let counts = pod.counts.get(function.unit_positions()).unwrap_or_default();
    let mut line = Vec::new();
    let mut digits = itoa::Buffer::new();
    for (index, (unit, count)) in (0_u32..).zip(pod.tables.units_of(function).iter().zip(counts)) {
        statements.count(unit.statements.into(), *count != 0);
        if !shown {
            continue;
        }
        line.clear();
        line.extend_from_slice(digits.format(index).as_bytes());
        for (before, value) in [
            (": L", unit.start_line),
            (":C", unit.start_column),
            (" -- L", unit.end_line),
            (":C", unit.end_column),
            (" NS=", unit.statements),
            (" = ", *count),
        ] {
            line.extend_from_slice(before.as_bytes());
            line.extend_from_slice(digits.format(value).as_bytes());
        }
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}
