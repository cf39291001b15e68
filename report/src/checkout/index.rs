//! The Go files of a tree by base name, to find a file by the end of its path.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::is_go;
use super::modules::walk;

/// Made when it is first asked.
#[derive(Debug)]
pub(super) struct FileIndex {
    root: PathBuf,
    by_base: OnceLock<HashMap<String, Vec<String>>>,
}

impl FileIndex {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, by_base: OnceLock::new() }
    }

    /// The one file of the tree that shares more of the end of `path` than any other, `least` components at least:
    /// its path below the root. `None` if there is no such file, or several.
    pub(super) fn unique_suffix(&self, path: &str, least: usize) -> Option<String> {
        let base = path.rsplit('/').next()?;
        let candidates = self.by_base.get_or_init(|| self.build()).get(base)?;
        let shared = |candidate: &String| {
            candidate.rsplit('/').zip(path.rsplit('/')).take_while(|(mine, theirs)| mine == theirs).count()
        };
        let longest = candidates.iter().map(shared).max().filter(|longest| *longest >= least)?;
        let mut best = candidates.iter().filter(|candidate| shared(candidate) == longest);
        let found = best.next()?;
        best.next().is_none().then(|| found.clone())
    }

    fn build(&self) -> HashMap<String, Vec<String>> {
        let mut by_base: HashMap<String, Vec<String>> = HashMap::new();
        for entry in walk(&self.root) {
            let Some(base) = entry.file_name().to_str().filter(|name| is_go(name)) else {
                continue;
            };
            let Some(path) = entry.path().strip_prefix(&self.root).ok().and_then(|path| path.to_str()) else {
                continue;
            };
            by_base.entry(base.to_owned()).or_default().push(path.to_owned());
        }
        by_base
    }
}
