//! Archives -> files: plain files with the names that Go writes come out, each once, and nothing else does.
//!
//! The stream may hold several archives behind each other (the script sends its files in batches). An archive counts as
//! whole only if its two end blocks came: a stream that was cut between two files looks like a short archive otherwise.
//! Entries are read raw, so that no extension header can rename, lengthen or redirect the file behind it.

use std::cell::Cell;
use std::io::{self, Read};

use tar::{Archive, EntryType};

use super::{Budget, Limits, Others, Receive, broken, find_failure, hand_over, truncated};
use crate::error::{Failure, Kind, Retry};
use crate::names::{CoverageName, quoted};

/// Bytes of an archive's block.
const BLOCK: usize = 512;

/// Longest extended header that is read, bytes. GNU tar writes some hundred.
const LONGEST_EXTENSION: u64 = 64 << 10;

/// Most padding behind an archive, bytes; tar writes up to 10 KiB unless told otherwise.
const LONGEST_PADDING: usize = 4 << 20;

/// Reads archives until the end of the stream.
pub fn unpack(
    stream: impl Read,
    limits: &Limits,
    others: Others,
    receive: &mut Receive<'_>,
) -> Result<(), Failure> {
    let mut budget = Budget::new(limits);
    let mut stream = Watched { inner: stream, ended: Cell::new(false) };
    let mut archives = 0;
    while let Some(first) = next_block(&mut stream)? {
        let read = read_archive(io::Cursor::new(first).chain(&mut stream), others, &mut budget, receive);
        read.map_err(|failure| match failure {
            // What cannot be read because it is not there was cut off.
            Failure { kind: Kind::Rejected, retry: Retry::Yes, .. } if stream.ended.get() => {
                truncated("the archive ended in the middle of an entry")
            }
            failure => failure,
        })?;
        let mut second = [0_u8; BLOCK];
        let read = if stream.ended.get() { Ok(()) } else { stream.read_exact(&mut second) };
        if let Some(failure) = read.as_ref().err().and_then(find_failure) {
            return Err(failure);
        }
        if stream.ended.get() || read.is_err() || second != [0; BLOCK] {
            return Err(truncated("the archive ended without its end mark"));
        }
        archives += 1;
    }
    if archives == 0 {
        return Err(truncated("the stream ended before the archive began"));
    }
    Ok(())
}

/// The first block of the next archive, behind the padding of the one before; `None` at the end of the stream.
fn next_block<R: Read>(stream: &mut Watched<R>) -> Result<Option<[u8; BLOCK]>, Failure> {
    let mut padding = 0;
    loop {
        let mut block = [0_u8; BLOCK];
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match stream.read(rest).map_err(|error| broken(&error))? {
                0 => break,
                read => filled += read,
            }
        }
        match filled {
            0 => return Ok(None),
            BLOCK if block == [0; BLOCK] => padding += BLOCK,
            BLOCK => return Ok(Some(block)),
            _ => return Err(truncated("the archive ended in the middle of a block")),
        }
        if padding > LONGEST_PADDING {
            return Err(Failure::new(Kind::Limit, "the archive is followed by padding without end"));
        }
    }
}

fn read_archive(
    stream: impl Read,
    others: Others,
    budget: &mut Budget,
    receive: &mut Receive<'_>,
) -> Result<(), Failure> {
    let mut archive = Archive::new(stream);
    for entry in archive.entries().map_err(|error| broken(&error))?.raw(true) {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let path = entry.path_bytes().into_owned();
        let size = entry.size();
        budget.charge_entry()?;
        match entry.header().entry_type() {
            EntryType::Regular => {}
            EntryType::Directory if matches!(path.as_slice(), b"." | b"./") && size == 0 => continue,
            // GNU tar can be set up to write times in extended headers; these change nothing.
            EntryType::XHeader => {
                check_extension(&mut entry, size)?;
                continue;
            }
            other => return Err(refused(&path, describe(other))),
        }
        let base = path.strip_prefix(b"./").unwrap_or(&path);
        budget.charge(&path, size)?;
        let Some(name) = CoverageName::parse(base) else {
            if others == Others::Skip && !base.contains(&b'/') {
                continue;
            }
            return Err(refused(&path, "a file whose name no Go program writes"));
        };
        if !budget.seen.insert(name.clone()) {
            return Err(refused(&path, "a file that came before"));
        }
        hand_over(&mut entry, &name, size, receive)?;
    }
    Ok(())
}

/// Lets an extended header pass only if it says nothing that bears on name, size or kind.
fn check_extension(entry: &mut impl Read, size: u64) -> Result<(), Failure> {
    if size > LONGEST_EXTENSION {
        return Err(Failure::new(
            Kind::Rejected,
            format!("the archive holds an extended header of {size} bytes"),
        ));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| broken(&error))?;
    if bytes.len() as u64 != size {
        return Err(truncated("the stream ended inside an extended header"));
    }
    for record in tar::PaxExtensions::new(&bytes) {
        let key = record.as_ref().map_or(&b"?"[..], |record| record.key_bytes());
        let harmless = matches!(key, b"mtime" | b"atime" | b"ctime" | b"uid" | b"gid" | b"uname" | b"gname");
        if record.is_err() || !harmless {
            let message = format!("the archive changes {} of a file by an extended header", quoted(key));
            return Err(Failure::new(Kind::Rejected, message));
        }
    }
    Ok(())
}

fn describe(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Directory => "a directory",
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a named pipe",
        EntryType::GNUSparse => "a sparse file",
        EntryType::GNULongName | EntryType::GNULongLink => "a long name",
        EntryType::XGlobalHeader => "a global extended header",
        _ => "an entry of an unknown kind",
    }
}

fn refused(path: &[u8], what: &str) -> Failure {
    Failure::new(Kind::Rejected, format!("the archive holds {what}: {}", quoted(path)))
}

/// Remembers whether the end of the stream was seen, which the archive library takes for the end of the archive.
struct Watched<R> {
    inner: R,
    ended: Cell<bool>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            self.ended.set(true);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
