//! Files that become durable together: one by one each would wait for the disk (some 2 ms), side by side they share it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempPath};

use super::{
    Comparison, Stored, TEMPORARY_PREFIX, TEMPORARY_SUFFIX, compare, conflict, hex_digest, sync_directory,
};
use crate::error::{Failure, Kind};
use crate::names::CoverageName;

/// Most files to wait for, and most bytes: what is written and not yet renamed is lost if the program is killed.
const MOST_FILES: usize = 256;
const MOST_BYTES: u64 = 64 << 20;

/// Threads that wait for the disk.
const THREADS: usize = 16;

/// Files of one container on their way to their final names.
#[derive(Debug)]
pub struct Batch {
    directory: PathBuf,
    bytes: u64,
    files: Vec<Waiting>,
}

/// A file that is written, or was there.
#[derive(Debug)]
struct Waiting {
    name: CoverageName,
    stored: Stored,
    /// `None` if the store has the file already.
    temporary: Option<TempPath>,
}

impl Batch {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, bytes: 0, files: Vec::new() }
    }

    /// Writes a file under a temporary name, or finds that the store has it. Gives whether it is new.
    pub fn add(&mut self, name: &CoverageName, bytes: &[u8]) -> Result<bool, Failure> {
        let path = self.directory.join(name.as_str());
        let failed = |error| unwritable(&path, &error);
        let new = match compare(&path, bytes).map_err(failed)? {
            Comparison::Absent => true,
            Comparison::Same => false,
            Comparison::Other => return Err(conflict(&path)),
        };
        let stored = Stored { size: bytes.len() as u64, sha256: hex_digest(bytes), new };
        let temporary = if new {
            fs::create_dir_all(&self.directory).map_err(failed)?;
            let mut file = Builder::new()
                .prefix(TEMPORARY_PREFIX)
                .suffix(TEMPORARY_SUFFIX)
                .tempfile_in(&self.directory)
                .map_err(failed)?;
            file.write_all(bytes).map_err(failed)?;
            make_readable(file.as_file()).map_err(failed)?;
            self.bytes += stored.size;
            Some(file.into_temp_path())
        } else {
            None
        };
        self.files.push(Waiting { name: name.clone(), stored, temporary });
        Ok(new)
    }

    /// Whether the batch is to be committed before another file is added.
    pub fn is_full(&self) -> bool {
        self.files.len() >= MOST_FILES || self.bytes >= MOST_BYTES
    }

    /// Makes the files durable and gives them their final names. The batch is empty afterwards; what became of each
    /// file comes in the order in which they were added.
    pub fn commit(&mut self) -> Vec<(CoverageName, Result<Stored, Failure>)> {
        self.commit_through(sync, sync_directory)
    }

    /// Commits in the order that leaves nothing half-written, however it is interrupted: contents, then names, then the
    /// directory that holds the names.
    fn commit_through(
        &mut self,
        sync_contents: impl FnOnce(&[Waiting]) -> Vec<io::Result<()>>,
        sync_names: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Vec<(CoverageName, Result<Stored, Failure>)> {
        self.bytes = 0;
        let files = std::mem::take(&mut self.files);
        let synced = sync_contents(&files);
        let mut renamed = false;
        let mut results: Vec<_> = files
            .into_iter()
            .zip(synced)
            .map(|(file, synced)| {
                let Waiting { name, stored, temporary } = file;
                let result = match (temporary, synced) {
                    (None, _) => Ok(stored),
                    (Some(_), Err(error)) => Err(unwritable(&self.directory.join(name.as_str()), &error)),
                    (Some(temporary), Ok(())) => {
                        renamed = true;
                        self.rename(&name, temporary, stored)
                    }
                };
                (name, result)
            })
            .collect();
        if renamed && let Err(error) = sync_names(&self.directory) {
            let failure = unwritable(&self.directory, &error);
            for (_, result) in &mut results {
                *result = Err(failure.clone());
            }
        }
        results
    }

    fn rename(&self, name: &CoverageName, temporary: TempPath, stored: Stored) -> Result<Stored, Failure> {
        let path = self.directory.join(name.as_str());
        match temporary.persist_noclobber(&path) {
            Ok(()) => Ok(stored),
            // Another run was faster.
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                let bytes = fs::read(&error.path).map_err(|error| unwritable(&path, &error))?;
                match compare(&path, &bytes).map_err(|error| unwritable(&path, &error))? {
                    Comparison::Same => Ok(Stored { new: false, ..stored }),
                    Comparison::Other | Comparison::Absent => Err(conflict(&path)),
                }
            }
            Err(error) => Err(unwritable(&path, &error.error)),
        }
    }
}

/// Waits until the contents of all files are on the disk.
fn sync(files: &[Waiting]) -> Vec<io::Result<()>> {
    let sync_one = |file: &Waiting| match &file.temporary {
        // Some systems sync only what was opened for writing.
        Some(path) => File::options().write(true).open(path)?.sync_all(),
        None => Ok(()),
    };
    let each = files.len().div_ceil(THREADS).max(1);
    std::thread::scope(|scope| {
        let mut groups = files.chunks(each);
        let own = groups.next().unwrap_or_default();
        let threads: Vec<_> = groups
            .map(|group| (group, scope.spawn(move || group.iter().map(sync_one).collect::<Vec<_>>())))
            .collect();
        let mut results: Vec<io::Result<()>> = own.iter().map(sync_one).collect();
        for (group, thread) in threads {
            let died = || group.iter().map(|_| Err(io::Error::other("a thread ended early"))).collect();
            results.extend(thread.join().unwrap_or_else(|_| died()));
        }
        results
    })
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Kind::Store, format!("{} cannot be written: {error}", path.display()))
}

/// Temporary files are private; coverage data is to be read by whoever may read the directory.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(index: usize) -> CoverageName {
        let text = format!("covcounters.0123456789abcdef0123456789abcdef.1.{index}");
        CoverageName::parse(text.as_bytes()).unwrap()
    }

    /// Names of the directory's files; those of temporary ones as `tmp`.
    fn listed(directory: &Path) -> Vec<String> {
        let shown = |entry: io::Result<fs::DirEntry>| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.starts_with(TEMPORARY_PREFIX) { "tmp".to_owned() } else { name }
        };
        let mut names: Vec<String> = fs::read_dir(directory).unwrap().map(shown).collect();
        names.sort();
        names
    }

    fn three_files(directory: &Path) -> Batch {
        let mut batch = Batch::new(directory.to_owned());
        for index in 0..3 {
            batch.add(&name(index), &[7; 100]).unwrap();
        }
        batch
    }

    /// At every step at which the program can be killed, whatever has a final name is whole and on the disk.
    #[test]
    fn contents_are_on_the_disk_before_the_names_and_the_names_before_the_end() {
        let home = tempfile::tempdir().unwrap();
        let mut batch = three_files(home.path());
        assert_eq!(listed(home.path()), ["tmp", "tmp", "tmp"]);
        let contents = |files: &[Waiting]| {
            assert_eq!(listed(home.path()), ["tmp", "tmp", "tmp"]);
            let whole = |file: &Waiting| fs::read(file.temporary.as_ref().unwrap()).unwrap() == [7; 100];
            assert!(files.iter().all(whole));
            sync(files)
        };
        let mut named = false;
        let results = batch.commit_through(contents, |directory| {
            named = true;
            assert_eq!(listed(directory), [0, 1, 2].map(|index| name(index).to_string()));
            Ok(())
        });
        assert!(named && results.iter().all(|(_, result)| result.as_ref().unwrap().new));
        assert!(batch.commit().is_empty());
    }

    #[test]
    fn a_killed_program_leaves_temporary_names_only() {
        let home = tempfile::tempdir().unwrap();
        std::mem::forget(three_files(home.path()));
        assert_eq!(listed(home.path()), ["tmp", "tmp", "tmp"]);
        // Another run is not disturbed by them.
        assert!(three_files(home.path()).commit().iter().all(|(_, result)| result.is_ok()));
        // Whoever gives up in good order leaves nothing.
        let other = tempfile::tempdir().unwrap();
        drop(three_files(other.path()));
        assert!(listed(other.path()).is_empty());
    }

    #[test]
    fn what_did_not_reach_the_disk_gets_no_name() {
        let home = tempfile::tempdir().unwrap();
        let full = |_: &[Waiting]| vec![Ok(()), Err(io::Error::other("the disk is full")), Ok(())];
        let results = three_files(home.path()).commit_through(full, |_| Ok(()));
        assert_eq!(listed(home.path()), [name(0).to_string(), name(2).to_string()]);
        let failure = results[1].1.as_ref().unwrap_err();
        assert_eq!((&results[1].0, failure.kind), (&name(1), Kind::Store));
        assert!(failure.message.contains("the disk is full"), "{failure}");
        // Names that may be lost with the power are no success either.
        let lost = three_files(&home.path().join("other"))
            .commit_through(sync, |_| Err(io::Error::other("the disk is gone")));
        assert!(lost.iter().all(|(_, result)| result.as_ref().unwrap_err().kind == Kind::Store));
    }

    #[test]
    fn a_batch_is_full_by_number_or_by_bytes() {
        let home = tempfile::tempdir().unwrap();
        let mut batch = Batch::new(home.path().to_owned());
        for index in 0..MOST_FILES {
            assert!(!batch.is_full(), "{index}");
            batch.add(&name(index), b"x").unwrap();
        }
        assert!(batch.is_full());
        assert_eq!(batch.commit().len(), MOST_FILES);
        assert!(!batch.is_full());
        batch.bytes = MOST_BYTES;
        assert!(batch.is_full());
    }
}
