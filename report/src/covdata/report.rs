//! The commands that print: the reference's visit of all Go pods, and what it makes of them. `cmd/covdata/dump.go`,
//! `cmd/internal/cov/readcovdata.go`, `cformat/format.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use bstr::{BStr, BString, ByteSlice as _};
use covfmt::mode::CounterMode;
use covfmt::profile::Function;
use rayon::prelude::*;

use super::debugdump::write_functions;
use super::directories::go_pods;
use super::exact::{Merger, PodCounts};
use super::func;
use super::go_text::system_error;
use super::options::{Options, Output};
use super::{Command, Stop};
use crate::format::{append_units, write_in_order, write_mode};
use crate::view::{PackageView, Ratio};

pub(super) fn run(options: &Options, out: &mut dyn Write, messages: &mut dyn Write) -> Result<(), Stop> {
    // What CollectPods cannot read is returned as it is, even under -h.
    let pods = go_pods(&options.directories).map_err(Stop::Fatal)?;
    if pods.is_empty() {
        options.warn("no applicable files found in input directories", messages)?;
    }
    let mut merger = Merger::new(options);
    // Only what is printed at the end is kept.
    let mut counted = Vec::new();
    let mut paths: BTreeSet<BString> = BTreeSet::new();
    let mut statements = Ratio::default();
    for pod in &pods {
        let Some(pod) = merger.visit(pod, out, messages)? else { continue };
        if options.command != Command::Debugdump {
            options.trace_functions(&pod, out);
        }
        // Lost output is no error in the reference, which does not look.
        match options.command {
            Command::Debugdump => drop(write_functions(options, &pod, &mut statements, out)),
            Command::Pkglist => {
                let wanted = pod.tables.packages().iter().filter(|package| options.wants(package.path()));
                paths.extend(wanted.map(|package| package.path().to_owned()));
            }
            _ => counted.push(pod),
        }
    }
    match options.command {
        Command::Debugdump => {
            let Ratio { covered, total } = statements;
            drop(writeln!(out, "totalStmts: {total} coveredStmts: {covered}"));
        }
        Command::Pkglist => drop(out.write_all(&paths.iter().map(line).collect::<Vec<_>>().concat())),
        _ => finish(options, &counted, out, messages)?,
    }
    Ok(())
}

fn line(path: &BString) -> Vec<u8> {
    [path.as_bytes(), b"\n"].concat()
}

/// `percent`, `textfmt` and `func`: `Finish`.
fn finish(
    options: &Options,
    counted: &[PodCounts],
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<(), Stop> {
    // The formatter counts in the mode of the first meta file.
    let Some(mode) = counted.first().map(|pod| pod.tables.mode()) else { return Ok(()) };
    let packages = packages(options, counted);
    if options.command == Command::Func {
        let functions: Vec<Vec<Function<'_>>> =
            packages.into_iter().map(|(_, parts)| functions_of(&parts).collect()).collect();
        drop(func::write(mode, &functions, out));
        return Ok(());
    }
    // A view is made for as long as its package is written: all of them together are many times the counters.
    if options.command == Command::Percent {
        let statements: Vec<(&BStr, Ratio)> =
            packages.par_iter().map(|package| (package.0, view_of(mode, package).statements)).collect();
        drop(write_percent(&statements, out));
    }
    if let Output::Profile(path, file) = &options.output {
        let mut file: &std::fs::File = file;
        let lines = |package: &Parts<'_>, text: &mut Vec<u8>| {
            view_of(mode, package).files.iter().for_each(|file| append_units(file, text));
        };
        let written = write_mode(mode, &mut file);
        written.and_then(|()| write_in_order(&packages, &mut file, lines)).map_err(|error| {
            let path = path.as_os_str().as_encoded_bytes();
            let why = [b": write ", path, b": ", system_error(&error).as_bytes()].concat();
            options.fatal([b"writing to ", path, &why].concat(), messages)
        })?;
    }
    Ok(())
}

/// One package of one Go pod: its position in the tables.
type Part<'c> = (&'c PodCounts, usize);

/// A package of all Go pods: its import path and where it is.
type Parts<'c> = (&'c BStr, Vec<Part<'c>>);

fn view_of<'c>(mode: CounterMode, (path, parts): &Parts<'c>) -> PackageView<'c> {
    PackageView::new(path, BStr::new(b""), mode, functions_of(parts))
}

/// The packages that were asked for, of all pods, by import path.
fn packages<'c>(options: &Options, counted: &'c [PodCounts]) -> Vec<Parts<'c>> {
    let mut by_path: BTreeMap<&BStr, Vec<Part<'c>>> = BTreeMap::new();
    // The formatter takes itself to be in a package without a path already, and does not open it: it then panics over
    // the package's units, but without any the package is not heard of.
    let mut current = BStr::new(b"");
    for pod in counted {
        for (index, package) in pod.tables.packages().iter().enumerate() {
            let path = package.path();
            if !options.wants(path) {
                continue;
            }
            let opened = path != current || by_path.contains_key(path);
            if opened || !package.function_positions().is_empty() {
                by_path.entry(path).or_default().push((pod, index));
            }
            current = path;
        }
    }
    by_path.into_iter().collect()
}

fn functions_of<'c>(parts: &[Part<'c>]) -> impl Iterator<Item = Function<'c>> {
    parts.iter().flat_map(|(pod, package)| {
        let functions = pod.tables.packages().get(*package).map(|package| pod.tables.functions_of(package));
        functions.unwrap_or_default().iter().map(|function| {
            let counts = pod.counts.get(function.unit_positions()).unwrap_or_default();
            Function {
                name: pod.tables.name_of(function),
                file: pod.tables.file_of(function),
                literal: function.literal(),
                units: pod.tables.units_of(function),
                counts,
                entries: counts.first().copied().unwrap_or_default(),
            }
        })
    })
}

/// A package without statements gets no line end: the next one follows on the same line.
fn write_percent(packages: &[(&BStr, Ratio)], out: &mut dyn Write) -> io::Result<()> {
    for (path, statements) in packages {
        out.write_all(&[b"\t", path.as_bytes(), b"\t\t"].concat())?;
        if let Some(percent) = statements.percent() {
            writeln!(out, "coverage: {percent}% of statements")?;
        }
    }
    out.flush()
}
