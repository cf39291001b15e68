//! The source tree that reports refer to: which file of it a compiled file is.
//!
//! Works without Go and without network: `go.mod` and `go.work` say where modules are, `--map` where they do not.
//! Beside those files, reads nothing outside the root but sources whose places they name, and those only if asked.

mod find;
mod index;
mod map;
mod modfile;
mod modules;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bstr::{BStr, ByteSlice as _};

pub use find::find_root;
pub use map::{MapError, PathMap, PathMaps};
pub use modfile::ModFile;

use index::FileIndex;
use modules::Modules;

/// Larger files are no source that anyone reads; they are treated as missing. Bytes.
const MAX_SOURCE_BYTES: u64 = 64 << 20;

/// A repository's working tree, or the lack of one, and what the user said about places.
#[derive(Debug, Default)]
pub struct Checkout {
    /// `None`: paths are import paths without the module's.
    tree: Option<Box<Tree>>,
    maps: PathMaps,
}

#[derive(Debug)]
struct Tree {
    /// Absolute path of the root.
    root: PathBuf,
    modules: Modules,
    index: FileIndex,
}

/// Where a compiled file stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// For a file of the repository its path below the root; for another one its absolute path if it is known, else
    /// the compiler's name. With forward slashes.
    pub path: String,
    /// How it was found.
    pub by: FoundBy,
}

/// How a compiled file was found in the tree, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// By a `go.mod`, a `go.work`, a `vendor` directory or its absolute path.
    Module,
    /// By a `--map`.
    Map,
    /// By the end of its path, which only one file of the tree shares.
    Suffix,
    /// There is no tree; only the module path was taken off.
    Name,
    /// Not found, as it belongs to something else: the standard library, a dependency, a module outside the root.
    Outside,
    /// Not found, though it may belong here: no file of the tree has this end of a path, or several have.
    Unknown,
}

impl FoundBy {
    /// Whether the file is one of the repository.
    pub fn is_inside(self) -> bool {
        !matches!(self, Self::Outside | Self::Unknown)
    }
}

impl Checkout {
    /// No tree.
    pub fn none(maps: PathMaps) -> Self {
        Self { tree: None, maps }
    }

    /// The tree below `root`, looked through for the modules named, which are those of the data.
    pub fn open<'m>(
        root: &Path,
        modules: impl Iterator<Item = &'m BStr>,
        maps: PathMaps,
    ) -> io::Result<Self> {
        let root = root.canonicalize()?;
        if !root.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        let wanted: Vec<&str> = modules.filter_map(|m| m.to_str().ok()).filter(|m| !m.is_empty()).collect();
        let modules = Modules::find(&root, &wanted);
        let tree = Tree { index: FileIndex::new(root.clone()), root, modules };
        Ok(Self { tree: Some(Box::new(tree)), maps })
    }

    /// The absolute root; `None` without a tree.
    pub fn root(&self) -> Option<&Path> {
        self.tree.as_ref().map(|tree| tree.root.as_path())
    }

    /// What the user said about places.
    pub fn maps(&self) -> &PathMaps {
        &self.maps
    }

    /// Those of the modules `used` that several directories of the tree declare, with the directories: a phrase each.
    pub fn ambiguous_modules(&self, used: &BTreeSet<&BStr>) -> Vec<String> {
        let Some(tree) = &self.tree else { return Vec::new() };
        let shown = |path: &PathBuf| match path.strip_prefix(&tree.root) {
            Ok(below) if below.as_os_str().is_empty() => ".".to_owned(),
            Ok(below) => below.display().to_string(),
            Err(_) => path.display().to_string(),
        };
        let phrase = |(module, directories): (&str, &[PathBuf])| {
            format!("{module} ({})", directories.iter().map(shown).collect::<Vec<_>>().join(", "))
        };
        tree.modules.ambiguous().filter(|(module, _)| used.contains(BStr::new(module))).map(phrase).collect()
    }

    /// Finds the file that the compiler named `file`, in a package of `module` (empty: none).
    pub fn place(&self, module: &BStr, package: &BStr, file: &BStr) -> Place {
        let name = forward_slashes(&file.to_str_lossy());
        let unknown = || Place { path: name.clone(), by: FoundBy::Unknown };
        if file.to_str().is_err() {
            return unknown();
        }
        if let Some(mapped) = self.maps.apply(&name) {
            return self.place_mapped(mapped);
        }
        let absolute = is_absolute(&name);
        match &self.tree {
            None if absolute => {
                let base = name.rsplit('/').next().unwrap_or_default();
                Place { path: base.to_owned(), by: FoundBy::Name }
            }
            None => match below_module(module, package, &name) {
                Some(path) => Place { path: path.to_owned(), by: FoundBy::Name },
                None => Place { path: name, by: FoundBy::Outside },
            },
            Some(tree) if absolute => tree.place_absolute(&name).unwrap_or_else(unknown),
            Some(tree) => tree.place_in_module(module, package, &name).unwrap_or_else(unknown),
        }
    }

    fn place_mapped(&self, mapped: String) -> Place {
        match &self.tree {
            None => Place { path: mapped, by: FoundBy::Map },
            Some(tree) => {
                let path = tree.root.join(&mapped);
                if let Some(path) = tree.relative(&path) {
                    return Place { path, by: FoundBy::Map };
                }
                let whole = lexically_clean(&path).and_then(|path| path.to_str().map(str::to_owned));
                // Where nothing is, the map may be mistyped.
                let by = if path.is_file() { FoundBy::Outside } else { FoundBy::Unknown };
                Place { path: whole.unwrap_or(mapped), by }
            }
        }
    }

    /// The bytes of a file below the root, or anywhere if the path is absolute; `None` if there is no such file, or none
    /// that could be Go source.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let path = self.root()?.join(path);
        let metadata = path.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > MAX_SOURCE_BYTES {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
        File::open(path).ok()?.take(MAX_SOURCE_BYTES).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

impl Checkout {
    /// The Go files in the directory of a file, as paths below the root, sorted.
    pub fn go_files_beside(&self, path: &str) -> Vec<String> {
        let Some(root) = self.root() else { return Vec::new() };
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let entries = std::fs::read_dir(root.join(directory)).into_iter().flatten().filter_map(Result::ok);
        let names =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_go(name));
        let mut paths: Vec<String> = names
            .map(|name| if directory.is_empty() { name } else { format!("{directory}/{name}") })
            .collect();
        paths.sort();
        paths
    }
}

impl Tree {
    fn place_absolute(&self, file: &str) -> Option<Place> {
        let path = Path::new(file);
        // The root is free of links, what the compiler was told may not be.
        let real = || self.relative(&path.canonicalize().ok()?);
        if let Some(path) = self.relative(path).or_else(real) {
            return Some(Place { path, by: FoundBy::Module });
        }
        let path = self.index.unique_suffix(file, 1)?;
        Some(Place { path, by: FoundBy::Suffix })
    }

    fn place_in_module(&self, module: &BStr, package: &BStr, file: &str) -> Option<Place> {
        let inside = |path| Some(Place { path, by: FoundBy::Module });
        let outside = |path: &str| Some(Place { path: path.to_owned(), by: FoundBy::Outside });
        let directories = module.to_str().map(|module| self.modules.directories(module)).unwrap_or_default();
        let paths: Vec<PathBuf> = below_module(module, package, file)
            .iter()
            .flat_map(|b| directories.iter().map(move |d| d.join(b)))
            .collect();
        let existing = paths.iter().find(|path| path.is_file());
        if let Some(path) = existing.and_then(|path| self.relative(path)) {
            return inside(path);
        }
        // What a replaced module has elsewhere is not what was compiled if it is vendored, too.
        if let Some(path) = self.modules.vendored(&self.root, file).and_then(|path| self.relative(&path)) {
            return inside(path);
        }
        if let Some(path) = existing.or(paths.first()) {
            let shown = existing.and_then(|path| path.to_str()).unwrap_or(file);
            return self.relative(path).map_or_else(|| outside(shown), inside);
        }
        // Among modules that are known, another one is a dependency; a guess could only be wrong.
        let first = file.split('/').next().unwrap_or_default();
        if !self.modules.is_empty() || (module.is_empty() && !first.contains('.')) {
            return outside(file);
        }
        let path = self.index.unique_suffix(file, 2)?;
        Some(Place { path, by: FoundBy::Suffix })
    }

    /// The path below the root with forward slashes; `None` if it is not below it.
    fn relative(&self, path: &Path) -> Option<String> {
        let path = lexically_clean(path)?;
        let below = path.strip_prefix(&self.root).ok()?;
        let parts: Option<Vec<&str>> = below.components().map(|part| part.as_os_str().to_str()).collect();
        parts.map(|parts| parts.join("/")).filter(|path| !path.is_empty())
    }
}

/// The part of a file's name behind the module's path; the whole name if the package belongs to no module but
/// looks like it came from a host; `None` for the standard library.
fn below_module<'f>(module: &BStr, package: &BStr, file: &'f str) -> Option<&'f str> {
    let Ok(module) = module.to_str() else { return None };
    if module.is_empty() {
        let host = file.split('/').next().unwrap_or_default();
        return (host.contains('.') || package == "command-line-arguments").then_some(file);
    }
    let below = file.strip_prefix(module)?;
    below.strip_prefix('/').filter(|below| below.split('/').all(is_plain))
}

fn is_plain(component: &str) -> bool {
    !matches!(component, "" | "." | "..")
}

/// Resolves `.` and `..` by name; `None` if the path climbs above its start.
fn lexically_clean(path: &Path) -> Option<PathBuf> {
    use std::path::Component;
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !clean.pop() {
                    return None;
                }
            }
            other => clean.push(other),
        }
    }
    Some(clean)
}

/// Whether a file is Go source by its name; the go command minds the case.
pub(crate) fn is_go(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "go")
}

/// Absolute paths of data made on Windows have backslashes. The compiler names files by import path and base name, with
/// forward slashes on every system, but for packages given by file (`cmd/cover/cover.go`, `postFunc`): by their path.
fn forward_slashes(file: &str) -> String {
    if is_windows(file) { file.replace('\\', "/") } else { file.to_owned() }
}

/// Whether a path begins as absolute ones do on Windows: with a drive, or with the name of a server.
fn is_windows(file: &str) -> bool {
    let drive = matches!(file.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    drive || file.starts_with("\\\\") || file.starts_with("//")
}

fn is_absolute(file: &str) -> bool {
    file.starts_with('/') || is_windows(file)
}

#[cfg(test)]
mod tests;
