//! Files that become durable together: one by one each would wait for the disk (some 2 ms), side by side they share it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempPath};

use super::{Comparison, Stored, TEMPORARY_PREFIX, compare, conflict, hex_digest, sync_directory};
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

    /// Writes a file under a temporary name, or finds that the store has it.
    pub fn add(&mut self, name: &CoverageName, bytes: &[u8]) -> Result<(), Failure> {
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
                .suffix(".tmp")
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
        Ok(())
    }

    /// Whether the batch is to be committed before another file is added.
    pub fn is_full(&self) -> bool {
        self.files.len() >= MOST_FILES || self.bytes >= MOST_BYTES
    }

    /// Makes the files durable and gives them their final names. The batch is empty afterwards; what became of each
    /// file comes in the order in which they were added.
    pub fn commit(&mut self) -> Vec<(CoverageName, Result<Stored, Failure>)> {
        self.bytes = 0;
        let files = std::mem::take(&mut self.files);
        let synced = sync(&files);
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
        if renamed && let Err(error) = sync_directory(&self.directory) {
            let failure = unwritable(&self.directory, &error);
            results.iter_mut().for_each(|(_, result)| *result = Err(failure.clone()));
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
