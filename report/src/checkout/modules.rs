//! Where the modules of a tree are: read from `go.work` and `go.mod`, at the root first, then anywhere below.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::lexically_clean;
use super::modfile::ModFile;

/// Larger files are no module files. Bytes.
const MAX_MODFILE_BYTES: u64 = 4 << 20;

/// The modules that were found, and where.
#[derive(Debug, Default)]
pub(super) struct Modules {
    /// Directories by module path, the best first, each once.
    directories: BTreeMap<String, Vec<PathBuf>>,
}

impl Modules {
    /// Finds the modules `wanted` of a tree: in the module files at the root, which may itself be a directory of a
    /// module, then in those above it. The tree is walked only if these leave some open.
    pub(super) fn find(root: &Path, wanted: &[&str]) -> Self {
        let mut modules = Self::default();
        for directory in root.ancestors() {
            let mut here = Self::default();
            here.read(&directory.join("go.work"));
            here.read(&directory.join("go.mod"));
            // What is above has no say in what the root declares: a worktree may lie within the repository that it is of.
            for (module, directories) in here.directories {
                modules.directories.entry(module).or_insert(directories);
            }
        }
        if wanted.iter().any(|module| modules.directories(module).is_empty()) {
            for entry in walk(root) {
                if entry.file_name() == "go.mod" || entry.file_name() == "go.work" {
                    modules.read(entry.path());
                }
            }
        }
        modules.directories.retain(|module, _| wanted.contains(&module.as_str()));
        modules
    }

    /// Whether any module was found.
    pub(super) fn is_empty(&self) -> bool {
        self.directories.is_empty()
    }

    /// The directories of a module, the best first; they may lie outside the root.
    pub(super) fn directories(&self, module: &str) -> &[PathBuf] {
        self.directories.get(module).map(Vec::as_slice).unwrap_or_default()
    }

    /// The modules that several directories declare, and those.
    pub(super) fn ambiguous(&self) -> impl Iterator<Item = (&str, &[PathBuf])> {
        let several = self.directories.iter().filter(|(_, directories)| directories.len() > 1);
        several.map(|(module, directories)| (module.as_str(), directories.as_slice()))
    }

    /// The file in the `vendor` directory of the root or of any module.
    pub(super) fn vendored(&self, root: &Path, file: &str) -> Option<PathBuf> {
        let places = std::iter::once(root).chain(self.directories.values().flatten().map(PathBuf::as_path));
        places.map(|place| place.join("vendor").join(file)).find(|path| path.is_file())
    }

    /// Takes in a module file. What was read first is best: the root before the rest, a workspace before its modules.
    fn read(&mut self, path: &Path) {
        let Some(directory) = path.parent() else { return };
        let Some(file) = read_modfile(path) else { return };
        for used in &file.uses {
            let used = directory.join(used);
            if let Some(module) = read_modfile(&used.join("go.mod")).and_then(|file| file.module) {
                self.add(module, &used);
            }
        }
        if let Some(module) = file.module {
            self.add(module, directory);
        }
        for (module, target) in file.replaced {
            self.add(module, &directory.join(target));
        }
    }

    fn add(&mut self, module: String, directory: &Path) {
        let Some(directory) = lexically_clean(directory) else { return };
        let directories = self.directories.entry(module).or_default();
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    }
}

fn read_modfile(path: &Path) -> Option<ModFile> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MAX_MODFILE_BYTES {
        return None;
    }
    fs::read(path).ok().map(|bytes| ModFile::parse(&String::from_utf8_lossy(&bytes)))
}

/// The regular files below `root`, the nearest first, without hidden, vendored and JavaScript directories and without
/// git's further worktrees, which hold all files once more.
pub(super) fn walk(root: &Path) -> Vec<walkdir::DirEntry> {
    let visible = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0
            || !entry.file_type().is_dir()
            || !(name.starts_with('.')
                || name == "vendor"
                || name == "node_modules"
                || is_worktree(entry.path()))
    };
    let walk = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(visible);
    let mut files: Vec<_> = walk.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()).collect();
    files.sort_by_key(walkdir::DirEntry::depth);
    files
}

/// Whether a directory is a worktree that git made of a repository elsewhere, and no submodule: its `.git` is a file that
/// names a directory below the `worktrees` of that repository. gitrepository-layout(5).
fn is_worktree(directory: &Path) -> bool {
    const LONGEST: u64 = 4096 + 16;
    let link = directory.join(".git");
    let regular = link.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LONGEST);
    let names = |text: String| {
        let target = text.strip_prefix("gitdir:").map(str::trim).unwrap_or_default();
        Path::new(target).parent().and_then(Path::file_name).is_some_and(|name| name == "worktrees")
    };
    regular && fs::read_to_string(link).is_ok_and(names)
}
