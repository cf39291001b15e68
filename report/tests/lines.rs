//! Lines, branches and functions of recorded data, in LCOV and Cobertura.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::fs;

use support::made::{MadeFunction, MadePackage, make};
use support::seen::{lines_of_cobertura, lines_of_lcov, records};
use support::{
    NEWEST, VERSIONS, assert_golden, covreport, data_set, sets_with_source, source, stdout_of, text,
};

fn report(format: &str, version: &str, set: &str, sources: &str) -> String {
    let mut command = covreport();
    command.arg(format).arg("--root").arg(source(sources)).env("SOURCE_DATE_EPOCH", "1700000000");
    text(&stdout_of(command.arg(data_set(version, set).join("data"))))
}

#[test]
fn every_go_version_gives_the_same_bytes() {
    for (set, sources) in sets_with_source() {
        for format in ["--lcov", "--cobertura"] {
            let of = |version| {
                let mut command = covreport();
                command.arg(format).arg("--root").arg(source(sources)).env("SOURCE_DATE_EPOCH", "1700000000");
                text(&stdout_of(command.arg(data_set(version, set).join("data"))))
            };
            let newest = of(NEWEST);
            assert!(newest.lines().count() > 10);
            for version in VERSIONS {
                assert_eq!(of(version), newest, "{set} {version} {format}");
            }
        }
    }
}

#[test]
fn reports_are_as_checked_in() {
    for (set, sources) in [
        ("cases-atomic", "cases"),
        ("server-atomic", "server"),
        ("workspace-atomic", "workspace"),
        ("single-set", "single"),
    ] {
        assert_golden(&format!("{set}.info"), &report("--lcov", NEWEST, set, sources));
        let root = source(sources).display().to_string();
        let cobertura = report("--cobertura", NEWEST, set, sources).replace(&root, "ROOT");
        assert_golden(&format!("{set}.xml"), &cobertura);
    }
}

#[test]
fn cobertura_and_lcov_say_the_same() {
    for (set, sources) in sets_with_source() {
        for version in VERSIONS {
            let lcov = lines_of_lcov(&report("--lcov", version, set, sources));
            let cobertura = lines_of_cobertura(&report("--cobertura", version, set, sources));
            assert!(!lcov.is_empty());
            assert_eq!(lcov, cobertura, "{set} {version}");
        }
    }
}

#[test]
fn two_builds_by_different_go_versions_make_no_partial_line() {
    let mut command = covreport();
    command.arg("--lcov").arg("--root").arg(source("workspace"));
    for version in ["1.26.6", NEWEST] {
        command.arg(data_set(version, "workspace-set").join("data"));
    }
    let both = text(&stdout_of(&mut command));
    assert_eq!(both, report("--lcov", NEWEST, "workspace-set", "workspace"));
}

#[test]
fn without_a_checkout_paths_and_lines_come_from_the_data() {
    let mut command = covreport();
    command.args(["--lcov", "--no-checkout"]).arg(data_set(NEWEST, "workspace-atomic").join("data"));
    let run = command.assert().success();
    let paths: Vec<String> = records(&text(&run.get_output().stdout)).into_keys().collect();
    assert_eq!(
        paths,
        ["cmd/invoice/main.go", "internal/render/render.go", "money.go", "rates/rates.go", "tax.go"]
    );
    assert!(text(&run.get_output().stderr).contains("note: no repository"));
}

#[test]
fn source_that_does_not_fit_is_named() {
    let checkout = tempfile::tempdir().unwrap();
    for (path, text) in [("go.mod", "module example.com/cases\n"), ("shapes/shapes.go", "package shapes\n")] {
        let path = checkout.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut command = covreport();
    command.args(["--lcov", "--pkg=example.com/cases/shapes"]).arg("--root").arg(checkout.path());
    let run = command.arg(data_set(NEWEST, "cases-set").join("data")).assert().success();
    let messages = text(&run.get_output().stderr);
    assert!(messages.contains("warning: shapes/shapes.go is not the source that was compiled"), "{messages}");
    assert!(text(&run.get_output().stdout).contains("SF:shapes/shapes.go\nFN:"));
}

#[test]
fn code_behind_directives_is_moved_only_if_all_units_agree() {
    let parser = fs::read_to_string(source("cases").join("mapped/parser.go")).unwrap();
    for (go_file, moved) in [(parser.clone(), true), (parser.replace("grammar.y:40", "grammar.y:39"), false)]
    {
        let checkout = tempfile::tempdir().unwrap();
        fs::create_dir(checkout.path().join("mapped")).unwrap();
        fs::write(checkout.path().join("go.mod"), "module example.com/cases\n").unwrap();
        fs::write(checkout.path().join("mapped/parser.go"), go_file).unwrap();
        fs::write(checkout.path().join("mapped/grammar.y"), "").unwrap();
        let mut command = covreport();
        command.args(["--lcov", "--pkg=example.com/cases/mapped"]).arg("--root").arg(checkout.path());
        let run = command.arg(data_set("1.26.6", "cases-set").join("data")).assert().success();
        let (lcov, messages) = (text(&run.get_output().stdout), text(&run.get_output().stderr));
        assert_eq!(lcov.contains("SF:mapped/grammar.y\nFN:40,helper\n"), !moved, "{lcov}");
        assert_eq!(messages.contains("warning: files that //line directives name"), !moved, "{messages}");
        // The other functions of the file are moved without it.
        assert!(lcov.contains("SF:mapped/parser.go\nFN:13,Evaluate\n"), "{lcov}");
    }
}

#[test]
fn the_wrong_repository_is_an_error() {
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("go.mod"), "module example.com/other\n").unwrap();
    let mut command = covreport();
    command
        .arg("--lcov")
        .arg("--root")
        .arg(elsewhere.path())
        .arg(data_set(NEWEST, "server-atomic").join("data"));
    let run = command.assert().code(2);
    assert_eq!(text(&run.get_output().stdout), "");
    assert!(
        text(&run.get_output().stderr).contains("error: none of the 6 files in the coverage data is below")
    );
}

/// Go 1.24 records the second of these behind `//line x.y:100` and `//line x.y:3`; nothing records the first.
#[test]
fn statements_of_units_that_are_no_stretch_of_lines_are_on_a_line_and_named() {
    let here = tempfile::tempdir().unwrap();
    for (unit, place, total) in
        [([0, 1, 2, 2, 7], "DA:1,0\n", "LF:2\nLH:1"), ([101, 0, 4, 0, 7], "DA:101,0\n", "LF:2\nLH:1")]
    {
        let units = vec![(unit, 0), ([20, 1, 20, 9, 1], 1)];
        let functions = vec![MadeFunction { name: "F", file: "example.com/app/a.go", units }];
        let package =
            MadePackage { path: "example.com/app", name: "app", module: "example.com/app", functions };
        let data = here.path().join(unit[0].to_string());
        make(&data, &[package], &[]);
        let report = || {
            let mut command = covreport();
            command.args(["--lcov", "--no-checkout"]).arg(&data);
            command
        };
        let run = report().assert().success();
        let (lcov, messages) = (text(&run.get_output().stdout), text(&run.get_output().stderr));
        assert!(lcov.contains(place) && lcov.contains(total) && !lcov.contains("FN:0"), "{lcov}");
        assert!(
            messages.contains("warning: units that end before the line that they begin on"),
            "{messages}"
        );
        assert!(messages.contains(": 1 (a.go: 1)"), "{messages}");
        report().arg("--strict").assert().failure();
    }
}
