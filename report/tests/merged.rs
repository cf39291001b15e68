//! `covreport --covdata=DIR`: merged coverage files, read back by `covreport`, `covdata` and the reference.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::{NEWEST, VERSIONS, covdata, covreport, data_set, go, go_root, stdout_of, text};

const SETS: [&str; 7] = [
    "cases-set/data",
    "cases-count/data",
    "server-atomic/data",
    "server-mixed/data",
    "server-coverpkg-set/data",
    "workspace-set/data",
    "revised-atomic/data",
];

fn merge_into(target: &Path, inputs: &[&Path]) -> (Option<i32>, String) {
    let run = covreport().arg(format!("--covdata={}", target.display())).args(inputs).output().unwrap();
    assert_eq!(text(&run.stdout), "");
    (run.status.code(), text(&run.stderr))
}

fn merged(target: &Path, inputs: &[&Path]) {
    let (code, messages) = merge_into(target, inputs);
    assert_eq!(code, Some(0), "{messages}");
}

/// All below a directory, but directories: path and bytes.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let Ok(entries) = fs::read_dir(directory) else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    all
}

fn names(directory: &Path) -> Vec<String> {
    contents(directory).keys().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn the_merged_files_give_the_same_reports() {
    let work = tempfile::tempdir().unwrap();
    for (number, (version, set)) in VERSIONS.iter().flat_map(|v| SETS.map(|set| (v, set))).enumerate() {
        let (input, target) = (data_set(version, set), work.path().join(number.to_string()));
        merged(&target, &[&input]);
        let builds = names(&target).iter().filter(|name| name.starts_with("covmeta.")).count();
        assert_eq!(names(&target).len(), 2 * builds, "{version} {set}");
        for report in ["--textfmt", "--percent", "--lcov"] {
            let of = |directory: &Path| stdout_of(covreport().args([report, "--no-checkout"]).arg(directory));
            assert_eq!(text(&of(&target)), text(&of(&input)), "{version} {set} {report}");
        }
    }
}

#[test]
fn the_reference_reads_the_merged_files() {
    for version in VERSIONS {
        let Some(root) = go_root(version) else { continue };
        let work = tempfile::tempdir().unwrap();
        for set in SETS {
            // The reference does not look into directories below, and gives up on modes that differ.
            let (input, target) = (data_set(version, set), work.path().join(set.replace('/', "-")));
            merged(&target, &[&input]);
            for report in ["percent", "func", "pkglist", "textfmt"] {
                let out = work.path().join("profile");
                let mut command = go(&root);
                command.args(["tool", "covdata", report, "-i"]).arg(&target);
                if report == "textfmt" {
                    command.arg("-o").arg(&out);
                }
                let theirs = command.output().unwrap();
                if set.starts_with("server-mixed") && report == "textfmt" {
                    assert!(text(&theirs.stderr).contains("counter mode clash"), "{theirs:?}");
                    continue;
                }
                assert!(theirs.status.success(), "{version} {set} {report}: {theirs:?}");
                let printed = match report {
                    "textfmt" => fs::read(&out).unwrap(),
                    _ => theirs.stdout,
                };
                let expected = match report {
                    "textfmt" => stdout_of(covreport().arg("--textfmt").arg(&input)),
                    "percent" => stdout_of(covreport().arg("--percent").arg(&input)),
                    _ => stdout_of(covdata().args([report, "-i"]).arg(&target)),
                };
                let mut expected = text(&expected).replace("coverage: [no statements]\n", "");
                if report == "percent" {
                    expected = expected.split("total\t").next().unwrap().to_owned();
                }
                assert_eq!(text(&printed), expected, "{version} {set} {report}");
            }
        }
    }
}

#[test]
fn every_segment_and_no_copy_is_counted() {
    let set = data_set(NEWEST, "segments-count");
    let work = tempfile::tempdir().unwrap();
    let (once, target) = (work.path().join("once"), work.path().join("merged"));
    merged(&once, &[&set.join("data/raw-two-segments")]);
    let profile = work.path().join("profile");
    covdata().arg("textfmt").arg("-i").arg(&once).arg("-o").arg(&profile).assert().success();
    assert_eq!(text(&fs::read(profile).unwrap()), text(&fs::read(set.join("golden/textfmt.txt")).unwrap()));
    // A volume that two replicas share.
    let (copy, input) = (work.path().join("copy"), set.join("data/raw-two-segments"));
    fs::create_dir(&copy).unwrap();
    for (path, bytes) in contents(&input) {
        fs::write(copy.join(path.file_name().unwrap()), bytes).unwrap();
    }
    merged(&target, &[&input, &copy]);
    let bytes = |directory| contents(directory).into_values().collect::<Vec<_>>();
    assert_eq!(bytes(&target), bytes(&once));
}

#[test]
fn the_same_input_gives_the_same_files_and_a_new_result_replaces_an_old_one() {
    let work = tempfile::tempdir().unwrap();
    let (cases, server) = (data_set(NEWEST, "cases-set/data"), data_set(NEWEST, "server-atomic/data"));
    let (target, other) = (work.path().join("a/b/merged"), work.path().join("other"));
    merged(&target, &[&cases]);
    let first = contents(&target);
    merged(&target, &[&cases]);
    assert_eq!(contents(&target), first);
    for threads in ["1", "3"] {
        let mut run = covreport();
        run.current_dir(&work).args(["--threads", threads, "--covdata=merged"]).arg(&cases);
        run.assert().success();
        let bytes = |files: &BTreeMap<_, _>| files.values().cloned().collect::<Vec<Vec<u8>>>();
        assert_eq!(bytes(&contents(&work.path().join("merged"))), bytes(&first));
    }
    // Another program: nothing of the first stays. What is no coverage file does.
    fs::write(target.join("notes.txt"), "mine").unwrap();
    merged(&target, &[&server]);
    merged(&other, &[&server]);
    let mut expected = names(&other);
    expected.push("notes.txt".into());
    assert_eq!(names(&target), expected);
}

#[test]
fn reports_may_be_written_in_the_same_run_and_place() {
    let work = tempfile::tempdir().unwrap();
    let (input, target) = (data_set(NEWEST, "server-atomic/data"), work.path().join("out"));
    let covdata = format!("--covdata={}", target.display());
    let profile = format!("--textfmt={}", target.join("profile.txt").display());
    let run = covreport().args(["--percent", &covdata, &profile]).arg(&input).assert().success();
    assert!(text(&run.get_output().stdout).contains("total\t"));
    assert_eq!(
        fs::read(target.join("profile.txt")).unwrap(),
        stdout_of(covreport().arg("--textfmt").arg(&target))
    );
}

#[test]
fn nothing_is_written_among_other_coverage_files_or_inputs() {
    let work = tempfile::tempdir().unwrap();
    let input = work.path().join("input");
    let server = data_set(NEWEST, "server-atomic/data");
    for (path, bytes) in contents(&server) {
        let copy = input.join(path.strip_prefix(&server).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::write(copy, bytes).unwrap();
    }
    let merged_before = work.path().join("merged");
    merged(&merged_before, &[&input]);
    let meta = names(&merged_before).into_iter().find(|name| name.starts_with("covmeta.")).unwrap();
    let counters = names(&merged_before).into_iter().find(|name| name.starts_with("covcounters.")).unwrap();
    let other = |name: &str, files: &[&str]| {
        let directory = work.path().join(name);
        for file in files {
            let path = directory.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        directory
    };
    let timed = counters.replace(".0.0", ".0.1700000000000000000");
    let of_process = counters.replace(".0.0", ".1.0");
    for (target, why) in [
        (input.clone(), "one within the other"),
        (input.join("merged/deep"), "one within the other"),
        (work.path().to_path_buf(), "one within the other"),
        (input.join("../input/./x"), "one within the other"),
        (other("timed", &[&meta, &timed]), "holds coverage files already, 2 of them, such as "),
        (other("process", &[&meta, &of_process]), "holds coverage files already, 2 of them"),
        (other("lone", &[&meta]), "holds coverage files already, 1 of them"),
        (other("orphan", &[&counters]), "holds coverage files already, 1 of them"),
        (
            other("below", &[&format!("x/{meta}"), &format!("x/{counters}")]),
            "holds coverage files already, 2",
        ),
        (other("writing", &["tmp.covmeta.x"]), "holds coverage files already, 1 of them"),
        (other("store", &["manifest.json"]), "is covfetch's store"),
        (other("file", &["file"]).join("file"), "is no directory"),
    ] {
        let before = contents(work.path());
        let (code, messages) = merge_into(&target, &[&input]);
        assert_eq!(code, Some(2), "{}: {messages}", target.display());
        assert!(messages.contains(why), "{messages}");
        assert_eq!(contents(work.path()), before, "{}", target.display());
    }
    assert!(!input.join("merged").exists());
}

#[test]
fn a_run_that_fails_leaves_everything_as_it_was() {
    let work = tempfile::tempdir().unwrap();
    let (good, bad) = (data_set(NEWEST, "cases-set/data"), work.path().join("bad"));
    fs::create_dir(&bad).unwrap();
    fs::write(bad.join("covmeta.x"), "damaged").unwrap();
    let target = work.path().join("new/merged");
    let (code, messages) = merge_into(&target, &[&good, &bad]);
    assert_eq!(code, Some(1), "{messages}");
    assert!(!work.path().join("new").exists());
    merged(&target, &[&good]);
    let before = contents(&target);
    assert_eq!(merge_into(&target, &[&good, &bad]).0, Some(1));
    assert_eq!(contents(&target), before);
    covreport().arg("--covdata=x").arg("--pkg=a").arg(&good).assert().code(2);
}

#[test]
fn without_a_report_only_what_is_about_files_is_said() {
    let work = tempfile::tempdir().unwrap();
    let messages = |set: &str, reports: &[&str]| {
        let mut run = covreport();
        run.arg(format!("--covdata={}", work.path().join(set.replace('/', "-")).display()));
        text(&run.args(reports).arg(data_set(NEWEST, set)).assert().success().get_output().stderr)
    };
    let refused = "(atomic, set): go tool covdata textfmt, and covdata textfmt as it does, refuses merged";
    let mixed = messages("server-mixed/data/both", &[]);
    assert!(mixed.contains(refused) && !mixed.contains("hit or not"), "{mixed}");
    assert_eq!(mixed.lines().count(), 1, "{mixed}");
    let mixed = messages("server-mixed/data/both", &["--percent"]);
    assert!(mixed.contains(refused) && mixed.contains("hit or not"), "{mixed}");
    assert_eq!(messages("revised-atomic/data/volume", &[]), "");
    assert!(messages("revised-atomic/data/volume", &["--percent"]).contains("in different places"));
}
