//! Whole files under final names, or nothing: files are written under temporary names beside their places, synced and
//! renamed. What is there is never overwritten. Killing the process at any moment leaves only whole files, and so does a
//! power failure.

mod batch;
mod known;
mod presence;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Failure, Kind};
use crate::names::{ContainerName, CoverageName};
use sha2::{Digest as _, Sha256};

pub use batch::Batch;
pub use presence::Presence;

/// How temporary names begin; no reader of coverage data takes them for its own.
pub const TEMPORARY_PREFIX: &str = ".covfetch-";

/// How temporary names end.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// The directory given with `--to`.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// A file as it lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, 64 lower-case hex digits.
    pub sha256: String,
    /// False if the store held the same file already.
    pub new: bool,
}

/// A SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// Takes 64 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// 64 lower-case hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Store {
    /// Opens the store and makes its directory.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Begins to store files of a container.
    pub fn batch(&self, container: &ContainerName) -> Batch {
        Batch::new(self.root.join(container.directory()))
    }

    /// Stores a file of a container, or finds that it is there.
    pub fn put(
        &self,
        container: &ContainerName,
        name: &CoverageName,
        bytes: &[u8],
    ) -> Result<Stored, Failure> {
        let mut batch = self.batch(container);
        batch.add(name, bytes)?;
        match batch.commit().pop() {
            Some((_, result)) => result,
            None => Err(Failure::new(Kind::Internal, "a file that was stored is not there")),
        }
    }

    /// Gives a container a file of another one that is stored under the same name, as a hard link or a copy. `file` is
    /// what was stored for the other one.
    pub fn share(
        &self,
        from: &ContainerName,
        to: &ContainerName,
        name: &CoverageName,
        file: &Stored,
    ) -> Result<Stored, Failure> {
        let original = self.root.join(from.directory()).join(name.as_str());
        let directory = self.root.join(to.directory());
        let path = directory.join(name.as_str());
        let failed = |error: io::Error| {
            Failure::new(Kind::Store, format!("{} cannot be written: {error}", path.display()))
        };
        fs::create_dir_all(&directory).map_err(failed)?;
        let sync = || sync_directory(&directory).map_err(failed);
        // A link appears under its name at once and never in the place of another file.
        if fs::symlink_metadata(&path).is_err() && fs::hard_link(&original, &path).is_ok() {
            sync()?;
            return Ok(Stored { new: true, ..file.clone() });
        }
        let bytes = fs::read(&original).map_err(failed)?;
        if hex_digest(&bytes) != file.sha256 {
            return Err(Failure::new(Kind::Conflict, format!("{} was changed", original.display())));
        }
        self.put(to, name, &bytes)
    }
}

fn conflict(path: &Path) -> Failure {
    let message = format!(
        "{} is there with other bytes and is not overwritten: move it away, or use --fresh",
        path.display()
    );
    Failure::new(Kind::Conflict, message)
}

enum Comparison {
    Absent,
    Same,
    Other,
}

/// Compares a file with bytes, piece by piece.
fn compare(path: &Path, bytes: &[u8]) -> io::Result<Comparison> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Comparison::Absent),
        Err(error) => return Err(error),
    };
    if !metadata.is_file() || metadata.len() != bytes.len() as u64 {
        return Ok(Comparison::Other);
    }
    let mut file = File::open(path)?;
    let mut buffer = vec![0_u8; 64 << 10];
    for piece in bytes.chunks(buffer.len()) {
        let Some(held) = buffer.get_mut(..piece.len()) else { return Ok(Comparison::Other) };
        file.read_exact(held)?;
        if held != piece {
            return Ok(Comparison::Other);
        }
    }
    Ok(Comparison::Same)
}

/// Makes a rename last. Systems that cannot open a directory make it last by themselves.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// SHA-256 as 64 lower-case hex digits.
pub fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        text.extend(
            [byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)),
        );
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> (ContainerName, CoverageName) {
        let name = CoverageName::parse(b"covmeta.0123456789abcdef0123456789abcdef").unwrap();
        (ContainerName::new("shop", "web-0", "main").unwrap(), name)
    }

    fn left_behind(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_same_file_is_kept_once_and_another_one_never_overwrites_it() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("a/b")).unwrap();
        let (container, name) = names();
        let first = store.put(&container, &name, b"bytes").unwrap();
        assert!(first.new);
        assert_eq!(first.sha256, "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9");
        assert_eq!(store.put(&container, &name, b"bytes").unwrap(), Stored { new: false, ..first });
        for other in [&b"other"[..], b"longer bytes", b""] {
            assert_eq!(store.put(&container, &name, other).unwrap_err().kind, Kind::Conflict);
        }
        let directory = store.root().join("shop/web-0/main");
        assert_eq!(fs::read(directory.join(name.as_str())).unwrap(), b"bytes");
        assert_eq!(left_behind(&directory), [name.as_str()]);
    }

    /// A link under a final name is not followed.
    #[cfg(unix)]
    #[test]
    fn a_link_in_the_way_is_a_conflict() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let (container, name) = names();
        let directory = root.path().join("shop/web-0/main");
        fs::create_dir_all(&directory).unwrap();
        let target = root.path().join("target");
        fs::write(&target, b"bytes").unwrap();
        std::os::unix::fs::symlink(&target, directory.join(name.as_str())).unwrap();
        assert_eq!(store.put(&container, &name, b"bytes").unwrap_err().kind, Kind::Conflict);
        assert_eq!(fs::read(&target).unwrap(), b"bytes");
    }

    #[test]
    fn threads_that_store_the_same_file_agree() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let (container, name) = names();
        let bytes = vec![7_u8; 300_000];
        let new: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| usize::from(store.put(&container, &name, &bytes).unwrap().new)))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(new, 1);
        assert_eq!(left_behind(&root.path().join("shop/web-0/main")), [name.as_str()]);
    }

    #[test]
    fn a_full_or_forbidden_disk_is_a_failure_with_the_path() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        fs::write(root.path().join("shop"), b"a file where a directory must be").unwrap();
        let (container, name) = names();
        let failure = store.put(&container, &name, b"bytes").unwrap_err();
        assert_eq!(failure.kind, Kind::Store);
        assert!(failure.message.contains("shop/web-0/main"), "{failure}");
    }
}
