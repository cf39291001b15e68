//! What is left out: the same in every format and for every Go version, and said.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;
use std::path::Path;

use support::made::{MadeFunction, MadePackage, make};
use support::{NEWEST, VERSIONS, covreport, data_set, source, stdout_of, text};
use tempfile::TempDir;

/// The source of the recorded server with other text on some lines. Each change is file, 1-based line, and what the
/// line becomes; `…` in it stands for what it was. No change moves code.
fn changed(changes: &[(&str, usize, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    copy(&source("server"), directory.path());
    for (file, line, becomes) in changes {
        let path = directory.path().join(file);
        let was = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = was.lines().map(str::to_owned).collect();
        lines[line - 1] = becomes.replace('…', &lines[line - 1]);
        fs::write(path, lines.join("\n") + "\n").unwrap();
    }
    directory
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            assert!(fs::copy(from, to).is_ok());
        }
    }
}

/// Standard output and the messages.
#[track_caller]
fn report(format: &str, root: &Path, arguments: &[&str], version: &str) -> (String, String) {
    let mut command = covreport();
    command.arg(format).arg("--root").arg(root).args(arguments);
    let run = command.arg(data_set(version, "server-atomic").join("data")).assert().success();
    (text(&run.get_output().stdout), text(&run.get_output().stderr))
}

/// Statements in total of a text profile: covered and all.
fn statements(textfmt: &str) -> (u64, u64) {
    let fields = textfmt.lines().skip(1).map(|line| {
        let mut fields = line.rsplit(' ').map(|field| field.parse::<u64>().unwrap_or_default());
        let (count, statements) = (fields.next().unwrap(), fields.next().unwrap());
        (if count == 0 { 0 } else { statements }, statements)
    });
    fields.fold((0, 0), |sum, unit| (sum.0 + unit.0, sum.1 + unit.1))
}

fn record<'l>(lcov: &'l str, file: &str) -> Option<&'l str> {
    lcov.split("end_of_record\n").find(|record| record.contains(&format!("SF:{file}\n")))
}

fn lines(record: &str) -> Vec<u32> {
    let lines = record.lines().filter_map(|line| line.strip_prefix("DA:")?.split(',').next());
    lines.map(|number| number.parse().unwrap()).collect()
}

const CATALOG: &str = "internal/catalog/catalog.go";

#[test]
fn every_format_leaves_out_the_same() {
    let plain = source("server");
    for version in VERSIONS {
        let (all, _) = report("--textfmt", &plain, &[], version);
        let arguments = ["--exclude=internal/api/**", "--exclude", "money.go"];
        let (some, messages) = report("--textfmt", &plain, &arguments, version);
        let api: Vec<&str> = all.lines().filter(|line| line.contains("/internal/api/")).collect();
        let rest: Vec<&str> = all.lines().filter(|line| !line.contains("/internal/api/")).collect();
        assert!(!api.is_empty());
        assert_eq!(some.lines().collect::<Vec<_>>(), rest);
        assert!(
            messages.starts_with("covreport: note: excluded: 57 statements: 57 in 2 files by path\n")
                || messages.contains("excluded: 57 statements"),
            "{messages}"
        );
        assert!(messages.contains("warning: --exclude money.go matches none of the 6 files; globs are matched with paths such as cmd/library/main.go"), "{messages}");
        let (covered, total) = statements(&some);
        let (percent, _) = report("--percent", &plain, &arguments, version);
        assert!(percent.contains(&format!(" of statements ({covered} of {total})\n")), "{percent}");
        assert!(!percent.contains("internal/api"), "{percent}");
        let (lcov, _) = report("--lcov", &plain, &arguments, version);
        assert_eq!(lcov.matches("SF:").count(), 4);
        let (whole, _) = report("--lcov", &plain, &[], version);
        assert_eq!(record(&lcov, CATALOG), record(&whole, CATALOG));
        assert_eq!(record(&lcov, "internal/api/api.go"), None);
    }
}

#[test]
fn included_files_are_all_there_is() {
    let plain = source("server");
    let only = ["--include=cmd", "--include=internal/*/*.go", "--exclude=*api*"];
    let (lcov, _) = report("--lcov", &plain, &only, NEWEST);
    let files: Vec<&str> = lcov.lines().filter_map(|line| line.strip_prefix("SF:")).collect();
    let expected =
        ["cmd/library/main.go", CATALOG, "internal/lending/lending.go", "internal/snapshot/snapshot.go"];
    assert_eq!(files, expected);
    // Without a checkout the paths are those of the report, too.
    let textfmt = {
        let run = covreport()
            .args(["--textfmt", "--no-checkout", "--include=cmd"])
            .arg(data_set(NEWEST, "server-atomic").join("data"))
            .assert()
            .success();
        text(&run.get_output().stdout)
    };
    assert!(textfmt.lines().skip(1).all(|line| line.starts_with("example.com/library/cmd/")), "{textfmt}");
    let run = covreport()
        .args(["--include=cmd", "--exclude=**", "--root"])
        .arg(&plain)
        .arg(data_set(NEWEST, "server-atomic").join("data"))
        .assert()
        .code(2);
    let message = text(&run.get_output().stderr);
    assert!(message.contains("error: nothing is left of the 6 files"), "{message}");
    assert_eq!(run.get_output().stdout, b"");
}

/// A glob keeps or leaves out files, and such a package has none.
#[test]
fn packages_without_functions_go_with_the_files_of_globs() {
    let data = tempfile::tempdir().unwrap();
    let package = |path, functions| MadePackage { path, name: "p", module: "example.com", functions };
    let units = vec![([1, 1, 2, 9, 1], 1)];
    let functions = vec![MadeFunction { name: "F", file: "example.com/a/a.go", units }];
    make(data.path(), &[package("example.com/a", functions), package("example.com/types", Vec::new())], &[]);
    let percent = |arguments: &[&str]| {
        text(&stdout_of(covreport().arg("--no-checkout").args(arguments).arg(data.path())))
    };
    assert!(percent(&[]).contains("example.com/types"));
    for glob in ["--include=a", "--exclude=types"] {
        let shown = percent(&[glob]);
        assert!(shown.contains("example.com/a\t") && !shown.contains("types"), "{glob}: {shown}");
    }
}

#[test]
fn generated_files_are_left_out_if_asked_for() {
    let root = changed(&[(CATALOG, 1, "// Code generated by hand. DO NOT EDIT.")]);
    for version in VERSIONS {
        let (kept, _) = report("--lcov", root.path(), &[], version);
        assert!(record(&kept, CATALOG).is_some());
        let (lcov, messages) = report("--lcov", root.path(), &["--exclude-generated"], version);
        assert_eq!(record(&lcov, CATALOG), None);
        assert_eq!(messages, "covreport: note: excluded: 23 statements: 23 in 1 generated file\n");
        let (textfmt, _) = report("--textfmt", root.path(), &["--exclude-generated"], version);
        assert!(!textfmt.contains("catalog.go"));
    }
    fs::remove_file(root.path().join(CATALOG)).unwrap();
    let (_, messages) = report("--percent", root.path(), &["--exclude-generated"], NEWEST);
    assert!(
        messages.contains("cannot tell which files are generated: files whose source is not below "),
        "{messages}"
    );
    assert!(messages.contains(CATALOG), "{messages}");
}

/// `DA`, `FN`, … of the catalog, for every Go version the same; and the statements that are left.
#[track_caller]
fn marked(changes: &[(&str, usize, &str)], expected_messages: &str) -> String {
    let root = changed(changes);
    let mut records = Vec::new();
    for version in VERSIONS {
        let (lcov, messages) = report("--lcov", root.path(), &[], version);
        assert_eq!(messages, expected_messages, "{version}");
        let (textfmt, _) = report("--textfmt", root.path(), &[], version);
        let (covered, total) = statements(&textfmt);
        let (percent, _) = report("--percent", root.path(), &[], version);
        assert!(
            percent.contains(&format!(" of statements ({covered} of {total})\n")),
            "{version}: {percent}"
        );
        let excluded = messages
            .split("excluded: ")
            .nth(1)
            .map_or(0, |text| text.split(' ').next().unwrap().parse::<u64>().unwrap());
        assert_eq!(total + excluded, 159, "{version}");
        // And all of it is counted if asked for.
        let (all, silence) = report("--textfmt", root.path(), &["--count-ignored"], version);
        assert_eq!((all, silence), report("--textfmt", &source("server"), &[], version));
        records.push(record(&lcov, CATALOG).unwrap_or_default().to_owned());
    }
    assert!(records.windows(2).all(|pair| pair[0] == pair[1]), "{records:?}");
    records.remove(0)
}

fn note(statements: u64) -> String {
    let plural = if statements == 1 { "" } else { "s" };
    format!(
        "covreport: note: excluded: {statements} statement{plural}: {statements} marked by comments in 1 file\n"
    )
}

/// The lines of the catalog's code, with nothing left out: see testdata/src/server/internal/catalog/catalog.go.
const ALL: [u32; 22] =
    [29, 30, 31, 36, 37, 38, 41, 47, 48, 49, 50, 53, 58, 59, 60, 61, 64, 68, 69, 70, 71, 74];

fn all_but(out: &[u32]) -> Vec<u32> {
    ALL.into_iter().filter(|line| !out.contains(line)).collect()
}

#[test]
fn marked_functions_blocks_statements_and_files_are_left_out() {
    assert_eq!(lines(&marked(&[], "")), all_but(&[]));
    // A function: behind its brace, and in its documentation.
    for change in [(CATALOG, 57, "… // coverage-ignore: not offered yet"), (CATALOG, 56, "//coverage:ignore")]
    {
        let record = marked(&[change], &note(5));
        assert_eq!(lines(&record), all_but(&[58, 59, 60, 61, 64]));
        assert!(!record.contains("Decade") && record.contains("Search"), "{record}");
    }
    // A block, with what is nested in it; the header stays.
    let record = marked(&[(CATALOG, 48, "… // coverage-ignore")], &note(2));
    assert_eq!(lines(&record), all_but(&[49, 50]));
    let record = marked(&[(CATALOG, 70, "… //coverage:ignore what for")], &note(1));
    assert_eq!(lines(&record), all_but(&[71]));
    // A statement that is alone in its block, or between two blocks.
    let record = marked(&[(CATALOG, 71, "… //coverage:ignore what for")], &note(1));
    assert_eq!(lines(&record), all_but(&[71]));
    let record = marked(&[(CATALOG, 74, "… // LCOV_EXCL_LINE")], &note(1));
    assert_eq!(lines(&record), all_but(&[74]));
    // The whole file.
    for change in [
        (CATALOG, 2, "… //coverage:ignore"),
        (CATALOG, 34, "//coverage:ignore file"),
        (CATALOG, 1, "// coverage-ignore"),
    ] {
        assert_eq!(marked(&[change], &note(23)), "");
    }
}

#[test]
fn a_function_whose_first_unit_is_left_out_was_entered_as_often() {
    let plain = marked(&[], "");
    let entered = |record: &str| -> String {
        record.lines().find(|line| line.starts_with("FNDA:") && line.ends_with("Search")).unwrap().to_owned()
    };
    let section = [(CATALOG, 47, "… // LCOV_EXCL_START"), (CATALOG, 49, "… // LCOV_EXCL_STOP")];
    let record = marked(&section, &note(2));
    assert_eq!(lines(&record), all_but(&[47, 48]));
    assert_eq!(entered(&record), entered(&plain));
}

#[test]
fn marks_that_do_nothing_are_named() {
    let messages =
        marked_messages(&[(CATALOG, 40, "… //coverage:ignore"), (CATALOG, 18, "… // coverage-ignore")]);
    assert!(
        messages.contains(
            "warning: comments that stand at no code, or where it is not clear at which, exclude nothing: 2 \
             (internal/catalog/catalog.go:18, internal/catalog/catalog.go:40)"
        ),
        "{messages}"
    );
    let messages = marked_messages(&[(CATALOG, 29, "… // LCOV_EXCL_LINE")]);
    assert!(messages.contains("not all of what Go counts as one"), "{messages}");
    assert!(messages.contains("(internal/catalog/catalog.go:29)"), "{messages}");
    let messages = marked_messages(&[(CATALOG, 67, "… // LCOV_EXCL_START")]);
    assert!(messages.contains("LCOV_EXCL_START without LCOV_EXCL_STOP"), "{messages}");
    assert!(messages.contains("note: excluded: 5 statements"), "{messages}");
    // A string is no comment.
    assert_eq!(marked_messages(&[(CATALOG, 11, "var ErrUnknown = errors.New(`//coverage:ignore`)")]), "");
}

fn marked_messages(changes: &[(&str, usize, &str)]) -> String {
    report("--percent", changed(changes).path(), &[], NEWEST).1
}

#[test]
fn marks_of_another_source_are_not_heeded() {
    let root = changed(&[]);
    let path = root.path().join(CATALOG);
    let start: String =
        fs::read_to_string(&path).unwrap().lines().take(40).map(|line| line.to_owned() + "\n").collect();
    fs::write(&path, format!("//coverage:ignore\n{start}")).unwrap();
    let (percent, messages) = report("--percent", root.path(), &[], NEWEST);
    assert!(percent.contains(" of statements (134 of 159)\n"), "{percent}");
    assert!(
        messages.contains("warning: comments that exclude code are not heeded where the source is not the one that was compiled: internal/catalog/catalog.go"),
        "{messages}"
    );
}

#[test]
fn without_sources_no_file_is_taken_for_generated_and_that_is_said() {
    let data = data_set(NEWEST, "server-atomic").join("data");
    let mut run = covreport();
    let run = run.args(["--percent", "--exclude-generated", "--no-checkout"]).arg(data).assert().success();
    let said = text(&run.get_output().stderr);
    assert!(
        said.contains(
            "files are kept, as sources are not read without a repository, nor with --no-checkout: "
        ),
        "{said}"
    );
}
