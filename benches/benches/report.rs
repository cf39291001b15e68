//! Writing reports of a seeded corpus. Each benchmark asserts what it wrote.
#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::convert::Infallible;

use benches::{Corpus, Size};
use bstr::ByteSlice as _;
use covfmt::merge::{BuildCounts, MergeOptions, ModePolicy, merge_files};
use covfmt::meta::MetaTables;
use covfmt::mode::CounterMode;
use covfmt::profile::Profile;
use covreport::checkout::Checkout;
use covreport::format::{CountLimit, Format, LcovOptions};
use covreport::view::{PathStyle, Places, View};
use divan::Bencher;

const SIZE: Size = Size { packages: 60, functions: 150, runs: 3 };

fn main() {
    divan::main();
}

fn profile() -> Profile {
    let corpus = Corpus::generate(SIZE, CounterMode::Atomic, 1).unwrap();
    let tables = MetaTables::decode(&corpus.meta).unwrap();
    let read = |file: &Vec<u8>, buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(file);
        Ok::<(), Infallible>(())
    };
    let counts = merge_files(&tables, &corpus.counters, MergeOptions::default(), read).unwrap();
    Profile::from_builds(&[BuildCounts::new(tables.into(), counts)], ModePolicy::Strict).unwrap()
}

/// Without source: what is measured is our own work, not the reading of Go.
fn with_files(profile: &Profile) -> View<'_> {
    let mut view = View::new(profile).unwrap();
    let checkout = Checkout::default();
    let places = Places::find(&view.packages, &checkout);
    view.add_files(&places, &checkout, PathStyle { absolute: false, external: true }).unwrap();
    view
}

#[divan::bench]
fn make_view(bencher: Bencher<'_, '_>) {
    let profile = profile();
    bencher.bench_local(|| {
        let view = View::new(&profile).unwrap();
        assert_eq!(view.packages.len(), SIZE.packages as usize);
    });
}

#[divan::bench]
fn find_lines(bencher: Bencher<'_, '_>) {
    let profile = profile();
    bencher.bench_local(|| {
        let view = with_files(&profile);
        assert_eq!(view.files.len(), 5 * SIZE.packages as usize);
    });
}

#[divan::bench]
fn write_textfmt(bencher: Bencher<'_, '_>) {
    let profile = profile();
    let view = View::new(&profile).unwrap();
    let units: usize =
        view.packages.iter().flat_map(|package| &package.files).map(|file| file.units.len()).sum();
    bencher.bench_local(|| {
        let mut out = Vec::new();
        Format::Textfmt(CountLimit::None).write(&view, &mut out).unwrap();
        assert_eq!(out.lines().count(), 1 + units);
    });
}

#[divan::bench]
fn write_lcov(bencher: Bencher<'_, '_>) {
    let profile = profile();
    let view = with_files(&profile);
    let lines: usize = view.files.iter().map(|file| file.lines.len()).sum();
    bencher.bench_local(|| {
        let mut out = Vec::new();
        Format::Lcov(LcovOptions::default()).write(&view, &mut out).unwrap();
        assert_eq!(out.lines().filter(|line| line.starts_with(b"DA:")).count(), lines);
    });
}
