//! Where the modules of a tree are: read from `go.work` and `go.mod`, at the root first, then anywhere below.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::modfile::ModFile;

/// Larger files are no module files. Bytes.
const MAX_MODFILE_BYTES: u64 = 4 << 20;

/// The modules that were found, and where.
#[derive(Debug, Default)]
pub(super) struct Modules {
    directories: HashMap<String, PathBuf>,
}

impl Modules {
    /// Finds the modules `wanted` below `root`. The tree is walked only if the module files at the root leave some of
    /// them open.
    pub(super) fn find(root: &Path, wanted: &[&str]) -> Self {
        let mut modules = Self::default();
        modules.read(&root.join("go.work"));
        modules.read(&root.join("go.mod"));
        if wanted.iter().any(|module| modules.directory(module).is_none()) {
            for entry in walk(root) {
                if entry.file_name() == "go.mod" || entry.file_name() == "go.work" {
                    modules.read(entry.path());
                }
            }
        }
        modules
    }

    /// The directory of a module, which may lie outside the root.
    pub(super) fn directory(&self, module: &str) -> Option<&Path> {
        self.directories.get(module).map(PathBuf::as_path)
    }

    /// The file in the `vendor` directory of the root or of any module.
    pub(super) fn vendored(&self, root: &Path, file: &str) -> Option<PathBuf> {
        let places = std::iter::once(root).chain(self.directories.values().map(PathBuf::as_path));
        let mut found: Vec<PathBuf> =
            places.map(|place| place.join("vendor").join(file)).filter(|path| path.is_file()).collect();
        found.sort();
        found.into_iter().next()
    }

    /// Takes in a module file. What was read first wins: the root before the rest, a workspace before its modules.
    fn read(&mut self, path: &Path) {
        let Some(directory) = path.parent() else { return };
        let Some(file) = read_modfile(path) else { return };
        for used in &file.uses {
            let used = directory.join(used);
            if let Some(module) = read_modfile(&used.join("go.mod")).and_then(|file| file.module) {
                self.add(module, used);
            }
        }
        if let Some(module) = file.module {
            self.add(module, directory.to_path_buf());
        }
        for (module, target) in file.replaced {
            self.add(module, directory.join(target));
        }
    }

    fn add(&mut self, module: String, directory: PathBuf) {
        self.directories.entry(module).or_insert(directory);
    }
}

fn read_modfile(path: &Path) -> Option<ModFile> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MAX_MODFILE_BYTES {
        return None;
    }
    fs::read(path).ok().map(|bytes| ModFile::parse(&String::from_utf8_lossy(&bytes)))
}

/// The regular files below `root`, the nearest first, without hidden, vendored and JavaScript directories.
pub(super) fn walk(root: &Path) -> Vec<walkdir::DirEntry> {
    let visible = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0
            || !entry.file_type().is_dir()
            || !(name.starts_with('.') || name == "vendor" || name == "node_modules")
    };
    let walk = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(visible);
    let mut files: Vec<_> = walk.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()).collect();
    files.sort_by_key(walkdir::DirEntry::depth);
    files
}
