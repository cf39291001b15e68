//! Data of Go 1.27.0 and 1.27.1, which count the statements of split blocks more than once (golang/go#80974).
//!
//! Units, statements and counts of `layout/layout.go` and `jump` are those that Go 1.27.1 wrote for `testdata/src/cases`,
//! built with `-covermode=count` and run as the data set cases-count was; 1.27.0 wrote the same.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

mod support;

use std::path::Path;

use support::made::{MadeFunction, MadePackage, make};
use support::{NEWEST, covreport, data_set, source, stdout_of, text};

fn layout() -> MadePackage<'static> {
    let file = "example.com/cases/layout/layout.go";
    let function = |name, units: &[([u32; 5], u32)]| MadeFunction { name, file, units: units.to_vec() };
    MadePackage {
        path: "example.com/cases/layout",
        name: "layout",
        module: "example.com/cases",
        functions: vec![
            // Six statements in four parts, each of which claims all six.
            function(
                "All",
                &[
                    ([18, 2, 20, 1, 6], 1),
                    ([22, 2, 30, 1, 6], 1),
                    ([32, 2, 34, 1, 6], 1),
                    ([35, 2, 36, 1, 6], 1),
                ],
            ),
            function("empty", &[([39, 15, 39, 15, 0], 1)]),
            function(
                "comments",
                &[
                    ([51, 2, 51, 11, 1], 1),
                    ([66, 2, 66, 25, 1], 1),
                    ([70, 2, 70, 12, 1], 1),
                    ([74, 2, 74, 22, 1], 1),
                    // Two statements in two parts.
                    ([54, 3, 55, 1, 2], 1),
                    ([58, 3, 59, 1, 2], 1),
                    ([62, 3, 63, 1, 1], 0),
                    ([66, 26, 66, 26, 0], 2),
                    ([70, 13, 70, 13, 0], 1),
                ],
            ),
            function("wide", &[([93, 2, 98, 15, 2], 1), ([101, 2, 101, 15, 1], 1), ([99, 3, 100, 1, 1], 0)]),
        ],
    }
}

/// A block that a `goto` label ends: 1.27.0 and 1.27.1 count the label as a statement, as all older versions do; later ones
/// do not. That alone says nothing of the other count.
fn branches() -> MadePackage<'static> {
    let units = vec![
        ([47, 2, 48, 1, 2], 2),
        ([49, 2, 49, 11, 1], 8),
        ([53, 2, 53, 10, 1], 2),
        ([50, 3, 51, 13, 2], 6),
    ];
    let file = "example.com/cases/branches/branches.go";
    MadePackage {
        path: "example.com/cases/branches",
        name: "branches",
        module: "example.com/cases",
        functions: vec![MadeFunction { name: "jump", file, units }],
    }
}

fn totals(directory: &Path, arguments: &[&str]) -> (String, String) {
    let run = covreport().args(arguments).arg(directory).assert().success();
    let output = text(&run.get_output().stdout);
    let total = output.lines().find_map(|line| line.strip_prefix("total\t\tcoverage: "));
    (total.unwrap().to_owned(), text(&run.get_output().stderr))
}

#[test]
fn statements_are_counted_anew_from_source() {
    let data = tempfile::tempdir().unwrap();
    make(data.path(), &[branches(), layout()], &[]);
    let root = source("cases").display().to_string();
    // By hand, from the source. All: 6 statements. comments: 7, of which n = 0 never ran. wide: 4, of which result = "" never
    // ran. jump: i := 0, if, i += 2, goto, return: 5, without the label. 22, and 20 of them ran.
    let (total, said) = totals(data.path(), &["--root", &root]);
    assert_eq!(total, "90.9% of statements (20 of 22)");
    assert!(
        said.contains("note: Go 1.27.0 and 1.27.1 count statements too often (golang/go#80974)"),
        "{said}"
    );
    // The same numbers as a later Go writes.
    let profile = |directory: &Path| {
        let mut command = covreport();
        let profile = text(&stdout_of(command.args(["--textfmt", "--root", &root]).arg(directory)));
        let of = |line: &&str| line.contains("/layout.go:") || line.contains("/branches.go:");
        profile.lines().filter(of).map(str::to_owned).collect::<Vec<_>>()
    };
    let later = profile(&data_set(NEWEST, "cases-count").join("data"));
    let counted_anew = profile(data.path());
    assert_eq!(counted_anew.len(), 4 + 4 + 1 + 9 + 3);
    assert!(counted_anew.iter().all(|line| later.contains(line)), "{counted_anew:?}");
}

#[test]
fn without_source_the_files_are_named() {
    let data = tempfile::tempdir().unwrap();
    make(data.path(), &[branches(), layout()], &[]);
    // As the data has it: 18 statements too many in All, 2 in comments, 1 in jump.
    let (total, said) = totals(data.path(), &["--no-checkout"]);
    assert_eq!(total, "95.3% of statements (41 of 43)");
    assert!(
        said.contains("look as if counted too often")
            && said.contains(" 1 (example.com/cases/layout/layout.go)"),
        "{said}"
    );
    let strict = covreport().args(["--no-checkout", "--strict"]).arg(data.path()).output().unwrap();
    assert_eq!(strict.status.code(), Some(2));
}

#[test]
fn other_versions_are_left_alone() {
    // What a label ends is counted in another way by Go 1.26 and 1.27.3: both are as their Go meant them.
    let labels = tempfile::tempdir().unwrap();
    make(labels.path(), &[branches()], &[]);
    let root = source("cases").display().to_string();
    assert_eq!(
        totals(labels.path(), &["--root", &root]),
        ("100.0% of statements (6 of 6)".into(), String::new())
    );
    for (version, total) in [("1.26.6", "(205 of 252)"), (NEWEST, "(204 of 251)")] {
        let (shown, said) = totals(&data_set(version, "cases-count").join("data"), &["--root", &root]);
        assert!(shown.ends_with(total) && !said.contains("80974"), "{version}: {shown} {said}");
    }
}
