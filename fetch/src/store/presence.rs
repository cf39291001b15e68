//! Who is in the store: every run for as long as it may write. A run that finds itself alone removes what killed runs have
//! left, which are temporary files; beside another run it touches none, because they may be that run's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{Store, TEMPORARY_PREFIX, TEMPORARY_SUFFIX};
use crate::locking::lock_shared;

/// Locked by every run: shared while it works, exclusively while it clears up. The system lets go of a lock when a
/// process ends, however it ends.
const LOCK_NAME: &str = ".runs.lock";

/// A run's presence in the store; dropping it leaves.
#[derive(Debug)]
pub struct Presence {
    lock: File,
    alone: bool,
}

impl Presence {
    /// Enters the store.
    pub fn enter(store: &Store) -> io::Result<Self> {
        let lock = OpenOptions::new().create(true).append(true).open(store.root().join(LOCK_NAME))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { lock, alone: true }),
            Err(TryLockError::WouldBlock) => {
                // At most as long as another run clears up.
                lock_shared(&lock)?;
                Ok(Self { lock, alone: false })
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether no other run is in the store, and none can enter it until [`Self::share`] is called.
    pub fn is_alone(&self) -> bool {
        self.alone
    }

    /// Lets other runs in.
    pub fn share(&mut self) -> io::Result<()> {
        if self.alone {
            self.lock.unlock()?;
            lock_shared(&self.lock)?;
        }
        self.alone = false;
        Ok(())
    }

    /// Removes the temporary files that killed runs have left: in the store's own directory and in those of `containers`,
    /// which are relative to it. Gives their number; none are touched unless this run is alone.
    ///
    /// What cannot be removed stays: it disturbs nobody.
    pub fn clear(&self, store: &Store, containers: impl IntoIterator<Item = PathBuf>) -> usize {
        if !self.alone {
            return 0;
        }
        let directories = containers.into_iter().map(|directory| store.root().join(directory));
        std::iter::once(store.root().to_owned()).chain(directories).map(|directory| clear(&directory)).sum()
    }
}

fn clear(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let left = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let bytes = name.as_encoded_bytes();
        let named =
            bytes.starts_with(TEMPORARY_PREFIX.as_bytes()) && bytes.ends_with(TEMPORARY_SUFFIX.as_bytes());
        named && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    let left = entries.filter_map(Result::ok).filter(left);
    left.filter(|entry| fs::remove_file(entry.path()).is_ok()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPORARY: &str = ".covfetch-Ab12Cd.tmp";

    fn store(root: &Path) -> Store {
        let store = Store::open(&root.join("store")).unwrap();
        for path in [".", "shop/web-0/app", "shop/web-1/app"] {
            fs::create_dir_all(store.root().join(path)).unwrap();
            fs::write(store.root().join(path).join(TEMPORARY), b"half").unwrap();
        }
        store
    }

    #[test]
    fn who_is_alone_removes_temporary_files_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let at = |path: &str| store.root().join(path);
        let others = ["covmeta.x", ".covfetch-note.txt", "my.tmp", ".covfetch-dir.tmp/file"];
        fs::create_dir(at("shop/web-0/app/.covfetch-dir.tmp")).unwrap();
        for other in others {
            fs::write(at("shop/web-0/app").join(other), b"kept").unwrap();
        }
        let mut presence = Presence::enter(&store).unwrap();
        assert!(presence.is_alone());
        let named = ["shop/web-0/app", "shop/gone/app"].map(PathBuf::from);
        assert_eq!(presence.clear(&store, named), 2);
        assert!(!at(TEMPORARY).exists() && !at("shop/web-0/app").join(TEMPORARY).exists());
        // Nobody has said that a run was here.
        assert!(at("shop/web-1/app").join(TEMPORARY).exists());
        assert!(others.iter().all(|other| at("shop/web-0/app").join(other).exists()));
        presence.share().unwrap();
        assert_eq!(presence.clear(&store, [PathBuf::from("shop/web-1/app")]), 0);
    }

    #[test]
    fn beside_another_run_nothing_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let mut first = Presence::enter(&store).unwrap();
        first.share().unwrap();
        let second = Presence::enter(&store).unwrap();
        assert!(!second.is_alone());
        assert_eq!(second.clear(&store, []), 0);
        drop(first);
        assert!(!Presence::enter(&store).unwrap().is_alone(), "the second run is still here");
        drop(second);
        let third = Presence::enter(&store).unwrap();
        assert_eq!((third.is_alone(), third.clear(&store, [])), (true, 1));
    }

    /// Whoever comes while another clears up waits until it is done.
    #[test]
    fn a_run_that_comes_meanwhile_waits() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let mut first = Presence::enter(&store).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Presence::enter(&store).unwrap().is_alone());
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!second.is_finished());
            first.share().unwrap();
            assert!(!second.join().unwrap());
        });
    }
}
