//! What is written comes back, and merging follows its laws: any order, any split, any number of threads.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arbitrary::{Arbitrary as _, Unstructured};
use bstr::BStr;
use covfmt::merge::{BuildCounts, Counts, MergeOptions, merge_files};
use covfmt::meta::MetaTables;
use covfmt::mode::CounterMode;
use covfmt::read::CounterFile;
use covfmt::write::encode_build;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::program::{Program, Run};

/// A program and a run of it, encoded and decoded.
pub(crate) fn roundtrip(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(program) = Program::arbitrary(&mut u) else { return };
    let (hash, meta) = program.encode();
    let tables = MetaTables::decode(&meta).unwrap();
    assert_eq!((tables.hash(), tables.mode()), (hash, program.mode));
    assert_eq!(tables.packages().len(), program.packages.len());
    for (read, wrote) in tables.packages().iter().zip(&program.packages) {
        for (read, wrote) in
            [(read.path(), &wrote.path), (read.name(), &wrote.name), (read.module(), &wrote.module)]
        {
            assert_eq!(read, BStr::new(wrote));
        }
        assert_eq!(tables.functions_of(read).len(), wrote.functions.len());
        for (read, wrote) in tables.functions_of(read).iter().zip(&wrote.functions) {
            assert_eq!(tables.name_of(read), BStr::new(&wrote.name));
            assert_eq!(tables.file_of(read), BStr::new(&wrote.file));
            assert_eq!((read.literal(), tables.units_of(read)), (wrote.literal, &wrote.units[..]));
        }
    }
    let Ok(run) = program.run(&mut u) else { return };
    let bytes = run.encode(hash);
    let file = CounterFile::parse(&bytes).unwrap();
    assert_eq!((file.header().meta_hash, file.header().flavor), (hash, run.flavor));
    let segment = &file.segments()[0];
    assert_eq!(segment.args().len(), run.args.len());
    assert!(segment.args().iter().all(|(key, value)| *value == run.args[&key.to_string()]));
    let mut functions = segment.functions();
    for (package, function, values) in &run.entries {
        let head = functions.read_next().unwrap().unwrap();
        let mut read = vec![0; head.counters as usize];
        functions.fold_counters(|index, value| read[index] = value).unwrap();
        assert_eq!((head.package.0, head.function.0, &read), (*package, *function, values));
    }
    assert_eq!(functions.read_next(), Ok(None));
}

/// Runs of a program, merged in several ways and by a map.
pub(crate) fn merge(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(program) = Program::arbitrary(&mut u) else { return };
    let Ok(cut) = usize::arbitrary(&mut u) else { return };
    let mut runs = Vec::new();
    while let (false, Ok(run)) = (u.is_empty() || runs.len() > 12, program.run(&mut u)) {
        runs.push(run);
    }
    let (hash, meta) = program.encode();
    let tables = Arc::new(MetaTables::decode(&meta).unwrap());
    let files: Vec<Vec<u8>> = runs.iter().map(|run| run.encode(hash)).collect();
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();

    let merged = merge_on(1, &tables, &files);
    let naive = naively(&program, &runs);
    for (p, package) in (0_u32..).zip(tables.packages()) {
        for (f, function) in (0_u32..).zip(tables.functions_of(package)) {
            for (position, unit) in function.unit_positions().enumerate() {
                let expected = naive.get(&(p, f, position)).copied().unwrap_or(0);
                assert_eq!(merged.units()[unit], expected);
            }
        }
    }
    assert_eq!(merge_on(3, &tables, &files), merged);
    let reversed: Vec<&[u8]> = files.iter().rev().copied().collect();
    assert_eq!(merge_on(3, &tables, &reversed), merged);

    // Two halves, each merged into a file, and these two merged. The args of no run are those of none.
    let (one, other) = files.split_at(if files.is_empty() { 0 } else { cut % files.len() });
    let half = |files: &[&[u8]]| {
        let build = BuildCounts::new(Arc::clone(&tables), merge_on(1, &tables, files));
        encode_build(&build).unwrap()
    };
    let halves: Vec<Vec<u8>> = [one, other].into_iter().filter(|h| !h.is_empty()).map(half).collect();
    let halves: Vec<&[u8]> = halves.iter().map(Vec::as_slice).collect();
    let again = merge_on(1, &tables, &halves);
    assert_eq!((again.units(), again.recorded()), (merged.units(), merged.recorded()));
}

fn merge_on(threads: usize, tables: &MetaTables, files: &[&[u8]]) -> Counts {
    static POOLS: OnceLock<[ThreadPool; 2]> = OnceLock::new();
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let pools = POOLS.get_or_init(|| [pool(1), pool(3)]);
    let read = |file: &&[u8], buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(file);
        Ok::<(), ()>(())
    };
    pools[usize::from(threads > 1)]
        .install(|| merge_files(tables, files, MergeOptions::default(), read).unwrap())
}

/// One map from package, function and unit to a count.
fn naively(program: &Program, runs: &[Run]) -> BTreeMap<(u32, u32, usize), u32> {
    let mut sums: BTreeMap<(u32, u32, usize), u64> = BTreeMap::new();
    for (package, function, values) in runs.iter().flat_map(|run| &run.entries) {
        for (unit, value) in values.iter().enumerate() {
            *sums.entry((*package, *function, unit)).or_default() += u64::from(*value);
        }
    }
    let set = program.mode == CounterMode::Set;
    let finish = |sum: u64| if set { u32::from(sum != 0) } else { u32::try_from(sum).unwrap_or(u32::MAX) };
    sums.into_iter().map(|(key, sum)| (key, finish(sum))).collect()
}
