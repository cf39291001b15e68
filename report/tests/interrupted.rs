//! What a run that is ended by a signal leaves: what was there before, and nothing half done.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::{NEWEST, covreport, data_set, names, text};

/// A directory with an old report, and a pipe that keeps a run waiting when its reports have been begun.
fn directory() -> tempfile::TempDir {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("a"), "old").unwrap();
    assert!(Command::new("mkfifo").arg(here.path().join("pipe")).status().unwrap().success());
    here
}

fn start(here: &Path, line: &str) -> Child {
    let mut command = Command::new("bash");
    command.args(["-c", line]).current_dir(here).stdin(Stdio::null()).stdout(Stdio::null());
    command.env("covreport", env!("CARGO_BIN_EXE_covreport")).stderr(Stdio::piped());
    command.env("pods", data_set(NEWEST, "server-atomic").join("data")).spawn().unwrap()
}

#[track_caller]
fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_there() {
        assert!(begin.elapsed() < Duration::from_mins(1), "no {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How many files without a name a process writes in a directory.
fn unnamed(run: &Child, directory: &Path) -> usize {
    // It may have ended, and an entry may be closed while it is looked at.
    let Ok(open) = fs::read_dir(format!("/proc/{}/fd", run.id())) else { return 0 };
    let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let directory = directory.canonicalize().unwrap();
    targets
        .filter(|target| target.starts_with(&directory) && target.to_string_lossy().ends_with(" (deleted)"))
        .count()
}

fn send(run: &Child, signal: Signal) {
    kill_process(Pid::from_child(run), signal).unwrap();
}

fn messages(run: &mut Child) -> String {
    let mut messages = Vec::new();
    run.stderr.take().unwrap().read_to_end(&mut messages).unwrap();
    text(&messages)
}

#[test]
fn a_signal_ends_the_run_as_ever_and_leaves_the_old_report() {
    // Others may be ignored where the tests run, and are of no other kind.
    for signal in [Signal::TERM, Signal::KILL] {
        let here = directory();
        let mut run = start(
            here.path(),
            "exec \"$covreport\" --no-checkout --lcov=a --cobertura=b --json=pipe \"$pods\"",
        );
        wait_for("report that was begun", || unnamed(&run, here.path()) == 2);
        send(&run, signal);
        let status = run.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status}: {}", messages(&mut run));
        assert_eq!(names(here.path()), ["a", "pipe"]);
        assert_eq!(fs::read(here.path().join("a")).unwrap(), b"old");
    }
}

/// There may be more of them than files that can be open, so they have names; but none that a later run would read.
#[test]
fn merged_files_that_were_begun_are_no_coverage() {
    let here = directory();
    let line = "exec \"$covreport\" --no-checkout --covdata=merged --lcov=a --json=pipe \"$pods\"";
    let mut run = start(here.path(), line);
    // Read from, but less than is written.
    let reader = fs::File::open(here.path().join("pipe")).unwrap();
    rustix::pipe::fcntl_setpipe_size(&reader, 4096).unwrap();
    let merged = here.path().join("merged");
    wait_for("merged files", || fs::read_dir(&merged).is_ok_and(|entries| entries.count() == 2));
    send(&run, Signal::TERM);
    let status = run.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{}", messages(&mut run));
    assert!(names(&merged).iter().all(|name| name.starts_with(".covdata-")), "{:?}", names(&merged));
    let report = covreport().args(["--no-checkout", "merged"]).current_dir(here.path()).output().unwrap();
    assert_eq!(report.status.code(), Some(2));
    assert!(text(&report.stderr).contains("no coverage files in merged"), "{}", text(&report.stderr));
    drop(reader);
    let again = start(here.path(), "\"$covreport\" --no-checkout --covdata=merged \"$pods\"").wait().unwrap();
    assert!(again.success());
    assert_eq!(names(&merged).iter().filter(|name| name.starts_with("cov")).count(), 2);
}
