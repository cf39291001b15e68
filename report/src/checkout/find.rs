//! Finds the root of the repository that a directory is in.

use std::path::{Path, PathBuf};

/// The nearest directory at or above `start` that holds `.git`, a directory or (in worktrees and submodules) a file;
/// else the nearest with a `go.work`; else the nearest with a `go.mod`; else none.
pub fn find_root(start: &Path) -> Option<PathBuf> {
    let holding = |name: &str| start.ancestors().find(|directory| directory.join(name).exists());
    holding(".git").or_else(|| holding("go.work")).or_else(|| holding("go.mod")).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_repository_beats_a_workspace_beats_a_module() {
        let top = tempfile::tempdir().unwrap();
        let deep = top.path().join("repository/workspace/module/package");
        fs::create_dir_all(&deep).unwrap();
        let above = |name: &str| deep.ancestors().find(|a| a.ends_with(name)).unwrap().to_path_buf();
        fs::write(above("module").join("go.mod"), "").unwrap();
        assert_eq!(find_root(&deep), Some(above("module")));
        fs::write(above("workspace").join("go.work"), "").unwrap();
        assert_eq!(find_root(&deep), Some(above("workspace")));
        fs::write(above("repository").join(".git"), "gitdir: elsewhere").unwrap();
        assert_eq!(find_root(&deep), Some(above("repository")));
    }
}
