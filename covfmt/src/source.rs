//! The bytes of a file: read, or mapped where that saves a large copy. The only `unsafe` code of the crate.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// Smaller files are read: mapping costs more than copying there.
const MAP_FROM_BYTES: u64 = 1 << 20;

/// The most bytes that a meta file or a counter file may have; those of large programs have some 20 MiB and 1 MiB.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// A file's bytes for as long as this lives.
#[derive(Debug)]
pub struct FileBytes(Inner);

#[derive(Debug)]
enum Inner {
    Read(Vec<u8>),
    Mapped(Mmap),
}

impl FileBytes {
    /// Opens a file and reads or maps it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open_regular(path)?;
        let length = file.metadata()?.len();
        if length > MAX_FILE_BYTES {
            return Err(too_large(MAX_FILE_BYTES));
        }
        if length >= MAP_FROM_BYTES {
            return Ok(Self(Inner::Mapped(map(&file)?)));
        }
        let mut bytes = Vec::new();
        read_at_most(&file, MAX_FILE_BYTES, &mut bytes)?;
        Ok(Self(Inner::Read(bytes)))
    }
}

/// Opens a regular file, and nothing else: opening a FIFO would wait for a writer, perhaps for ever.
pub fn open_regular(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(path)
}

/// Appends the bytes of a regular file to a buffer; a file of more than `most` bytes is an error, and hardly any of it is
/// read.
pub fn read_regular(path: &Path, most: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    let file = open_regular(path)?;
    if file.metadata()?.len() > most {
        return Err(too_large(most));
    }
    read_at_most(&file, most, buffer)
}

/// The length that a file says it has may change, and be none at all in some file systems.
fn read_at_most(file: &File, most: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    let read = file.take(most.saturating_add(1)).read_to_end(buffer)?;
    if read as u64 > most { Err(too_large(most)) } else { Ok(()) }
}

/// The error about a file of more than `most` bytes.
pub fn too_large(most: u64) -> io::Error {
    let message = format!("larger than {} MiB, the most that is read of such a file", most >> 20);
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

#[allow(unsafe_code, reason = "mapping a file is unsafe by nature; argued below")]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the bytes must not change while they are borrowed. Go programs and the fetch tool write coverage
    // files under a temporary name and rename them, and never touch them again, so a file under its final name
    // is stable. Someone who overwrites or truncates one in place while a report runs breaks this and may get
    // a wrong report or a SIGBUS, as with any tool that maps its input (ripgrep, linkers); no reader here
    // relies on the bytes staying the same for memory safety: every read is bounds-checked against the
    // mapping's fixed length and nothing is interpreted as a type with invalid values.
    unsafe { Mmap::map(file) }
}

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Inner::Read(bytes))
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Inner::Read(bytes) => bytes,
            Inner::Mapped(map) => map,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_just_as_many_bytes_as_are_read_of_it() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, b"12345678").unwrap();
        let read = |most| {
            let mut bytes = Vec::new();
            read_regular(file.path(), most, &mut bytes).map(|()| bytes)
        };
        assert_eq!(read(8).unwrap(), b"12345678");
        assert_eq!(read(7).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        // As if it had grown behind its length.
        let mut bytes = Vec::new();
        read_at_most(&File::open(file.path()).unwrap(), 7, &mut bytes).unwrap_err();
        assert!(bytes.len() <= 8, "{}", bytes.len());
    }

    #[test]
    fn a_file_of_more_than_the_most_is_not_opened() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert_eq!(FileBytes::open(file.path()).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        file.as_file().set_len(MAX_FILE_BYTES).unwrap();
        assert_eq!(FileBytes::open(file.path()).unwrap().len() as u64, MAX_FILE_BYTES);
    }
}
