//! Where reports go: a regular file appears whole or stays as it was, and whatever else stands at a path is left in place.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::{NEWEST, covreport, data_set, names, stdout_of, text};

fn pods() -> PathBuf {
    data_set(NEWEST, "server-atomic").join("data")
}

fn lcov() -> String {
    text(&stdout_of(covreport().args(["--lcov", "--no-checkout"]).arg(pods())))
}

/// A shell line in which `$covreport`, `$covdata` and `$pods` stand for what they say, in a directory.
fn shell(directory: &Path, line: &str) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", line]).current_dir(directory).stdin(Stdio::null());
    command.env("covreport", env!("CARGO_BIN_EXE_covreport")).env("covdata", env!("CARGO_BIN_EXE_covdata"));
    command.env("pods", pods()).env_remove("SOURCE_DATE_EPOCH").output().unwrap()
}

#[track_caller]
fn succeeds(directory: &Path, line: &str) -> Output {
    let output = shell(directory, line);
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    output
}

/// The run ends with exit code 1 and says this.
#[track_caller]
fn fails(directory: &Path, line: &str, says: &[&str]) {
    let output = shell(directory, line);
    let messages = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}: {messages}");
    for part in says {
        assert!(messages.contains(part), "{line}: {part:?} is not in {messages}");
    }
}

#[test]
fn devices_are_written_through() {
    let here = tempfile::tempdir().unwrap();
    // A device of our own, where one can be made: a replaced /dev/null would be a machine that is broken.
    let own = Command::new("mknod").arg(here.path().join("null")).args(["c", "1", "3"]).output().unwrap();
    let device = if own.status.success() { here.path().join("null") } else { PathBuf::from("/dev/null") };
    let mounted_without_devices = fs::write(&device, "x").is_err();
    if !mounted_without_devices {
        succeeds(here.path(), &format!("\"$covreport\" --lcov={} \"$pods\"", device.display()));
        succeeds(here.path(), &format!("\"$covdata\" textfmt -i \"$pods/pod-0\" -o {}", device.display()));
    }
    assert!(device.symlink_metadata().unwrap().file_type().is_char_device());
    succeeds(here.path(), "\"$covreport\" --lcov=/dev/null --percent \"$pods\"");
    assert!(Path::new("/dev/null").symlink_metadata().unwrap().file_type().is_char_device());
    fails(
        here.path(),
        "\"$covreport\" --no-checkout --lcov=/dev/full \"$pods\"",
        &["cannot write /dev/full: No space"],
    );
    fails(
        here.path(),
        "\"$covreport\" --no-checkout --lcov \"$pods\" > /dev/full",
        &["cannot write standard output: "],
    );
}

#[test]
fn pipes_are_written_through() {
    let (here, expected) = (tempfile::tempdir().unwrap(), lcov());
    succeeds(
        here.path(),
        "mkfifo pipe; cat pipe > copy & \"$covreport\" --no-checkout --lcov=pipe \"$pods\"; e=$?; wait; exit $e",
    );
    assert_eq!(fs::read_to_string(here.path().join("copy")).unwrap(), expected);
    assert!(here.path().join("pipe").symlink_metadata().unwrap().file_type().is_fifo());
    succeeds(
        here.path(),
        "\"$covreport\" --no-checkout --lcov=>(cat > substituted; : > done) \"$pods\"; e=$?; \
         for i in $(seq 500); do [ -e done ] && break; sleep 0.02; done; exit $e",
    );
    assert_eq!(fs::read_to_string(here.path().join("substituted")).unwrap(), expected);
}

#[test]
fn what_the_shell_has_open_is_written_where_the_shell_is() {
    let (here, expected) = (tempfile::tempdir().unwrap(), lcov());
    let read = |name: &str| fs::read_to_string(here.path().join(name)).unwrap();
    let run = "\"$covreport\" --no-checkout";
    for (target, redirect) in [
        ("/dev/stdout", ""),
        ("/dev/fd/1", ""),
        ("/proc/self/fd/1", ""),
        ("/dev/stderr", "2>&1 "),
        ("/dev/fd/3", "3>&1 "),
    ] {
        // Behind what is there already, and before what comes; what only the shell has open cannot be written to
        // where the shell is, but behind what is there.
        let after = if target.ends_with('3') { "" } else { "echo after" };
        let line = format!("{{ echo before; {run} --lcov={target} \"$pods\" {redirect}\n{after}\n}} > all");
        succeeds(here.path(), &line);
        let all = without_messages(&read("all"));
        let written = all.strip_prefix("before\n").unwrap_or_else(|| panic!("{target} wrote over it: {all}"));
        assert_eq!(
            written,
            format!("{expected}{}", if after.is_empty() { "" } else { "after\n" }),
            "{target}"
        );
        let piped = succeeds(here.path(), &format!("{run} --lcov={target} \"$pods\" {redirect}| cat"));
        assert_eq!(without_messages(&text(&piped.stdout)), expected, "{target}");
    }
    // Two reports on standard output are refused however it is spelled.
    let output = shell(here.path(), &format!("{run} --lcov=/dev/stdout --percent \"$pods\""));
    assert_eq!(output.status.code(), Some(2));
    let profile = succeeds(here.path(), "\"$covdata\" textfmt -i \"$pods/pod-0\" -o /dev/stdout");
    assert!(text(&profile.stdout).starts_with("mode: atomic\n"));
}

/// Where standard error is a report's target, it has the notes, too.
fn without_messages(all: &str) -> String {
    all.split_inclusive('\n').filter(|line| !line.starts_with("covreport: ")).collect()
}

#[test]
fn a_closed_pipe_is_success() {
    let here = tempfile::tempdir().unwrap();
    for line in [
        "\"$covreport\" --json --no-checkout \"$pods\" | true; exit ${PIPESTATUS[0]}",
        "\"$covreport\" --json=/dev/stdout --no-checkout \"$pods\" | true; exit ${PIPESTATUS[0]}",
        "\"$covreport\" --json --no-checkout \"$pods\" | head -c 1 > first; exit ${PIPESTATUS[0]}",
        "\"$covreport\" --json --no-checkout \"$pods\" >&-",
    ] {
        let output = succeeds(here.path(), line);
        assert!(!text(&output.stderr).contains("error"), "{}", text(&output.stderr));
    }
}

#[test]
fn links_keep_pointing_and_modes_stay() {
    let (here, expected) = (tempfile::tempdir().unwrap(), lcov());
    let path = |name: &str| here.path().join(name);
    fs::create_dir(path("elsewhere")).unwrap();
    fs::write(path("elsewhere/target"), "old").unwrap();
    fs::set_permissions(path("elsewhere/target"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("elsewhere/target", path("link")).unwrap();
    succeeds(here.path(), "umask 077; \"$covreport\" --no-checkout --lcov=link --textfmt=new \"$pods\"");
    assert!(path("link").is_symlink());
    assert_eq!(fs::read_to_string(path("elsewhere/target")).unwrap(), expected);
    assert_eq!(path("elsewhere/target").metadata().unwrap().mode() & 0o7777, 0o640);
    assert_eq!(path("new").metadata().unwrap().mode() & 0o7777, 0o600);
    assert_eq!(names(&path("elsewhere")), ["target"]);
    // A file with two names keeps both apart afterwards: the other one stays as it was.
    fs::write(path("one"), "old").unwrap();
    fs::hard_link(path("one"), path("other")).unwrap();
    succeeds(here.path(), "\"$covreport\" --no-checkout --lcov=one \"$pods\"");
    assert_eq!(fs::read_to_string(path("other")).unwrap(), "old");
}

#[test]
fn what_cannot_be_a_report_is_said_before_the_work_begins() {
    let here = tempfile::tempdir().unwrap();
    let path = |name: &str| here.path().join(name);
    fs::create_dir(path("directory")).unwrap();
    symlink("directory", path("link-to-directory")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    symlink("loop", path("loop")).unwrap();
    let _open = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    for target in [
        "socket",
        "directory",
        "directory/",
        "new/",
        "link-to-directory",
        "dangling",
        "loop",
        "no/such/file",
        ".",
    ] {
        // The input is not there either: whoever reads it first says so.
        fails(here.path(), &format!("\"$covreport\" --lcov={target} \"$pods\""), &["cannot write ", target]);
    }
    assert_eq!(names(here.path()), ["dangling", "directory", "link-to-directory", "loop", "socket"]);
    assert!(path("socket").metadata().unwrap().file_type().is_socket());
    assert_eq!(names(&path("directory")), Vec::<String>::new());
    // Nobody has these open.
    for target in ["/dev/fd/77", "/proc/self/fd/77"] {
        fails(
            here.path(),
            &format!("\"$covreport\" --lcov={target} \"$pods\""),
            &[target, ": entity not found"],
        );
    }
}

/// Not everything below /dev is a device.
#[test]
fn files_in_shared_memory_are_files() {
    let here = tempfile::tempdir_in("/dev/shm").unwrap();
    assert!(here.path().starts_with("/dev/shm"));
    let line = format!("\"$covreport\" --no-checkout --lcov={}/report \"$pods\"", here.path().display());
    for _ in 0..2 {
        succeeds(here.path(), &line);
        assert_eq!(fs::read_to_string(here.path().join("report")).unwrap(), lcov());
    }
    assert_eq!(names(here.path()), ["report"]);
}

#[test]
fn a_directory_that_takes_no_files_is_said() {
    let here = tempfile::tempdir().unwrap();
    // One that even root cannot write to.
    fails(
        here.path(),
        "\"$covreport\" --lcov=/sys/report \"$pods\"",
        &["cannot write /sys/report: no file can be made in /sys: "],
    );
}

/// Runs a line in a mount namespace of its own with a small file system at `small`; `false` where that is not allowed.
fn on_small_disk(directory: &Path, line: &str) -> Option<Output> {
    fs::create_dir_all(directory.join("small")).unwrap();
    let mount = "mount -t tmpfs -o size=64k none small || exit 99; ";
    for unshare in [&["--mount"][..], &["--mount", "--user", "--map-root-user"]] {
        let mut command = Command::new("unshare");
        command.args(unshare).args(["bash", "-c", &format!("{mount}{line}")]).current_dir(directory);
        command.env("covreport", env!("CARGO_BIN_EXE_covreport")).env("pods", pods());
        if let Ok(output) = command.output()
            && !matches!(output.status.code(), Some(99))
            && !text(&output.stderr).starts_with("unshare: ")
        {
            return Some(output);
        }
    }
    let required = std::env::var_os("COVDATA_REQUIRE_ORACLES").is_some_and(|value| value == "1");
    assert!(!required, "no mount namespace, but it is required");
    println!("skipped: no mount namespace");
    None
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let here = tempfile::tempdir().unwrap();
    let line = "cd small; echo old > a; head -c 50000 /dev/zero > filler; ls -i a > before; \
                \"$covreport\" --no-checkout --json=a --lcov=b \"$pods\"; e=$?; \
                ls -i a | cmp - before && [ \"$(cat a)\" = old ] && [ \"$(ls -A)\" = $'a\\nbefore\\nfiller' ] || exit 77; exit $e";
    let Some(output) = on_small_disk(here.path(), line) else { return };
    let messages = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{messages}");
    assert!(messages.contains("cannot write a: No space left on device"), "{messages}");
}

/// As a container is given a single file.
#[test]
fn a_file_that_is_mounted_is_written_to() {
    let here = tempfile::tempdir().unwrap();
    let line = "cd small; echo outside > a; echo inside > b; mount --bind a b || exit 99; \
                \"$covreport\" --no-checkout --percent --lcov=b \"$pods\" > printed; e=$?; umount b; \
                grep -q end_of_record a && [ \"$(cat b)\" = inside ] && [ \"$(ls -A)\" = $'a\\nb\\nprinted' ] || exit 77; exit $e";
    let Some(output) = on_small_disk(here.path(), line) else { return };
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_file_that_others_own_in_a_sticky_directory_is_refused_at_once() {
    let here = tempfile::tempdir().unwrap();
    let line = "chmod 1777 small; mkdir small/own; chmod 777 small/own; echo old | tee small/own/a > small/b; chmod 666 small/b; \
                setpriv --reuid 12345 --regid 12345 --clear-groups \
                \"$covreport\" --no-checkout --percent --lcov=small/own/a --json=small/b \"$pods\" > printed; e=$?; \
                [ \"$(cat small/b small/own/a)\" = $'old\\nold' ] && [ ! -s printed ] || exit 77; exit $e";
    let Some(output) = on_small_disk(here.path(), line) else { return };
    let messages = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{messages}");
    assert!(
        messages.contains("small/b: it belongs to user 0, and in a directory with the sticky bit"),
        "{messages}"
    );
}

#[test]
fn one_pipe_or_descriptor_takes_one_report() {
    let here = tempfile::tempdir().unwrap();
    for line in [
        "mkfifo pipe; cat pipe > read & \"$covreport\" --no-checkout --lcov=pipe --json=pipe \"$pods\"; e=$?; wait; exit $e",
        "\"$covreport\" --no-checkout --lcov=/dev/fd/9 --json=/dev/fd/9 \"$pods\" 9> read",
    ] {
        let output = shell(here.path(), line);
        let messages = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {messages}");
        assert!(messages.contains("--lcov and --json would both write "), "{messages}");
        assert_eq!(fs::read(here.path().join("read")).unwrap(), b"");
    }
    succeeds(here.path(), "\"$covreport\" --no-checkout --lcov=/dev/null --json=/dev/null \"$pods\"");
}

#[test]
fn a_link_to_an_input_does_not_make_it_a_report() {
    let here = tempfile::tempdir().unwrap();
    let line = "cp -r \"$pods/pod-0\" in; ln -s in/covmeta.* link; sha256sum in/* > before; \
                \"$covreport\" --no-checkout --lcov=link in; e=$?; sha256sum -c --quiet before || exit 77; exit $e";
    let output = shell(here.path(), line);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("has the name of an input file"), "{}", text(&output.stderr));
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_like_a_full_disk() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("a"), "old").unwrap();
    fails(
        here.path(),
        "ulimit -f 1; \"$covreport\" --no-checkout --json=a \"$pods\"",
        &["cannot write a: File too large"],
    );
    assert_eq!(fs::read(here.path().join("a")).unwrap(), b"old");
    assert_eq!(names(here.path()), ["a"]);
    // As the reference.
    let run = shell(here.path(), "mkdir m; ulimit -f 1; \"$covdata\" merge -i \"$pods/pod-0\" -o m");
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("file too large"), "{}", text(&run.stderr));
}

#[test]
fn a_read_only_directory_is_said() {
    let here = tempfile::tempdir().unwrap();
    let line = "echo old > small/a; mount -o remount,ro small; \
                \"$covreport\" --no-checkout --lcov=small/a \"$pods\"; e=$?; [ \"$(cat small/a)\" = old ] || exit 77; exit $e";
    let Some(output) = on_small_disk(here.path(), line) else { return };
    let messages = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{messages}");
    assert!(
        messages.contains("cannot write small/a: no file can be made in ") && messages.contains("read-only"),
        "{messages}"
    );
}

#[test]
fn a_run_that_fails_touches_nothing() {
    let here = tempfile::tempdir().unwrap();
    let path = |name: &str| here.path().join(name);
    for name in ["a", "b"] {
        fs::write(path(name), "old").unwrap();
    }
    let inodes = || ["a", "b"].map(|name| path(name).metadata().unwrap().ino());
    let before = inodes();
    fs::create_dir(path("bad")).unwrap();
    fs::write(path("bad/covmeta.x"), "no meta file").unwrap();
    fs::write(path("bad/covcounters.x.1.1"), "").unwrap();
    fails(here.path(), "\"$covreport\" --lcov=a --json=b bad", &["covmeta.x"]);
    // The last of the targets cannot be written: the others are not renamed either.
    fails(
        here.path(),
        "\"$covreport\" --no-checkout --lcov=a --json=b --textfmt=/dev/full \"$pods\"",
        &["/dev/full"],
    );
    assert_eq!(inodes(), before);
    assert_eq!(names(here.path()), ["a", "b", "bad"]);
}

#[test]
fn of_two_runs_at_once_one_is_left_whole() {
    let here = tempfile::tempdir().unwrap();
    let one = stdout_of(covreport().args(["--json", "--no-checkout"]).arg(pods().join("pod-0")));
    let all = stdout_of(covreport().args(["--json", "--no-checkout"]).arg(pods()));
    assert_ne!(one, all);
    let runs: Vec<_> = (0..8)
        .map(|n| {
            let input = if n % 2 == 0 { pods() } else { pods().join("pod-0") };
            let mut command = Command::new(env!("CARGO_BIN_EXE_covreport"));
            command.args(["--no-checkout", "--json=report"]).arg(input).current_dir(here.path());
            command.stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    assert!(runs.into_iter().all(|mut run| run.wait().unwrap().success()));
    let left = fs::read(here.path().join("report")).unwrap();
    assert!(left == one || left == all);
    assert_eq!(names(here.path()), ["report"]);
}
