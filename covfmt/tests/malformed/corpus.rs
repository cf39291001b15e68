//! The whole files, byte by byte as the format has them, and how they are broken.

use covfmt::error::ReadError;
use covfmt::ids::MetaHash;
use covfmt::integrity::check_integrity;
use covfmt::mode::{CounterMode, Granularity};
use covfmt::read::{CounterFile, MetaFile};
use covfmt::unit::Unit;
use covfmt::write::{PackageBuilder, encode_meta, hash_of_program};

/// A file that breaks one rule.
#[derive(Debug, Clone)]
pub(crate) struct Bad {
    /// The rule.
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// What is said about it, behind the path.
    pub(crate) error: String,
}

impl Bad {
    pub(crate) fn is_meta(&self) -> bool {
        !self.error.contains("counter file") && !self.error.contains("segment")
    }
}

/// The first rule that a file breaks, hashes included; what its first bytes are says which kind it is.
pub(crate) fn read_error(bytes: &[u8]) -> Option<ReadError> {
    if bytes.get(2) == Some(&b'w') {
        return CounterFile::parse(bytes).and_then(|file| file.check()).err();
    }
    MetaFile::parse(bytes).and_then(|file| check_integrity(&file)).err()
}

pub(crate) fn hash() -> MetaHash {
    hash_of_program([package().hash()], CounterMode::Atomic, Granularity::PerBlock)
}

fn package() -> PackageBuilder {
    let unit = |start_line, statements| Unit {
        start_line,
        end_line: start_line + 2,
        start_column: 3,
        end_column: 2,
        statements,
    };
    let mut package = PackageBuilder::new(b"example.com/m", b"main", b"example.com/m").unwrap();
    package.add_function(b"f", b"example.com/m/a.go", false, &[unit(3, 2), unit(7, 1)]).unwrap();
    package.add_function(b"f.func1", b"example.com/m/a.go", true, &[unit(12, 1)]).unwrap();
    package
}

/// A whole meta file: a package with two functions.
pub(crate) fn meta() -> Vec<u8> {
    encode_meta(hash(), CounterMode::Atomic, Granularity::PerBlock, &[package().encode().unwrap()]).unwrap()
}

/// Where things are in [`meta`]. Bytes from the start of the file.
pub(crate) struct MetaPlaces {
    pub(crate) blob: usize,
    pub(crate) strings: usize,
    pub(crate) functions: usize,
}

pub(crate) fn places() -> MetaPlaces {
    let blob = 56 + 16 + 2;
    let strings = blob + 44 + 2 * 4;
    let functions =
        strings + 1 + "\0".len() + [13, 4, 1, 18, 7].iter().map(|length| length + 1).sum::<usize>();
    MetaPlaces { blob, strings, functions }
}

/// A segment of a counter file as it stands between its bytes: with more of anything, lengths stay right.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) functions_so_far: u64,
    pub(crate) strings: Vec<u8>,
    pub(crate) args: Vec<u8>,
    pub(crate) counters: Vec<u8>,
    pub(crate) footer: Vec<u8>,
}

pub(crate) fn footer(segments: u8) -> Vec<u8> {
    [b"\0cwm\0\0\0\0", &[segments, 0, 0, 0][..], &[0; 4]].concat()
}

/// The two segments of [`counters`].
pub(crate) fn segments() -> [Segment; 2] {
    let strings = b"\x04\x04argc\x011\x05argv0\x03app".to_vec();
    let segment = |functions_so_far, counters: &[u8], number| Segment {
        functions_so_far,
        strings: strings.clone(),
        args: vec![2, 0, 1, 2, 3],
        counters: counters.to_vec(),
        footer: footer(number),
    };
    [segment(2, &[2, 0, 0, 5, 1, 1, 0, 1, 3], 1), segment(3, &[2, 0, 0, 1, 0], 2)]
}

/// A counter file of these segments.
pub(crate) fn file_of(segments: &[Segment]) -> Vec<u8> {
    let mut bytes = [b"\0cwm\x01\0\0\0", &hash().0[..], &[2, 0, 0, 0, 0, 0, 0, 0]].concat();
    for segment in segments {
        let preamble = 16 + segment.strings.len() + segment.args.len();
        let padding = preamble.next_multiple_of(4) - preamble;
        bytes.extend(segment.functions_so_far.to_le_bytes());
        bytes.extend(u32::try_from(segment.strings.len()).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(segment.args.len() + padding).unwrap().to_le_bytes());
        bytes.extend(&segment.strings);
        bytes.extend(&segment.args);
        bytes.extend(vec![0; padding]);
        bytes.extend(&segment.counters);
        bytes.extend(&segment.footer);
    }
    bytes
}

/// A whole counter file of [`meta`]'s program: two runs, one behind the other.
pub(crate) fn counters() -> Vec<u8> {
    file_of(&segments())
}

/// A copy with other bytes at a place.
pub(crate) fn set(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at..at + new.len()].copy_from_slice(new);
    changed
}

/// A copy of a meta file with bytes inserted, and the file's length set right.
pub(crate) fn insert(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed.splice(at..at, new.iter().copied());
    let length = (changed.len() as u64).to_le_bytes();
    set(&changed, 8, &length)
}
