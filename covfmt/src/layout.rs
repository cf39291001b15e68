//! Every on-disk constant and header, written once and neutral of reading and writing.
//!
//! Integers in headers are little-endian in every file. The sources named here are files of the Go tree.

use crate::ids::MetaHash;
use crate::mode::{CounterMode, Granularity};

/// First four bytes of a meta file: `\0cvm`. `internal/coverage/defs.go`, `CovMetaMagic`.
pub const META_MAGIC: [u8; 4] = *b"\0cvm";
/// First four bytes of a counter file and of each of its footers: `\0cwm`. `defs.go`, `CovCounterMagic`.
pub const COUNTER_MAGIC: [u8; 4] = *b"\0cwm";
/// The only version of the meta file. `defs.go`, `MetaFileVersion`.
pub const META_VERSION: u32 = 1;
/// The only version of the counter file. `defs.go`, `CounterFileVersion`.
pub const COUNTER_VERSION: u32 = 1;
/// File name prefix of a meta file. `defs.go`, `MetaFilePref`.
pub const META_PREFIX: &str = "covmeta";
/// File name prefix of a counter file. `defs.go`, `CounterFilePref`.
pub const COUNTER_PREFIX: &str = "covcounters";

/// Bytes of a [`MetaHeader`] on disk, six bytes of padding included.
pub const META_HEADER_BYTES: usize = 4 + 4 + 8 + 8 + 16 + 4 + 4 + 1 + 1 + 6;
/// Bytes of one entry in each of the two package tables (offsets, lengths) of a meta file.
pub const PACKAGE_ENTRY_BYTES: usize = 8;
/// Bytes of a [`PackageHeader`] on disk, four bytes of padding included. `defs.go`, `CovMetaHeaderSize`.
pub const PACKAGE_HEADER_BYTES: usize = 4 * 4 + 16 + 4 + 2 * 4;
/// Bytes of one entry in a package's table of function offsets.
pub const FUNCTION_OFFSET_BYTES: usize = 4;
/// Bytes of a [`CounterHeader`] on disk, six bytes of padding included.
pub const COUNTER_HEADER_BYTES: usize = 4 + 4 + 16 + 1 + 1 + 6;
/// Bytes of a [`SegmentHeader`] on disk.
pub const SEGMENT_HEADER_BYTES: usize = 8 + 4 + 4;
/// Bytes of a counter file's footer: magic, padding, number of segments, padding.
pub const FOOTER_BYTES: usize = 4 + 4 + 4 + 4;
/// The preamble of a segment (header, strings, args) is padded to a multiple of this, counted from the
/// start of the segment. `encodecounter/encode.go`, `padToFourByteBoundary`.
pub const SEGMENT_ALIGNMENT: usize = 4;

const _: () = {
    // As `unsafe.Sizeof` and the hand-kept constant in the Go source have them.
    assert!(META_HEADER_BYTES == 56);
    assert!(PACKAGE_HEADER_BYTES == 44);
    assert!(COUNTER_HEADER_BYTES == 32);
    assert!(SEGMENT_HEADER_BYTES == 16);
    assert!(FOOTER_BYTES == 16);
    assert!(COUNTER_HEADER_BYTES.is_multiple_of(SEGMENT_ALIGNMENT));
};

/// Header of a meta file. `defs.go`, `MetaFileHeader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MetaHeader {
    /// Length of the whole file in bytes.
    pub total_length: u64,
    /// Number of packages.
    pub packages: u64,
    /// Hash of the build, as in the file's name.
    pub hash: MetaHash,
    /// Offset of the file's own string table in bytes from the start of the file.
    pub strings_offset: u32,
    /// Length of that table in bytes.
    pub strings_length: u32,
    /// How the build counts.
    pub mode: CounterMode,
    /// What one counter stands for.
    pub granularity: Granularity,
}

/// Header of one package's blob in a meta file. `defs.go`, `MetaSymbolHeader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PackageHeader {
    /// Length of the blob in bytes, this header included.
    pub length: u32,
    /// Index of the package's name in the blob's string table.
    pub name: u32,
    /// Index of the import path in the blob's string table.
    pub path: u32,
    /// Index of the module path in the blob's string table.
    pub module: u32,
    /// Hash of the package: path, name, module, functions and units.
    pub hash: MetaHash,
    /// Called the number of files in the source; holds the number of strings
    /// (`encodemeta/encode.go`, `Emit`).
    pub files: u32,
    /// Number of functions.
    pub functions: u32,
}

/// Header of a counter file. `defs.go`, `CounterFileHeader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CounterHeader {
    /// Hash of the meta file that gives the counters their meaning.
    pub meta_hash: MetaHash,
    /// How the values of the segments are written.
    pub flavor: Flavor,
}

/// How the integers of a counter segment are written. `defs.go`, `CounterFlavor` and the flag `BigEndian`,
/// which means something for raw counters only (`decodecounter/decodecounterfile.go`, `NextFunc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavor {
    /// Four bytes each, the least significant first.
    RawLittleEndian,
    /// Four bytes each, the most significant first.
    RawBigEndian,
    /// ULEB128; all that the Go runtime and the reference tool write. The flag is kept for exact copies.
    Uleb128 {
        /// The meaningless byte-order flag as found.
        big_endian_flag: bool,
    },
}

impl Flavor {
    /// What every Go program writes.
    pub const GO: Self = Self::Uleb128 { big_endian_flag: false };

    /// The flavour for the two on-disk bytes; `None` if either holds a value the format does not define.
    pub fn from_bytes(flavor: u8, big_endian: u8) -> Option<Self> {
        match (flavor, big_endian) {
            (1, 0) => Some(Self::RawLittleEndian),
            (1, 1) => Some(Self::RawBigEndian),
            (2, 0) => Some(Self::Uleb128 { big_endian_flag: false }),
            (2, 1) => Some(Self::Uleb128 { big_endian_flag: true }),
            _ => None,
        }
    }

    /// The two on-disk bytes: flavour, big-endian flag.
    pub fn to_bytes(self) -> (u8, u8) {
        match self {
            Self::RawLittleEndian => (1, 0),
            Self::RawBigEndian => (1, 1),
            Self::Uleb128 { big_endian_flag } => (2, u8::from(big_endian_flag)),
        }
    }

    /// The fewest bytes that one value can take.
    pub fn min_value_bytes(self) -> usize {
        match self {
            Self::RawLittleEndian | Self::RawBigEndian => 4,
            Self::Uleb128 { .. } => 1,
        }
    }
}

/// Header of one segment of a counter file. `defs.go`, `CounterSegmentHeader`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentHeader {
    /// Number of functions. Go's writer never resets it, so in a file of several segments it counts those of
    /// all segments so far (`encodecounter/encode.go`, `AppendSegment`).
    pub cumulative_functions: u64,
    /// Length of the string table in bytes.
    pub strings_length: u32,
    /// Length of the args table in bytes, the padding behind it included.
    pub args_length: u32,
}
