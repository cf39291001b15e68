//! Hashes of meta files: right in whatever any Go version wrote, and no flipped bit goes unnoticed.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::path::{Path, PathBuf};

use covfmt::error::{ReadError, Rule};
use covfmt::integrity::{Integrity, check_integrity};
use covfmt::pod::{Depth, FileName, scan};
use covfmt::read::MetaFile;
use rayon::prelude::*;

fn check(bytes: &[u8]) -> Result<Integrity, ReadError> {
    MetaFile::parse(bytes).and_then(|file| check_integrity(&file))
}

/// All recorded meta files: of programs, tests and merges of four Go versions.
fn metas() -> Vec<PathBuf> {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recorded");
    let files = scan(&[&testdata], Depth::Recursive).unwrap().into_iter().map(|file| file.path);
    let is_meta = |path: &PathBuf| {
        let name = path.file_name().unwrap().as_encoded_bytes();
        matches!(FileName::parse(name), Some(FileName::Meta { .. }))
    };
    files.filter(is_meta).collect()
}

#[test]
fn every_recorded_file_is_sound() {
    let metas = metas();
    assert!(metas.len() > 100, "{}", metas.len());
    for path in metas {
        let bytes = std::fs::read(&path).unwrap();
        let file = MetaFile::parse(&bytes).unwrap();
        assert_eq!(check_integrity(&file), Ok(Integrity::Sound), "{}", path.display());
    }
}

/// The meta files of one small program by each version, as a program and as `-pcombine` wrote it.
fn chosen() -> Vec<Vec<u8>> {
    let mut chosen: Vec<(String, Vec<u8>)> = Vec::new();
    for path in metas() {
        let name = path.display().to_string();
        let bytes = std::fs::read(&path).unwrap();
        let kind = name.split("recorded/").nth(1).unwrap().split('/').collect::<Vec<_>>();
        let (version, set) = (kind[0], kind[1]);
        if set != "single-set" && set != "segments-count" {
            continue;
        }
        let key = format!("{version} {set} {}", kind[2..kind.len() - 1].join("/"));
        if !chosen.iter().any(|(known, other)| *known == key || *other == bytes) {
            chosen.push((key, bytes));
        }
    }
    chosen.into_iter().map(|(_, bytes)| bytes).collect()
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    let mut flips = 0;
    let chosen = chosen();
    assert!(chosen.len() >= 4, "{}", chosen.len());
    for bytes in chosen {
        flips += flip(&bytes, 1);
    }
    println!("flipped {flips} bits");
}

/// Every bit of all recorded meta files is 800,000 flips; usually some of them are tried. With `COVDATA_EVERY_BIT=1` all are, and
/// some of the file that `COVDATA_META` names, which may be of any program.
#[test]
fn no_flipped_bit_of_a_recorded_file_goes_unnoticed() {
    let every = std::env::var_os("COVDATA_EVERY_BIT").is_some_and(|value| value == "1");
    let mut files: Vec<Vec<u8>> = metas().iter().map(|path| std::fs::read(path).unwrap()).collect();
    files.sort();
    files.dedup();
    assert!(files.len() > 50, "{}", files.len());
    // A prime: not always the same bit of a byte.
    let step = if every { 1 } else { 101 };
    let flips: usize = files.par_iter().map(|bytes| flip(bytes, step)).sum();
    println!("flipped {flips} bits of {} recorded files", files.len());
    if let Some(path) = std::env::var_os("COVDATA_META") {
        let bytes = std::fs::read(&path).unwrap();
        let flips = flip(&bytes, (bytes.len() * 8 / 5000) | 1);
        println!("flipped {flips} bits of {}, {} bytes", Path::new(&path).display(), bytes.len());
    }
}

/// Flips each `step`-th bit of a file, one at a time; gives how many.
fn flip(bytes: &[u8], step: usize) -> usize {
    assert_eq!(check(bytes), Ok(Integrity::Sound));
    let combined = is_combined(bytes);
    let mut flipped = bytes.to_vec();
    let mut flips = 0;
    for bit in (0..bytes.len() * 8).step_by(step) {
        flipped[bit / 8] ^= 1 << (bit % 8);
        // The name has the hash of the file, too.
        let noticed = check(&flipped) != Ok(Integrity::Sound) || flipped[24..40] != bytes[24..40];
        assert!(noticed || (combined && bit / 8 == 48), "bit {bit} of {} bytes", bytes.len());
        flipped[bit / 8] ^= 1 << (bit % 8);
        flips += 1;
    }
    flips
}

/// Whether the hash of the file says nothing about its mode.
fn is_combined(bytes: &[u8]) -> bool {
    let mut other = bytes.to_vec();
    other[48] = if other[48] == 1 { 2 } else { 1 };
    check(&other) == Ok(Integrity::Sound)
}

#[test]
fn damage_is_named_and_another_rule_is_none() {
    let single = |bytes: &Vec<u8>| MetaFile::parse(bytes).unwrap().package_count() == 1;
    let bytes = chosen().into_iter().find(single).unwrap();
    let error = |at: usize| {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        check(&damaged).unwrap_err()
    };
    // The statements of the last unit, in front of the flag at the end.
    let in_unit = error(bytes.len() - 2).to_string();
    assert!(
        in_unit.starts_with("header of package 0 at byte ") && in_unit.contains("hash of the package is "),
        "{in_unit}"
    );
    let in_header = error(30).to_string();
    assert!(in_header.starts_with("meta file header at byte 24: hash of the file is "), "{in_header}");
    assert!(matches!(error(30).rule, Rule::Hash { .. }));
    // The hash itself: the file's own tells that it is that one.
    let package = MetaFile::parse(&bytes).unwrap().packages().next().unwrap().unwrap().header().hash;
    let at = bytes.windows(16).rposition(|window| window == package.0).unwrap();
    assert!(error(at + 3).to_string().contains("hash of the package is "));

    // All hashes of another kind: a later version of Go may well have one.
    let mut other = bytes.clone();
    other[at..at + 16].copy_from_slice(&[9; 16]);
    other[24..40].copy_from_slice(&[8; 16]);
    assert_eq!(check(&other), Ok(Integrity::Unknown));
}
