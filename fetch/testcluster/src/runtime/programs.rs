//! The programs of a container: a directory with one entry per allowed program, which is all of its `PATH`.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Finds a program on the host's `PATH`; a name with a slash is a path already.
pub(super) fn find_on_host(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return is_executable(Path::new(name)).then(|| PathBuf::from(name));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Makes the directory that is the container's `PATH`, with a link for each program.
pub(super) fn link_programs(dir: &Path, label: &str, programs: &[String]) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(Error::io(format!("create {}", dir.display())))?;
    for program in programs {
        let missing = || Error::ProgramNotFound { container: label.into(), program: program.clone() };
        let target = find_on_host(program).filter(|_| !program.contains('/')).ok_or_else(missing)?;
        let link = dir.join(program);
        if link.symlink_metadata().is_err() {
            symlink(&target, &link).map_err(Error::io(format!("link {}", link.display())))?;
        }
    }
    Ok(())
}
