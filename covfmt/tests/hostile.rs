//! No bytes make the readers panic, and nothing that they accept makes the rest of the crate panic.
#![allow(clippy::unwrap_used, reason = "a test")]

mod model;

use covfmt::merge::{BuildCounts, MergeOptions, ModePolicy, merge_files};
use covfmt::meta::MetaTables;
use covfmt::profile::Profile;
use covfmt::read::CounterFile;
use model::program_with_runs;
use proptest::prelude::*;

/// What happens to a file on its way: bytes set, inserted, taken out, cut off.
#[derive(Debug, Clone)]
enum Damage {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        6 => (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => place().prop_map(Damage::Remove),
        1 => place().prop_map(Damage::Cut),
    ]
}

fn apply(bytes: &mut Vec<u8>, damages: &[Damage]) {
    for damage in damages {
        if bytes.is_empty() {
            return;
        }
        match damage {
            Damage::Set(at, byte) => *at.get_mut(bytes) = *byte,
            Damage::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Damage::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

fn use_everything(meta: &[u8], counters: &[u8]) {
    if let Ok(file) = CounterFile::parse(counters) {
        file.segments().iter().for_each(|segment| drop(segment.argv()));
        let _ = file.check();
    }
    let Ok(tables) = MetaTables::decode(meta) else { return };
    let read = |(): &(), buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(counters);
        Ok::<(), ()>(())
    };
    let Ok(counts) = merge_files(&tables, &[()], MergeOptions { check_hash: false, saturate: true }, read)
    else {
        return;
    };
    let build = BuildCounts::new(tables.into(), counts);
    let profile = Profile::from_builds(&[build.clone(), build], ModePolicy::HitOrNot).unwrap();
    for package in profile.packages() {
        assert_eq!(package.units().len(), package.counts().len());
        assert!(package.functions().all(|f| f.units.len() == f.counts.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn damaged_files_give_an_error_or_a_result(
        (program, runs) in program_with_runs(),
        meta_damage in prop::collection::vec(damage(), 0..3),
        counter_damage in prop::collection::vec(damage(), 0..3),
    ) {
        let (hash, mut meta) = program.encode();
        let mut counters = runs.first().map(|run| run.encode(hash)).unwrap_or_default();
        apply(&mut meta, &meta_damage);
        apply(&mut counters, &counter_damage);
        use_everything(&meta, &counters);
    }

    #[test]
    fn any_bytes_give_an_error_or_a_result(meta: Vec<u8>, counters: Vec<u8>) {
        use_everything(&meta, &counters);
    }

    #[test]
    fn every_cut_is_noticed((program, runs) in program_with_runs(), at in any::<prop::sample::Index>()) {
        let (hash, meta) = program.encode();
        prop_assert!(MetaTables::decode(&meta[..at.index(meta.len())]).is_err());
        for run in &runs {
            let counters = run.encode(hash);
            // A file of several segments is whole again where one of them ends: nothing in the format tells.
            if run.segments.len() == 1 {
                prop_assert!(CounterFile::parse(&counters[..at.index(counters.len())]).and_then(|f| f.check()).is_err());
            }
        }
    }
}

#[test]
fn numbers_that_promise_too_much_allocate_nothing() {
    let (hash, meta) = model::Program { mode: covfmt::mode::CounterMode::Set, packages: vec![] }.encode();
    let mut huge = meta.clone();
    huge[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    let error = MetaTables::decode(&huge).unwrap_err();
    assert!(error.to_string().starts_with("package table at byte 56: cut off"), "{error}");

    let run = model::Run {
        flavor: covfmt::layout::Flavor::GO,
        segments: vec![model::Segment { args: std::collections::BTreeMap::new(), entries: vec![] }],
    };
    let mut counters = run.encode(hash);
    counters[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    let error = CounterFile::parse(&counters).and_then(|f| f.check()).unwrap_err();
    assert!(error.to_string().starts_with("counters of segment 0 at byte 52: cut off"), "{error}");
    let mut counters = run.encode(hash);
    let footer = counters.len() - 8;
    counters[footer..footer + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(CounterFile::parse(&counters).is_err());
}

#[test]
fn a_file_that_was_cut_off_is_called_that() {
    let (hash, _) = model::Program { mode: covfmt::mode::CounterMode::Set, packages: vec![] }.encode();
    let args = std::collections::BTreeMap::from([("argv0".to_owned(), "x".repeat(100))]);
    let segments = vec![model::Segment { args, entries: vec![] }];
    let bytes = model::Run { flavor: covfmt::layout::Flavor::GO, segments }.encode(hash);
    let error = CounterFile::parse(&bytes[..bytes.len() - 20]).unwrap_err();
    assert!(error.to_string().contains("probably cut off"), "{error}");
}
