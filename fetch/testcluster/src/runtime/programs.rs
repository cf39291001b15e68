//! The programs of a container: a directory with one entry per allowed program, which is all of its `PATH`.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::shims::{is_shell, kill_shim, quote, shell_shim};
use crate::error::Error;

/// Programs that look for processes by name, or carry a `kill` of their own: not for containers that share the host's
/// process table.
const UNSAFE_WHEN_MAPPED: [&str; 7] = ["busybox", "toybox", "pkill", "killall", "killall5", "skill", "fuser"];

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
///
/// `mapped` is, in a container without a PID namespace, the file that will tell the first process's number on the
/// host: `kill` and the shells are then scripts that read it.
pub(super) fn install(
    dir: &Path,
    label: &str,
    programs: &[String],
    mapped: Option<&Path>,
) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(Error::io(format!("create {}", dir.display())))?;
    for program in programs {
        let missing = || Error::ProgramNotFound { container: label.into(), program: program.clone() };
        let target = find_on_host(program).filter(|_| !program.contains('/')).ok_or_else(missing)?;
        let entry = dir.join(program);
        match mapped {
            Some(_) if UNSAFE_WHEN_MAPPED.contains(&program.as_str()) => {
                return Err(Error::UnsafeProgram { container: label.into(), program: program.clone() });
            }
            Some(pid_file) if program == "kill" => {
                let shell = find_on_host("sh").ok_or_else(missing)?;
                write_script(&entry, &kill_shim(&shell, pid_file))?;
            }
            Some(pid_file) if is_shell(program) => {
                write_script(&entry, &shell_shim(&target, program, pid_file))?;
            }
            _ => link(&target, &entry)?,
        }
    }
    Ok(())
}

/// Adds programs that are scripts of the test's, in the place of others of their names.
pub(super) fn install_scripts(dir: &Path, label: &str, scripts: &[(String, String)]) -> Result<(), Error> {
    for (program, text) in scripts {
        let missing =
            |program: &str| Error::ProgramNotFound { container: label.into(), program: program.into() };
        let shell = find_on_host("sh").ok_or_else(|| missing("sh"))?;
        if program.contains('/') {
            return Err(missing(program));
        }
        write_script(&dir.join(program), &format!("#!{}\n{}", shell.display(), with_host_path(text)))?;
    }
    Ok(())
}

/// A script that finds programs which the container's own `PATH` may lack.
pub(super) fn with_host_path(script: &str) -> String {
    let path = quote(&std::env::var("PATH").unwrap_or_default());
    format!("PATH={path}\n{script}")
}

fn link(target: &Path, entry: &Path) -> Result<(), Error> {
    if entry.symlink_metadata().is_ok() {
        return Ok(());
    }
    symlink(target, entry).map_err(Error::io(format!("link {}", entry.display())))
}

/// Written under another name first: an entry that is open for writing cannot be run.
fn write_script(entry: &Path, text: &str) -> Result<(), Error> {
    let fresh = entry.with_extension("new");
    let write = || {
        std::fs::write(&fresh, text)?;
        std::fs::set_permissions(&fresh, PermissionsExt::from_mode(0o755))?;
        std::fs::rename(&fresh, entry)
    };
    write().map_err(Error::io(format!("write {}", entry.display())))
}
