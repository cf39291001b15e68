//! Lists the input directories as the reference does: themselves only, by name. `internal/coverage/pods/pods.go`,
//! `CollectPods`; `os/dir.go`, `ReadDir`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use covfmt::pod::{FoundFile, GoPod, group};

use super::go_text::{join_path, system_error};

/// The Go pods in the directories, by path of the meta file. The error is the reference's text.
pub(super) fn go_pods(directories: &[Vec<u8>]) -> Result<Vec<GoPod>, Vec<u8>> {
    let mut files = Vec::new();
    for (origin, directory) in directories.iter().enumerate() {
        let names = list(Path::new(OsStr::from_bytes(directory))).map_err(|error| {
            [b"reading inputs: open ", directory.as_slice(), b": ", system_error(&error).as_bytes()].concat()
        })?;
        files.extend(names.into_iter().map(|name| {
            let path = join_path(directory, name.as_bytes());
            FoundFile { path: PathBuf::from(OsString::from_vec(path)), origin }
        }));
    }
    Ok(group(&files).pods)
}

/// The names in a directory that are no directories themselves, sorted.
fn list(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            names.push(entry.file_name());
        }
    }
    names.sort();
    Ok(names)
}
