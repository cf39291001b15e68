//! With few file descriptors and little memory: bounded, however many files there are.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::made::{MadeFunction, MadePackage, make};
use support::{NEWEST, data_set, names, text};

const FILES: usize = 10_000;

/// A store of this many runs in a thousand directories, as a fleet leaves it: hard links of recorded files.
fn fleet(root: &Path) {
    let pod = data_set(NEWEST, "server-atomic").join("data/pod-0");
    let mut files: Vec<PathBuf> = fs::read_dir(pod).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (counter, meta) = (files.first().unwrap(), files.last().unwrap());
    let (own_counter, own_meta) = (root.join("counter"), root.join("meta"));
    fs::copy(counter, &own_counter).unwrap();
    fs::copy(meta, &own_meta).unwrap();
    let name = counter.file_name().unwrap().to_str().unwrap();
    let (stem, _) = name.rsplit_once('.').unwrap();
    for run in 0..FILES {
        let directory = root.join("store").join(format!("pod-{}", run / 10));
        if run % 10 == 0 {
            fs::create_dir_all(&directory).unwrap();
            fs::hard_link(&own_meta, directory.join(meta.file_name().unwrap())).unwrap();
        }
        fs::hard_link(&own_counter, directory.join(format!("{stem}.{run}"))).unwrap();
    }
}

fn limited(directory: &Path, limit: &str, line: &str) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("ulimit {limit} && {line}")]).current_dir(directory);
    command.env("covreport", env!("CARGO_BIN_EXE_covreport")).env("covdata", env!("CARGO_BIN_EXE_covdata"));
    command.output().unwrap()
}

#[test]
fn ten_thousand_files_need_neither_descriptors_nor_memory() {
    let here = tempfile::tempdir().unwrap();
    fleet(here.path());
    let report = "\"$covreport\" --no-checkout --snapshots=all --textfmt store";
    let free = limited(here.path(), "-n 1024", report);
    assert!(free.status.success(), "{}", text(&free.stderr));
    let expected = text(&free.stdout);
    assert!(expected.lines().count() > 50);
    // Documented in docs/LIMITS.md.
    for (limit, most) in [("-n 32", 8), ("-v 524288", 4), ("-v 1048576", 8)] {
        for threads in [1, most] {
            let run = limited(here.path(), limit, &format!("{report} --threads={threads}"));
            assert!(run.status.success(), "ulimit {limit}: {}", text(&run.stderr));
            assert_eq!(text(&run.stdout), expected, "ulimit {limit}");
        }
    }
    // The reference runs out of descriptors here (golang/go#68468).
    let merged = "mkdir merged && \"$covdata\" merge -i \"$(echo store/* | tr ' ' ,)\" -o merged && \
                  \"$covreport\" --no-checkout --textfmt merged";
    let run = limited(here.path(), "-n 32", merged);
    assert!(run.status.success(), "{}", text(&run.stderr));
    assert_eq!(text(&run.stdout), expected);
}

/// Each build has two files of its own in the directory of merged files, and all are written before the first is named.
#[test]
fn many_builds_are_merged_with_few_descriptors() {
    let here = tempfile::tempdir().unwrap();
    for build in 0..100 {
        let path = format!("example.com/build{build}");
        let file = format!("{path}/main.go");
        let functions = vec![MadeFunction { name: "main", file: &file, units: vec![([1, 1, 2, 9, 1], 1)] }];
        let package = MadePackage { path: &path, name: "main", module: &path, functions };
        make(&here.path().join(format!("in/{build}")), &[package], &[]);
    }
    let line = "\"$covreport\" --no-checkout --covdata=merged in && \"$covreport\" --no-checkout merged";
    let run = limited(here.path(), "-n 32", line);
    assert!(run.status.success(), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("100.0% of statements"), "{}", text(&run.stdout));
    assert_eq!(names(&here.path().join("merged")).len(), 200);
}

#[test]
fn a_file_that_is_too_large_is_refused_unread() {
    let here = tempfile::tempdir().unwrap();
    fleet_of_one(here.path());
    // Sparse: they take no room.
    let huge = |name: &str| {
        let file = fs::File::create(here.path().join(name)).unwrap();
        file.set_len(8 << 30).unwrap();
    };
    let mut names =
        fs::read_dir(here.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let hash = names.find_map(|name| name.strip_prefix("covmeta.").map(str::to_owned)).unwrap();
    for name in [format!("covcounters.{hash}.1.99"), "covmeta.x".to_owned(), "manifest.json".to_owned()] {
        huge(&name);
        let run = limited(here.path(), "-v 4194304", "\"$covreport\" --no-checkout .");
        let messages = text(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{messages}");
        assert!(messages.contains(&name) && messages.contains("larger than"), "{messages}");
        fs::remove_file(here.path().join(&name)).unwrap();
    }
}

fn fleet_of_one(directory: &Path) {
    for entry in fs::read_dir(data_set(NEWEST, "server-atomic").join("data/pod-0")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn the_drop_in_refuses_what_is_too_large_unread_and_says_of_other_files_what_the_reference_says() {
    for (kind, magic, command, says) in [
        ("covmeta.", *b"\0cvm", "percent", "larger than 1024 MiB"),
        ("covmeta.", *b"\0\0\0\0", "percent", "invalid meta-data file magic string"),
        ("covcounters.", *b"\0cwm", "percent", "larger than 1024 MiB"),
        ("covcounters.", *b"\0\0\0\0", "textfmt -o out", "invalid magic string: not a counter data file"),
        ("covmeta.", *b"\0cvm", "merge -o .", "larger than 1024 MiB"),
    ] {
        let here = tempfile::tempdir().unwrap();
        let input = here.path().join("in");
        fs::create_dir(&input).unwrap();
        fleet_of_one(&input);
        let named =
            |entry: fs::DirEntry| entry.file_name().to_str().unwrap().starts_with(kind).then(|| entry.path());
        let path = fs::read_dir(&input).unwrap().find_map(|entry| named(entry.unwrap())).unwrap();
        fs::write(&path, magic).unwrap();
        // Sparse: it takes no room.
        fs::File::options().write(true).open(&path).unwrap().set_len(8 << 30).unwrap();
        let run = limited(here.path(), "-v 262144", &format!("\"$covdata\" {command} -i in"));
        let messages = text(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{kind} {messages}");
        assert!(messages.contains(path.file_name().unwrap().to_str().unwrap()), "{messages}");
        assert!(messages.contains(says), "{says}: {messages}");
    }
}

/// Units of a dozen bytes can claim millions of lines each.
#[test]
fn lines_that_files_claim_together_are_bounded() {
    let here = tempfile::tempdir().unwrap();
    let claim = |name: &str, files: usize, first: u32| {
        let names: Vec<String> = (0..files).map(|index| format!("example.com/app/{index:03}.go")).collect();
        let function = |file| MadeFunction { name: "F", file, units: vec![([first, 1, 4_194_304, 9, 1], 1)] };
        let functions = names.iter().map(|file| function(file)).collect();
        let package =
            MadePackage { path: "example.com/app", name: "app", module: "example.com/app", functions };
        make(&here.path().join(name), &[package], &[]);
    };
    claim("all", 200, 1);
    // One line each, and those above it are in reports that have a value for each line.
    claim("last", 200, 4_194_304);
    for input in ["all", "last"] {
        for format in ["lcov", "coveralls", "json", "cobertura"] {
            let line = format!("\"$covreport\" --no-checkout --threads=2 --{format}=out {input}");
            let run = limited(here.path(), "-v 262144", &line);
            let messages = text(&run.stderr);
            assert_eq!(run.status.code(), Some(1), "{messages}");
            assert!(
                messages.contains("200 units of 200 files claim 838860800 lines, more than any"),
                "{messages}"
            );
            assert!(!here.path().join("out").exists());
        }
        // What needs no lines is there.
        let run =
            limited(here.path(), "-v 262144", &format!("\"$covreport\" --no-checkout --threads=2 {input}"));
        assert!(run.status.success(), "{}", text(&run.stderr));
        assert!(text(&run.stdout).contains("100.0% of statements"), "{}", text(&run.stdout));
    }
}

/// What a unit of a dozen bytes claims is written in some hundred million.
#[test]
fn the_largest_text_is_not_made_in_memory() {
    let here = tempfile::tempdir().unwrap();
    let units = vec![([1, 1, 1_000_000, 9, 1], 1)];
    let functions = vec![MadeFunction { name: "F", file: "example.com/app/a.go", units }];
    let package = MadePackage { path: "example.com/app", name: "app", module: "example.com/app", functions };
    make(&here.path().join("in"), &[package], &[]);
    for format in ["lcov", "coveralls", "codecov", "json", "sonarqube", "jacoco", "cobertura"] {
        let line = format!("\"$covreport\" --no-checkout --threads=1 --{format} in | wc -c");
        let run = limited(here.path(), "-v 262144 && set -o pipefail", &line);
        assert!(run.status.success(), "{format}: {}", text(&run.stderr));
        let bytes: u64 = text(&run.stdout).trim().parse().unwrap();
        assert!(bytes > 2_000_000, "{format}: {bytes}");
    }
}

#[test]
fn threads_are_bounded() {
    let here = tempfile::tempdir().unwrap();
    fleet_of_one(here.path());
    // Each thread takes 64 MiB of address space, so that with more than 256 there is none left.
    let run = |line: &str| limited(here.path(), "-v 33554432", line);
    let refused = run("\"$covreport\" --no-checkout --threads=257 .");
    assert_eq!(refused.status.code(), Some(2));
    let messages = text(&refused.stderr);
    assert!(messages.contains("257 is not in 1..=256"), "{messages}");
    for line in [
        "\"$covreport\" --no-checkout --threads=256 .",
        "RAYON_NUM_THREADS=100000 \"$covreport\" --no-checkout .",
        "RAYON_NUM_THREADS=100000 \"$covdata\" percent -i .",
    ] {
        let bounded = run(line);
        assert!(bounded.status.success(), "{line}: {}", text(&bounded.stderr));
        assert!(text(&bounded.stdout).contains("of statements"), "{line}");
    }
}

/// A name stands once in the file, and may be that of any number of functions.
#[test]
fn names_of_functions_are_bounded() {
    let here = tempfile::tempdir().unwrap();
    let claim = |directory: &str, bytes: usize, functions: u32| {
        let name = "F".repeat(bytes);
        let function = |line| MadeFunction {
            name: &name,
            file: "example.com/app/a.go",
            units: vec![([line, 1, line, 9, 1], 1)],
        };
        let functions = (1..=functions).map(function).collect();
        let package =
            MadePackage { path: "example.com/app", name: "app", module: "example.com/app", functions };
        make(&here.path().join(directory), &[package], &[]);
    };
    claim("long", 1 << 20, 1000);
    claim("many", 1 << 15, 4000);
    for (input, says) in [
        ("long", "the name of a function has 1048576 bytes, more than any (32768)"),
        (
            "many",
            "the names of 4000 functions and of their files have 131152000 bytes, more than those of any",
        ),
    ] {
        for format in ["lcov", "func", "percent"] {
            let line = format!("\"$covreport\" --no-checkout --threads=2 --{format} {input}");
            let run = limited(here.path(), "-v 262144", &line);
            let messages = text(&run.stderr);
            assert_eq!(run.status.code(), Some(1), "{messages}");
            assert!(messages.contains(says), "{messages}");
        }
    }
    // What may be is made, in memory in proportion.
    claim("most", 1 << 15, 2000);
    let run = limited(
        here.path(),
        "-v 786432 && set -o pipefail",
        "\"$covreport\" --no-checkout --threads=1 --lcov most | wc -l",
    );
    assert!(run.status.success(), "{}", text(&run.stderr));
}

/// Each function on a line has all the branches of the line.
#[test]
fn functions_that_share_a_line_do_not_multiply_its_branches() {
    let here = tempfile::tempdir().unwrap();
    let share = |directory: &str, functions: usize| {
        let names: Vec<String> = (0..functions).map(|number| format!("F{number}")).collect();
        let function =
            |name| MadeFunction { name, file: "example.com/app/a.go", units: vec![([1, 1, 1, 9, 1], 1)] };
        let functions = names.iter().map(|name| function(name)).collect();
        let package =
            MadePackage { path: "example.com/app", name: "app", module: "example.com/app", functions };
        make(&here.path().join(directory), &[package], &[]);
    };
    share("some", 4000);
    for format in ["lcov", "json", "jacoco", "cobertura"] {
        let line = format!("\"$covreport\" --no-checkout --threads=2 --{format} some | wc -c");
        let run = limited(here.path(), "-v 262144 && set -o pipefail", &line);
        assert!(run.status.success(), "{format}: {}", text(&run.stderr));
        let bytes: u64 = text(&run.stdout).trim().parse().unwrap();
        assert!((100_000..4_000_000).contains(&bytes), "{format}: {bytes}");
    }
    share("many", 20_000);
    let run = limited(here.path(), "-v 262144", "\"$covreport\" --no-checkout --threads=2 --cobertura many");
    let messages = text(&run.stderr);
    assert_eq!((run.status.code(), text(&run.stdout).as_str()), (Some(1), ""), "{messages}");
    let says = "functions that share lines have 400000000 branches on them, more than those of any program (268435456)";
    assert!(messages.contains(says) && messages.contains("are in a.go"), "{messages}");
}
