//! `covreport` as a user meets it: inputs, outputs, messages and exit codes.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use assert_cmd::Command;
use predicates::prelude::*;
use support::{NEWEST, covreport, data_set, names, source, stdout_of, text};
use tempfile::TempDir;

fn pods() -> PathBuf {
    data_set(NEWEST, "server-atomic").join("data")
}

/// A copy of some of the recorded pods, as `covfetch` would store them.
fn store(pods: &[&str]) -> TempDir {
    let store = tempfile::tempdir().unwrap();
    for pod in pods {
        let directory = store.path().join("shop").join(pod).join("app");
        fs::create_dir_all(&directory).unwrap();
        for entry in fs::read_dir(self::pods().join(pod)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), directory.join(entry.file_name())).unwrap();
        }
    }
    store
}

fn coverage_file(directory: &Path, prefix: &str) -> PathBuf {
    let name = names(directory).into_iter().find(|name| name.starts_with(prefix)).unwrap();
    directory.join(name)
}

/// Exit code, nothing on standard output, and one line on standard error that says all this.
#[track_caller]
fn refuses(command: &mut Command, code: i32, says: &[&str]) {
    let run = command.output().unwrap();
    let messages = text(&run.stderr);
    assert_eq!(run.status.code(), Some(code), "{messages}");
    assert_eq!(text(&run.stdout), "");
    let errors: Vec<&str> = messages.lines().filter(|line| line.starts_with("covreport: error: ")).collect();
    assert_eq!(errors.len(), 1, "{messages}");
    for part in says {
        assert!(errors[0].contains(part), "{part:?} is not in {messages}");
    }
}

#[test]
fn without_arguments_it_reads_where_covfetch_writes() {
    let here = tempfile::tempdir().unwrap();
    refuses(
        covreport().current_dir(&here),
        2,
        &["reports/coverage: no such file or directory", "name the directory"],
    );
    fs::create_dir_all(here.path().join("reports/coverage")).unwrap();
    refuses(covreport().current_dir(&here), 2, &["no coverage files in reports/coverage"]);
    let pod = here.path().join("reports/coverage/shop/pod-0/app");
    fs::create_dir_all(pod.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(pods().join("pod-0"), &pod).unwrap();
    // A link to a directory is followed, and one back to a directory above it is no trap.
    std::os::unix::fs::symlink("..", here.path().join("reports/coverage/shop/loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", here.path().join("reports/coverage/shop/dangling")).unwrap();
    covreport()
        .current_dir(&here)
        .assert()
        .success()
        .stdout(predicate::str::contains("\ntotal\t\tcoverage: "));
}

#[test]
fn a_file_of_another_project_is_not_taken_for_one_of_the_same_name() {
    let other = tempfile::tempdir().unwrap();
    let api = other.path().join("internal/api");
    fs::create_dir_all(&api).unwrap();
    fs::write(other.path().join("go.mod"), "module example.org/other\n").unwrap();
    fs::write(api.join("api.go"), "package api\n").unwrap();
    let mut command = covreport();
    refuses(
        command.arg("--lcov").arg("--root").arg(other.path()).arg(pods()),
        2,
        &["none of the 6 files in the coverage data is below", "--root"],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_fifo_is_refused_and_not_waited_for() {
    let here = tempfile::tempdir().unwrap();
    for name in names(&pods().join("pod-0")) {
        fs::copy(pods().join("pod-0").join(&name), here.path().join(&name)).unwrap();
    }
    let hash = coverage_file(here.path(), "covmeta.").extension().unwrap().to_str().unwrap().to_owned();
    for name in [format!("covcounters.{hash}.9.9"), "manifest.json".to_owned()] {
        let made = std::process::Command::new("mkfifo").arg(here.path().join(&name)).status().unwrap();
        assert!(made.success());
        refuses(covreport().arg(here.path()), 1, &[&name, "not a regular file"]);
        fs::remove_file(here.path().join(&name)).unwrap();
    }
}

#[test]
fn inputs_that_are_none_are_named() {
    let here = tempfile::tempdir().unwrap();
    let here = here.path();
    fs::write(here.join("coverage.out"), "mode: set\n").unwrap();
    refuses(covreport().current_dir(here).arg("nowhere"), 2, &["nowhere: no such file or directory"]);
    let to_file = &["no such file or directory (if this is the file for the report, write --lcov=a.info)"];
    refuses(covreport().current_dir(here).args(["--lcov", "a.info"]).arg(pods()), 2, to_file);
    refuses(covreport().current_dir(here).arg("a,b"), 2, &["a,b: no such", "separated by spaces"]);
    let both = ["percent: no such", "such as --percent", "covdata percent -i=DIR"];
    refuses(covreport().current_dir(here).args(["percent", "a"]), 2, &both);
    for (typed, says) in [
        (&["percent", "-i=a"][..], "without -i"),
        (&["a", "-textfmt=b"], "two dashes here, --textfmt"),
        (&["-o", "b", "a"], "--lcov=b"),
    ] {
        let run = covreport().current_dir(here).args(typed).assert().code(2);
        let messages = text(&run.get_output().stderr);
        assert!(messages.contains(says), "{messages}");
    }
    let flag = covreport().arg("-i").arg(pods()).output().unwrap();
    assert_eq!(flag.status.code(), Some(2));
    assert!(text(&flag.stderr).contains("inputs without -i"), "{}", text(&flag.stderr));
    refuses(covreport().current_dir(here).arg("."), 2, &["no coverage files in ."]);
    refuses(
        covreport().current_dir(here).arg("coverage.out"),
        2,
        &["coverage.out: not named like a coverage file"],
    );
    refuses(covreport().current_dir(here).args([".", "nowhere"]), 2, &["nowhere"]);
}

#[test]
fn files_may_be_named_one_by_one() {
    let pod = pods().join("pod-0");
    let files: Vec<PathBuf> = names(&pod).iter().map(|name| pod.join(name)).collect();
    assert_eq!(stdout_of(covreport().args(&files)), stdout_of(covreport().arg(&pod)));
    // The meta file alone has nothing to count.
    refuses(
        covreport().arg(coverage_file(&pod, "covmeta")),
        2,
        &["no counters, only the meta files of build "],
    );
    refuses(
        covreport().arg(coverage_file(&pod, "covcounters")),
        2,
        &["no meta file for 1 of the counter files"],
    );
}

#[test]
fn damaged_files_are_named_with_rule_and_offset() {
    let store = store(&["pod-0", "pod-1"]);
    let pod = store.path().join("shop/pod-1/app");
    let (meta, counters) = (coverage_file(&pod, "covmeta"), coverage_file(&pod, "covcounters"));
    let (meta_bytes, counter_bytes) = (fs::read(&meta).unwrap(), fs::read(&counters).unwrap());

    fs::write(&counters, &counter_bytes[..counter_bytes.len() / 2]).unwrap();
    let name = counters.display().to_string();
    refuses(covreport().arg(store.path()), 1, &[&name, "counter file footer at byte "]);
    fs::write(&counters, b"").unwrap();
    refuses(covreport().arg(store.path()), 1, &[&name, "counter file header at byte 0: cut off: "]);
    fs::write(&counters, &counter_bytes).unwrap();

    // A second copy of a meta file is compared by its header, and in full if asked.
    let mut changed = meta_bytes.clone();
    changed[20] ^= 1;
    fs::write(&meta, &changed).unwrap();
    refuses(covreport().arg(store.path()), 1, &[&meta.display().to_string(), "package table at byte 56: "]);
    let mut changed = meta_bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&meta, &changed).unwrap();
    covreport().arg(store.path()).assert().success();
    refuses(
        covreport().arg("--verify").arg(store.path()),
        1,
        &[&meta.display().to_string(), "hash of the package is ", ", but its contents make it "],
    );

    fs::remove_dir_all(store.path().join("shop/pod-0")).unwrap();
    fs::write(&meta, &meta_bytes[..meta_bytes.len() - 7]).unwrap();
    refuses(covreport().arg(store.path()), 1, &[&meta.display().to_string(), " at byte "]);
    // Whole files under the name of another build.
    let hash = meta.extension().unwrap().to_str().unwrap().to_owned();
    for (path, bytes) in [(meta, meta_bytes), (counters, counter_bytes)] {
        fs::remove_file(&path).unwrap();
        fs::write(path.to_str().unwrap().replace(&hash, "00000000000000000000000000000000"), bytes).unwrap();
    }
    refuses(covreport().arg(store.path()), 1, &[&format!("the header says build {hash}, the name another")]);
}

#[test]
fn orphans_are_incomplete_input() {
    let store = store(&["pod-0"]);
    let orphan = store.path().join("covcounters.00000000000000000000000000000000.1.17");
    fs::copy(coverage_file(&pods().join("pod-1"), "covcounters"), &orphan).unwrap();
    let output = store.path().join("lcov.info");
    let mut command = covreport();
    command.arg("--textfmt").arg(format!("--percent={}", output.display())).arg(store.path());
    refuses(
        &mut command,
        2,
        &["no meta file for 1 of the counter files", &orphan.display().to_string(), "--keep-going"],
    );
    assert!(!output.exists());
    let alone = text(&covreport().arg(&orphan).assert().code(2).get_output().stderr);
    assert!(alone.contains("has to be among the inputs") && !alone.contains("--keep-going"), "{alone}");
    let run = command.arg("--keep-going").assert().code(2);
    assert!(text(&run.get_output().stderr).contains("warning: no meta file for 1 of the counter files"));
    assert_eq!(
        text(&run.get_output().stdout),
        text(&stdout_of(covreport().arg("--textfmt").arg(pods().join("pod-0"))))
    );
    fs::remove_dir_all(store.path().join("shop")).unwrap();
    fs::remove_file(&output).unwrap();
    refuses(&mut command, 2, &["no meta file for 1 of the counter files"]);
}

#[test]
fn builds_without_counters_are_named() {
    let store = store(&["pod-0"]);
    let panicked = data_set(NEWEST, "panicked-set").join("data/run");
    let run = covreport().arg(store.path()).arg(&panicked).assert().success();
    let messages = text(&run.get_output().stderr);
    let build = names(&panicked)[0].replace("covmeta.", "no counters of build ")
        + " of example.com/cases/cmd/cases (";
    assert!(
        messages.contains(&build) && messages.contains("killed, panicked or was never flushed"),
        "{messages}"
    );
    refuses(
        covreport().arg("--keep-going").arg(&panicked),
        2,
        &["no counters, only the meta files of build "],
    );
    // A counter file that holds none, as the reference's merge of such data makes, is no better.
    let merged = data_set(NEWEST, "panicked-set").join("golden/merge");
    assert!(coverage_file(&merged, "covcounters").is_file());
    refuses(covreport().arg(&merged), 2, &["no counters, only the meta files of build "]);
}

#[test]
fn files_with_nearly_the_right_name_are_named() {
    let store = store(&["pod-0"]);
    let counters = coverage_file(&store.path().join("shop/pod-0/app"), "covcounters.");
    let name = counters.file_name().unwrap().to_str().unwrap();
    let nearly = counters.with_file_name(format!("{name}.gz"));
    fs::copy(&counters, &nearly).unwrap();
    // Go's tools pass over these, too, and over notes without a word, as everybody may.
    fs::write(store.path().join("covcounters.txt"), "notes").unwrap();
    fs::write(store.path().join("coverage.out"), "notes").unwrap();
    let run = covreport().arg("--no-checkout").arg(store.path()).assert().success();
    let messages = text(&run.get_output().stderr);
    assert!(
        messages.contains("warning: left out files that are named nearly like coverage files"),
        "{messages}"
    );
    assert!(
        messages.contains(nearly.to_str().unwrap()) && messages.contains("covcounters.txt"),
        "{messages}"
    );
    assert!(!messages.contains("coverage.out"), "{messages}");
}

#[test]
fn unfinished_files_are_named() {
    let store = store(&["pod-0"]);
    fs::write(store.path().join("tmp.covcounters.x.1.1795357903"), "half").unwrap();
    let run = covreport().arg(store.path()).assert().success();
    assert!(
        text(&run.get_output().stderr).contains("warning: left out files that a program was still writing")
    );
}

#[test]
fn only_one_report_goes_to_standard_output() {
    refuses(
        covreport().args(["--lcov", "--textfmt"]).arg(pods()),
        2,
        &["--textfmt and --lcov would both go to standard output"],
    );
    refuses(covreport().args(["--lcov="]).arg(pods()), 2, &["--lcov= names no file"]);
    covreport().arg("--no-such-option").assert().code(2).stderr(predicate::str::contains("--no-such-option"));
}

#[test]
fn any_number_of_reports_are_written_at_once() {
    let here = tempfile::tempdir().unwrap();
    let mut command = covreport();
    command.current_dir(&here).arg("--root").arg(source("server"));
    let run = command
        .args(["--percent", "--textfmt=a.txt", "--lcov=b.info", "--cobertura=c.xml"])
        .arg(pods())
        .assert();
    assert!(text(&run.success().get_output().stdout).starts_with("\texample.com/library/"));
    assert_eq!(names(here.path()), ["a.txt", "b.info", "c.xml"]);
    for (name, option) in [("a.txt", "--textfmt"), ("b.info", "--lcov")] {
        let alone = stdout_of(covreport().arg(option).arg("--root").arg(source("server")).arg(pods()));
        assert_eq!(fs::read(here.path().join(name)).unwrap(), alone);
    }
}

#[test]
fn a_failing_run_leaves_files_as_they_were() {
    let here = tempfile::tempdir().unwrap();
    let at = |name: &str| here.path().join(name);
    fs::write(at("old.txt"), "old").unwrap();
    let cut = at("covcounters.x.1.1");
    fs::copy(coverage_file(&pods().join("pod-0"), "covmeta"), at("covmeta.x")).unwrap();
    fs::write(&cut, "cut").unwrap();
    let mut command = covreport();
    command.current_dir(&here).args(["--textfmt=old.txt", "--percent=new.txt", "."]);
    refuses(&mut command, 1, &["covcounters.x.1.1"]);
    assert_eq!(fs::read(at("old.txt")).unwrap(), b"old");
    assert_eq!(names(here.path()), ["covcounters.x.1.1", "covmeta.x", "old.txt"]);

    // The last of several reports cannot be made: none is.
    let mut command = covreport();
    command.current_dir(&here).args(["--textfmt=old.txt", "--lcov=new.info", "--root=nowhere"]).arg(pods());
    refuses(&mut command, 1, &["the repository's root nowhere cannot be read"]);
    assert_eq!(fs::read(at("old.txt")).unwrap(), b"old");
    assert_eq!(names(here.path()).len(), 3);
}

#[test]
fn targets_are_opened_before_the_work_starts() {
    let here = tempfile::tempdir().unwrap();
    // The input is wrong, too: the target is looked at first.
    refuses(
        covreport().current_dir(&here).args(["--lcov=no/such/file", "nowhere"]),
        1,
        &["cannot write no/such/file: "],
    );
    refuses(covreport().current_dir(&here).args(["--lcov=.", "nowhere"]), 1, &["cannot write .: "]);
    let mut command = covreport();
    command.current_dir(&here).args(["--lcov=a", "--percent=./a"]).arg(pods());
    refuses(&mut command, 2, &["--percent and --lcov would both write "]);
    assert_eq!(names(here.path()), Vec::<String>::new());
}

#[test]
fn standard_output_may_be_named_by_its_device() {
    let mut command = covreport();
    let output = command.args(["--textfmt=/dev/stdout"]).arg(pods()).output().unwrap();
    assert_eq!(text(&output.stdout), text(&stdout_of(covreport().arg("--textfmt").arg(pods()))));
}

#[test]
fn a_closed_pipe_is_success() {
    for report in ["--percent", "--textfmt", "--cobertura"] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_covreport"))
            .args([report, "--root"])
            .arg(source("server"))
            .arg(pods())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Closed before anything can be written: a pipe that is closed later may have taken it all.
        drop(child.stdout.take());
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        assert!(status.success(), "{status}");
        assert_eq!(text(&stderr), "");
    }
}

#[test]
fn patterns_without_a_match_are_named() {
    let mut command = covreport();
    command.args(["--pkg=./...,example.com/library/internal/api", "--root"]).arg(source("server"));
    let run = command.arg(pods()).assert().success();
    let messages = text(&run.get_output().stderr);
    assert_eq!(
        messages,
        "covreport: warning: --pkg ./... matches no package: patterns are matched with import paths, not with directories\n"
    );
    let table = text(&run.get_output().stdout);
    assert!(
        table.starts_with("\texample.com/library/internal/api\t\tcoverage: ") && table.lines().count() == 4
    );
    let run = covreport().args(["--pkg=nothing,./x"]).arg(pods()).assert().code(2);
    assert_eq!(text(&run.get_output().stdout), "");
    assert_eq!(
        text(&run.get_output().stderr),
        "covreport: error: --pkg nothing,./x matches none of the 5 packages: patterns are matched with import paths, not with directories\n"
    );
}

#[test]
fn the_time_stamp_can_be_given() {
    let mut command = covreport();
    command.args(["--cobertura", "--no-checkout"]).arg(pods());
    let now = text(&stdout_of(&mut command));
    assert!(!now.contains("timestamp=\"1700000000000\""));
    let run = command.env("SOURCE_DATE_EPOCH", "1700000000").assert().success();
    assert!(text(&run.get_output().stdout).contains("timestamp=\"1700000000000\""));
    assert!(
        text(&run.get_output().stderr)
            .contains("warning: the Cobertura report is dated by SOURCE_DATE_EPOCH")
    );
    refuses(command.env("SOURCE_DATE_EPOCH", "soon"), 2, &["SOURCE_DATE_EPOCH is \"soon\""]);
}

#[test]
fn help_documents_the_exit_codes() {
    let help = text(&stdout_of(covreport().arg("--help")));
    for part in [
        "Exit codes:",
        "  0  every report",
        "  1  a file",
        "  2  wrong usage",
        "SOURCE_DATE_EPOCH",
        "reports/coverage",
    ] {
        assert!(help.contains(part), "{part}");
    }
}

#[test]
fn names_from_files_do_not_reach_the_terminal_raw() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("covcounters.\u{1b}]0;x.1.1"), "").unwrap();
    let output = covreport().arg(here.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!output.stderr.contains(&0x1b), "{}", text(&output.stderr));
}

#[test]
fn empty_values_are_quoted() {
    for option in ["--include", "--exclude", "--pkg", "--map"] {
        let run = covreport().args([option, ""]).arg(pods()).assert().code(2);
        let messages = text(&run.get_output().stderr);
        assert!(messages.contains(&format!("invalid value '' for '{option} ")), "{messages}");
    }
    covreport().args(["--include=.", "--no-checkout", "--strict"]).arg(pods()).assert().success();
    refuses(covreport().arg("--exclude=.").arg(pods()), 2, &["nothing is left of the 6 files"]);
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let run =
        covreport().env("SOURCE_DATE_EPOCH", "").args(["--cobertura", "--no-checkout"]).arg(pods()).assert();
    assert!(!text(&run.success().get_output().stderr).contains("SOURCE_DATE_EPOCH"));
}

#[test]
fn directories_that_are_named_like_coverage_files_are_named_and_searched() {
    let here = tempfile::tempdir().unwrap();
    let odd = here.path().join("covcounters.0f3ac1a4f3c2b1d0e9f8a7b6c5d4e3f2.1.2");
    fs::create_dir(&odd).unwrap();
    for entry in fs::read_dir(pods().join("pod-0")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, odd.join(path.file_name().unwrap())).unwrap();
    }
    let run = covreport().arg("--textfmt").arg(here.path()).assert().success();
    assert_eq!(run.get_output().stdout, stdout_of(covreport().arg("--textfmt").arg(pods().join("pod-0"))));
    let messages = text(&run.get_output().stderr);
    assert!(
        messages.contains(&format!("named like coverage files, and are none: {}", odd.display())),
        "{messages}"
    );
}
