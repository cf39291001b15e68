//! Finds files under the inputs: the only code that reads directories.

use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::name::FileName;

/// How deep directories are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The directory itself only, as the reference tool does.
    Shallow,
    /// All directories below, too, also through symbolic links; a link to a directory that has been searched already, or is
    /// being searched, is passed over, as everything there is found without it.
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

/// What is under the inputs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scanned {
    /// The files, by input, and sorted by name within each directory.
    pub files: Vec<FoundFile>,
    /// Directories that have names of coverage files, in the order found. They are searched like others.
    pub misnamed_directories: Vec<PathBuf>,
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
    scan_with(inputs, depth, Err).map(|scanned| scanned.files)
}

/// As [`scan`]; what cannot be read is handed to `refuse`, and passed over where that gives no error.
pub fn scan_with<P: AsRef<Path>, E>(
    inputs: &[P],
    depth: Depth,
    mut refuse: impl FnMut(ScanError) -> Result<(), E>,
) -> Result<Scanned, E> {
    let (mut found, mut misnamed_directories) = (Vec::new(), Vec::new());
    for (origin, input) in inputs.iter().enumerate() {
        let input = input.as_ref();
        let max_depth = match depth {
            Depth::Shallow => 1,
            Depth::Recursive => usize::MAX,
        };
        let follow = depth == Depth::Recursive;
        let mut walk =
            WalkDir::new(input).max_depth(max_depth).follow_links(follow).sort_by_file_name().into_iter();
        let mut searched = Searched::default();
        while let Some(entry) = walk.next() {
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
                    // Without walkdir's own words, which name the path once more.
                    let source = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
                    refuse(ScanError { path, source })?;
                    continue;
                }
            };
            // A link to a file is read through; what it points to is found out when it is opened.
            let directory = entry.file_type().is_dir() || (entry.depth() == 0 && entry.path().is_dir());
            if directory {
                if follow && !searched.is_worth_it(&entry) {
                    walk.skip_current_dir();
                }
                if entry.depth() > 0 && FileName::parse(entry.file_name().as_bytes()).is_some() {
                    misnamed_directories.push(entry.into_path());
                }
            } else {
                found.push(FoundFile { path: entry.into_path(), origin });
            }
        }
    }
    Ok(Scanned { files: found, misnamed_directories })
}

/// The directories that were searched under an input. Links that branch make exponentially many paths of few directories.
#[derive(Debug, Default)]
struct Searched {
    /// Device and inode.
    directories: HashSet<(u64, u64)>,
    /// Depth of the link that the walk is below, if it is below one.
    link: Option<usize>,
}

impl Searched {
    /// Whether a directory is to be searched: in its own place always, so that its files are known by their own paths,
    /// and behind a link if nothing led there before.
    fn is_worth_it(&mut self, directory: &DirEntry) -> bool {
        let depth = directory.depth();
        if self.link.is_some_and(|link| depth <= link) {
            self.link = None;
        }
        if self.link.is_none() && depth > 0 && directory.path_is_symlink() {
            self.link = Some(depth);
        }
        // Whatever is wrong with it shows when it is searched.
        let Ok(metadata) = directory.path().metadata() else { return true };
        let is_new = self.directories.insert((metadata.dev(), metadata.ino()));
        is_new || self.link.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn files_below(root: &Path) -> Vec<String> {
        let found = scan(&[root], Depth::Recursive).unwrap();
        let below = |file: &FoundFile| file.path.strip_prefix(root).unwrap().display().to_string();
        found.iter().map(below).collect()
    }

    #[test]
    fn a_directory_behind_links_is_searched_once_and_in_its_own_place() {
        let here = tempfile::tempdir().unwrap();
        let (root, elsewhere) = (here.path().join("root"), here.path().join("elsewhere"));
        for directory in [&elsewhere.join("deep"), &root.join("m/sub"), &root.join("n")] {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join("file"), "").unwrap();
        }
        symlink("m", root.join("a")).unwrap();
        symlink("m/sub", root.join("z")).unwrap();
        for link in ["k", "n/l", "o"] {
            symlink(&elsewhere, root.join(link)).unwrap();
        }
        assert_eq!(files_below(&root), ["a/sub/file", "k/deep/file", "m/sub/file", "n/file"]);
        // Each input for itself.
        let found = scan(&[&root, &root.join("n")], Depth::Recursive).unwrap();
        assert!(found.iter().any(|file| file.origin == 1 && file.path == root.join("n/l/deep/file")));
    }

    #[test]
    fn links_that_branch_take_no_time() {
        let here = tempfile::tempdir().unwrap();
        // 2^34 paths.
        for level in 0..35 {
            let directory = here.path().join(format!("{level:02}"));
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join("file"), "").unwrap();
            for link in ["a", "b"] {
                if level < 34 {
                    symlink(format!("../{:02}", level + 1), directory.join(link)).unwrap();
                }
            }
        }
        let found = files_below(here.path());
        // In its own place each, and behind the first links that lead there.
        assert_eq!(found.iter().filter(|path| path.matches('/').count() == 1).count(), 35);
        assert!(found.len() < 3 * 35, "{}", found.len());
    }
    /// A path through a file is an error for everybody, root included.
    #[test]
    fn an_error_names_its_path_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().join("below");
        let error = scan(&[&path], Depth::Recursive).unwrap_err().to_string();
        assert_eq!(error, format!("{}: Not a directory (os error 20)", path.display()));
    }
}
