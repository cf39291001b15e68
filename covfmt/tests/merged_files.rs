//! Files written from merged counts, and packages combined from several programs, against the slow and obvious way.
#![allow(clippy::unwrap_used, reason = "a test")]

mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use covfmt::merge::{BuildCounts, MergeOptions, RunArgs, merge_files};
use covfmt::meta::MetaTables;
use covfmt::read::{CounterFile, MetaFile};
use covfmt::write::{CombinedPackage, encode_build, encode_meta, hash_of_blobs};
use model::{Run, program, program_with_runs};
use proptest::prelude::*;

fn merged(tables: &MetaTables, files: &[Vec<u8>]) -> BuildCounts {
    let read = |file: &Vec<u8>, buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(file);
        Ok::<(), Infallible>(())
    };
    let counts = merge_files(tables, files, MergeOptions::default(), read).unwrap();
    BuildCounts::new(Arc::new(tables.clone()), counts)
}

/// What all segments agree on, the slow way.
fn common_args(runs: &[Run]) -> BTreeMap<String, String> {
    let all: Vec<&BTreeMap<String, String>> =
        runs.iter().flat_map(|run| &run.segments).map(|segment| &segment.args).collect();
    let mut common = BTreeMap::new();
    for key in ["GOOS", "GOARCH"] {
        let values: BTreeSet<Option<&String>> =
            all.iter().map(|args| args.get(key).filter(|value| !value.is_empty())).collect();
        if let [Some(value)] = values.into_iter().collect::<Vec<_>>()[..] {
            common.insert(key.to_owned(), value.clone());
        }
    }
    common
}

proptest! {
    #[test]
    fn a_merged_file_holds_the_naive_sums((program, mut runs) in program_with_runs(), platforms in any::<u8>()) {
        for (index, segment) in runs.iter_mut().flat_map(|run| &mut run.segments).enumerate() {
            // Rarely another platform, so that some inputs agree.
            let goos = if platforms == 0 && index % 2 == 1 { "plan9" } else { "linux" };
            segment.args.insert("GOOS".into(), goos.into());
        }
        let (hash, bytes) = program.encode();
        let tables = MetaTables::decode(&bytes).unwrap();
        let files: Vec<Vec<u8>> = runs.iter().map(|run| run.encode(hash)).collect();
        let file = encode_build(&merged(&tables, &files)).unwrap();
        let file = CounterFile::parse(&file).unwrap();
        prop_assert_eq!(file.header().meta_hash, hash);
        let [segment] = file.segments() else { panic!("one segment") };
        let args: BTreeMap<String, String> =
            segment.args().iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        prop_assert_eq!(args, common_args(&runs));

        let naive = program.merge_naively(&runs);
        let recorded: BTreeSet<(u32, u32)> = runs.iter().flat_map(|run| &run.segments)
            .flat_map(|segment| &segment.entries).map(|(p, f, _)| (*p, *f)).collect();
        let mut found = BTreeMap::new();
        let mut order = Vec::new();
        let mut functions = segment.functions();
        while let Some(head) = functions.read_next().unwrap() {
            let key = (head.package.0, head.function.0);
            order.push(key);
            functions.fold_counters(|unit, count| _ = found.insert((key.0, key.1, unit), count)).unwrap();
        }
        prop_assert_eq!(order, recorded.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(found, naive);
    }

    #[test]
    fn programs_are_combined_function_by_function(programs in prop::collection::vec(program(), 0..4)) {
        // Packages by path in order of first sight, functions likewise, each once.
        type Function = (Vec<u8>, Vec<u8>, bool, Vec<covfmt::unit::Unit>);
        let mut naive: Vec<(Vec<u8>, Vec<Function>)> = Vec::new();
        let mut combined: Vec<(Vec<u8>, CombinedPackage)> = Vec::new();
        for package in programs.iter().chain(&programs).flat_map(|program| &program.packages) {
            if !naive.iter().any(|(path, _)| *path == package.path) {
                naive.push((package.path.clone(), Vec::new()));
                let new = CombinedPackage::new(&package.path, &package.name, &package.module).unwrap();
                combined.push((package.path.clone(), new));
            }
            let (_, list) = naive.iter_mut().find(|(path, _)| *path == package.path).unwrap();
            let (_, ours) = combined.iter_mut().find(|(path, _)| *path == package.path).unwrap();
            for f in &package.functions {
                let function = (f.name.clone(), f.file.clone(), f.literal, f.units.clone());
                // Name and file are hashed one behind the other, so this is the same function, too.
                let same = |known: &Function| {
                    [&known.0[..], &known.1].concat() == [&f.name[..], &f.file].concat()
                        && (known.2, &known.3) == (f.literal, &f.units)
                };
                let at = list.iter().position(same).unwrap_or(list.len());
                if at == list.len() {
                    list.push(function);
                }
                let index = ours.function(&f.name, &f.file, f.literal, &f.units).unwrap();
                prop_assert_eq!(index.0 as usize, at);
            }
        }
        let blobs: Vec<Vec<u8>> = combined.iter().map(|(_, package)| package.encode().unwrap()).collect();
        let hash = hash_of_blobs(&blobs);
        let (mode, granularity) = (covfmt::mode::CounterMode::Set, covfmt::mode::Granularity::PerBlock);
        let file = encode_meta(hash, mode, granularity, &blobs).unwrap();
        prop_assert_eq!(MetaFile::parse(&file).unwrap().header().hash, hash);
        let tables = MetaTables::decode(&file).unwrap();
        prop_assert_eq!(tables.packages().len(), naive.len());
        for (table, (path, functions)) in tables.packages().iter().zip(&naive) {
            prop_assert_eq!(table.path(), path.as_slice());
            let decoded: Vec<Function> = tables.functions_of(table).iter().map(|f| {
                (tables.name_of(f).to_vec(), tables.file_of(f).to_vec(), f.literal(), tables.units_of(f).to_vec())
            }).collect();
            prop_assert_eq!(&decoded, functions);
        }
    }
}

#[test]
fn a_build_without_runs_has_an_empty_file() {
    let program = model::Program { mode: covfmt::mode::CounterMode::Count, packages: vec![] };
    let (_, bytes) = program.encode();
    let tables = MetaTables::decode(&bytes).unwrap();
    let build = merged(&tables, &[]);
    assert_eq!(build.counts().args(), None::<&RunArgs>);
    let file = encode_build(&build).unwrap();
    assert_eq!(CounterFile::parse(&file).unwrap().segments()[0].function_count(), 0);
}
