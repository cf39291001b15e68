//! What is said about input that is not what it seems, once, and what `--strict` makes of it.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::made::{MadeFunction, MadePackage, make};
use support::{NEWEST, VERSIONS, covdata, covreport, data_set, stdout_of, text};
use tempfile::TempDir;

fn coverage_files(directory: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix));
    files.sort();
    files
}

/// What a server leaves that flushes twice and never clears: the second file has in it what the first has.
fn snapshots(version: &str) -> TempDir {
    let pod = data_set(version, "server-atomic").join("data/pod-3");
    let directory = tempfile::tempdir().unwrap();
    let merged = tempfile::tempdir().unwrap();
    covdata().args(["merge", "-i"]).arg(&pod).arg("-o").arg(merged.path()).assert().success();
    let meta = coverage_files(&pod, "covmeta.").remove(0);
    fs::copy(&meta, directory.path().join(meta.file_name().unwrap())).unwrap();
    let counters = coverage_files(&pod, "covcounters.");
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    fs::copy(&counters[0], directory.path().join(name(&counters[0]))).unwrap();
    let both = coverage_files(merged.path(), "covcounters.").remove(0);
    fs::copy(both, directory.path().join(name(&counters[1]))).unwrap();
    directory
}

fn messages(arguments: &[&str], data: &[&Path]) -> String {
    text(&covreport().arg("--no-checkout").args(arguments).args(data).assert().success().get_output().stderr)
}

#[test]
fn snapshots_that_were_never_cleared_are_named() {
    for version in VERSIONS {
        let data = snapshots(version);
        let said = messages(&["--textfmt"], &[data.path()]);
        assert!(said.starts_with("covreport: warning: no counter of one process id ever falls"), "{said}");
        assert!(said.contains("--snapshots=latest") && said.contains("2 files up to "), "{said}");
        assert_eq!(said.lines().count(), 1);
        // It makes no difference to percentages, and none to who has answered the question.
        assert!(!messages(&["--percent"], &[data.path()]).contains("snapshots"));
        assert_eq!(messages(&["--textfmt", "--snapshots=all"], &[data.path()]), "");
        // And none to counts that are not shown because other builds have none.
        let hit_or_not = data_set(version, "cases-set").join("data");
        let said = messages(&["--textfmt"], &[data.path(), &hit_or_not]);
        assert!(said.contains("merged as hit or not hit") && !said.contains("snapshots"), "{said}");
        let run =
            covreport().args(["--textfmt", "--no-checkout", "--strict"]).arg(data.path()).assert().code(2);
        assert!(text(&run.get_output().stderr).contains("because of --strict"));

        // The last one has everything: what a flush and clear of the same process adds up to.
        let latest =
            covreport().args(["--textfmt", "--snapshots=latest", "--no-checkout"]).arg(data.path()).assert();
        let cleared = data_set(version, "server-atomic").join("data/pod-3");
        let plain = stdout_of(covreport().args(["--textfmt", "--no-checkout"]).arg(&cleared));
        assert_eq!(text(&latest.get_output().stdout), text(&plain), "{version}");
        let said = text(&latest.success().get_output().stderr);
        assert!(said.contains("note: left out counter files that are not the last"), "{said}");
    }
}

#[test]
fn runs_and_flushes_that_were_cleared_are_not_taken_for_snapshots() {
    for version in VERSIONS {
        for set in ["server-atomic", "cases-count", "workspace-atomic", "segments-count"] {
            let data = data_set(version, set).join("data");
            let said = messages(&["--textfmt"], &[&data]);
            assert!(!said.contains("snapshots"), "{version} {set}: {said}");
        }
    }
}

#[test]
fn taking_the_last_of_files_that_are_no_snapshots_is_warned_of() {
    for version in VERSIONS {
        // Flushed and cleared: the last file has the least.
        let pod = data_set(version, "server-atomic").join("data/pod-3");
        let said = messages(&["--percent", "--snapshots=latest"], &[&pod]);
        assert!(said.contains("warning: counters of one process id fall from file to file"), "{said}");
        assert!(said.contains("--snapshots=all") && said.contains(": 1 (2 files up to "), "{said}");
        let mut run = covreport();
        run.args(["--percent", "--snapshots=latest", "--no-checkout", "--strict"]).arg(&pod).assert().code(2);
        assert!(!messages(&["--percent", "--snapshots=all"], &[&pod]).contains("fall"));
        // Snapshots, and one file of each process.
        let good = snapshots(version);
        assert!(!messages(&["--percent", "--snapshots=latest"], &[good.path()]).contains("fall"));
        let one = data_set(version, "server-atomic").join("data/pod-0");
        assert_eq!(messages(&["--percent", "--snapshots=latest"], &[&one]), "");
    }
}

#[test]
fn strict_refuses_what_is_only_warned_about() {
    let strict = |data: &[&Path], arguments: &[&str]| {
        let mut command = covreport();
        command.args(["--no-checkout", "--strict"]).args(arguments).args(data);
        let run = command.assert().code(2);
        assert_eq!(run.get_output().stdout, b"");
        text(&run.get_output().stderr)
    };
    let pods = data_set(NEWEST, "server-atomic").join("data");
    // A build of two that wrote no counters.
    let panicked = data_set(NEWEST, "panicked-set").join("data/run");
    assert!(strict(&[&pods, &panicked], &[]).contains("error because of --strict: no counters of build "));
    // One file in two shapes.
    let revised = data_set(NEWEST, "revised-atomic").join("data/volume");
    assert!(
        strict(&[&revised], &[]).contains(
            "error because of --strict: source files whose code two builds have in different places"
        )
    );
    // Modes.
    let mixed = data_set(NEWEST, "server-mixed").join("data/both");
    assert!(
        strict(&[&mixed], &[]).contains("error because of --strict: the builds count in different modes")
    );
    // Orphans are an error already, and with --keep-going a warning that --strict refuses.
    let orphan = tempfile::tempdir().unwrap();
    let counters = coverage_files(&pods.join("pod-0"), "covcounters.").remove(0);
    fs::copy(counters, orphan.path().join("covcounters.00000000000000000000000000000000.1.17")).unwrap();
    assert!(
        strict(&[&pods, orphan.path()], &["--keep-going"])
            .contains("error because of --strict: no meta file for 1 ")
    );
    // A pattern or glob beside others.
    assert!(
        strict(&[&pods], &["--pkg=nothing,..."])
            .contains("error because of --strict: --pkg nothing matches no package")
    );
    assert!(
        strict(&[&pods], &["--exclude=nothing"])
            .contains("error because of --strict: --exclude nothing matches none")
    );
    // Nothing to say, nothing refused; a note is no warning.
    covreport().args(["--no-checkout", "--strict", "--lcov"]).arg(&pods).assert().success();
}

#[test]
fn builds_that_share_packages_are_not_named() {
    // Several test programs, each with the packages it imports.
    for set in ["server-coverpkg-set", "server-tests-set"] {
        for version in VERSIONS {
            assert_eq!(
                messages(&["--textfmt", "--strict"], &[&data_set(version, set).join("data")]),
                "",
                "{set}"
            );
        }
    }
}

#[test]
fn counters_that_overflow_are_named() {
    // Two runs of 2^32-1 and 7 of the first unit, told apart by their times; the second unit fits.
    let directory = tempfile::tempdir().unwrap();
    let run = |counts: [u32; 2]| {
        let made = tempfile::tempdir().unwrap();
        let units = vec![([4, 2, 4, 9, 1], counts[0]), ([5, 2, 5, 9, 1], counts[1])];
        let functions = vec![MadeFunction { name: "F", file: "example.com/app/main.go", units }];
        let package =
            MadePackage { path: "example.com/app", name: "main", module: "example.com/app", functions };
        make(made.path(), &[package], &[]);
        made
    };
    for (index, counts) in [[u32::MAX, 5], [7, 1]].into_iter().enumerate() {
        let made = run(counts);
        for path in coverage_files(made.path(), "cov") {
            let name = path
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .replace("17000000000000000", &format!("{index}7000000000000000"));
            fs::copy(&path, directory.path().join(name)).unwrap();
        }
    }
    let run = covreport().args(["--textfmt", "--no-checkout"]).arg(directory.path()).assert().success();
    assert!(text(&run.get_output().stdout).contains("main.go:4.2,4.9 1 4294967295\n"));
    assert!(text(&run.get_output().stdout).contains("main.go:5.2,5.9 1 6\n"));
    let said = text(&run.get_output().stderr);
    assert!(
        said.contains("warning: a counter of build ")
            && said.contains("of example.com/app reached 4294967295"),
        "{said}"
    );
    covreport().args(["--textfmt", "--no-checkout", "--strict"]).arg(directory.path()).assert().code(2);
}

/// A build of some source files, of each of which a function begins at a line.
fn build_of(directory: &Path, files: &[&str], line: u32) {
    let files: Vec<String> = files.iter().map(|file| format!("example.com/app/{file}")).collect();
    let function = |file| MadeFunction { name: "F", file, units: vec![([line, 2, line, 9, 1], 1)] };
    let functions = files.iter().map(|file| function(file)).collect();
    let package = MadePackage { path: "example.com/app", name: "main", module: "example.com/app", functions };
    make(directory, &[package], &[]);
}

#[test]
fn sources_that_builds_saw_differently_are_named_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    for line in [4, 5, 6] {
        build_of(directory.path(), &["g.go", "c.go", "a.go", "e.go", "b.go", "f.go", "d.go"], line);
    }
    let said = messages(&["--textfmt"], &[directory.path()]);
    let (_, list) = said.split_once("wrong places: 7 (").unwrap();
    let places: Vec<usize> =
        ["a", "b", "c", "d", "e"].iter().map(|name| said.find(&format!("/{name}.go")).unwrap()).collect();
    assert!(places.is_sorted() && list.contains("/e.go and 2 more in builds "), "{said}");
    // What it says to do is what helps.
    let glob = said.trim_end().rsplit_once("covreport DIR/").unwrap().1.to_owned();
    let one: Vec<PathBuf> = coverage_files(directory.path(), "cov")
        .into_iter()
        .filter(|path| path.display().to_string().contains(glob.trim_matches('*')))
        .collect();
    assert_eq!(one.len(), 2, "{glob}");
    let one: Vec<&Path> = one.iter().map(PathBuf::as_path).collect();
    assert_eq!(messages(&["--textfmt"], &one), "");
    for _ in 0..5 {
        assert_eq!(messages(&["--textfmt"], &[directory.path()]), said);
    }
}

#[test]
fn what_holds_no_statement_is_never_whole() {
    let data = tempfile::tempdir().unwrap();
    let package = |path: &'static str, statements| MadePackage {
        path,
        name: "p",
        module: "example.com",
        functions: vec![MadeFunction {
            name: "F",
            file: "example.com/a/a.go",
            units: vec![([1, 1, 2, 2, statements], 1)],
        }],
    };
    make(data.path(), &[package("example.com/a", 1), package("example.com/none", 0)], &[]);
    for format in ["--cobertura", "--percent", "--textfmt", "--lcov"] {
        let mut command = covreport();
        command.args([format, "--no-checkout", "--pkg=example.com/none"]).arg(data.path());
        let run = command.assert().code(2);
        assert!(run.get_output().stdout.is_empty());
        assert!(text(&run.get_output().stderr).contains("holds no statement"));
    }
    // A list of packages says nothing of statements.
    let mut list = covreport();
    list.args(["--pkglist", "--pkg=example.com/none"]).arg(data.path());
    assert_eq!(text(&stdout_of(&mut list)), "example.com/none\n");
    // Nobody selected anything.
    let empty = tempfile::tempdir().unwrap();
    make(empty.path(), &[package("example.com/none", 0)], &[]);
    assert!(messages(&["--percent"], &[empty.path()]).contains("warning: the data holds no statement"));
}

#[test]
fn sources_that_coveralls_misses_are_named() {
    let data = data_set(NEWEST, "server-atomic").join("data");
    let said = messages(&["--coveralls"], &[&data]);
    assert!(said.contains("warning: files in the Coveralls report without source_digest"), "{said}");
    assert!(said.contains("6 (cmd/library/main.go") && said.contains("where the sources are"), "{said}");
    let mut run = covreport();
    run.args(["--coveralls", "--root"]).arg(support::source("server")).arg(&data);
    assert_eq!(text(&run.assert().success().get_output().stderr), "");
}
