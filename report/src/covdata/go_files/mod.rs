//! Coverage files as the reference's readers take them: what they accept, what they refuse and in which words, and where
//! they would panic, hang or ask for all memory.
//!
//! Well-formed files never come here; [`covfmt`] reads them. No input panics, and memory is proportional to the input.
//! `internal/coverage/{decodemeta,decodecounter,slicereader,stringtab}`, `cmd/internal/cov/mreader.go`,
//! `cmd/internal/bio`.

mod counters;
mod meta;
mod slice;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use covfmt::layout::{COUNTER_MAGIC, META_HEADER_BYTES, META_MAGIC};
use covfmt::mode::Granularity;
use covfmt::source::{MAX_FILE_BYTES, too_large};

pub(super) use counters::GoCounterFile;
pub(super) use meta::{GoMetaFile, PackageFailure};

use super::go_text::system_error;

/// From this size on the reference maps a file, and its readers go other ways. `bio/buf_mmap.go`, `sliceOS`.
pub(super) const MAPPED_FROM_BYTES: usize = 16 << 10;

/// Why the reference does not go on with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It says so in these words.
    Said(String),
    /// It panics, hangs or runs out of memory; the words are ours.
    Broken(String),
}

impl Failure {
    pub(super) fn said(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }

    pub(super) fn words(&self) -> &str {
        match self {
            Self::Said(words) | Self::Broken(words) => words,
        }
    }

    /// What a reader says where the bytes end: `available` of those wanted are there.
    fn end_of_file(available: usize) -> Self {
        Self::said(if available == 0 { "EOF" } else { "unexpected EOF" })
    }
}

/// A file that could not be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It could not be opened.
    Open(io::Error),
    /// It was opened, but is a directory or failed later; the reference's words.
    Read(Vec<u8>),
}

/// The bytes of a file, of at most [`MAX_FILE_BYTES`]. What is neither a file nor a directory is not opened: a FIFO would make us
/// wait, as it makes the reference.
///
/// Of a larger file that does not even start like a coverage file the first bytes are given: enough for the reference's word on it.
pub(super) fn read_file(path: &Path, bytes: &mut Vec<u8>) -> Result<(), Unreadable> {
    use std::os::unix::ffi::OsStrExt as _;
    bytes.clear();
    let failed = |why: &str| {
        let why = format!(": {why}");
        Unreadable::Read([b"read ", path.as_os_str().as_bytes(), why.as_bytes()].concat())
    };
    let metadata = path.metadata().map_err(Unreadable::Open)?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(failed("not a regular file"));
    }
    let mut file = File::open(path).map_err(Unreadable::Open)?;
    let head = if metadata.len() > MAX_FILE_BYTES { META_HEADER_BYTES as u64 } else { MAX_FILE_BYTES + 1 };
    let read = file.by_ref().take(head).read_to_end(bytes);
    read.map_err(|error| failed(&system_error(&error)))?;
    let named = [META_MAGIC, COUNTER_MAGIC].iter().any(|magic| bytes.starts_with(magic));
    if named && bytes.len() as u64 == head {
        return Err(failed(&too_large(MAX_FILE_BYTES).to_string()));
    }
    Ok(())
}

/// `CounterGranularity.String` in `defs.go`, for the byte as it stands in the file.
pub(super) fn granularity_name(byte: u8) -> &'static str {
    Granularity::from_byte(byte).map_or("<invalid>", Granularity::as_str)
}
