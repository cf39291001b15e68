//! Finds files under the inputs: the only code that reads directories.

use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// How deep directories are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The directory itself only, as the reference tool does.
    Shallow,
    /// All directories below, too, also through symbolic links; a link back to a directory above it is passed over,
    /// as everything there is found without it.
    Recursive,
}

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// The input's path joined with the path below it.
    pub path: PathBuf,
    /// Position of the input among the inputs.
    pub origin: usize,
}

/// A file or directory that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ScanError {
    /// The path.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

/// Lists the files under each input, sorted by name within each directory. An input that is a file is listed
/// itself.
///
/// All names are listed; [`group`](super::group) picks those of coverage files.
pub fn scan<P: AsRef<Path>>(inputs: &[P], depth: Depth) -> Result<Vec<FoundFile>, ScanError> {
    scan_with(inputs, depth, Err)
}

/// As [`scan`]; what cannot be read is handed to `refuse`, and passed over where that gives no error.
pub fn scan_with<P: AsRef<Path>, E>(
    inputs: &[P],
    depth: Depth,
    mut refuse: impl FnMut(ScanError) -> Result<(), E>,
) -> Result<Vec<FoundFile>, E> {
    let mut found = Vec::new();
    for (origin, input) in inputs.iter().enumerate() {
        let input = input.as_ref();
        let max_depth = match depth {
            Depth::Shallow => 1,
            Depth::Recursive => usize::MAX,
        };
        let follow = depth == Depth::Recursive;
        let walk = WalkDir::new(input).max_depth(max_depth).follow_links(follow).sort_by_file_name();
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.loop_ancestor().is_some() => continue,
                Err(error) => {
                    let path = error.path().unwrap_or(input).to_path_buf();
                    // A link to nowhere is a file that cannot be opened, if anybody wants it.
                    if path.is_symlink() && error.depth() > 0 {
                        found.push(FoundFile { path, origin });
                        continue;
                    }
                    refuse(ScanError { path, source: error.into() })?;
                    continue;
                }
            };
            // A link to a file is read through; what it points to is found out when it is opened.
            let directory = entry.file_type().is_dir() || (entry.depth() == 0 && entry.path().is_dir());
            if !directory {
                found.push(FoundFile { path: entry.into_path(), origin });
            }
        }
    }
    Ok(found)
}
