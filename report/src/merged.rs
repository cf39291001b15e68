//! The directory of merged coverage files that `--covdata` asks for: per build a copy of its meta file and one counter
//! file with the counters of all its runs, as the reference's `merge` makes them.
//!
//! The same input gives the same names and bytes: the process id is 0, as in the reference's files, and where that has
//! the time there is a number from 0, nearly always 0. So an earlier result is known for one and replaced, as a report
//! is. Among other coverage files nothing is written: whoever reads the directory would count runs twice.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::BStr;
use covfmt::ids::MetaHash;
use covfmt::merge::BuildCounts;
use covfmt::pod::{Depth, FileName, FoundFile, ScanError, scan};
use covfmt::source::FileBytes;
use covfmt::write::{WriteError, encode_build};

use tempfile::TempPath;

use crate::coverage_dir::{CoverageFileError, counter_path, meta_path, stage_closed};

/// Why merged files were not written.
#[derive(Debug, thiserror::Error)]
pub enum MergedError {
    /// The target is something else than a directory.
    #[error("--covdata: {} is no directory", .0.display())]
    NoDirectory(PathBuf),
    /// An input and the target overlap: the next run would count the result as further runs.
    #[error(
        "--covdata: {} and the input {} are one within the other, so that the next run would count the result, too: \
         name a directory apart from the inputs",
        target.display(), input.display()
    )]
    Overlap {
        /// The target.
        target: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// The target is covfetch's.
    #[error("--covdata: {} is covfetch's store, by its manifest.json: name another directory", .0.display())]
    Store(PathBuf),
    /// There are coverage files in the target that an earlier run did not write.
    #[error(
        "--covdata: {} holds coverage files already, {} of them, such as {}, that would be mixed with the result: \
         name an empty or a new directory, or remove them",
        target.display(), number, first.display()
    )]
    Taken {
        /// The target.
        target: PathBuf,
        /// Number of coverage files in it.
        number: usize,
        /// One of them.
        first: PathBuf,
    },
    /// The target could not be searched.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A meta file is another than when it was read.
    #[error("{}: changed while it was read", .0.display())]
    Changed(PathBuf),
    /// A meta file could not be read again, a directory not made, or a file not renamed or removed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] CoverageFileError),
    /// The format has no room for it.
    #[error(transparent)]
    Format(#[from] WriteError),
}

impl MergedError {
    /// Whether another directory should be named, rather than that something failed.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::NoDirectory(_) | Self::Overlap { .. } | Self::Store(_) | Self::Taken { .. })
    }
}

/// A merged build and the meta file that it was read with.
#[derive(Debug, Clone)]
pub struct MergedBuild {
    /// The meta file.
    pub meta: PathBuf,
    /// Its tables and counts.
    pub build: BuildCounts,
}

/// The directory, with files that have no names yet. Dropped before [`MergedDirectory::finish`] it is as it was.
#[derive(Debug)]
pub struct MergedDirectory {
    path: PathBuf,
    /// Directories that were made, the outermost first.
    made: Vec<PathBuf>,
    /// Names of an earlier result.
    earlier: Vec<PathBuf>,
    staged: Vec<(TempPath, PathBuf)>,
}

impl MergedDirectory {
    /// Checks the directory, and makes it if there is none.
    pub fn open(target: &Path, inputs: &[PathBuf]) -> Result<Self, MergedError> {
        let failed = |source| MergedError::Io { path: target.into(), source };
        let (existing, missing) = split_existing(target);
        let whole =
            missing.iter().rev().fold(existing.canonicalize().map_err(failed)?, |p, name| p.join(name));
        for input in inputs {
            // An input that is not there shows when it is read.
            let Ok(input_whole) = input.canonicalize() else { continue };
            if input_whole.starts_with(&whole) || whole.starts_with(&input_whole) {
                return Err(MergedError::Overlap { target: target.into(), input: input.clone() });
            }
        }
        let mut opened =
            Self { path: target.into(), made: Vec::new(), earlier: Vec::new(), staged: Vec::new() };
        if missing.is_empty() {
            if !target.is_dir() {
                return Err(MergedError::NoDirectory(target.into()));
            }
            opened.earlier = earlier_result(target)?;
        }
        let mut directory = existing;
        for name in missing.iter().rev() {
            directory.push(name);
            fs::create_dir(&directory).map_err(failed)?;
            opened.made.push(directory.clone());
        }
        Ok(opened)
    }

    /// Writes the files of builds under temporary names.
    pub fn stage(&mut self, builds: &[MergedBuild]) -> Result<(), MergedError> {
        let mut seen: BTreeMap<MetaHash, u32> = BTreeMap::new();
        for MergedBuild { meta, build } in builds {
            let hash = build.tables().hash();
            let number = seen.entry(hash).or_insert(0);
            let bytes =
                FileBytes::open(meta).map_err(|source| MergedError::Io { path: meta.clone(), source })?;
            if bytes.len() as u64 != build.tables().header().total_length {
                return Err(MergedError::Changed(meta.clone()));
            }
            if *number == 0 {
                self.put(meta_path(&self.path, hash), &bytes)?;
            }
            self.put(counter_path(&self.path, hash, (*number).into()), &encode_build(build)?)?;
            *number += 1;
        }
        Ok(())
    }

    fn put(&mut self, path: PathBuf, bytes: &[u8]) -> Result<(), MergedError> {
        self.staged.push((stage_closed(&path, bytes)?, path));
        Ok(())
    }

    /// Gives the files their names, and removes what is left of an earlier result.
    pub fn finish(mut self) -> Result<(), MergedError> {
        self.made.clear();
        let mut names = Vec::new();
        for (file, path) in std::mem::take(&mut self.staged) {
            if let Err(error) = file.persist(&path) {
                return Err(MergedError::Io { path, source: error.error });
            }
            names.push(path);
        }
        for path in self.earlier.iter().filter(|path| !names.contains(path)) {
            fs::remove_file(path).map_err(|source| MergedError::Io { path: path.clone(), source })?;
        }
        Ok(())
    }
}

impl Drop for MergedDirectory {
    fn drop(&mut self) {
        self.staged.clear();
        for directory in self.made.iter().rev() {
            // It stays if somebody else has put something there.
            drop(fs::remove_dir(directory));
        }
    }
}

/// The longest part of a path that exists, and the names behind it, the last first.
fn split_existing(path: &Path) -> (PathBuf, Vec<PathBuf>) {
    let (mut existing, mut missing) = (path.to_path_buf(), Vec::new());
    while existing.symlink_metadata().is_err() {
        let Some(name) = existing.file_name().map(PathBuf::from) else { break };
        missing.push(name);
        existing.pop();
        if existing.as_os_str().is_empty() {
            existing = PathBuf::from(".");
        }
    }
    (existing, missing)
}

/// The coverage files in a directory, if an earlier run wrote all of them.
fn earlier_result(target: &Path) -> Result<Vec<PathBuf>, MergedError> {
    if target.join("manifest.json").symlink_metadata().is_ok() {
        return Err(MergedError::Store(target.into()));
    }
    let mut found = scan(&[target], Depth::Recursive)?;
    found.retain(|file| coverage_name(file).is_some());
    // For each tag, whether there is a meta file and whether there are counters.
    let mut builds: BTreeMap<&BStr, (bool, bool)> = BTreeMap::new();
    let all_own = found.iter().all(|file| match coverage_name(file) {
        _ if file.path.parent() != Some(target) => false,
        Some(FileName::Meta { tag }) => {
            builds.entry(tag).or_default().0 = true;
            MetaHash::from_hex(tag).is_some()
        }
        Some(FileName::Counters { tag, pid: 0, nanos }) => {
            builds.entry(tag).or_default().1 = true;
            nanos.len() <= MAX_DIGITS
        }
        _ => false,
    });
    match found.first() {
        Some(first) if !all_own || builds.values().any(|both| *both != (true, true)) => {
            let (target, first) = (target.into(), first.path.clone());
            Err(MergedError::Taken { target, number: found.len(), first })
        }
        _ => Ok(found.into_iter().map(|file| file.path).collect()),
    }
}

/// A number in a name has no more digits than this; a time in nanoseconds has 19.
const MAX_DIGITS: usize = 6;

fn coverage_name(file: &FoundFile) -> Option<FileName<'_>> {
    FileName::parse(file.path.file_name()?.as_bytes())
}
