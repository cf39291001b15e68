//! Source trees that are written for a test, and what `covreport` shows of them.

use std::fs;
use std::path::Path;

use super::{covreport, text};

/// What `covreport --lcov` says: the source files in order, and the messages.
#[track_caller]
pub(crate) fn files(directory: &Path, arguments: &[&str], data: &Path) -> (Vec<String>, String) {
    let run = covreport().current_dir(directory).arg("--lcov").args(arguments).arg(data).assert().success();
    let lcov = text(&run.get_output().stdout);
    let files = lcov.lines().filter_map(|line| line.strip_prefix("SF:")).map(str::to_owned).collect();
    (files, text(&run.get_output().stderr))
}

#[track_caller]
pub(crate) fn fails(directory: &Path, arguments: &[&str], data: &Path) -> String {
    let run = covreport().current_dir(directory).arg("--lcov").args(arguments).arg(data).assert().code(2);
    assert!(run.get_output().stdout.is_empty());
    text(&run.get_output().stderr)
}

pub(crate) fn write(top: &Path, files: &[(&str, &str)]) {
    for (file, text) in files {
        fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
        fs::write(top.join(file), text).unwrap();
    }
}
