//! The files of a directory, with what may differ between two good answers taken out.
//!
//! The names of counter files that a merge writes end in the time of the merge, and their string tables are in the order
//! of a Go map. The decoder here knows no more of the format than it needs and nothing of `covfmt`, which is under test.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bstr::BString;
use walkdir::WalkDir;

/// Files by their path.
pub(crate) type Snapshot = BTreeMap<BString, Entry>;

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Directory,
    Link(BString),
    /// With the permission bits.
    File(u32, BString),
    /// A counter file that was just written.
    Counters(u32, Counters),
}

/// A counter file but for the order of its strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counters {
    header: BString,
    functions: u64,
    /// Lengths of the string table and of the args, the latter only if there are few strings: with more the numbers of
    /// those that are used twice may take one byte or two.
    lengths: (u32, Option<u32>),
    strings: Vec<BString>,
    args: Vec<(BString, BString)>,
    /// Counters and footer.
    rest: BString,
}

impl Counters {
    /// The same for a meta file of another hash.
    pub(crate) fn without_hash(mut self) -> Self {
        self.header[8..24].fill(0);
        self
    }
}

/// Nanoseconds since 1970 that no name in the pool reaches, and every clock does.
const LATE: u64 = 1_750_000_000_000_000_000;
/// Recorded data may be younger, but was not written by process 0 of a merge.
const MERGED: &[u8] = b".0.";

/// All files below a directory but those of the pool and profiles of the program itself.
pub(crate) fn snapshot(place: &Path) -> Snapshot {
    let mut files = Snapshot::new();
    let walk = WalkDir::new(place).min_depth(1).sort_by_file_name();
    for entry in walk.into_iter().filter_entry(|entry| entry.depth() != 1 || entry.file_name() != "in") {
        let entry = entry.unwrap();
        let mut name = BString::from(entry.path().strip_prefix(place).unwrap().as_os_str().as_bytes());
        if name.ends_with(b".prof") {
            continue;
        }
        let kind = entry.file_type();
        let found = if kind.is_dir() {
            Entry::Directory
        } else if kind.is_symlink() {
            Entry::Link(fs::read_link(entry.path()).unwrap().into_os_string().as_bytes().into())
        } else {
            let mode = entry.metadata().unwrap().permissions().mode();
            let bytes = fs::read(entry.path()).unwrap();
            match written_now(&name) {
                Some(start) => {
                    name = start;
                    decode(&bytes).map_or_else(
                        || Entry::File(mode, bytes.clone().into()),
                        |counters| Entry::Counters(mode, counters),
                    )
                }
                None => Entry::File(mode, bytes.into()),
            }
        };
        // Two files of one hash: by time, as the walk has them.
        while files.contains_key(&name) {
            name.push(b'+');
        }
        files.insert(name, found);
    }
    files
}

/// The name without its time, if it is that of a counter file of this run.
fn written_now(name: &[u8]) -> Option<BString> {
    let base = name.rsplit(|byte| *byte == b'/').next()?;
    let (start, time) = name.split_at(name.iter().rposition(|byte| *byte == b'.')? + 1);
    let time: u64 = std::str::from_utf8(time).ok()?.parse().ok()?;
    let merged = start.ends_with(MERGED) && base.starts_with(b"covcounters.") && time > LATE;
    merged.then(|| [start, b"TIME"].concat().into())
}

/// Takes a counter file of one segment apart; `None` if it cannot be.
pub(crate) fn decode(file: &[u8]) -> Option<Counters> {
    let (header, rest) = file.split_at_checked(32)?;
    let (preamble, rest) = rest.split_at_checked(16)?;
    let functions = u64::from_le_bytes(*preamble.first_chunk()?);
    let string_length = u32::from_le_bytes(*preamble.get(8..)?.first_chunk()?);
    let arg_length = u32::from_le_bytes(*preamble.get(12..)?.first_chunk()?);
    let (mut table, rest) = rest.split_at_checked(string_length as usize)?;
    let (mut args, rest) = rest.split_at_checked(arg_length as usize)?;
    if (16 + string_length + arg_length) % 4 != 0 {
        return None;
    }
    let mut strings = Vec::new();
    for _ in 0..number(&mut table)? {
        let length = usize::try_from(number(&mut table)?).ok()?;
        let (string, behind) = table.split_at_checked(length)?;
        strings.push(BString::from(string));
        table = behind;
    }
    let mut pairs = Vec::new();
    for _ in 0..number(&mut args)? {
        let mut string = || strings.get(usize::try_from(number(&mut args)?).ok()?).cloned();
        pairs.push((string()?, string()?));
    }
    pairs.sort();
    let few = strings.len() < 128;
    strings.sort();
    // What is left is padding.
    (table.is_empty() && args.len() < 4 && args.iter().all(|byte| *byte == 0)).then(|| Counters {
        header: header.into(),
        functions,
        lengths: (string_length, few.then_some(arg_length)),
        strings,
        args: pairs,
        rest: rest.into(),
    })
}

/// ULEB128.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
