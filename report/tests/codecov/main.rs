//! What Codecov makes of our reports: a model of its arithmetic, pinned to what its own parsers said of the same reports.
//!
//! `recorded.json` holds lines and totals as Codecov's parsers gave them (`record.py` made it, CONTRIBUTING.md says how).
//! The model must give the same for every line of every data set and format. Then it says of any report, recorded or not,
//! what Codecov will show.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

mod model;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use model::{Lines, Totals, of_cobertura, of_lcov, of_textfmt};
use serde::Deserialize;
use support::{NEWEST, VERSIONS, covreport, data_set, sets_with_source, source, text};

const FORMATS: [&str; 3] = ["textfmt", "lcov", "cobertura"];

#[derive(Deserialize)]
struct Recording {
    origin: String,
    commit: String,
    date: String,
    /// By data set and format.
    reports: BTreeMap<String, BTreeMap<String, Vec<Record>>>,
    /// Totals of several uploads that Codecov merged, by format and version.
    uploads: BTreeMap<String, BTreeMap<String, [usize; 4]>>,
}

#[derive(Deserialize)]
struct Record {
    versions: Vec<String>,
    seen: Seen,
}

#[derive(Deserialize)]
struct Seen {
    /// Lines, hits, partials, misses.
    totals: [usize; 4],
    files: BTreeMap<String, String>,
}

fn recording() -> Recording {
    serde_json::from_str(include_str!("recorded.json")).unwrap()
}

fn sources_of(set: &str) -> &'static str {
    sets_with_source().find(|(name, _)| *name == set).unwrap().1
}

fn report(format: &str, version: &str, set: &str) -> String {
    let mut command = covreport();
    command.arg(format!("--{format}")).arg("--root").arg(source(sources_of(set)));
    let run = command.arg(data_set(version, set).join("data")).assert().success();
    text(&run.get_output().stdout)
}

fn modelled(format: &str, report: &str) -> BTreeMap<String, Lines> {
    match format {
        "textfmt" => of_textfmt(report),
        "lcov" => of_lcov(report),
        "cobertura" => of_cobertura(report),
        other => panic!("{other}"),
    }
}

fn shown(lines: &Lines) -> String {
    lines.iter().map(|(number, coverage)| format!("{number}:{coverage}")).collect::<Vec<_>>().join(" ")
}

/// Codecov finds the file of an import path or an absolute path by its end.
fn resolved(name: &str, recorded: &BTreeMap<String, String>) -> String {
    let common = |file: &&String| name.rsplit('/').zip(file.rsplit('/')).take_while(|(a, b)| a == b).count();
    let file = recorded.keys().max_by_key(common).unwrap();
    if common(&file) == 0 { name.to_owned() } else { file.clone() }
}

#[test]
fn the_model_says_of_every_line_what_codecov_said() {
    let recording = recording();
    assert!(!recording.origin.is_empty() && recording.commit.len() == 40 && recording.date.len() == 10);
    let mut lines = 0;
    for (set, formats) in &recording.reports {
        for (format, records) in formats {
            let versions: Vec<&String> = records.iter().flat_map(|record| &record.versions).collect();
            assert_eq!(versions, VERSIONS, "{set} {format}");
            for (record, version) in records.iter().flat_map(|r| r.versions.iter().map(move |v| (r, v))) {
                let files = modelled(format, &report(format, version, set));
                let what = format!("{set} {format} {version}: if the report has changed, record again");
                assert_eq!(Totals::of(files.values()).four(), record.seen.totals, "{what}");
                let named: BTreeMap<String, String> = files
                    .iter()
                    .map(|(name, lines)| (resolved(name, &record.seen.files), shown(lines)))
                    .filter(|(_, lines)| !lines.is_empty())
                    .collect();
                let recorded: BTreeMap<String, String> =
                    record.seen.files.clone().into_iter().filter(|(_, lines)| !lines.is_empty()).collect();
                assert_eq!(named, recorded, "{what}");
                lines += files.values().map(BTreeMap::len).sum::<usize>();
            }
        }
    }
    assert!(lines > 10_000, "only {lines} lines");
}

#[test]
fn lcov_and_cobertura_are_the_same_to_codecov_on_every_data_set() {
    for (set, _) in sets_with_source() {
        for version in VERSIONS {
            let [lcov, cobertura] =
                ["lcov", "cobertura"].map(|format| modelled(format, &report(format, version, set)));
            assert!(Totals::of(lcov.values()).lines > 0, "{set} {version}");
            assert_eq!(lcov, cobertura, "{set} {version}");
        }
    }
}

#[test]
fn every_go_version_is_the_same_to_codecov() {
    for (set, _) in sets_with_source() {
        let of = |version| modelled("lcov", &report("lcov", version, set));
        let newest = of(NEWEST);
        for version in VERSIONS {
            assert_eq!(of(version), newest, "{set} {version}");
        }
    }
}

#[test]
fn uploads_that_codecov_merges_are_one_report_of_all() {
    let recording = recording();
    for format in ["lcov", "cobertura"] {
        for version in VERSIONS {
            let whole = Totals::of(modelled(format, &report(format, version, "server-atomic")).values());
            assert_eq!(recording.uploads[format][version], whole.four(), "{format} {version}");
        }
    }
    assert_eq!(recording.uploads.keys().collect::<Vec<_>>(), ["cobertura", "lcov", "textfmt"]);
    assert!(FORMATS.iter().all(|format| recording.uploads[*format].len() == VERSIONS.len()));
}
