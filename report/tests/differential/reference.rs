//! The reference tools: built once from the source that comes with each Go version.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{VERSIONS, go, go_root};

/// A program to be compared.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    /// The Go version, or `ours`.
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
}

/// Our program, or one that is put in its place.
pub(crate) fn ours() -> Tool {
    let other = std::env::var_os("COVDATA_DIFF_PROGRAM").map(PathBuf::from);
    Tool { name: "ours", program: other.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_covdata"))) }
}

/// The reference of every version, oldest first; `None` if one is missing and may be.
pub(crate) fn references() -> Option<Vec<Tool>> {
    // Looked for before any is built, as building takes time.
    let roots: Vec<PathBuf> = VERSIONS.iter().map(|version| go_root(version)).collect::<Option<_>>()?;
    Some(VERSIONS.iter().zip(&roots).map(|(version, root)| build(version, root)).collect())
}

/// Builds the tool, or takes the one of an earlier run of the tests.
fn build(version: &'static str, root: &Path) -> Tool {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reference");
    fs::create_dir_all(&place).unwrap();
    let program = place.join(format!("covdata-{version}"));
    if !program.exists() {
        let unfinished = tempfile::tempdir_in(&place).unwrap();
        let target = unfinished.path().join("covdata");
        let mut command = go(root);
        command.current_dir(root.join("src/cmd")).arg("build").arg("-o").arg(&target).arg("cmd/covdata");
        command.assert().success();
        fs::rename(target, &program).unwrap();
    }
    Tool { name: version, program }
}
