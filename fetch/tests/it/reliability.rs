//! docs/RELIABILITY.md names tests that exist, and leaves no attack out.

use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/RELIABILITY.md");

/// Where tests that the page names may be.
const DIRECTORIES: [&str; 3] = ["fetch/tests/containers", "fetch/tests/it", "fetch/realcluster/tests"];

/// What a hostile pod may send, each as its line on the page begins.
const ATTACKS: [&str; 16] = [
    "traversal",
    "absolute names",
    "symbolic links",
    "hard links",
    "devices",
    "sparse files",
    "PAX tricks",
    "duplicate names",
    "huge files",
    "endless streams",
    "a stream that stands still",
    "a million tiny files",
    "names with control characters",
    "a counter file named after another build's hash",
    "a GOCOVERDIR meant for a shell",
    "file names meant for a shell",
];

/// Files of tests that the page must have in full.
const COMPLETE: [&str; 4] = ["attacks", "faults", "interrupt", "killed"];

/// What the page says of covfetch.
fn page() -> &'static str {
    PAGE.split_once("\n# ").map_or(PAGE, |(first, _)| first)
}

/// The lines of all tables with tests: their cells.
fn rows() -> Vec<Vec<&'static str>> {
    let sections = page().split("\n## ").filter(|section| !section.starts_with("What a fleet costs"));
    let lines = sections.flat_map(str::lines);
    let lines = lines.filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let cells = |line: &'static str| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>();
    lines.map(cells).filter(|cells| cells.last() != Some(&"test")).collect()
}

/// The tests in a file, by the names of their functions.
fn tests(path: &Path) -> BTreeSet<String> {
    let Ok(text) = std::fs::read_to_string(path) else { return BTreeSet::new() };
    let mut found = BTreeSet::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        marked |= matches!(line, "#[test]" | "#[tokio::test]");
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if let Some(name) = function.and_then(|rest| rest.split('(').next()) {
            if marked {
                found.insert(name.to_owned());
            }
            marked = false;
        }
    }
    found
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn exists(test: &str) -> bool {
    let Some((module, name)) = test.split_once("::") else { return false };
    DIRECTORIES
        .iter()
        .any(|directory| tests(&root().join(directory).join(format!("{module}.rs"))).contains(name))
}

fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_line_of_the_page_names_tests_that_exist() {
    let rows = rows();
    assert!(rows.len() > 60, "{} lines", rows.len());
    for cells in &rows {
        let [what, outcome, tests] = cells[..] else { panic!("not three cells: {cells:?}") };
        assert!(!what.is_empty() && !outcome.is_empty() && named(tests).next().is_some(), "{cells:?}");
        for test in named(tests) {
            assert!(exists(test), "there is no test {test}, named for: {what}");
        }
    }
    for test in named(page()).filter(|text| text.contains("::")) {
        assert!(exists(test), "there is no test {test}");
    }
}

#[test]
fn every_attack_has_its_line() {
    let rows = rows();
    for attack in ATTACKS {
        let lines = rows.iter().filter(|cells| cells[0].starts_with(attack)).count();
        assert_eq!(lines, 1, "{attack}");
    }
    let cited: BTreeSet<&str> = rows.iter().flat_map(|cells| named(cells[2])).collect();
    for module in COMPLETE {
        for test in tests(&root().join(format!("fetch/tests/it/{module}.rs"))) {
            // That the honest one gets through is no attack.
            if !test.starts_with("an_honest") {
                assert!(cited.contains(format!("{module}::{test}").as_str()), "{module}::{test} has no line");
            }
        }
    }
}
