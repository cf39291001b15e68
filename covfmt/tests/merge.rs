//! The parallel merge against the slow and obvious one, over thread counts and file orders.
#![allow(clippy::unwrap_used, reason = "a test")]

mod model;

use std::collections::HashMap;
use std::convert::Infallible;

use covfmt::ids::{FunctionIndex, PackageIndex};
use covfmt::layout::Flavor;
use covfmt::merge::{
    Counts, FileFailure, MergeError, MergeOptions, OrderedCounts, merge_files, merge_in_order,
};
use covfmt::meta::MetaTables;
use covfmt::mode::CounterMode;
use model::{Run, program_with_runs};
use proptest::prelude::*;

fn merge(tables: &MetaTables, files: &[Vec<u8>], threads: usize) -> Result<Counts, (usize, String)> {
    merge_with(tables, files, threads, MergeOptions::default())
}

fn merge_with(
    tables: &MetaTables,
    files: &[Vec<u8>],
    threads: usize,
    options: MergeOptions,
) -> Result<Counts, (usize, String)> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let read = |file: &Vec<u8>, buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(file);
        Ok::<(), Infallible>(())
    };
    pool.install(|| merge_files(tables, files, options, read))
        .map_err(|(index, failure)| (index, failure.to_string()))
}

fn merge_ordered(tables: &MetaTables, files: &[Vec<u8>], threads: usize) -> Option<OrderedCounts> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        merge_in_order(tables, files, |file, buffer| {
            buffer.extend_from_slice(file);
            Some(())
        })
    })
}

/// How often a function of a run takes a sum of the runs before it too far.
fn count_overflows(program: &model::Program, runs: &[Run]) -> u64 {
    let mut sums: HashMap<(u32, u32, usize), u64> = HashMap::new();
    let mut overflows = 0;
    for (package, function, counters) in runs.iter().flat_map(|run| &run.segments).flat_map(|s| &s.entries) {
        let mut overflow = false;
        for (unit, counter) in counters.iter().enumerate() {
            let sum = sums.entry((*package, *function, unit)).or_default();
            *sum += u64::from(*counter);
            if *sum > u32::MAX.into() {
                overflow = true;
                *sum = u32::MAX.into();
            }
        }
        overflows += u64::from(overflow && program.mode != CounterMode::Set);
    }
    overflows
}

proptest! {
    #[test]
    fn in_order_the_counts_are_the_same_and_overflows_are_counted(
        (program, mut runs) in program_with_runs(), threads in 1_usize..5, repeated in 0_usize..4,
    ) {
        let is_plain = |run: &Run| run.flavor == Flavor::GO && run.segments.len() == 1;
        if repeated != 0 {
            runs.retain(is_plain);
            runs = std::iter::repeat_n(runs, repeated).flatten().collect();
        }
        let (hash, bytes) = program.encode();
        let tables = MetaTables::decode(&bytes).unwrap();
        let files: Vec<Vec<u8>> = runs.iter().map(|run| run.encode(hash)).collect();
        let ordered = merge_ordered(&tables, &files, threads);
        prop_assert_eq!(ordered.is_some(), runs.iter().all(is_plain));
        let counts = merge(&tables, &files, threads).unwrap();
        let options = MergeOptions { saturate: false, ..MergeOptions::default() };
        let refused = merge_with(&tables, &files, threads, options);
        prop_assert_eq!(refused.is_err(), counts.saturated());
        if let Some(ordered) = ordered {
            prop_assert_eq!(ordered.overflows, count_overflows(&program, &runs));
            prop_assert_eq!(ordered.overflows != 0, counts.saturated());
            prop_assert_eq!(ordered.counts, counts);
        }
    }

    #[test]
    fn in_order_damage_is_refused_whatever_the_threads(
        (program, mut runs) in program_with_runs(), bad in any::<prop::sample::Index>(), threads in 1_usize..5,
    ) {
        runs.retain(|run| run.flavor == Flavor::GO && run.segments.len() == 1);
        prop_assume!(!runs.is_empty());
        let (hash, bytes) = program.encode();
        let tables = MetaTables::decode(&bytes).unwrap();
        let mut files: Vec<Vec<u8>> = runs.iter().map(|run| run.encode(hash)).collect();
        let bad = bad.index(files.len());
        files[bad].pop();
        prop_assert_eq!(merge_ordered(&tables, &files, threads), None);
    }
}

proptest! {
    #[test]
    fn equals_the_naive_merge((program, runs) in program_with_runs(), threads in 1_usize..5) {
        let (hash, bytes) = program.encode();
        let tables = MetaTables::decode(&bytes).unwrap();
        let files: Vec<Vec<u8>> = runs.iter().map(|run| run.encode(hash)).collect();
        let counts = merge(&tables, &files, threads).unwrap();
        let naive = program.merge_naively(&runs);
        let mut seen = 0;
        for (p, package) in program.packages.iter().enumerate() {
            for (f, function) in package.functions.iter().enumerate() {
                let (p, f) = (u32::try_from(p).unwrap(), u32::try_from(f).unwrap());
                let position = tables.function_position(PackageIndex(p), FunctionIndex(f)).unwrap();
                let range = tables.functions()[position].unit_positions();
                let expected: Vec<u32> = (0..function.units.len())
                    .map(|unit| naive.get(&(p, f, unit)).copied().unwrap_or(0))
                    .collect();
                prop_assert_eq!(&counts.units()[range], expected);
                let recorded = runs.iter().flat_map(|r| &r.segments).flat_map(|s| &s.entries)
                    .any(|(package, function, _)| (*package, *function) == (p, f));
                prop_assert_eq!(counts.recorded()[position], recorded);
                seen += function.units.len();
            }
        }
        prop_assert_eq!(seen, counts.units().len());

        let mut turned = files.clone();
        turned.reverse();
        prop_assert_eq!(merge(&tables, &turned, 1).unwrap(), counts);
    }

    #[test]
    fn the_first_bad_file_is_named_whatever_the_threads(
        (program, runs) in program_with_runs(), bad in any::<prop::sample::Index>(), threads in 1_usize..5,
    ) {
        prop_assume!(!runs.is_empty());
        let (hash, bytes) = program.encode();
        let tables = MetaTables::decode(&bytes).unwrap();
        let mut files: Vec<Vec<u8>> = runs.iter().map(|run| run.encode(hash)).collect();
        let bad = bad.index(files.len());
        for file in &mut files[bad..] {
            let shorter = file.len() - 1;
            file.truncate(shorter);
        }
        let (index, message) = merge(&tables, &files, threads).unwrap_err();
        prop_assert_eq!(index, bad);
        prop_assert_eq!(Err((index, message)), merge(&tables, &files, 1));
    }
}

/// One package with one function of one unit, counting.
fn smallest() -> (model::Program, MetaTables, covfmt::ids::MetaHash) {
    let unit =
        covfmt::unit::Unit { start_line: 1, end_line: 1, start_column: 1, end_column: 2, statements: 1 };
    let function =
        model::Function { name: b"f".to_vec(), file: b"p/f.go".to_vec(), literal: false, units: vec![unit] };
    let package = model::Package {
        path: b"p".to_vec(),
        name: b"p".to_vec(),
        module: b"p".to_vec(),
        functions: vec![function],
    };
    let program = model::Program { mode: covfmt::mode::CounterMode::Count, packages: vec![package] };
    let (hash, bytes) = program.encode();
    (program, MetaTables::decode(&bytes).unwrap(), hash)
}

fn run_of(entries: Vec<model::Entry>) -> Run {
    let segment = model::Segment { args: std::collections::BTreeMap::new(), entries };
    Run { flavor: covfmt::layout::Flavor::GO, segments: vec![segment] }
}

#[test]
fn a_sum_above_the_counter_stops_there_and_says_so() {
    let (_, tables, hash) = smallest();
    let file = |value| run_of(vec![(0, 0, vec![value])]).encode(hash);
    let counts = merge(&tables, &[file(u32::MAX - 1), file(1)], 2).unwrap();
    assert_eq!((counts.units(), counts.saturated()), (&[u32::MAX][..], false));
    let counts = merge(&tables, &[file(u32::MAX), file(1)], 2).unwrap();
    assert_eq!((counts.units(), counts.saturated()), (&[u32::MAX][..], true));
}

#[test]
fn files_that_do_not_fit_the_meta_file_are_refused() {
    let (_, tables, hash) = smallest();
    let failure = |bytes: Vec<u8>| {
        let read = |(): &(), buffer: &mut Vec<u8>| {
            buffer.extend_from_slice(&bytes);
            Ok::<(), Infallible>(())
        };
        match merge_files(&tables, &[()], MergeOptions::default(), read) {
            Err((0, FileFailure::Merge(error))) => error,
            other => panic!("{other:?}"),
        }
    };
    let other = covfmt::ids::MetaHash([7; 16]);
    assert!(
        matches!(failure(run_of(vec![]).encode(other)), MergeError::OtherBuild { found, .. } if found == other)
    );
    let beyond = failure(run_of(vec![(0, 1, vec![])]).encode(hash));
    assert!(matches!(beyond, MergeError::UnknownFunction { function: FunctionIndex(1), .. }));
    let beyond = failure(run_of(vec![(1, 0, vec![])]).encode(hash));
    assert!(matches!(beyond, MergeError::UnknownFunction { package: PackageIndex(1), .. }));
    let two = failure(run_of(vec![(0, 0, vec![1, 2])]).encode(hash));
    assert_eq!(two.to_string(), "2 counters at byte 52 for p f, which has 1 units");
}
