//! Decoding and merging a seeded corpus. Each benchmark asserts what it computed.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::convert::Infallible;

use benches::{Corpus, Size};
use covfmt::merge::{BuildCounts, Counts, MergeOptions, ModePolicy, merge_files};
use covfmt::meta::MetaTables;
use covfmt::mode::CounterMode;
use covfmt::profile::Profile;
use covfmt::read::CounterFile;
use divan::Bencher;
use divan::counter::BytesCount;

const SIZE: Size = Size { packages: 60, functions: 150, runs: 60 };

fn main() {
    divan::main();
}

fn corpus(mode: CounterMode) -> Corpus {
    Corpus::generate(SIZE, mode, 1).unwrap()
}

fn merge(tables: &MetaTables, corpus: &Corpus) -> Counts {
    let read = |file: &Vec<u8>, buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(file);
        Ok::<(), Infallible>(())
    };
    merge_files(tables, &corpus.counters, MergeOptions::default(), read).unwrap()
}

#[divan::bench]
fn decode_meta(bencher: Bencher<'_, '_>) {
    let corpus = corpus(CounterMode::Atomic);
    bencher.counter(BytesCount::new(corpus.meta.len())).bench_local(|| {
        let tables = MetaTables::decode(&corpus.meta).unwrap();
        assert_eq!(tables.functions().len(), (SIZE.packages * SIZE.functions) as usize);
    });
}

#[divan::bench]
fn decode_counters(bencher: Bencher<'_, '_>) {
    let corpus = corpus(CounterMode::Atomic);
    bencher.counter(BytesCount::new(corpus.counter_bytes())).bench_local(|| {
        let mut total = 0_u64;
        for bytes in &corpus.counters {
            let file = CounterFile::parse(bytes).unwrap();
            for segment in file.segments() {
                let mut functions = segment.functions();
                while functions.read_next().unwrap().is_some() {
                    functions.fold_counters(|_, value| total += u64::from(value)).unwrap();
                }
            }
        }
        assert_eq!(total, corpus.total);
    });
}

#[divan::bench(args = [CounterMode::Set, CounterMode::Atomic])]
fn merge_counters(bencher: Bencher<'_, '_>, mode: CounterMode) {
    let corpus = corpus(mode);
    let tables = MetaTables::decode(&corpus.meta).unwrap();
    bencher.counter(BytesCount::new(corpus.counter_bytes())).bench_local(|| {
        let counts = merge(&tables, &corpus);
        assert_eq!(counts.units().iter().filter(|count| **count > 0).count(), corpus.units_hit);
    });
}

#[divan::bench]
fn build_profile(bencher: Bencher<'_, '_>) {
    let corpus = corpus(CounterMode::Atomic);
    let tables = MetaTables::decode(&corpus.meta).unwrap();
    let counts = merge(&tables, &corpus);
    let builds = [BuildCounts::new(tables.into(), counts)];
    bencher.bench_local(|| {
        let profile = Profile::from_builds(&builds, ModePolicy::Strict).unwrap();
        assert_eq!(profile.packages().len(), SIZE.packages as usize);
    });
}
