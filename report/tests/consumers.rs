//! Consumers of reports, as far as they are installed: lcov, genhtml, xmllint. And the structure of Cobertura files.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use assert_cmd::Command;
use quick_xml::Reader;
use quick_xml::events::Event;
use support::{NEWEST, VERSIONS, covreport, data_set, has_tool, source, stdout_of, text};

const SETS: [(&str, &str); 4] = [
    ("cases-atomic", "cases"),
    ("server-atomic", "server"),
    ("workspace-set", "workspace"),
    ("single-set", "single"),
];

fn report(format: &str, version: &str, set: &str, sources: &str) -> Vec<u8> {
    let mut command = covreport();
    command.arg(format).arg("--root").arg(source(sources)).env("SOURCE_DATE_EPOCH", "1700000000");
    stdout_of(command.arg(data_set(version, set).join("data")))
}

#[test]
fn genhtml_takes_the_lcov_without_a_word() {
    if !has_tool("genhtml") {
        return;
    }
    for (set, sources) in SETS {
        for version in VERSIONS {
            let work = tempfile::tempdir().unwrap();
            let tracefile = work.path().join("lcov.info");
            std::fs::write(&tracefile, report("--lcov", version, set, sources)).unwrap();
            let mut genhtml = Command::new("genhtml");
            genhtml.current_dir(source(sources)).args([
                "--quiet",
                "--branch-coverage",
                "--function-coverage",
                "-o",
            ]);
            let run = genhtml.arg(work.path().join("html")).arg(&tracefile).assert().success();
            let said = format!("{}{}", text(&run.get_output().stdout), text(&run.get_output().stderr));
            assert_eq!(said, "", "{set} {version}");
        }
    }
}

#[test]
fn lcov_counts_what_the_records_say() {
    if !has_tool("lcov") {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let tracefile = work.path().join("lcov.info");
    let records = report("--lcov", NEWEST, "cases-atomic", "cases");
    std::fs::write(&tracefile, &records).unwrap();
    let sum = |name: &str| -> u64 {
        text(&records).lines().filter_map(|line| line.strip_prefix(name)?.parse::<u64>().ok()).sum()
    };
    let mut lcov = Command::new("lcov");
    lcov.args(["--rc", "lcov_branch_coverage=1", "--rc", "branch_coverage=1", "--summary"]).arg(&tracefile);
    let run = lcov.assert().success();
    let said = format!("{}{}", text(&run.get_output().stdout), text(&run.get_output().stderr));
    for (hit, found, what) in
        [("LH:", "LF:", "lines"), ("FNH:", "FNF:", "functions"), ("BRH:", "BRF:", "branches")]
    {
        let expected = format!("({} of {} {what})", sum(hit), sum(found));
        assert!(sum(found) > 0 && said.contains(&expected), "{expected} in {said}");
    }
}

#[test]
fn merged_by_lcov_two_reports_are_one_report_of_both() {
    if !has_tool("lcov") {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let of = |pods: &[&str]| {
        let mut command = covreport();
        command.arg("--lcov").arg("--root").arg(source("server"));
        command.args(pods.iter().map(|pod| data_set(NEWEST, "server-atomic").join("data").join(pod)));
        stdout_of(&mut command)
    };
    let mut lcov = Command::new("lcov");
    lcov.args(["--quiet", "--rc", "lcov_branch_coverage=1", "--rc", "branch_coverage=1"]);
    for (name, pods) in [("a", &["pod-0", "pod-1"][..]), ("b", &["pod-2", "pod-3"])] {
        let path = work.path().join(name);
        std::fs::write(&path, of(pods)).unwrap();
        lcov.arg("-a").arg(path);
    }
    let merged = work.path().join("merged");
    lcov.arg("-o").arg(&merged).assert().success();
    // The same lines and branches; lcov orders and repeats its records in its own way.
    let lines = |records: &str| {
        let mut file = String::new();
        let mut found = BTreeSet::new();
        for line in records.lines() {
            if let Some(path) = line.strip_prefix("SF:") {
                file = path.rsplit("/server/").next().unwrap().to_owned();
            } else if line.starts_with("DA:") || line.starts_with("BRDA:") || line.starts_with("FNDA:") {
                found.insert(format!("{file} {line}"));
            }
        }
        found
    };
    let both = of(&["pod-0", "pod-1", "pod-2", "pod-3"]);
    assert!(lines(&text(&both)).len() > 100);
    assert_eq!(lines(&std::fs::read_to_string(merged).unwrap()), lines(&text(&both)));
}

#[test]
fn xmllint_finds_cobertura_well_formed() {
    if !has_tool("xmllint") {
        return;
    }
    for (set, sources) in SETS {
        let mut xmllint = Command::new("xmllint");
        let xml = report("--cobertura", NEWEST, set, sources);
        let run = xmllint.args(["--noout", "--nonet", "-"]).write_stdin(xml).assert().success();
        assert_eq!(text(&run.get_output().stderr), "", "{set}");
    }
}

/// Elements of coverage-04.dtd as far as we write them: the elements that may be in them, in order, and their attributes.
const STRUCTURE: [(&str, &[&str], &[&str]); 12] = [
    (
        "coverage",
        &["sources", "packages"],
        &[
            "line-rate",
            "branch-rate",
            "lines-covered",
            "lines-valid",
            "branches-covered",
            "branches-valid",
            "complexity",
            "version",
            "timestamp",
        ],
    ),
    ("sources", &["source"], &[]),
    ("source", &[], &[]),
    ("packages", &["package"], &[]),
    ("package", &["classes"], &["name", "line-rate", "branch-rate", "complexity"]),
    ("classes", &["class"], &[]),
    ("class", &["methods", "lines"], &["name", "filename", "line-rate", "branch-rate", "complexity"]),
    ("methods", &["method"], &[]),
    ("method", &["lines"], &["name", "signature", "line-rate", "branch-rate", "complexity"]),
    ("lines", &["line"], &[]),
    ("conditions", &["condition"], &[]),
    ("condition", &[], &["number", "type", "coverage"]),
];

#[test]
fn cobertura_has_the_structure_of_its_dtd() {
    let structure: BTreeMap<&str, (&[&str], &[&str])> =
        STRUCTURE.into_iter().map(|(name, children, attributes)| (name, (children, attributes))).collect();
    for (set, sources) in SETS {
        let xml = text(&report("--cobertura", NEWEST, set, sources));
        let mut reader = Reader::from_str(&xml);
        let mut open: Vec<(String, usize)> = Vec::new();
        let mut seen = 0;
        loop {
            let event = reader.read_event().unwrap();
            let (element, empty) = match &event {
                Event::Start(element) => (element, false),
                Event::Empty(element) => (element, true),
                Event::End(_) => {
                    open.pop();
                    continue;
                }
                Event::Eof => break,
                _ => continue,
            };
            seen += 1;
            let name = element.name().as_ref().to_owned();
            let attributes: Vec<String> =
                element.attributes().map(|attribute| attribute.unwrap().key.as_ref().to_owned()).collect();
            if name == "line" {
                let with_branches = ["number", "hits", "branch", "condition-coverage"];
                assert!(attributes == with_branches || attributes == with_branches[..3], "{attributes:?}");
            } else {
                assert_eq!(attributes, structure[name.as_str()].1, "{name}");
            }
            if let Some((parent, last)) = open.last_mut() {
                let children =
                    if parent == "line" { &["conditions"][..] } else { structure[parent.as_str()].0 };
                let position = children.iter().position(|child| *child == name);
                assert!(position.is_some_and(|position| position >= *last), "{name} in {parent}");
                *last = position.unwrap();
            } else {
                assert_eq!(name, "coverage");
            }
            if !empty {
                open.push((name, 0));
            }
        }
        assert!(seen > 20 && open.is_empty());
        assert!(!xml.contains("NaN"));
    }
}
