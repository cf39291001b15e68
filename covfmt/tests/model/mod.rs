//! A plain description of coverage data, strategies that invent it, and the slow and obvious way to merge it.
#![allow(dead_code, reason = "each test binary uses its own part of the model")]
#![allow(missing_docs, unreachable_pub, reason = "shared by test binaries, seen by nobody else")]
#![allow(clippy::unwrap_used, reason = "a model that cannot be written is a bug in the test")]

use std::collections::BTreeMap;

use bstr::BStr;
use covfmt::ids::{FunctionIndex, MetaHash, PackageIndex};
use covfmt::layout::Flavor;
use covfmt::mode::{CounterMode, Granularity};
use covfmt::unit::Unit;
use covfmt::write::{CounterWriter, PackageBuilder, SegmentArgs, encode_meta, hash_of_program};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub struct Program {
    pub mode: CounterMode,
    pub packages: Vec<Package>,
}

#[derive(Debug, Clone)]
pub struct Package {
    pub path: Vec<u8>,
    pub name: Vec<u8>,
    pub module: Vec<u8>,
    pub functions: Vec<Function>,
}

#[derive(Debug, Clone)]
pub struct Function {
    pub name: Vec<u8>,
    pub file: Vec<u8>,
    pub literal: bool,
    pub units: Vec<Unit>,
}

/// Counters of a function: package, function, values.
pub type Entry = (u32, u32, Vec<u32>);

#[derive(Debug, Clone)]
pub struct Run {
    pub flavor: Flavor,
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
pub struct Segment {
    pub args: BTreeMap<String, String>,
    pub entries: Vec<Entry>,
}

impl Program {
    pub fn encode(&self) -> (MetaHash, Vec<u8>) {
        let mut blobs = Vec::new();
        let mut hashes = Vec::new();
        for package in &self.packages {
            let mut builder = PackageBuilder::new(&package.path, &package.name, &package.module).unwrap();
            for f in &package.functions {
                builder.add_function(&f.name, &f.file, f.literal, &f.units).unwrap();
            }
            hashes.push(builder.hash());
            blobs.push(builder.encode().unwrap());
        }
        let hash = hash_of_program(hashes, self.mode, Granularity::PerBlock);
        (hash, encode_meta(hash, self.mode, Granularity::PerBlock, &blobs).unwrap())
    }

    /// Merges runs the slow way: one map from (package, function, unit) to a count.
    pub fn merge_naively(&self, runs: &[Run]) -> BTreeMap<(u32, u32, usize), u32> {
        let mut merged = BTreeMap::new();
        for (package, function, values) in runs.iter().flat_map(|r| &r.segments).flat_map(|s| &s.entries) {
            for (unit, value) in values.iter().enumerate() {
                let sum = merged.entry((*package, *function, unit)).or_insert(0_u64);
                *sum += u64::from(*value);
            }
        }
        let set = self.mode == CounterMode::Set;
        let finish =
            |sum: u64| if set { u32::from(sum != 0) } else { u32::try_from(sum).unwrap_or(u32::MAX) };
        merged.into_iter().map(|(key, sum)| (key, finish(sum))).collect()
    }
}

impl Run {
    pub fn encode(&self, meta_hash: MetaHash) -> Vec<u8> {
        let mut writer = CounterWriter::new(meta_hash, self.flavor);
        for segment in &self.segments {
            let args = segment.args.iter().map(|(k, v)| (BStr::new(k), BStr::new(v))).collect();
            let entries = segment.entries.iter();
            let entries = entries.map(|(p, f, v)| (PackageIndex(*p), FunctionIndex(*f), v.as_slice()));
            writer.append_segment(&SegmentArgs::new(args), entries).unwrap();
        }
        writer.finish()
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-z]{1,8}".prop_map(String::into_bytes),
        1 => "\\PC{0,12}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..6),
        1 => "x{120,300}".prop_map(String::into_bytes),
    ]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0_u32..200, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

fn unit() -> impl Strategy<Value = Unit> {
    (number(), number(), number(), number(), 0_u32..300).prop_map(
        |(start_line, end_line, start_column, end_column, statements)| Unit {
            start_line,
            end_line,
            start_column,
            end_column,
            statements,
        },
    )
}

fn function() -> impl Strategy<Value = Function> {
    (text(), text(), any::<bool>(), vec(unit(), 0..6)).prop_map(|(name, file, literal, units)| Function {
        name,
        file,
        literal,
        units,
    })
}

fn package() -> impl Strategy<Value = Package> {
    let path = text().prop_filter("a package path is not empty", |path| !path.is_empty());
    (path, text(), text(), vec(function(), 0..5)).prop_map(|(path, name, module, functions)| Package {
        path,
        name,
        module,
        functions,
    })
}

pub fn program() -> impl Strategy<Value = Program> {
    let mode = prop_oneof![Just(CounterMode::Set), Just(CounterMode::Count), Just(CounterMode::Atomic)];
    (mode, vec(package(), 0..5)).prop_map(|(mode, packages)| Program { mode, packages })
}

pub fn flavor() -> impl Strategy<Value = Flavor> {
    prop_oneof![
        3 => Just(Flavor::GO),
        1 => Just(Flavor::RawLittleEndian),
        1 => Just(Flavor::RawBigEndian),
    ]
}

/// A run of a program: some of its functions, in any order, in one or more segments.
pub fn run(program: &Program) -> impl Strategy<Value = Run> + use<> {
    let mut all = Vec::new();
    for (p, package) in program.packages.iter().enumerate() {
        for (f, function) in package.functions.iter().enumerate() {
            all.push((u32::try_from(p).unwrap(), u32::try_from(f).unwrap(), function.units.len()));
        }
    }
    let entries = vec((any::<prop::sample::Index>(), vec(number(), 6)), 0..8).prop_map(move |picks| {
        let pick = |(index, values): (prop::sample::Index, Vec<u32>)| {
            let (p, f, units) = *index.get(&all);
            (p, f, values[..units].to_vec())
        };
        if all.is_empty() { Vec::new() } else { picks.into_iter().map(pick).collect() }
    });
    let segment = (btree_map("[a-zA-Z]{1,6}", "\\PC{0,40}", 0..4), entries)
        .prop_map(|(args, entries)| Segment { args, entries });
    (flavor(), vec(segment, 1..4)).prop_map(|(flavor, segments)| Run { flavor, segments })
}

pub fn program_with_runs() -> impl Strategy<Value = (Program, Vec<Run>)> {
    program().prop_flat_map(|program| {
        let runs = vec(run(&program), 0..7);
        (Just(program), runs)
    })
}
