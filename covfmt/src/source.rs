//! The bytes of a file, read once: whatever becomes of the file meanwhile, they stay as they were read.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Deref;
use std::path::Path;

use memmap2::MmapMut;

/// Files from this size on are read into pages of their own. These come from the system as they are filled and go back to
/// it at once, and that there are none left is an error, where an allocator would end the process.
const PAGES_FROM_BYTES: u64 = 1 << 20;

/// The most bytes that a meta file or a counter file may have; those of large programs have some 20 MiB and 1 MiB.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// A file's bytes for as long as this lives.
///
/// The file itself is never mapped: who cuts off a file that is mapped kills the process that looks at it (SIGBUS), and
/// who writes to it changes bytes that have been checked.
#[derive(Debug)]
pub struct FileBytes(Inner);

#[derive(Debug)]
enum Inner {
    Allocated(Vec<u8>),
    Pages(MmapMut),
}

impl FileBytes {
    /// Opens a file and reads it. A large file that changes its length meanwhile is an error; a small one is what was
    /// read of it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open_regular(path)?;
        let length = file.metadata()?.len();
        if length > MAX_FILE_BYTES {
            return Err(too_large(MAX_FILE_BYTES));
        }
        if length >= PAGES_FROM_BYTES {
            return Ok(Self(Inner::Pages(read_into_pages(&file, length)?)));
        }
        let mut bytes = Vec::new();
        read_at_most(&file, MAX_FILE_BYTES, &mut bytes)?;
        Ok(Self(Inner::Allocated(bytes)))
    }
}

/// Reads a file that said it has so many bytes.
fn read_into_pages(mut file: &File, length: u64) -> io::Result<MmapMut> {
    let changed = || {
        let message = format!("had {length} bytes, and another number when it was read: who writes to it?");
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    let mut pages = MmapMut::map_anon(usize::try_from(length).map_err(|_| too_large(MAX_FILE_BYTES))?)?;
    file.read_exact(&mut pages).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => changed(),
        _ => error,
    })?;
    let more = file.take(1).read_to_end(&mut Vec::new())?;
    if more == 0 { Ok(pages) } else { Err(changed()) }
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

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Inner::Allocated(bytes))
    }
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Inner::Allocated(bytes) => bytes,
            Inner::Pages(pages) => pages,
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
    fn a_file_of_more_than_the_most_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert_eq!(FileBytes::open(file.path()).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_was_read_stays_when_the_file_is_cut_off_or_overwritten() {
        for length in [PAGES_FROM_BYTES - 1, PAGES_FROM_BYTES, 3 * PAGES_FROM_BYTES + 1] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let written: Vec<u8> = (0..=250).cycle().take(usize::try_from(length).unwrap()).collect();
            std::fs::write(file.path(), &written).unwrap();
            let bytes = FileBytes::open(file.path()).unwrap();
            io::Write::write_all(&mut file.as_file(), b"other bytes").unwrap();
            assert!(*bytes == *written);
            // Of a mapped file, looking there ends the process.
            file.as_file().set_len(0).unwrap();
            assert!(*bytes == *written);
        }
    }

    #[test]
    fn a_large_file_that_changes_its_length_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(PAGES_FROM_BYTES).unwrap();
        let read = |said| read_into_pages(&File::open(file.path()).unwrap(), said);
        assert_eq!(read(PAGES_FROM_BYTES).unwrap().len() as u64, PAGES_FROM_BYTES);
        for said in [PAGES_FROM_BYTES - 1, PAGES_FROM_BYTES + 1] {
            let error = read(said).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().starts_with(&format!("had {said} bytes")), "{error}");
        }
    }
}
