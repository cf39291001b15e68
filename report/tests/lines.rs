//! Lines, branches and functions of recorded data, in LCOV and Cobertura.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::collections::BTreeMap;
use std::fs;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use support::{NEWEST, VERSIONS, assert_golden, covreport, data_set, source, stdout_of, text};

/// Data sets, and the source they were built from.
const SETS: [(&str, &str); 7] = [
    ("cases-atomic", "cases"),
    ("cases-set", "cases"),
    ("cases-count", "cases"),
    ("server-atomic", "server"),
    ("server-coverpkg-set", "server"),
    ("workspace-atomic", "workspace"),
    ("single-set", "single"),
];

fn report(format: &str, version: &str, set: &str, sources: &str) -> String {
    let mut command = covreport();
    command.arg(format).arg("--root").arg(source(sources)).env("SOURCE_DATE_EPOCH", "1700000000");
    text(&stdout_of(command.arg(data_set(version, set).join("data"))))
}

/// The records of an LCOV file by source file.
fn records(lcov: &str) -> BTreeMap<String, String> {
    lcov.split_inclusive("end_of_record\n")
        .map(|record| {
            (record.lines().nth(1).unwrap().strip_prefix("SF:").unwrap().to_owned(), record.to_owned())
        })
        .collect()
}

#[test]
fn every_go_version_gives_the_same_lcov() {
    for (set, sources) in SETS {
        let of = |version| {
            let mut records = records(&report("--lcov", version, set, sources));
            // With //line directives: up to Go 1.26 the places that those give, mostly without columns.
            records.retain(|path, _| !path.starts_with("mapped/"));
            records
        };
        let newest = of(NEWEST);
        assert!(!newest.is_empty());
        for version in VERSIONS {
            assert_eq!(of(version), newest, "{set} {version}");
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

/// A line as a consumer sees it: hits, and branches hit of branches.
type SeenLines = BTreeMap<(String, u32), (u32, Option<(usize, usize)>)>;

fn seen_in_lcov(lcov: &str) -> SeenLines {
    let mut seen = SeenLines::new();
    for (path, record) in records(lcov) {
        let mut branches: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
        for line in record.lines() {
            if let Some(branch) = line.strip_prefix("BRDA:") {
                let fields: Vec<&str> = branch.split(',').collect();
                let (hit, all) = branches.entry(fields[0].parse().unwrap()).or_default();
                assert_eq!(fields[2], all.to_string(), "branches are numbered in order: {line}");
                *all += 1;
                *hit += usize::from(fields[3] != "-" && fields[3] != "0");
            } else if let Some(data) = line.strip_prefix("DA:") {
                let (number, hits) = data.split_once(',').unwrap();
                let number = number.parse().unwrap();
                let entry = (hits.parse().unwrap(), branches.get(&number).copied());
                assert!(seen.insert((path.clone(), number), entry).is_none(), "a line twice: {path} {line}");
            }
        }
    }
    seen
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).unwrap()?;
    Some(found.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned())
}

/// The lines of the classes; those of methods must say the same.
fn seen_in_cobertura(xml: &str) -> SeenLines {
    let (mut seen, mut of_methods) = (SeenLines::new(), SeenLines::new());
    let (mut path, mut in_method) = (String::new(), false);
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "class" => {
                path = attribute(&element, "filename").unwrap();
            }
            Event::Start(element) if element.name().as_ref() == "method" => in_method = true,
            Event::End(element) if element.name().as_ref() == "method" => in_method = false,
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "line" => {
                let number: u32 = attribute(&element, "number").unwrap().parse().unwrap();
                let hits = attribute(&element, "hits").unwrap().parse().unwrap();
                let branches = attribute(&element, "condition-coverage").map(|coverage| {
                    let counts = coverage.split_once('(').unwrap().1.trim_end_matches(')').to_owned();
                    let (hit, all) = counts.split_once('/').unwrap();
                    (hit.parse().unwrap(), all.parse().unwrap())
                });
                assert_eq!(attribute(&element, "branch").unwrap(), branches.is_some().to_string());
                let map = if in_method { &mut of_methods } else { &mut seen };
                map.insert((path.clone(), number), (hits, branches));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    for (place, line) in of_methods {
        assert_eq!(seen.get(&place), Some(&line), "{place:?}");
    }
    seen
}

#[test]
fn cobertura_and_lcov_say_the_same() {
    for (set, sources) in SETS {
        for version in VERSIONS {
            let lcov = seen_in_lcov(&report("--lcov", version, set, sources));
            let cobertura = seen_in_cobertura(&report("--cobertura", version, set, sources));
            assert!(!lcov.is_empty());
            assert_eq!(lcov, cobertura, "{set} {version}");
        }
    }
}

#[test]
fn lines_are_what_a_reader_of_the_source_expects() {
    // Worked out by hand from branches/oneline.go: two of the four runs call each function there once, with 6.
    let lines = seen_in_lcov(&report("--lcov", NEWEST, "cases-atomic", "cases"));
    let line = |number| lines.get(&("branches/oneline.go".to_owned(), number)).copied();
    for (number, expected) in [
        // func oneLine(n int) int {
        (8, None),
        // if n > 3 { n -= 3 }: the condition and the body, both twice.
        (9, Some((2, Some((2, 2))))),
        // return n
        (10, Some((2, None))),
        // }
        (11, None),
        // if n%2 == 0 { n /= 2 } else { n = 3*n + 1 }: 6 is even, so all but the last of three units ran.
        (14, Some((2, Some((2, 3))))),
        // if n < 0 { n = -n }: the body never ran.
        (19, Some((2, Some((1, 2))))),
        // sum := 0
        (24, Some((2, None))),
        // for i < 6 { for j < i { sum++ } }: the units ran 2, 2*6 and 2*(0+1+2+3+4+5) times. The line ran 30 times,
        // not 44.
        (25, Some((30, Some((3, 3))))),
        // switch {
        (30, Some((2, None))),
        // case n < 0: return -1: never. The case itself is no statement.
        (31, Some((0, None))),
        // case n > 0: return 1
        (32, Some((2, None))),
        // }
        (33, None),
        // return 0
        (34, Some((0, None))),
    ] {
        assert_eq!(line(number), expected, "line {number}");
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
fn the_wrong_repository_is_an_error() {
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("go.mod"), "module example.com/other\n").unwrap();
    let mut command = covreport();
    command
        .arg("--lcov")
        .arg("--root")
        .arg(elsewhere.path())
        .arg(data_set(NEWEST, "server-atomic").join("data"));
    let run = command.assert().code(1);
    assert_eq!(text(&run.get_output().stdout), "");
    assert!(
        text(&run.get_output().stderr).contains("error: none of the 6 files in the coverage data is below")
    );
}
