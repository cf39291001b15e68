//! `percent` and `textfmt`: the reference's visit of all Go pods, and what it prints. `cmd/covdata/dump.go`,
//! `cmd/internal/cov/readcovdata.go`, `cformat/format.go`.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use bstr::{BStr, ByteSlice as _};
use covfmt::mode::CounterMode;
use covfmt::profile::Function;
use rayon::prelude::*;

use super::directories::go_pods;
use super::exact::{Merger, PodCounts};
use super::go_text::system_error;
use super::options::{Options, Output};
use super::{Command, Stop};
use crate::format::write_profile;
use crate::view::PackageView;

pub(super) fn run(options: &Options, out: &mut dyn Write, messages: &mut dyn Write) -> Result<(), Stop> {
    if matches!(options.command, Command::Func | Command::Pkglist | Command::Debugdump) {
        let name = options.command.name();
        return Err(options.fatal(format!("covdata: command \"{name}\" is not supported yet"), messages));
    }
    // What CollectPods cannot read is returned as it is, even under -h.
    let pods = go_pods(&options.directories).map_err(Stop::Fatal)?;
    if pods.is_empty() {
        options.warn("no applicable files found in input directories", messages)?;
    }
    let mut merger = Merger::new(options);
    let mut counted = Vec::with_capacity(pods.len());
    for pod in &pods {
        counted.push(merger.visit(pod, messages)?);
    }
    // The formatter counts in the mode of the first meta file.
    let Some(mode) = counted.first().map(|pod| pod.tables.mode()) else { return Ok(()) };
    let packages = views(options, mode, &counted);
    if options.command == Command::Percent {
        // Lost output is no error in the reference, which does not look.
        drop(write_percent(&packages, out));
    }
    if let Output::Profile(path, file) = &options.output {
        let mut file = BufWriter::with_capacity(1 << 17, file);
        write_profile(mode, &packages, &mut file).and_then(|()| file.flush()).map_err(|error| {
            let path = path.as_os_str().as_encoded_bytes();
            let why = [b": write ", path, b": ", system_error(&error).as_bytes()].concat();
            options.fatal([b"writing to ", path, &why].concat(), messages)
        })?;
    }
    Ok(())
}

/// The packages that were asked for, of all pods, by import path.
fn views<'c>(options: &Options, mode: CounterMode, counted: &'c [PodCounts]) -> Vec<PackageView<'c>> {
    let mut by_path: BTreeMap<&BStr, Vec<(&PodCounts, usize)>> = BTreeMap::new();
    for pod in counted {
        for (index, package) in pod.tables.packages().iter().enumerate() {
            if options.packages.as_ref().is_none_or(|patterns| patterns.matches(package.path())) {
                by_path.entry(package.path()).or_default().push((pod, index));
            }
        }
    }
    let by_path: Vec<(&BStr, Vec<(&PodCounts, usize)>)> = by_path.into_iter().collect();
    by_path
        .into_par_iter()
        .map(|(path, parts)| {
            let functions = parts.iter().flat_map(|(pod, index)| functions_of(pod, *index));
            PackageView::new(path, BStr::new(b""), mode, functions)
        })
        .collect()
}

fn functions_of(pod: &PodCounts, package: usize) -> impl Iterator<Item = Function<'_>> {
    let functions = pod.tables.packages().get(package).map(|package| pod.tables.functions_of(package));
    functions.unwrap_or_default().iter().map(|function| Function {
        name: pod.tables.name_of(function),
        file: pod.tables.file_of(function),
        literal: function.literal(),
        units: pod.tables.units_of(function),
        counts: pod.counts.get(function.unit_positions()).unwrap_or_default(),
    })
}

/// A package without statements gets no line end: the next one follows on the same line.
fn write_percent(packages: &[PackageView<'_>], out: &mut dyn Write) -> io::Result<()> {
    for package in packages {
        out.write_all(&[b"\t", package.path.as_bytes(), b"\t\t"].concat())?;
        if let Some(percent) = package.statements.percent() {
            writeln!(out, "coverage: {percent}% of statements")?;
        }
    }
    out.flush()
}
