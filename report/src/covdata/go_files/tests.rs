//! On files that Go wrote these readers agree with covfmt's; on no file do they panic.

use std::path::{Path, PathBuf};

use covfmt::merge::RunArgs;
use covfmt::meta::MetaTables;
use covfmt::read::CounterFile;
use proptest::prelude::*;
use walkdir::WalkDir;

use super::*;

/// The recorded files of one kind, of all Go versions.
fn recorded(prefix: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recorded");
    let entries = WalkDir::new(root).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    let files: Vec<PathBuf> = entries
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
        .collect();
    assert!(files.len() > 50, "{}", files.len());
    files
}

/// Reads everything of a meta file, as far as it goes.
fn read_meta(bytes: &[u8]) -> Option<MetaTables> {
    let file = GoMetaFile::parse(bytes).ok()?;
    let mut packages = Vec::new();
    for index in 0..file.package_count() {
        drop(file.function_count(index));
        drop(file.package_range(index));
        packages.push(file.package(index, |_| true, true).ok()?);
    }
    Some(MetaTables::assemble(file.header(), packages))
}

type Functions = Vec<((u32, u32), Vec<u32>)>;

/// Reads the first segment of a counter file; the flag says whether it could be read to its end.
fn read_counters(bytes: &[u8]) -> Option<(RunArgs, Functions, bool)> {
    let mut file = GoCounterFile::parse(bytes).ok()?;
    let args = file.args().clone();
    let (mut functions, mut counters) = (Vec::new(), Vec::new());
    loop {
        match file.read_next(&mut counters) {
            Ok(Some(key)) => functions.push((key, counters.clone())),
            end => return Some((args, functions, end.is_ok())),
        }
    }
}

#[test]
fn meta_files_are_read_alike() {
    for path in recorded("covmeta.") {
        let bytes = std::fs::read(&path).unwrap();
        let (ours, theirs) = (MetaTables::decode(&bytes).unwrap(), read_meta(&bytes).unwrap());
        assert_eq!(theirs.header(), ours.header(), "{}", path.display());
        assert_eq!(theirs.packages(), ours.packages(), "{}", path.display());
        assert_eq!(theirs.units(), ours.units(), "{}", path.display());
        let functions = |tables: &MetaTables| -> Vec<_> {
            let functions = tables.functions().iter();
            let texts = |f| (tables.name_of(f).to_owned(), tables.file_of(f).to_owned());
            functions.map(|f| (texts(f), f.literal(), f.unit_positions())).collect()
        };
        assert_eq!(functions(&theirs), functions(&ours), "{}", path.display());
    }
}

#[test]
fn first_segments_are_read_alike() {
    for path in recorded("covcounters.") {
        let bytes = std::fs::read(&path).unwrap();
        let file = CounterFile::parse(&bytes).unwrap();
        let segment = &file.segments()[0];
        let mut ours = Functions::new();
        let mut functions = segment.functions();
        while let Some(head) = functions.read_next().unwrap() {
            let mut counters = Vec::new();
            functions.fold_counters(|_, count| counters.push(count)).unwrap();
            ours.push(((head.package.0, head.function.0), counters));
        }
        let expected = Some((RunArgs::of_segment(segment), ours, true));
        assert_eq!(read_counters(&bytes), expected, "{}", path.display());
    }
}

/// A recorded file with some bytes changed, cut off or drawn out to a size that the reference maps.
fn damaged(prefix: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(0), Just(0x80), Just(0xff)]);
    let changes = prop::collection::vec(change, 0..4);
    let cut = prop::option::of(any::<prop::sample::Index>());
    (prop::sample::select(recorded(prefix)), changes, cut, any::<bool>()).prop_map(
        |(path, changes, cut, large)| {
            let mut bytes = std::fs::read(path).unwrap();
            let footer = bytes.split_off(bytes.len() - 16);
            if large {
                bytes.resize(MAPPED_FROM_BYTES + 5, 0);
            }
            bytes.extend(footer);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn damaged_meta_files_do_no_harm(bytes in damaged("covmeta.")) {
        let read = read_meta(&bytes);
        // What covfmt takes, these take, and make the same of it.
        if let Ok(ours) = MetaTables::decode(&bytes) {
            let read = read.unwrap();
            prop_assert_eq!((read.packages(), read.units()), (ours.packages(), ours.units()));
        }
    }

    #[test]
    fn damaged_counter_files_do_no_harm(bytes in damaged("covcounters.")) {
        let read = read_counters(&bytes);
        if let Ok(file) = CounterFile::parse(&bytes) && file.check().is_ok() {
            let (args, functions, whole) = read.unwrap();
            let segment = &file.segments()[0];
            prop_assert_eq!(args, RunArgs::of_segment(segment));
            prop_assert_eq!((functions.len() as u64, whole), (segment.function_count(), true));
        }
    }

    #[test]
    fn any_bytes_do_no_harm(bytes: Vec<u8>) {
        drop(read_meta(&[b"\0cvm\x01\0\0\0", bytes.as_slice()].concat()));
        drop(read_counters(&[b"\0cwm\x01\0\0\0", bytes.as_slice()].concat()));
    }
}

#[test]
fn numbers_that_ask_for_all_memory_are_refused() {
    let mut meta = std::fs::read(&recorded("covmeta.")[0]).unwrap();
    meta[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(GoMetaFile::parse(&meta), Err(Failure::Broken(_))));
    meta[16..24].copy_from_slice(&(1_u64 << 31).to_le_bytes());
    assert!(matches!(GoMetaFile::parse(&meta), Err(Failure::Said(_))));
}
