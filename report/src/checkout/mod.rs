//! The source tree that reports refer to: which file of it a compiled file is.
//!
//! Works without Go and without network: `go.mod` and `go.work` say where modules are. Reads nothing that lies
//! outside the root.

mod find;
mod index;
mod modfile;
mod modules;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bstr::{BStr, ByteSlice as _};

pub use find::find_root;
pub use modfile::ModFile;

use index::FileIndex;
use modules::Modules;

/// Larger files are no source that anyone reads; they are treated as missing. Bytes.
const MAX_SOURCE_BYTES: u64 = 64 << 20;

/// A repository's working tree, or the lack of one.
#[derive(Debug)]
pub enum Checkout {
    /// There is none: paths are import paths without the module's.
    None,
    /// The tree below a directory.
    Tree(Box<Tree>),
}

/// See [`Checkout::Tree`].
#[derive(Debug)]
pub struct Tree {
    /// Absolute path of the root.
    root: PathBuf,
    modules: Modules,
    index: FileIndex,
}

/// Where a compiled file stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Below the root.
    Inside {
        /// Path below the root, with forward slashes.
        path: String,
        /// How it was found.
        by: FoundBy,
    },
    /// Not in the tree: a dependency, the standard library, or nobody knows.
    Outside,
}

/// How a compiled file was found in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// By a `go.mod`, a `go.work`, a `vendor` directory or its absolute path.
    Module,
    /// By the end of its path, which only one file of the tree shares.
    Suffix,
    /// There is no tree; only the module path was taken off.
    Name,
}

impl Checkout {
    /// The tree below `root`, looked through for the modules named, which are those of the data.
    pub fn open<'m>(root: &Path, modules: impl Iterator<Item = &'m BStr>) -> io::Result<Self> {
        let root = root.canonicalize()?;
        if !root.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        let wanted: Vec<&str> = modules.filter_map(|m| m.to_str().ok()).filter(|m| !m.is_empty()).collect();
        let modules = Modules::find(&root, &wanted);
        Ok(Self::Tree(Box::new(Tree { index: FileIndex::new(root.clone()), root, modules })))
    }

    /// The absolute root; `None` without a tree.
    pub fn root(&self) -> Option<&Path> {
        match self {
            Self::None => None,
            Self::Tree(tree) => Some(&tree.root),
        }
    }

    /// The modules of the data that several directories of the tree declare, with those: a sentence each.
    pub fn ambiguous_modules(&self) -> Vec<String> {
        let Self::Tree(tree) = self else { return Vec::new() };
        let shown = |path: &PathBuf| path.strip_prefix(&tree.root).unwrap_or(path).display().to_string();
        let sentence = |(module, directories): (&str, &[PathBuf])| {
            format!("{module} ({})", directories.iter().map(shown).collect::<Vec<_>>().join(", "))
        };
        tree.modules.ambiguous().map(sentence).collect()
    }

    /// Finds the file that the compiler named `file`, in a package of `module` (empty: none).
    pub fn place(&self, module: &BStr, package: &BStr, file: &BStr) -> Place {
        let Ok(file) = file.to_str() else { return Place::Outside };
        let file = forward_slashes(file);
        let absolute = is_absolute(&file);
        match self {
            Self::None if absolute => {
                let base = file.rsplit('/').next().unwrap_or_default();
                Place::Inside { path: base.to_owned(), by: FoundBy::Name }
            }
            Self::None => match below_module(module, package, &file) {
                Some(path) => Place::Inside { path: path.to_owned(), by: FoundBy::Name },
                None => Place::Outside,
            },
            Self::Tree(tree) if absolute => tree.place_absolute(&file),
            Self::Tree(tree) => tree.place_in_module(module, package, &file),
        }
    }

    /// The bytes of a file below the root; `None` if there is no such file, or none that could be Go source.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let path = self.root()?.join(path);
        let metadata = path.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > MAX_SOURCE_BYTES {
            return None;
        }
        let mut bytes = Vec::new();
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
    fn place_absolute(&self, file: &str) -> Place {
        if let Some(path) = self.relative(Path::new(file)) {
            return Place::Inside { path, by: FoundBy::Module };
        }
        self.index
            .unique_suffix(file, 1)
            .map_or(Place::Outside, |path| Place::Inside { path, by: FoundBy::Suffix })
    }

    fn place_in_module(&self, module: &BStr, package: &BStr, file: &str) -> Place {
        let inside = |path| Place::Inside { path, by: FoundBy::Module };
        let directories = module.to_str().map(|module| self.modules.directories(module)).unwrap_or_default();
        let paths: Vec<PathBuf> = below_module(module, package, file)
            .iter()
            .flat_map(|b| directories.iter().map(move |d| d.join(b)))
            .collect();
        if let Some(path) = paths.iter().find(|path| path.is_file()).or(paths.first()) {
            return self.relative(path).map_or(Place::Outside, inside);
        }
        if let Some(path) = self.modules.vendored(&self.root, file).and_then(|path| self.relative(&path)) {
            return inside(path);
        }
        // Among modules that are known, another one is a dependency; a guess could only be wrong.
        let first = file.split('/').next().unwrap_or_default();
        if !self.modules.is_empty() || (module.is_empty() && !first.contains('.')) {
            return Place::Outside;
        }
        self.index
            .unique_suffix(file, 2)
            .map_or(Place::Outside, |path| Place::Inside { path, by: FoundBy::Suffix })
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

/// Paths of data made on Windows have backslashes behind a drive letter.
fn forward_slashes(file: &str) -> String {
    if has_drive(file) { file.replace('\\', "/") } else { file.to_owned() }
}

fn has_drive(file: &str) -> bool {
    matches!(file.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

fn is_absolute(file: &str) -> bool {
    file.starts_with('/') || has_drive(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    fn open(directory: &Path, modules: &[&str]) -> Checkout {
        Checkout::open(directory, modules.iter().map(|module| BStr::new(*module))).unwrap()
    }

    fn place(checkout: &Checkout, module: &str, file: &str) -> Option<String> {
        let package = file.rsplit_once('/').map_or("", |(package, _)| package);
        match checkout.place(module.into(), package.into(), file.into()) {
            Place::Inside { path, .. } => Some(path),
            Place::Outside => None,
        }
    }

    #[test]
    fn without_a_tree_the_module_path_is_taken_off() {
        let none = Checkout::None;
        assert_eq!(place(&none, "a.b/c", "a.b/c/main.go").as_deref(), Some("main.go"));
        assert_eq!(place(&none, "a.b/c", "a.b/c/d/e.go").as_deref(), Some("d/e.go"));
        assert_eq!(place(&none, "", "fmt/print.go"), None);
        assert_eq!(place(&none, "a.b/c", "a.b/c/../../x.go"), None);
        assert_eq!(place(&none, "", "/src/main.go").as_deref(), Some("main.go"));
    }

    #[test]
    fn modules_are_found_by_their_go_mod() {
        let directory = tree(&[
            ("go.mod", "module a.b/root\nreplace a.b/lib => ./third/lib\nreplace a.b/out => ../out\n"),
            ("services/pay/go.mod", "module a.b/pay\n"),
            ("third/lib/lib.go", ""),
            ("vendor/v.w/x/x.go", ""),
        ]);
        let checkout = open(directory.path(), &["a.b/root", "a.b/pay", "a.b/lib", "a.b/out", "v.w/x"]);
        assert_eq!(place(&checkout, "a.b/root", "a.b/root/cmd/main.go").as_deref(), Some("cmd/main.go"));
        assert_eq!(place(&checkout, "a.b/pay", "a.b/pay/pay.go").as_deref(), Some("services/pay/pay.go"));
        assert_eq!(place(&checkout, "a.b/lib", "a.b/lib/lib.go").as_deref(), Some("third/lib/lib.go"));
        assert_eq!(place(&checkout, "a.b/out", "a.b/out/out.go"), None);
        assert_eq!(place(&checkout, "v.w/x", "v.w/x/x.go").as_deref(), Some("vendor/v.w/x/x.go"));
        assert_eq!(place(&checkout, "v.w/y", "v.w/y/y.go"), None);
        assert_eq!(place(&checkout, "", "fmt/print.go"), None);
    }

    #[test]
    fn a_workspace_names_its_modules() {
        let directory = tree(&[
            ("go.work", "use ./.hidden/a\nuse b\n"),
            (".hidden/a/go.mod", "module a.b/a\n"),
            ("b/go.mod", "module a.b/b\n"),
        ]);
        let checkout = open(directory.path(), &["a.b/a", "a.b/b"]);
        assert_eq!(place(&checkout, "a.b/a", "a.b/a/x.go").as_deref(), Some(".hidden/a/x.go"));
        assert_eq!(place(&checkout, "a.b/b", "a.b/b/y/x.go").as_deref(), Some("b/y/x.go"));
    }

    #[test]
    fn a_root_within_a_module_is_served() {
        let directory =
            tree(&[("go.mod", "module a.b/all\n"), ("services/pay/pay.go", ""), ("other/other.go", "")]);
        let checkout = open(&directory.path().join("services"), &["a.b/all"]);
        assert_eq!(place(&checkout, "a.b/all", "a.b/all/services/pay/pay.go").as_deref(), Some("pay/pay.go"));
        assert_eq!(place(&checkout, "a.b/all", "a.b/all/other/other.go"), None);
    }

    #[test]
    fn of_two_directories_that_declare_a_module_the_one_with_the_file_is_meant() {
        let module = "module a.b/twice\n";
        let directory = tree(&[("x/go.mod", module), ("y/go.mod", module), ("y/y.go", "")]);
        let checkout = open(directory.path(), &["a.b/twice"]);
        assert_eq!(place(&checkout, "a.b/twice", "a.b/twice/y.go").as_deref(), Some("y/y.go"));
        assert_eq!(place(&checkout, "a.b/twice", "a.b/twice/z.go").as_deref(), Some("x/z.go"));
        assert_eq!(checkout.ambiguous_modules(), ["a.b/twice (x, y)"]);
    }

    #[test]
    fn absolute_paths_are_cut_at_the_root_or_found_by_their_end() {
        let directory = tree(&[("cmd/a/main.go", ""), ("cmd/b/main.go", ""), ("tool.go", "")]);
        let checkout = open(directory.path(), &[]);
        let inside = checkout.root().unwrap().join("x/y.go");
        assert_eq!(place(&checkout, "", inside.to_str().unwrap()).as_deref(), Some("x/y.go"));
        assert_eq!(place(&checkout, "", "/build/cmd/a/main.go").as_deref(), Some("cmd/a/main.go"));
        assert_eq!(place(&checkout, "", r"C:\build\cmd\b\main.go").as_deref(), Some("cmd/b/main.go"));
        assert_eq!(place(&checkout, "", "/build/tool.go").as_deref(), Some("tool.go"));
        assert_eq!(place(&checkout, "", "/build/main.go"), None);
    }

    #[test]
    fn a_tree_without_module_files_is_matched_by_suffix() {
        let directory = tree(&[("pay/card/card.go", ""), ("card.go", "")]);
        let checkout = open(directory.path(), &["a.b/pay"]);
        assert_eq!(
            checkout.place("a.b/pay".into(), "a.b/pay/card".into(), "a.b/pay/card/card.go".into()),
            Place::Inside { path: "pay/card/card.go".into(), by: FoundBy::Suffix }
        );
        assert_eq!(place(&checkout, "a.b/other", "a.b/other/card.go"), None);
    }

    #[test]
    fn only_regular_files_below_the_root_are_read() {
        let directory = tree(&[("a.go", "package a")]);
        let checkout = open(directory.path(), &[]);
        assert_eq!(checkout.read("a.go").as_deref(), Some(b"package a".as_slice()));
        assert_eq!(checkout.read("."), None);
        assert_eq!(checkout.read("b.go"), None);
        assert_eq!(Checkout::None.read("a.go"), None);
    }
}
