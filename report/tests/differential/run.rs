//! Runs a command line in a fresh directory and keeps everything that it left.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;

use crate::reference::Tool;
use crate::snapshot::{Snapshot, snapshot};

/// More than the slowest run on a busy machine; what takes longer hangs.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What a run starts with: an empty directory `out`, a file `file`, the pool as `in`, and copies of some inputs.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    /// The directory that all see as `in`.
    pub(crate) pool: PathBuf,
    /// Name in the directory of the run, and the input (as on the command line) that is copied to it.
    pub(crate) copies: Vec<(String, OsString)>,
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `None` if a signal ended it.
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) files: Snapshot,
    /// Whether it had to be stopped.
    pub(crate) hangs: bool,
}

/// The directory of a run, made fresh.
pub(crate) fn set(stage: &Stage, place: &Path) {
    if place.exists() {
        fs::remove_dir_all(place).unwrap();
    }
    fs::create_dir_all(place.join("out")).unwrap();
    fs::write(place.join("file"), "no directory\n").unwrap();
    symlink(&stage.pool, place.join("in")).unwrap();
    for (name, input) in &stage.copies {
        copy_files(&place.join(input), &place.join(name));
    }
}

/// Copies the files of a directory, those below it not.
pub(crate) fn copy_files(source: &Path, target: &Path) {
    fs::create_dir_all(target).unwrap();
    for entry in fs::read_dir(source).into_iter().flatten() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
        }
    }
}

/// Runs a tool on a stage. The directory stays, for those who want to look into it.
pub(crate) fn run(tool: &Tool, arguments: &[OsString], stage: &Stage, place: &Path) -> Outcome {
    set(stage, place);
    let mut command = Command::new(&tool.program);
    // Without a home Go keeps no telemetry.
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(place).args(arguments).timeout(TIMEOUT);
    match command.output() {
        Ok(output) => Outcome {
            exit: output.status.code(),
            hangs: output.status.signal() == Some(9),
            stdout: output.stdout,
            stderr: output.stderr,
            files: snapshot(place),
        },
        Err(error) => Outcome {
            exit: None,
            stdout: Vec::new(),
            stderr: error.to_string().into_bytes(),
            files: snapshot(place),
            hangs: true,
        },
    }
}
