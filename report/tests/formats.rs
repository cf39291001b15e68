//! Every format over the same fixtures: snapshots, and the same lines, branches and hits in all that show them.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::Value;
use support::{
    NEWEST, VERSIONS, assert_golden, covreport, data_set, sets_with_source, source, stdout_of, text,
};

fn report(arguments: &[&str], version: &str, set: &str, sources: &str) -> String {
    let mut command = covreport();
    command.args(arguments).arg("--root").arg(source(sources)).env("SOURCE_DATE_EPOCH", "1700000000");
    text(&stdout_of(command.arg(data_set(version, set).join("data"))))
}

#[test]
fn reports_are_as_checked_in() {
    let reports: [(&[&str], &str); 12] = [
        (&["--percent"], "percent.txt"),
        (&["--func"], "func.txt"),
        (&["--pkglist"], "pkglist.txt"),
        (&["--markdown"], "md"),
        (&["--textfmt"], "textfmt.txt"),
        (&["--lcov", "--lcov-functions=fnl", "--test-name=it", "--branches=none"], "fnl.info"),
        (&["--cobertura", "--cobertura-compact"], "compact.xml"),
        (&["--codecov"], "codecov.json"),
        (&["--coveralls"], "coveralls.json"),
        (&["--sonarqube"], "sonarqube.xml"),
        (&["--jacoco"], "jacoco.xml"),
        (&["--json"], "json"),
    ];
    for (set, sources) in [
        ("cases-atomic", "cases"),
        ("server-atomic", "server"),
        ("workspace-atomic", "workspace"),
        ("single-set", "single"),
    ] {
        let root = source(sources).display().to_string();
        for (arguments, extension) in reports {
            let shown = report(arguments, NEWEST, set, sources).replace(&root, "ROOT");
            // Reports of one line would have differences that nobody can read.
            let shown = shown.replace("},{", "},\n{").replace("/><line", "/>\n<line");
            assert_golden(&format!("{set}.{extension}"), &shown);
        }
    }
}

/// Hits, and branches hit of branches, by file and line. A format without counts has 1 for a line that ran.
type Lines = BTreeMap<(String, u64), (u64, Option<(u64, u64)>)>;

fn lines_of_json(json: &str) -> Lines {
    let report: Value = serde_json::from_str(json).unwrap();
    let mut lines = Lines::new();
    for file in report["files"].as_array().unwrap() {
        for line in file["lines"].as_array().unwrap() {
            let branches = line["branches"].as_array().map(|counts| {
                let hit = counts.iter().filter(|count| **count != 0).count();
                (hit as u64, counts.len() as u64)
            });
            let place = (file["path"].as_str().unwrap().to_owned(), line["number"].as_u64().unwrap());
            lines.insert(place, (line["hits"].as_u64().unwrap(), branches));
        }
    }
    lines
}

fn lines_of_coveralls(json: &str) -> Lines {
    let report: Value = serde_json::from_str(json).unwrap();
    let mut lines = Lines::new();
    for file in report["source_files"].as_array().unwrap() {
        let path = file["name"].as_str().unwrap().to_owned();
        for (number, hits) in (1..).zip(file["coverage"].as_array().unwrap()) {
            if let Some(hits) = hits.as_u64() {
                lines.insert((path.clone(), number), (hits, None));
            }
        }
        for branch in file["branches"].as_array().unwrap().chunks(4) {
            let (line, hits) = (&branch[0], &branch[3]);
            let (_, branches) = lines.get_mut(&(path.clone(), line.as_u64().unwrap())).unwrap();
            let (hit, all) = branches.unwrap_or_default();
            *branches = Some((hit + u64::from(*hits != 0), all + 1));
        }
    }
    lines
}

/// What Codecov makes of a line: hit (2), partial (1) or missed (0).
fn states(lines: &Lines) -> BTreeMap<(String, u64), u8> {
    let state = |(hits, branches): (u64, Option<(u64, u64)>)| match branches {
        Some((hit, all)) if hit != 0 && hit != all => 1,
        _ => 2 * u8::from(hits != 0),
    };
    lines.iter().map(|(place, line)| (place.clone(), state(*line))).collect()
}

fn states_of_codecov(json: &str) -> BTreeMap<(String, u64), u8> {
    let report: Value = serde_json::from_str(json).unwrap();
    let mut states = BTreeMap::new();
    for (path, lines) in report["coverage"].as_object().unwrap() {
        for (number, value) in lines.as_object().unwrap() {
            let state = match value {
                Value::String(share) => {
                    let (hit, all) = share.split_once('/').unwrap();
                    assert!(hit != "0" && hit != all, "{share}");
                    1
                }
                hits => 2 * u8::from(hits.as_u64().unwrap() != 0),
            };
            states.insert((path.clone(), number.parse().unwrap()), state);
        }
    }
    states
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).unwrap()?;
    Some(found.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned())
}

/// The lines of an XML report that has only whether they ran, from its elements `line` or `lineToCover`.
fn lines_of_xml(
    xml: &str,
    mut path_of: impl FnMut(&BytesStart<'_>) -> Option<String>,
    line_of: impl Fn(&BytesStart<'_>) -> Option<(u64, u64, (u64, u64))>,
) -> Lines {
    let (mut lines, mut path) = (Lines::new(), String::new());
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => {
                if let Some(next) = path_of(&element) {
                    path = next;
                } else if let Some((number, hits, (hit, all))) = line_of(&element) {
                    lines.insert((path.clone(), number), (hits, (all != 0).then_some((hit, all))));
                }
            }
            Event::Eof => return lines,
            _ => {}
        }
    }
}

fn number(element: &BytesStart<'_>, name: &str) -> u64 {
    attribute(element, name).map_or(0, |value| value.parse().unwrap())
}

fn lines_of_sonarqube(xml: &str) -> Lines {
    let path = |element: &BytesStart<'_>| attribute(element, "path");
    lines_of_xml(xml, path, |element| {
        let covered = attribute(element, "covered")? == "true";
        let branches = (number(element, "coveredBranches"), number(element, "branchesToCover"));
        Some((number(element, "lineNumber"), covered.into(), branches))
    })
}

fn lines_of_jacoco(xml: &str) -> Lines {
    let mut package = String::new();
    let path = |element: &BytesStart<'_>| {
        let name = attribute(element, "name")?;
        match element.name().as_ref() {
            "package" => package = name,
            "sourcefile" if package.is_empty() => return Some(name),
            "sourcefile" => return Some(format!("{package}/{name}")),
            _ => {}
        }
        None
    };
    lines_of_xml(xml, path, |element| {
        (element.name().as_ref() == "line").then(|| {
            let branches = (number(element, "cb"), number(element, "cb") + number(element, "mb"));
            assert!(number(element, "ci") + number(element, "mi") != 0);
            (number(element, "nr"), u64::from(number(element, "ci") != 0), branches)
        })
    })
}

#[test]
fn every_format_shows_the_same_lines() {
    for version in [VERSIONS[0], NEWEST] {
        for (set, sources) in sets_with_source() {
            let of = |format| report(&[format], version, set, sources);
            let lines = lines_of_json(&of("--json"));
            assert!(!lines.is_empty());
            let what = format!("{set} {version}");
            assert_eq!(lines_of_coveralls(&of("--coveralls")), lines, "{what}");
            assert_eq!(states_of_codecov(&of("--codecov")), states(&lines), "{what}");
            let ran: Lines = lines
                .iter()
                .map(|(place, (hits, branches))| (place.clone(), ((*hits).min(1), *branches)))
                .collect();
            assert_eq!(lines_of_sonarqube(&of("--sonarqube")), ran, "{what}");
            assert_eq!(lines_of_jacoco(&of("--jacoco")), ran, "{what}");

            let lcov = of("--lcov");
            let count = |name: &str| lcov.lines().filter(|line| line.starts_with(name)).count();
            assert_eq!(count("DA:"), lines.len(), "{what}");
            let branches: u64 = lines.values().filter_map(|(_, branches)| Some(branches.as_ref()?.1)).sum();
            assert_eq!(count("BRDA:") as u64, branches, "{what}");
        }
    }
}

#[test]
fn the_totals_of_all_formats_agree() {
    for (set, sources) in sets_with_source() {
        let json: Value = serde_json::from_str(&report(&["--json"], NEWEST, set, sources)).unwrap();
        let percent = report(&["--percent"], NEWEST, set, sources);
        let markdown = report(&["--markdown"], NEWEST, set, sources);
        for what in ["statements", "lines", "functions"] {
            let ratio = &json["totals"][what];
            let (covered, total) = (ratio["covered"].as_u64().unwrap(), ratio["total"].as_u64().unwrap());
            assert!(percent.contains(&format!("% of {what} ({covered} of {total})\n")), "{set}: {percent}");
            let row = markdown.lines().find(|line| line.starts_with(&format!("| {what} |"))).unwrap();
            assert!(row.ends_with(&format!("| {covered} | {total} |")), "{set}: {row}");
            let files = json["files"].as_array().unwrap();
            let sum: u64 = files.iter().map(|f| f["totals"][what]["total"].as_u64().unwrap()).sum();
            assert_eq!(sum, total, "{set} {what}");
        }
    }
}

#[test]
fn without_branches_a_line_that_ran_in_part_has_run() {
    for format in ["--lcov", "--cobertura", "--codecov", "--coveralls", "--sonarqube", "--jacoco", "--json"] {
        let of = |arguments: &[&str]| report(arguments, NEWEST, "cases-atomic", "cases");
        let (with, without) = (of(&[format]), of(&[format, "--branches=none"]));
        assert_ne!(with, without, "{format}");
        for sign in ["BRDA:", "branch=\"true\"", "/2\"", "branchesToCover", "cb=\"1\"", "\"branches\":[1"] {
            assert!(!without.contains(sign), "{format} has {sign}");
        }
    }
}

#[test]
fn the_order_of_the_inputs_does_not_matter() {
    let pods: Vec<_> = ["pod-0", "pod-1", "pod-2", "pod-3"]
        .iter()
        .map(|pod| data_set(NEWEST, "server-atomic").join("data").join(pod))
        .collect();
    for format in ["--func", "--markdown", "--codecov", "--coveralls", "--sonarqube", "--jacoco", "--json"] {
        let mut forwards = covreport();
        forwards.arg(format).arg("--root").arg(source("server")).args(&pods);
        let mut backwards = covreport();
        backwards.arg(format).arg("--root").arg(source("server")).args(pods.iter().rev());
        assert_eq!(stdout_of(&mut forwards), stdout_of(&mut backwards), "{format}");
    }
}

#[test]
fn percentages_of_statements_need_no_repository() {
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("go.mod"), "module example.com/other\n").unwrap();
    let mut command = covreport();
    command.arg("--root").arg(elsewhere.path()).arg(data_set(NEWEST, "server-atomic").join("data"));
    let run = command.assert().success();
    let said = text(&run.get_output().stderr);
    assert!(said.contains("warning: lines and functions are not counted: none of the 6 files"), "{said}");
    let shown = text(&run.get_output().stdout);
    assert!(shown.ends_with("% of statements (134 of 159)\n"), "{shown}");
}
