//! What can be wrong with a file's bytes.

use std::fmt;

use crate::ids::{FunctionIndex, MetaHash, PackageIndex};

/// A file that breaks a rule of the format.
///
/// Holds no path: the core takes bytes, and the caller who knows the path adds it
/// (see [`LoadError`](crate::load::LoadError)).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{structure} at byte {offset}: {rule}")]
pub struct ReadError {
    /// The part of the file that was being read.
    pub structure: Structure,
    /// The rule that was broken, with the offending value.
    pub rule: Rule,
    /// Offset in bytes from the start of the file.
    pub offset: u64,
}

/// A part of a meta or counter file, as error messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// The header of a meta file.
    MetaHeader,
    /// The offsets and lengths of the packages' blobs.
    PackageTable,
    /// The meta file's own string table.
    MetaStrings,
    /// The header of a package's blob.
    PackageHeader(PackageIndex),
    /// A package's table of function offsets.
    FunctionOffsets(PackageIndex),
    /// A package's string table.
    PackageStrings(PackageIndex),
    /// A function and its units.
    Function(PackageIndex, FunctionIndex),
    /// The header of a counter file.
    CounterHeader,
    /// The footer of a counter file.
    CounterFooter,
    /// The header of a segment, numbered from 0.
    SegmentHeader(u32),
    /// A segment's string table.
    SegmentStrings(u32),
    /// A segment's args table.
    SegmentArgs(u32),
    /// The counters of a segment.
    SegmentCounters(u32),
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MetaHeader => write!(f, "meta file header"),
            Self::PackageTable => write!(f, "package table"),
            Self::MetaStrings => write!(f, "file string table"),
            Self::PackageHeader(p) => write!(f, "header of package {p}"),
            Self::FunctionOffsets(p) => write!(f, "function offsets of package {p}"),
            Self::PackageStrings(p) => write!(f, "string table of package {p}"),
            Self::Function(p, i) => write!(f, "function {i} of package {p}"),
            Self::CounterHeader => write!(f, "counter file header"),
            Self::CounterFooter => write!(f, "counter file footer"),
            Self::SegmentHeader(s) => write!(f, "header of segment {s}"),
            Self::SegmentStrings(s) => write!(f, "string table of segment {s}"),
            Self::SegmentArgs(s) => write!(f, "args of segment {s}"),
            Self::SegmentCounters(s) => write!(f, "counters of segment {s}"),
        }
    }
}

/// A rule of the format, with the value that breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The structure goes on behind the end of its bytes.
    Truncated {
        /// Bytes needed.
        needed: u64,
        /// Bytes that are there.
        available: u64,
    },
    /// Bytes are left where the structure should end.
    Trailing {
        /// How many bytes.
        bytes: u64,
    },
    /// The first four bytes are not the format's.
    Magic {
        /// The bytes found.
        found: [u8; 4],
    },
    /// The file does not end with a footer.
    NoFooter {
        /// The bytes found where it should start.
        found: [u8; 4],
    },
    /// The version is not 1.
    Version {
        /// The version found.
        found: u32,
    },
    /// A value is not one that the format defines.
    Undefined {
        /// What the value is.
        what: &'static str,
        /// The value found.
        found: u64,
    },
    /// A value differs from what the rest of the file makes it.
    Mismatch {
        /// What the value is.
        what: &'static str,
        /// The value found.
        found: u64,
        /// The value that the rest of the file gives.
        expected: u64,
    },
    /// A hash is not that of what it is over.
    Hash {
        /// Which hash.
        what: &'static str,
        /// The hash found.
        found: MetaHash,
        /// The hash of the contents, by the rule that other hashes of the file follow.
        expected: MetaHash,
    },
    /// A ULEB128 value does not fit in its integer.
    Uleb128Overflow {
        /// Width of the integer in bits.
        bits: u32,
    },
    /// An index lies behind the end of its table.
    Index {
        /// What the index refers to.
        what: &'static str,
        /// The index found.
        found: u64,
        /// Number of entries in the table.
        entries: u64,
    },
    /// A key of the args table occurs twice.
    DuplicateArg {
        /// The key, lossily as text.
        key: String,
    },
    /// The entry `argc` is no number, or larger than the table could hold.
    BadArgc {
        /// The value, lossily as text.
        found: String,
    },
}

/// Bytes as they are looked up in a hex dump.
struct Bytes<'b>(&'b [u8; 4]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, available } => {
                write!(f, "cut off: {needed} bytes needed, {available} there")
            }
            Self::Trailing { bytes } => write!(f, "{bytes} bytes left over"),
            Self::Magic { found } => {
                write!(f, "not the format's magic string: found the bytes {}", Bytes(found))
            }
            Self::NoFooter { found } => {
                let found = Bytes(found);
                write!(f, "the file does not end with one and was probably cut off: found the bytes {found}")
            }
            Self::Version { found } => write!(f, "version {found} is not known, only version 1"),
            Self::Undefined { what, found } => write!(f, "{what} {found} is not defined"),
            Self::Mismatch { what, found, expected } => {
                write!(f, "{what} is {found}, but the rest of the file makes it {expected}")
            }
            Self::Hash { what, found, expected } => {
                write!(f, "{what} is {found}, but its contents make it {expected}")
            }
            Self::Uleb128Overflow { bits } => write!(f, "ULEB128 value does not fit in {bits} bits"),
            Self::Index { what, found, entries } => {
                write!(f, "{what} {found} is out of range: there are {entries}")
            }
            Self::DuplicateArg { key } => write!(f, "argument {key:?} occurs twice"),
            Self::BadArgc { found } => write!(f, "argc {found:?} is not a possible number of arguments"),
        }
    }
}
