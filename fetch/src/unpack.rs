//! Stream -> files. No input panics; nothing but plain files with the names that Go writes comes out, each once.
//!
//! `archive` reads what tar writes and `plain` what stands in for it, `gzip` what either sent through gzip; the budget that a container has is one.

mod archive;
mod gzip;
mod plain;

pub use archive::unpack;
pub(crate) use gzip::Unzipped;
pub(crate) use plain::parse_size;

use std::collections::BTreeSet;
use std::io::{self, Read};

use crate::error::{Failure, Kind};
use crate::names::{CoverageName, quoted};

/// What one container may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files together.
    pub container_bytes: u64,
    /// Number of files.
    pub files: u64,
}

/// How files travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// In archives, one behind the other.
    Archives,
    /// As a shell without tar sends them: batches of sizes and bytes, see [`capture.sh`](crate::script).
    Plain,
    /// These files' bytes and nothing else, in this order; sizes in bytes.
    Sized(Vec<(CoverageName, u64)>),
}

impl Form {
    /// Takes files out of the stream until its end.
    pub fn unpack(
        &self,
        stream: impl Read,
        limits: &Limits,
        receive: &mut Receive<'_>,
    ) -> Result<(), Failure> {
        match self {
            Self::Archives => unpack(stream, limits, Others::Refuse, receive),
            Self::Plain => plain::unpack_batches(stream, limits, receive),
            Self::Sized(sizes) => plain::unpack_sized(stream, sizes, limits, receive),
        }
    }
}

/// What to do with plain files of other names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They were not asked for: refuse the archive.
    Refuse,
    /// A whole directory was asked for: pass over them.
    Skip,
}

/// Takes a file out of the stream: its name, its size in bytes, its content.
///
/// The content ends early only if the stream does; the reader notices, not the receiver.
pub type Receive<'a> = dyn FnMut(&CoverageName, u64, &mut dyn Read) -> Result<(), Failure> + 'a;

/// What has been taken from the container so far.
struct Budget {
    limits: Limits,
    /// Of every kind: an archive of nothing but extended headers has an end, too.
    entries: u64,
    files: u64,
    bytes: u64,
    seen: BTreeSet<CoverageName>,
}

impl Budget {
    fn new(limits: &Limits) -> Self {
        Self { limits: *limits, entries: 0, files: 0, bytes: 0, seen: BTreeSet::new() }
    }

    fn charge_entry(&mut self) -> Result<(), Failure> {
        self.entries += 1;
        if self.entries > self.limits.files.saturating_mul(2).saturating_add(16) {
            return Err(Failure::new(Kind::Limit, "the archive has too many entries that are no files"));
        }
        Ok(())
    }

    fn charge(&mut self, name: &[u8], size: u64) -> Result<(), Failure> {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(size);
        let limit = |what: String| Err(Failure::new(Kind::Limit, what));
        if self.files > self.limits.files {
            return limit(format!("more than {} files (--max-files)", self.limits.files));
        }
        if size > self.limits.file_bytes {
            let (name, most) = (quoted(name), self.limits.file_bytes);
            return limit(format!("{name} has {size} bytes, more than {most} (--max-file-size)"));
        }
        if self.bytes > self.limits.container_bytes {
            let most = self.limits.container_bytes;
            return limit(format!("more than {most} bytes in all (--max-container-size)"));
        }
        Ok(())
    }
}

/// Lets a file's content be read, and notices if it was short.
fn hand_over(
    content: &mut impl Read,
    name: &CoverageName,
    size: u64,
    receive: &mut Receive<'_>,
) -> Result<(), Failure> {
    let mut content = Exact { inner: content, left: size, error: None };
    let received = receive(name, size, &mut content);
    if let Some(error) = content.error {
        return Err(broken(&error));
    }
    received?;
    if content.left > 0 {
        return Err(truncated(&format!("the stream ended {} bytes before the end of {name}", content.left)));
    }
    Ok(())
}

fn truncated(how: &str) -> Failure {
    Failure::passing(Kind::Truncated, how)
}

/// A failure of the stream: what ended it speaks for itself; the rest is a malformed or a short archive.
fn broken(error: &io::Error) -> Failure {
    if let Some(failure) = find_failure(error) {
        return failure;
    }
    Failure::passing(Kind::Rejected, format!("the archive cannot be read: {error}"))
}

/// The failure that the stream's reader gave, under what the archive library wrapped around it.
fn find_failure(error: &io::Error) -> Option<Failure> {
    let mut next = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(inner) = next {
        if let Some(failure) = inner.downcast_ref::<Failure>() {
            return Some(failure.clone());
        }
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return find_failure(error);
        }
        next = inner.source();
    }
    None
}

/// A file's content, counted, with the first error kept for whom it concerns.
struct Exact<'a, R> {
    inner: &'a mut R,
    left: u64,
    error: Option<io::Error>,
}

impl<R: Read> Read for Exact<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(read) => {
                self.left = self.left.saturating_sub(read as u64);
                Ok(read)
            }
            Err(error) => {
                let copy = io::Error::new(error.kind(), error.to_string());
                self.error = Some(error);
                Err(copy)
            }
        }
    }
}
