//! What the machine must have before a container can run on it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// Programs that are started here or by containerd, with the Debian package of each.
const PROGRAMS: [(&str, &str); 6] = [
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("containerd-shim-runc-v2", "containerd"),
    ("runc", "runc"),
    ("unshare", "util-linux"),
    ("mount", "mount"),
];

/// Fails with what is missing.
pub(crate) fn check() -> Result<(), Error> {
    if !cfg!(target_os = "linux") {
        return Err(Error::Unavailable("it does not run Linux".to_owned()));
    }
    if !rustix::process::geteuid().is_root() {
        return Err(Error::Unavailable("that takes root".to_owned()));
    }
    for (program, package) in PROGRAMS {
        require(program, package)?;
    }
    busybox().map(|_| ())
}

/// A busybox without shared libraries, which runs in an image that holds nothing else.
pub fn busybox() -> Result<PathBuf, Error> {
    let busybox = require("busybox", "busybox-static")?;
    if !libraries(&busybox)?.is_empty() {
        let path = busybox.display();
        return Err(Error::Unavailable(format!("{path} needs libraries (Debian package busybox-static)")));
    }
    Ok(busybox)
}

/// Finds a program on the `PATH`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| is_executable(path))
}

fn require(program: &str, package: &str) -> Result<PathBuf, Error> {
    let missing = || Error::Unavailable(format!("it has no {program} (Debian package {package})"));
    find_program(program).ok_or_else(missing)
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The libraries that a program is started with, the loader included; none if it is static.
pub(crate) fn libraries(program: &Path) -> Result<Vec<PathBuf>, Error> {
    let output = Command::new("ldd").arg(program).output().map_err(Error::io("run ldd"))?;
    if !output.status.success() {
        // "not a dynamic executable"
        return Ok(Vec::new());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // `name => /path (address)`, `/path (address)`, or a name alone for what the kernel brings along.
    let paths = text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(paths.map(PathBuf::from).collect())
}
