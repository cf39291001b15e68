//! Fan-out and fold: counter files over threads, each thread with counts of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::counters::{Counts, FileError};
use super::error::MergeError;
use super::slots::Slots;
use crate::meta::MetaTables;
use crate::read::CounterFile;

/// Merges counter files of one build, in parallel on rayon's current thread pool.
///
/// `read` puts the bytes of a file into the buffer it is given, which is empty and reused. The result does not
/// depend on the order of files or the number of threads; of several errors, that of the first file in order is
/// returned, with the file's position. Memory: one set of counts per thread and one file per thread.
pub fn merge_files<F, E>(
    tables: &MetaTables,
    files: &[F],
    options: MergeOptions,
    read: impl Fn(&F, &mut Vec<u8>) -> Result<(), E> + Sync,
) -> Result<Counts, (usize, FileFailure<E>)>
where
    F: Sync,
    E: Send,
{
    let slots = Slots::new(tables);
    let workers = rayon::current_num_threads().clamp(1, files.len().max(1));
    let next = AtomicUsize::new(0);
    let failed_at = AtomicUsize::new(usize::MAX);
    let failure: Mutex<Option<(usize, FileFailure<E>)>> = Mutex::new(None);

    let partial: Vec<Option<Counts>> = (0..workers)
        .into_par_iter()
        .with_max_len(1)
        .map(|_| {
            let mut counts: Option<Counts> = None;
            let mut buffer = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                // Files behind a failed one need not be read; files before it may fail first.
                let Some(file) = files.get(index).filter(|_| index < failed_at.load(Ordering::Relaxed))
                else {
                    return counts;
                };
                buffer.clear();
                let counts = counts.get_or_insert_with(|| Counts::new(tables));
                let result = read(file, &mut buffer).map_err(FileFailure::Io).and_then(|()| {
                    merge_bytes(tables, &slots, counts, options, &buffer).map_err(FileFailure::from)
                });
                if let Err(error) = result {
                    failed_at.fetch_min(index, Ordering::Relaxed);
                    let mut failure = failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    if failure.as_ref().is_none_or(|(first, _)| index < *first) {
                        *failure = Some((index, error));
                    }
                }
            }
        })
        .collect();

    if let Some(failure) = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        return Err(failure);
    }
    let mut partial = partial.into_iter().flatten();
    let mut merged = partial.next().unwrap_or_else(|| Counts::new(tables));
    for counts in partial {
        merged.merge(tables.mode(), &counts);
    }
    if merged.saturated() && !options.saturate {
        return Err((0, FileFailure::Merge(MergeError::Overflow)));
    }
    Ok(merged)
}

/// What is checked while merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeOptions {
    /// Whether a counter file must carry the hash of its meta file.
    pub check_hash: bool,
    /// Whether sums stop at 2^32-1; else it is an error ([`MergeError::Overflow`]) of any of the files, whose other errors are not
    /// looked for any more.
    pub saturate: bool,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self { check_hash: true, saturate: true }
    }
}

/// Why one of several counter files could not be merged.
#[derive(Debug, thiserror::Error)]
pub enum FileFailure<E> {
    /// It could not be read.
    #[error("{0}")]
    Io(E),
    /// It breaks a rule of the format.
    #[error(transparent)]
    Read(crate::error::ReadError),
    /// It does not fit the meta file.
    #[error(transparent)]
    Merge(MergeError),
}

impl<E> From<FileError> for FileFailure<E> {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Read(error) => Self::Read(error),
            FileError::Merge(error) => Self::Merge(error),
        }
    }
}

fn merge_bytes(
    tables: &MetaTables,
    slots: &Slots,
    counts: &mut Counts,
    options: MergeOptions,
    bytes: &[u8],
) -> Result<(), FileError> {
    let file = CounterFile::parse(bytes)?;
    let (found, expected) = (file.header().meta_hash, tables.hash());
    if options.check_hash && found != expected {
        return Err(MergeError::OtherBuild { found, expected }.into());
    }
    counts.merge_file(tables, slots, &file)?;
    if counts.saturated() && !options.saturate { Err(MergeError::Overflow.into()) } else { Ok(()) }
}
