//! Directories in which one file is not as it was written.

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;

/// Copies a directory and damages one of its coverage files, if it has any.
pub(super) fn copy_damaged(rng: &mut Rng, source: &Path, target: &Path) {
    fs::create_dir(target).unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(source)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.file_name().unwrap().to_string_lossy().starts_with("cov"))
        .collect();
    files.sort();
    for file in &files {
        fs::copy(file, target.join(file.file_name().unwrap())).unwrap();
    }
    if files.is_empty() {
        return;
    }
    let place = target.join(files[rng.usize(..files.len())].file_name().unwrap());
    let mut bytes = fs::read(&place).unwrap();
    damage(rng, &mut bytes);
    fs::write(place, bytes).unwrap();
}

fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let length = bytes.len();
    match rng.u8(..10) {
        0 => bytes.clear(),
        1 => bytes.truncate(rng.usize(..length.clamp(1, 56))),
        2 => bytes.truncate(rng.usize(..length)),
        // Magic, version, and the other fields of the header.
        3 => bytes[rng.usize(..4.min(length))] ^= 1 << rng.u8(..8),
        4 if length > 4 => bytes[4] = rng.u8(2..9),
        5 => bytes[rng.usize(..56.min(length))] ^= 1 << rng.u8(..8),
        // The footer of a counter file.
        6 => {
            let at = length - rng.usize(1..=16.min(length));
            bytes[at] ^= 1 << rng.u8(..8);
        }
        7 => bytes.extend_from_slice(b"garbage behind the end"),
        _ => {
            let at = rng.usize(..length);
            bytes[at] = rng.u8(..);
        }
    }
}
