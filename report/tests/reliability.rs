//! docs/RELIABILITY.md on reports: the tests that it names exist, and every file of `testdata/malformed` has its line.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use support::testdata;

const PAGE: &str = include_str!("../../docs/RELIABILITY.md");

/// The last cells of the lines of all tables about reports.
fn cells() -> Vec<&'static str> {
    let (_, page) = PAGE.split_once("\n# ").unwrap();
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| test |"));
    lines
        .filter_map(|line| line.trim_end_matches(" |").rsplit(" | ").next())
        .filter(|cell| cell.contains('`'))
        .collect()
}

fn named() -> impl Iterator<Item = &'static str> {
    cells().into_iter().flat_map(|cell| cell.split('`').skip(1).step_by(2))
}

#[test]
fn every_test_that_the_page_names_exists() {
    let mut found = 0;
    for name in named().filter(|name| name.contains('/')) {
        let (file, function) = name.split_once("::").unwrap_or((name, ""));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(function.is_empty() || text.contains(&format!("#[test]\nfn {function}()")), "{name}");
        assert!(text.contains("#[test]"), "{name}");
        found += 1;
    }
    assert!(found > 25, "{found}");
}

#[test]
fn every_broken_rule_has_its_line() {
    let listed: BTreeSet<&str> = named().filter(|name| !name.contains('/')).collect();
    let errors = fs::read_to_string(testdata().join("malformed/errors.txt")).unwrap();
    let files: BTreeSet<&str> = errors.lines().map(|line| line.split('.').next().unwrap()).collect();
    assert_eq!(listed, files);
    assert!(PAGE.contains(&format!("| {} files |", files.len())));
}
