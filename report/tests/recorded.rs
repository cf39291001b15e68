//! Recorded data of four Go versions, and what the reference tool said about it.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;

use covreport::format::Kind;
use support::answers::{Answer, answers, recorded};
use support::{NEWEST, VERSIONS, covdata, covreport, data_set, data_sets, stdout_of, text};

/// The directories and patterns of a recorded command line, for `covreport`.
fn as_covreport(arguments: &[String]) -> Vec<String> {
    let mut ours = Vec::new();
    for argument in &arguments[1..] {
        if let Some(directories) = argument.strip_prefix("-i=") {
            ours.extend(directories.split(',').map(str::to_owned));
        } else if let Some(pattern) = argument.strip_prefix("-pkg=") {
            ours.push(format!("--pkg={pattern}"));
        } else {
            assert!(argument.starts_with("-o="), "{argument}");
        }
    }
    ours
}

/// Whether the answer is to a pattern for directories, which no import path matches.
fn matches_no_package(answer: &Answer) -> bool {
    answer.arguments.iter().any(|argument| argument == "-pkg=./...")
}

#[test]
fn covreport_writes_the_text_profile_of_the_reference() {
    let mut compared = 0;
    for set in VERSIONS.iter().flat_map(|version| data_sets(version)) {
        for answer in answers(&set, "textfmt").iter().filter(|answer| answer.exit == 0) {
            let what = format!("{} {}", set.display(), answer.name);
            let run =
                covreport().current_dir(&set).arg("--textfmt").args(as_covreport(&answer.arguments)).output();
            let run = run.unwrap();
            // The reference writes an empty profile where there is nothing to report.
            if set.ends_with("panicked-set") || matches_no_package(answer) {
                assert_eq!(run.status.code(), Some(2), "{what}");
                continue;
            }
            // The reference reads the first segment only.
            let name = if answer.name.ends_with("two-segments") {
                "golden/textfmt.txt".to_owned()
            } else {
                answer.output.clone().unwrap()
            };
            assert_eq!(run.status.code(), Some(0), "{what}: {}", text(&run.stderr));
            assert_eq!(text(&run.stdout), text(&recorded(&set, Some(&name))), "{what}");
            compared += 1;
        }
    }
    assert!(compared > 60, "only {compared} profiles");
}

#[test]
fn covreport_prints_the_percentages_of_the_reference() {
    let mut compared = 0;
    for set in VERSIONS.iter().flat_map(|version| data_sets(version)) {
        for answer in answers(&set, "percent") {
            let silent = set.ends_with("panicked-set") || matches_no_package(&answer);
            if silent || answer.name.ends_with("two-segments") {
                continue;
            }
            let what = format!("{} {}", set.display(), answer.name);
            let mut command = covreport();
            command.current_dir(&set).arg("--no-checkout").args(as_covreport(&answer.arguments));
            let ours = text(&stdout_of(&mut command));
            let (packages, totals) = ours.split_at(ours.find("total\t\t").unwrap());
            let kinds: Vec<&str> = totals.lines().filter_map(|line| line.split(' ').nth(3)).collect();
            assert_eq!(kinds, ["statements"], "{what}: {totals}");
            // Where there are no statements the reference prints neither a word nor a line end.
            let as_reference = packages.replace("coverage: [no statements]\n", "");
            assert_eq!(as_reference, text(&recorded(&set, answer.stdout.as_ref())), "{what}");
            compared += 1;
        }
    }
    assert!(compared > 60, "only {compared} tables");
}

#[test]
fn counts_of_count_and_atomic_mode_are_added_up() {
    for version in VERSIONS {
        let profile = |sets: &[&str]| {
            let mut run = covreport();
            run.args(["--textfmt", "--strict"])
                .args(sets.iter().map(|set| data_set(version, set).join("data")));
            let run = run.assert();
            (text(&run.get_output().stdout), text(&run.get_output().stderr))
        };
        let (count, atomic) = (profile(&["cases-count"]).0, profile(&["cases-atomic"]).0);
        let (both, messages) = profile(&["cases-count", "cases-atomic"]);
        assert_eq!((both.lines().next(), messages.as_str()), (Some("mode: atomic"), ""), "{version}");
        let split = |line: &str| {
            let (unit, count) = line.rsplit_once(' ').unwrap();
            (unit.to_owned(), count.parse::<u64>().unwrap())
        };
        let added = count.lines().zip(atomic.lines()).skip(1).map(|(one, other)| {
            let ((unit, one), (same, other)) = (split(one), split(other));
            assert_eq!(unit, same);
            (unit, one + other)
        });
        let both: Vec<_> = both.lines().skip(1).map(split).collect();
        assert_eq!(both, added.collect::<Vec<_>>(), "{version}");
        assert!(both.iter().any(|(_, count)| *count > 20));
        // A set among them ends it.
        let (refused, messages) = profile(&["cases-count", "cases-atomic", "cases-set"]);
        assert!(
            refused.is_empty() && messages.contains("modes (atomic, count, set): merged as hit"),
            "{messages}"
        );
    }
}

#[test]
fn modes_that_differ_are_merged_as_hit_or_not() {
    for version in VERSIONS {
        let both = data_set(version, "server-mixed").join("data/both");
        let run = covreport().args(["--textfmt"]).arg(&both).assert().success();
        let output = run.get_output();
        assert!(
            text(&output.stderr).contains("different modes (atomic, set): merged as hit or not hit"),
            "{version}"
        );
        let profile = text(&output.stdout);
        assert!(profile.starts_with("mode: set\n"));
        let counts = profile.lines().skip(1).map(|line| line.rsplit(' ').next().unwrap());
        assert!(counts.clone().count() > 50);
        assert!(counts.clone().all(|count| count == "0" || count == "1"), "{version}");
    }
}

#[test]
fn every_thread_count_gives_the_same_bytes() {
    for name in ["server-atomic", "cases-set"] {
        let set = data_set(NEWEST, name).join("data");
        let reports = |threads: &[&str], variable: &str| {
            let out = tempfile::tempdir().unwrap();
            let mut run = covreport();
            run.current_dir(out.path()).env("SOURCE_DATE_EPOCH", "1").env("RAYON_NUM_THREADS", variable);
            run.args(["--no-checkout", "--include-external", "--covdata=covdata"]).args(threads);
            let formats = Kind::ALL.map(Kind::name).into_iter();
            run.args(formats.map(|format| format!("--{format}={format}"))).arg(&set).assert().success();
            let files = walkdir::WalkDir::new(out.path()).sort_by_file_name().into_iter().map(Result::unwrap);
            let files = files.filter(|entry| entry.file_type().is_file());
            files
                .map(|file| (file.file_name().to_owned(), fs::read(file.path()).unwrap()))
                .collect::<Vec<_>>()
        };
        let one = reports(&["--threads=1"], "1");
        assert!(one.len() >= Kind::ALL.len() + 2, "{one:?}");
        for threads in ["2", "3", "16"] {
            assert_eq!(reports(&["--threads", threads], "1"), one, "{name}");
            assert_eq!(reports(&[], threads), one, "{name}");
        }
    }
}

#[test]
fn the_drop_in_says_the_same_whatever_the_threads() {
    let directories = fs::read_dir(data_set(NEWEST, "server-atomic").join("data")).unwrap();
    let mut pods: Vec<String> =
        directories.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    pods.sort();
    for command in ["percent", "func", "pkglist", "textfmt", "debugdump", "merge"] {
        let answer = |threads: &str| {
            let out = tempfile::tempdir().unwrap();
            let target = out.path().join(if command == "merge" { "" } else { "out" });
            let mut run = covdata();
            run.env("RAYON_NUM_THREADS", threads).args([command, &format!("-i={}", pods.join(","))]);
            if matches!(command, "textfmt" | "merge") {
                run.arg(format!("-o={}", target.display()));
            }
            let said = stdout_of(&mut run);
            let mut files: Vec<_> =
                fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            // What merge writes has the time in its name.
            (said, files.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>())
        };
        let one = answer("1");
        assert!(!one.0.is_empty() || !one.1.is_empty(), "{command}");
        for threads in ["2", "3", "16"] {
            assert_eq!(answer(threads), one, "{command}");
        }
    }
}

#[test]
fn a_set_of_copies_counts_once() {
    // `pod-3` twice: once as it is, once copied elsewhere.
    let data = data_set(NEWEST, "server-atomic").join("data");
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(data.join("pod-3")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let once = stdout_of(covreport().arg("--textfmt").arg(&data));
    let run = covreport().arg("--textfmt").arg(&data).arg(copy.path()).assert().success();
    assert_eq!(text(&run.get_output().stdout), text(&once));
    assert!(text(&run.get_output().stderr).contains("copies of counter files, counted once: 2 ("));
}

#[test]
fn two_builds_that_see_a_file_differently_are_named() {
    let run = covreport().arg(data_set(NEWEST, "revised-atomic").join("data/volume")).assert().success();
    let messages = text(&run.get_output().stderr);
    assert!(messages.contains("in wrong places: 1 ("), "{messages}");
    assert!(messages.contains("example.com/revised/notice/notice.go in builds "), "{messages}");
    // Programs of one build tree share packages, and that needs no word.
    let run = covreport().arg(data_set(NEWEST, "server-coverpkg-set").join("data")).assert().success();
    assert_eq!(text(&run.get_output().stderr), "");
}
