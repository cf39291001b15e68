//! Where reports go: standard output, files that appear whole or not at all, devices and pipes.
//!
//! Files are opened before the work starts, so that a wrong path costs no time, and get their names when all reports
//! are written. Until then an old file of that name stays as it was.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::scratch::{NEW_FILE_MODE, Scratch};

/// Where a report is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file, a device or a named pipe.
    File(PathBuf),
}

/// An open target.
#[derive(Debug)]
pub struct Sink {
    path: Option<PathBuf>,
    place: OpenPlace,
}

#[derive(Debug)]
enum OpenPlace {
    Stdout,
    Stderr,
    /// A device or a pipe, which a rename would replace.
    Through(File),
    /// A new file that will get the name `target`.
    Renamed {
        file: Scratch,
        target: PathBuf,
    },
}

/// A target that could not be opened or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.as_ref().map_or("standard output".into(), |path| path.display().to_string()))]
pub struct SinkError {
    /// The file; `None` for standard output.
    pub path: Option<PathBuf>,
    /// What the operating system said.
    pub source: io::Error,
}

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 17;

impl Sink {
    /// Opens a target.
    pub fn open(target: &Target) -> Result<Self, SinkError> {
        match target {
            Target::Stdout => Ok(Self { path: None, place: OpenPlace::Stdout }),
            Target::File(path) => match open_file(path) {
                Ok(place) => Ok(Self { path: Some(path.clone()), place }),
                Err(source) => Err(SinkError { path: Some(path.clone()), source }),
            },
        }
    }

    /// Whether this is standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self.place, OpenPlace::Stdout)
    }

    /// The name the file will get, symbolic links followed; `None` for standard output, devices and pipes.
    pub fn final_path(&self) -> Option<&Path> {
        match &self.place {
            OpenPlace::Renamed { target, .. } => Some(target),
            _ => None,
        }
    }

    /// The path as it is shown.
    pub fn shown(&self) -> String {
        let path = self.final_path().or(self.path.as_deref());
        path.map(|path| path.display().to_string()).unwrap_or_default()
    }

    /// Whether both would write the same file, pipe or descriptor. A device such as /dev/null takes any number of reports.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (OpenPlace::Renamed { target, .. }, OpenPlace::Renamed { target: other, .. }) => target == other,
            (OpenPlace::Through(one), OpenPlace::Through(other)) => {
                let (Ok(one), Ok(other)) = (one.metadata(), other.metadata()) else { return false };
                let kind = one.file_type();
                let whole = !kind.is_char_device() && !kind.is_block_device();
                whole && (one.dev(), one.ino()) == (other.dev(), other.ino())
            }
            _ => false,
        }
    }

    /// Writes a report; gives its bytes. A reader of a pipe who has seen enough is no error, and counts for 0.
    pub fn write(&mut self, report: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<u64, SinkError> {
        let (written, pipe) = match &mut self.place {
            OpenPlace::Stdout => (buffered(io::stdout().lock(), report), true),
            OpenPlace::Stderr => (buffered(io::stderr().lock(), report), true),
            OpenPlace::Through(file) => (buffered(file, report), true),
            OpenPlace::Renamed { file, .. } => (buffered(file.file(), report), false),
        };
        match written {
            Err(error) if pipe && error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
            Err(source) => Err(SinkError { path: self.path.clone(), source }),
            Ok(bytes) => Ok(bytes),
        }
    }

    /// Gives the file its name.
    pub fn finish(self) -> Result<(), SinkError> {
        match self.place {
            OpenPlace::Renamed { file, target } => {
                let named = file.persist(&target);
                named.map_err(|source| SinkError { path: self.path, source })
            }
            _ => Ok(()),
        }
    }
}

fn buffered(out: impl Write, report: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, Counting { out, bytes: 0 });
    report(&mut out)?;
    out.flush()?;
    Ok(out.get_ref().bytes)
}

/// Counts what is written.
struct Counting<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Target {
    /// The target of a path. Other names of standard output are standard output: opened anew, a file behind it would be
    /// written from its start.
    pub fn of_path(path: &Path) -> Self {
        if is_fd(path, 1, "/dev/stdout") { Self::Stdout } else { Self::File(path.to_path_buf()) }
    }
}

/// Whether a path names what some process has open: what it stands for may be a file, but not one to be replaced.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].iter().any(|top| path.starts_with(top))
}

/// Whether a path names this descriptor.
fn is_fd(path: &Path, descriptor: u8, name: &str) -> bool {
    path == Path::new(name)
        || ["/dev/fd", "/proc/self/fd"].iter().any(|fds| path == Path::new(fds).join(descriptor.to_string()))
}

fn open_file(path: &Path) -> io::Result<OpenPlace> {
    let metadata = match path.metadata() {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let kind = metadata.as_ref().map(std::fs::Metadata::file_type);
    let special = is_descriptor(path);
    match kind {
        Some(kind) if kind.is_dir() => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
        None if special => return Err(io::Error::from(io::ErrorKind::NotFound)),
        None if path.as_os_str().as_bytes().ends_with(b"/") => {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Some(kind) if special || kind.is_char_device() || kind.is_block_device() || kind.is_fifo() => {
            if is_fd(path, 2, "/dev/stderr") {
                return Ok(OpenPlace::Stderr);
            }
            // If it is a file: behind what others have written, which a new descriptor would write over.
            return Ok(OpenPlace::Through(OpenOptions::new().append(true).open(path)?));
        }
        Some(kind) if !kind.is_file() => return Err(io::Error::other("neither a file nor a device")),
        _ => {}
    }
    // A link keeps pointing where it points; what it points to is replaced.
    let target = if metadata.is_some() { path.canonicalize()? } else { below_canonical_parent(path)? };
    let parent = target.parent().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
    let mut file = Scratch::create(parent, ".covreport-", NEW_FILE_MODE)
        // Which name it had tried to use is of no interest.
        .map_err(|error| {
            let (kind, parent) = (error.kind(), parent.display());
            io::Error::new(kind, format!("no file can be made in {parent}: {kind}"))
        })?;
    if let Some(old) = metadata {
        if let Some(owner) = protector(&parent.metadata()?, &old, geteuid().as_raw()) {
            return Err(io::Error::other(format!(
                "it belongs to user {owner}, and in a directory with the sticky bit nobody else may replace it"
            )));
        }
        // Only root may give files away, and then the owner stays as the mode does, whatever the umask.
        drop(fchown(&*file.file(), Some(old.uid()), Some(old.gid())));
        file.file().set_permissions(Permissions::from_mode(old.permissions().mode() & 0o7777))?;
    }
    Ok(OpenPlace::Renamed { file, target })
}

/// The owner of a file that a user may not replace, though the directory may be written to. unlink(2), `EPERM`.
fn protector(parent: &Metadata, old: &Metadata, user: u32) -> Option<u32> {
    const STICKY: u32 = 0o1000;
    let may = user == 0 || user == old.uid() || user == parent.uid() || parent.mode() & STICKY == 0;
    (!may).then_some(old.uid())
}

fn below_canonical_parent(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    if path.is_symlink() {
        return Err(io::Error::other("a symbolic link to nothing"));
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(parent.canonicalize()?.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file(path: &Path) -> Sink {
        Sink::open(&Target::File(path.into())).unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_gets_its_name_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.info");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let mut sink = file(&path);
        assert_eq!(sink.write(|out| out.write_all(b"new")).unwrap(), 3);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        sink.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(directory.path()), ["a.info"]);
    }

    #[test]
    fn an_abandoned_file_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut sink = file(&directory.path().join("a.info"));
        assert!(sink.write(|_| Err(io::Error::other("no"))).is_err());
        drop(sink);
        assert_eq!(names(directory.path()), Vec::<String>::new());
    }

    #[test]
    fn a_sticky_directory_protects_files_of_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.info");
        fs::write(&path, "old").unwrap();
        let old = path.metadata().unwrap();
        let (owner, stranger) = (old.uid(), old.uid() + 1);
        let protector = |user| protector(&directory.path().metadata().unwrap(), &old, user);
        assert_eq!(protector(stranger), None);
        fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).unwrap();
        assert_eq!([protector(stranger), protector(owner), protector(0)], [Some(owner), None, None]);
    }

    #[test]
    fn pipes_are_written_through() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let reader = std::thread::spawn({
            let path = path.clone();
            move || fs::read(path).unwrap()
        });
        let mut sink = file(&path);
        sink.write(|out| out.write_all(b"x")).unwrap();
        sink.finish().unwrap();
        assert_eq!(reader.join().unwrap(), b"x");
        assert!(path.metadata().unwrap().file_type().is_fifo());
    }

    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("a.info"), directory.path().join("link"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink("a.info", &link).unwrap();
        let mut sink = file(&link);
        sink.write(|out| out.write_all(b"new")).unwrap();
        sink.finish().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn directories_and_missing_parents_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        for path in [directory.path().to_path_buf(), directory.path().join("no/a.info")] {
            let error = Sink::open(&Target::File(path.clone())).unwrap_err();
            assert!(error.to_string().starts_with(&format!("cannot write {}: ", path.display())), "{error}");
        }
    }
}
