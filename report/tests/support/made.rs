//! Coverage files that no program here could write, made by the writer: another system's paths, planted arguments.

use std::fs;
use std::path::Path;

use covfmt::ids::PackageIndex;
use covfmt::layout::Flavor;
use covfmt::mode::{CounterMode, Granularity};
use covfmt::unit::Unit;
use covfmt::write::{CounterWriter, PackageBuilder, SegmentArgs, encode_meta, hash_of_program};

/// A package of a made program, with the counts of one run.
pub(crate) struct MadePackage<'m> {
    pub(crate) path: &'m str,
    pub(crate) name: &'m str,
    pub(crate) module: &'m str,
    pub(crate) functions: Vec<MadeFunction<'m>>,
}

/// A function with its units, and how often each ran.
pub(crate) struct MadeFunction<'m> {
    pub(crate) name: &'m str,
    pub(crate) file: &'m str,
    /// Start line and column, end line and column, statements; count.
    pub(crate) units: Vec<([u32; 5], u32)>,
}

/// Writes a meta file and a counter file of one run in atomic mode; `args` are the keys and values of the run's arguments.
pub(crate) fn make(directory: &Path, packages: &[MadePackage<'_>], args: &[(&str, &str)]) {
    let (mode, granularity) = (CounterMode::Atomic, Granularity::PerBlock);
    let (mut blobs, mut hashes, mut counters) = (Vec::new(), Vec::new(), Vec::new());
    for (index, package) in (0..).map(PackageIndex).zip(packages) {
        let names = [package.path, package.name, package.module].map(str::as_bytes);
        let mut builder = PackageBuilder::new(names[0], names[1], names[2]).unwrap();
        for function in &package.functions {
            let unit =
                |([start_line, start_column, end_line, end_column, statements], _): &([u32; 5], u32)| Unit {
                    start_line: *start_line,
                    end_line: *end_line,
                    start_column: *start_column,
                    end_column: *end_column,
                    statements: *statements,
                };
            let units: Vec<Unit> = function.units.iter().map(unit).collect();
            let literal = function.name.starts_with("func.");
            let place =
                builder.add_function(function.name.as_bytes(), function.file.as_bytes(), literal, &units);
            let counts: Vec<u32> = function.units.iter().map(|(_, count)| *count).collect();
            counters.push((index, place.unwrap(), counts));
        }
        hashes.push(builder.hash());
        blobs.push(builder.encode().unwrap());
    }
    let hash = hash_of_program(hashes, mode, granularity);
    let meta = encode_meta(hash, mode, granularity, &blobs).unwrap();
    let mut writer = CounterWriter::new(hash, Flavor::GO);
    let pairs = args.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let counts = counters.iter().map(|(package, function, counts)| (*package, *function, counts.as_slice()));
    writer.append_segment(&SegmentArgs::new(pairs), counts).unwrap();
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join(format!("covmeta.{hash}")), meta).unwrap();
    fs::write(directory.join(format!("covcounters.{hash}.1.1700000000000000000")), writer.finish()).unwrap();
}
