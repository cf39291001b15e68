//! From paths to merged counts: reads the files of a Go pod and gives every error its path.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::error::ReadError;
use crate::integrity::{Integrity, check_integrity};
use crate::layout::{META_HEADER_BYTES, MetaHeader};
use crate::merge::{BuildCounts, Counts, FileFailure, MergeError, MergeOptions, merge_files};
use crate::meta::MetaTables;
use crate::pod::{CounterRef, GoPod};
use crate::read::MetaFile;
use crate::source::{FileBytes, MAX_FILE_BYTES, open_regular, read_regular};

/// A file that could not be used, with its path.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The operating system could not read it.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It breaks a rule of the format.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The rule, where and how.
        source: ReadError,
    },
    /// It does not fit the files it belongs to.
    #[error("{}: {source}", path.display())]
    Merge {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: MergeError,
    },
}

impl LoadError {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. } | Self::Read { path, .. } | Self::Merge { path, .. } => path,
        }
    }
}

/// Reads and decodes a meta file.
pub fn load_meta(path: &Path) -> Result<MetaTables, LoadError> {
    let bytes = FileBytes::open(path).map_err(|source| LoadError::Io { path: path.into(), source })?;
    MetaTables::decode(&bytes).map_err(|source| LoadError::Read { path: path.into(), source })
}

/// Reads a meta file and compares its hashes with its contents.
pub fn verify_meta(path: &Path) -> Result<Integrity, LoadError> {
    let bytes = FileBytes::open(path).map_err(|source| LoadError::Io { path: path.into(), source })?;
    MetaFile::parse(&bytes)
        .and_then(|file| check_integrity(&file))
        .map_err(|source| LoadError::Read { path: path.into(), source })
}

/// Reads the header of a meta file, and no more of it.
pub fn load_meta_header(path: &Path) -> Result<MetaHeader, LoadError> {
    let mut bytes = Vec::with_capacity(META_HEADER_BYTES);
    open_regular(path)
        .and_then(|file| file.take(META_HEADER_BYTES as u64).read_to_end(&mut bytes))
        .map_err(|source| LoadError::Io { path: path.into(), source })?;
    MetaFile::parse_header(&bytes).map_err(|source| LoadError::Read { path: path.into(), source })
}

/// Reads all files of a Go pod and merges its counters, on rayon's current thread pool.
pub fn load_pod(pod: &GoPod, options: MergeOptions) -> Result<BuildCounts, LoadError> {
    let tables = Arc::new(load_meta(&pod.meta)?);
    let counts = load_counters(&tables, &pod.counters, options)?;
    Ok(BuildCounts::new(tables, counts))
}

/// Reads and merges counter files of one build, on rayon's current thread pool. Of several errors that of the first file
/// is returned.
pub fn load_counters(
    tables: &MetaTables,
    counters: &[CounterRef],
    options: MergeOptions,
) -> Result<Counts, LoadError> {
    let read = |counter_file: &CounterRef, buffer: &mut Vec<u8>| {
        read_regular(&counter_file.path, MAX_FILE_BYTES, buffer)
    };
    merge_files(tables, counters, options, read).map_err(|(index, failure)| {
        let path = counters.get(index).map(|c| c.path.clone()).unwrap_or_default();
        match failure {
            FileFailure::Io(source) => LoadError::Io { path, source },
            FileFailure::Read(source) => LoadError::Read { path, source },
            FileFailure::Merge(source) => LoadError::Merge { path, source },
        }
    })
}

/// Reads each counter file for itself, in parallel: for each of them why it cannot be merged with the build's others, or
/// `None`.
pub fn check_counters(
    tables: &MetaTables,
    counters: &[CounterRef],
    options: MergeOptions,
) -> Vec<Option<LoadError>> {
    let check = |counter_file| load_counters(tables, std::slice::from_ref(counter_file), options).err();
    counters.par_iter().map(check).collect()
}
