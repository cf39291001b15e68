//! A directory that merged coverage files are written to, as Go's tools name them.
//!
//! A file has its name when it has all its bytes, not before. An existing counter file is never replaced; an existing
//! meta file of other bytes is.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use covfmt::ids::MetaHash;
use covfmt::layout::{COUNTER_PREFIX, META_PREFIX};

use tempfile::{NamedTempFile, TempPath};

use crate::scratch::{NEW_FILE_MODE, Scratch, create_named, parent_of};

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum CoverageFileError {
    /// It could not be made.
    #[error("cannot create {}: {source}", path.display())]
    Open {
        /// The file, under its final name.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It could not be filled.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file, under its final name.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The path of a meta file: `covmeta.<hash>`.
pub fn meta_path(directory: &Path, hash: MetaHash) -> PathBuf {
    directory.join(format!("{META_PREFIX}.{hash}"))
}

/// The path of a merged counter file, whose process has the id 0: `covcounters.<hash>.0.<nanoseconds>`.
pub fn counter_path(directory: &Path, hash: MetaHash, nanoseconds: u128) -> PathBuf {
    directory.join(format!("{COUNTER_PREFIX}.{hash}.0.{nanoseconds}"))
}

/// Writes a meta file, over what is there; `mode` is for a new file, before the umask.
///
/// A file that has these bytes already is left alone: it may be the one that they were read from. A link is written
/// through, and a file that can be written to where the directory cannot.
pub fn write_meta(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CoverageFileError> {
    let open_error = |source| CoverageFileError::Open { path: path.into(), source };
    let write_error = |source| CoverageFileError::Write { path: path.into(), source };
    if path.symlink_metadata().is_err() {
        return persist(stage(path, bytes, mode)?, path);
    }
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(open_error)?;
    let existing = file.metadata().map_err(write_error)?;
    if existing.is_file()
        && existing.len() == bytes.len() as u64
        && fs::read(path).is_ok_and(|old| old == bytes)
    {
        return Ok(());
    }
    if existing.is_file()
        && existing.nlink() == 1
        && !path.is_symlink()
        && let Ok(mut staged) = stage(path, bytes, 0o600)
        && staged.file().set_permissions(Permissions::from_mode(existing.mode() & 0o7777)).is_ok()
    {
        return persist(staged, path);
    }
    if existing.is_file() {
        file.set_len(0).map_err(write_error)?;
    }
    file.write_all(bytes).map_err(write_error)
}

/// Writes a counter file under a name that no file has yet, and gives the name.
pub fn write_counters(directory: &Path, hash: MetaHash, bytes: &[u8]) -> Result<PathBuf, CoverageFileError> {
    let staged = stage(&counter_path(directory, hash, now()), bytes, NEW_FILE_MODE)?;
    persist_counters(staged, directory, hash)
}

/// Writes bytes to a file without a name of its own, beside where they are to go; dropped, it is gone.
fn stage(path: &Path, bytes: &[u8], mode: u32) -> Result<Scratch, CoverageFileError> {
    fill(path, bytes, Scratch::create(parent_of(path), PREFIX, mode), Scratch::file)
}

/// The same under a temporary name, so that it need not be kept open.
pub(crate) fn stage_closed(path: &Path, bytes: &[u8]) -> Result<TempPath, CoverageFileError> {
    let created = create_named(parent_of(path), PREFIX, NEW_FILE_MODE);
    Ok(fill(path, bytes, created, NamedTempFile::as_file_mut)?.into_temp_path())
}

/// What temporary names begin with.
const PREFIX: &str = ".covdata-";

fn fill<F>(
    path: &Path,
    bytes: &[u8],
    created: io::Result<F>,
    file: impl FnOnce(&mut F) -> &mut File,
) -> Result<F, CoverageFileError> {
    let mut created = created.map_err(|source| CoverageFileError::Open { path: path.into(), source })?;
    let written = file(&mut created).write_all(bytes);
    written.map_err(|source| CoverageFileError::Write { path: path.into(), source })?;
    Ok(created)
}

fn persist(staged: Scratch, path: &Path) -> Result<(), CoverageFileError> {
    staged.persist(path).map_err(|source| CoverageFileError::Open { path: path.into(), source })
}

fn persist_counters(
    mut staged: Scratch,
    directory: &Path,
    hash: MetaHash,
) -> Result<PathBuf, CoverageFileError> {
    let mut nanoseconds = now();
    loop {
        let path = counter_path(directory, hash, nanoseconds);
        match staged.persist_noclobber(&path) {
            Ok(()) => return Ok(path),
            // Another file of this very nanosecond.
            Err((error, again)) if error.kind() == io::ErrorKind::AlreadyExists => staged = again,
            Err((source, _)) => return Err(CoverageFileError::Open { path, source }),
        }
        nanoseconds += 1;
    }
}

/// Nanoseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    #[test]
    fn a_counter_file_never_replaces_another() {
        let directory = tempfile::tempdir().unwrap();
        let hash = MetaHash([7; 16]);
        let paths: Vec<PathBuf> =
            (0..200_u8).map(|run| write_counters(directory.path(), hash, &[run]).unwrap()).collect();
        assert_eq!(names(directory.path()).len(), 200);
        for (run, path) in (0_u8..).zip(&paths) {
            assert_eq!(fs::read(path).unwrap(), [run]);
        }
        let taken = counter_path(directory.path(), hash, 5);
        fs::write(&taken, "old").unwrap();
        let staged = stage(&taken, b"new", NEW_FILE_MODE).unwrap();
        assert!(staged.persist_noclobber(&taken).is_err());
        assert_eq!(fs::read(&taken).unwrap(), b"old");
    }

    #[test]
    fn a_meta_file_is_new_or_replaced_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("covmeta.x");
        write_meta(&path, b"one", 0o640).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"one".to_vec(), 0o640));
        write_meta(&path, b"other", 0o600).unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"other".to_vec(), 0o640),
            "an old file's mode stays"
        );
        let before = path.metadata().unwrap().ino();
        write_meta(&path, b"other", 0o600).unwrap();
        assert_eq!(path.metadata().unwrap().ino(), before, "the same bytes are not written again");
        assert_eq!(names(directory.path()), ["covmeta.x"]);
    }

    #[test]
    fn links_are_written_through() {
        let directory = tempfile::tempdir().unwrap();
        let here = |name: &str| directory.path().join(name);
        fs::write(here("target"), "old").unwrap();
        std::os::unix::fs::symlink("target", here("covmeta.x")).unwrap();
        write_meta(&here("covmeta.x"), b"new", 0o600).unwrap();
        assert_eq!(fs::read(here("target")).unwrap(), b"new");
        assert!(here("covmeta.x").is_symlink());
        fs::hard_link(here("target"), here("covmeta.y")).unwrap();
        write_meta(&here("covmeta.y"), b"both", 0o600).unwrap();
        assert_eq!(fs::read(here("target")).unwrap(), b"both");
        std::os::unix::fs::symlink("nowhere", here("covmeta.z")).unwrap();
        write_meta(&here("covmeta.z"), b"new", 0o600).unwrap();
        assert_eq!(fs::read(here("nowhere")).unwrap(), b"new");
    }

    #[test]
    fn errors_are_those_of_the_final_name() {
        let directory = tempfile::tempdir().unwrap();
        let error = write_meta(&directory.path().join("no/covmeta.x"), b"", 0o600).unwrap_err();
        let CoverageFileError::Open { path, source } = &error else { panic!("{error:?}") };
        assert_eq!((path.clone(), source.raw_os_error()), (directory.path().join("no/covmeta.x"), Some(2)));
        fs::create_dir(directory.path().join("covmeta.d")).unwrap();
        let error = write_meta(&directory.path().join("covmeta.d"), b"", 0o600).unwrap_err();
        assert!(matches!(error, CoverageFileError::Open { source, .. } if source.raw_os_error() == Some(21)));
    }
}
