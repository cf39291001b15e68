//! Files that have no name until all their bytes are written.
//!
//! Where the file system can make a file without a name, whatever ends the process leaves nothing behind. Elsewhere the
//! file has a temporary name, `.covreport-….tmp` or `.covdata-….tmp`, that a process which is killed leaves.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

use tempfile::NamedTempFile;

/// Permissions of a new file, before the umask.
pub(crate) const NEW_FILE_MODE: u32 = 0o666;

/// A file that is being written; dropped, it is gone.
#[derive(Debug)]
pub(crate) enum Scratch {
    /// Without any name, and the prefix of one that it may need.
    Unnamed(File, &'static str),
    /// With a temporary name.
    Named(NamedTempFile),
}

impl Scratch {
    /// Makes a file in a directory; `mode` is its permissions, before the umask, and `prefix` what a temporary name
    /// begins with. Errors keep the system's number.
    pub(crate) fn create(directory: &Path, prefix: &'static str, mode: u32) -> io::Result<Self> {
        match unnamed::create(directory, mode) {
            Ok(file) => Ok(Self::Unnamed(file, prefix)),
            Err(_) => create_named(directory, prefix, mode).map(Self::Named),
        }
    }

    /// The file, to be written.
    pub(crate) fn file(&mut self) -> &mut File {
        match self {
            Self::Unnamed(file, _) => file,
            Self::Named(file) => file.as_file_mut(),
        }
    }

    /// Gives the file its name, in place of a file that has it.
    pub(crate) fn persist(self, path: &Path) -> io::Result<()> {
        let named = match self {
            Self::Unnamed(file, prefix) => match unnamed::link(&file, path) {
                Ok(()) => return Ok(()),
                // Most often there is a file of that name, which no link can replace.
                Err(_) => name_beside(file, prefix, path)?,
            },
            Self::Named(file) => file,
        };
        match named.persist(path) {
            Ok(_) => Ok(()),
            // A single file that is mounted, as containers are given one: there is no other way to it.
            Err(failed) if failed.error.kind() == io::ErrorKind::ResourceBusy => {
                copy_over(failed.file.into_file(), path)
            }
            Err(failed) => Err(failed.error),
        }
    }

    /// Gives the file its name if no file has it, or else hands it back with the error.
    pub(crate) fn persist_noclobber(self, path: &Path) -> Result<(), (io::Error, Self)> {
        match self {
            Self::Unnamed(file, prefix) => match unnamed::link(&file, path) {
                Ok(()) => Ok(()),
                Err(error) => Err((error, Self::Unnamed(file, prefix))),
            },
            Self::Named(file) => match file.persist_noclobber(path) {
                Ok(_) => Ok(()),
                Err(error) => Err((error.error, Self::Named(error.file))),
            },
        }
    }
}

/// Makes a file with a temporary name.
pub(crate) fn create_named(directory: &Path, prefix: &str, mode: u32) -> io::Result<NamedTempFile> {
    // The file is made here, as the crate's own errors have no number of the system any more.
    let create =
        |path: &Path| OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path);
    builder(prefix).make_in(directory, create)
}

/// Gives a file without a name a temporary one beside a path, or copies it where that cannot be done.
fn name_beside(mut file: File, prefix: &str, path: &Path) -> io::Result<NamedTempFile> {
    let directory = parent_of(path);
    if let Ok(linked) = builder(prefix).make_in(directory, |name| unnamed::link(&file, name)) {
        return Ok(NamedTempFile::from_parts(file, linked.into_temp_path()));
    }
    let mut copy = create_named(directory, prefix, NEW_FILE_MODE)?;
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut file, copy.as_file_mut())?;
    let metadata = file.metadata()?;
    // Only root may give files away.
    drop(fchown(copy.as_file(), Some(metadata.uid()), Some(metadata.gid())));
    copy.as_file().set_permissions(metadata.permissions())?;
    Ok(copy)
}

fn copy_over(mut file: File, path: &Path) -> io::Result<()> {
    let mut target = OpenOptions::new().write(true).truncate(true).open(path)?;
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut file, &mut target).map(drop)
}

fn builder(prefix: &str) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(".tmp");
    builder
}

/// The directory that a file of this path is in.
pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Files without names, as open(2) describes them under `O_TMPFILE`.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::{Path, PathBuf};

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

    /// Makes one that can be given a name, with the file system of `directory` and `/proc`.
    pub(super) fn create(directory: &Path, mode: u32) -> io::Result<File> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = File::from(open(directory, flags, Mode::from_raw_mode(mode))?);
        let (own, seen) = (file.metadata()?, fs::metadata(descriptor(&file))?);
        if (own.dev(), own.ino()) != (seen.dev(), seen.ino()) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(file)
    }

    /// Gives it a name that no file has.
    pub(super) fn link(file: &File, path: &Path) -> io::Result<()> {
        Ok(linkat(CWD, descriptor(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    }

    fn descriptor(file: &File) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
    }
}

#[cfg(not(target_os = "linux"))]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn create(_: &Path, _: u32) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn link(_: &File, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    /// A file of each kind with the bytes "new".
    fn both(directory: &Path) -> [Scratch; 2] {
        let kinds = [
            Scratch::create(directory, ".x-", 0o640),
            create_named(directory, ".x-", 0o640).map(Scratch::Named),
        ];
        kinds.map(|scratch| {
            let mut scratch = scratch.unwrap();
            scratch.file().write_all(b"new").unwrap();
            scratch
        })
    }

    fn names(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<PathBuf> = entries.map(|entry| entry.unwrap().file_name().into()).collect();
        names.sort();
        names
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn without_a_name_nothing_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(directory.path(), ".x-", 0o640).unwrap();
        assert!(matches!(scratch, Scratch::Unnamed(..)), "the tests need a file system that can");
        assert!(names(directory.path()).is_empty());
        assert!(unnamed::create(Path::new("/proc"), 0o640).is_err());
    }

    #[test]
    fn what_is_dropped_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        drop(both(directory.path()));
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_file_is_new_or_replaces_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        for old in [None, Some("old")] {
            for scratch in both(directory.path()) {
                drop(fs::remove_file(&path));
                if let Some(old) = old {
                    fs::write(&path, old).unwrap();
                }
                scratch.persist(&path).unwrap();
                assert_eq!(fs::read(&path).unwrap(), b"new");
                assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o640);
            }
            assert_eq!(names(directory.path()), [PathBuf::from("a")]);
        }
    }

    #[test]
    fn a_name_that_is_taken_is_left_and_the_file_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let [taken, free] = ["taken", "free"].map(|name| directory.path().join(name));
        for scratch in both(directory.path()) {
            drop(fs::remove_file(&free));
            fs::write(&taken, "old").unwrap();
            let (error, scratch) = scratch.persist_noclobber(&taken).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            scratch.persist_noclobber(&free).unwrap();
            assert_eq!([fs::read(&taken).unwrap(), fs::read(&free).unwrap()], [b"old", b"new"]);
        }
        assert_eq!(names(directory.path()), ["free", "taken"].map(PathBuf::from));
    }

    /// As where a file system makes files without names, but takes no links.
    #[test]
    #[cfg(target_os = "linux")]
    fn where_no_link_can_be_made_it_is_copied() {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
        let device = |directory: &Path| directory.metadata().unwrap().dev();
        assert_ne!(device(directory.path()), device(other.path()), "the test needs two file systems");
        let [mut scratch, _] = both(directory.path());
        scratch.file().set_permissions(Permissions::from_mode(0o604)).unwrap();
        let path = other.path().join("a");
        scratch.persist(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o604);
        assert_eq!(names(other.path()), [PathBuf::from("a")]);
    }

    #[test]
    fn a_directory_that_is_gone_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let files = both(directory.path());
        let path = directory.path().join("a");
        drop(directory);
        for scratch in files {
            assert_eq!(scratch.persist(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        }
    }
}
