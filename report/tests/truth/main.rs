//! Lines and functions whose numbers were worked out by hand, from the programs in `testdata/src` and what they were asked
//! to do. Every format must say them, for every Go version and counter mode.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in tests a panic is the report"
)]

mod formats;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::collections::BTreeMap;

use support::seen::{
    Seen, SeenFunctions, SeenLines, functions_of_lcov, lines_of_cobertura, lines_of_lcov, lines_of_textfmt,
    methods_of_cobertura,
};
use support::{NEWEST, VERSIONS, covreport, data_set, source, stdout_of, text};
use table::Table;

/// Tables, the data sets that they are about, and the source.
const TRUTHS: [(&str, &[&str], &str); 4] = [
    (include_str!("cases.txt"), &["cases-atomic", "cases-count", "cases-set"], "cases"),
    (include_str!("mapped.txt"), &["cases-atomic", "cases-count", "cases-set"], "cases"),
    (include_str!("workspace.txt"), &["workspace-atomic", "workspace-count", "workspace-set"], "workspace"),
    (include_str!("server.txt"), &["server-atomic"], "server"),
];

fn report(format: &str, version: &str, set: &str, sources: &str) -> String {
    let mut command = covreport();
    command.arg(format).arg("--root").arg(source(sources));
    text(&stdout_of(command.arg(data_set(version, set).join("data"))))
}

/// Checks the lines of a report; `named` is what the report calls a file.
fn check(table: &Table, lines: &SeenLines, set: &str, what: &str, named: impl Fn(&str) -> String) {
    for (file, truth) in &table.files {
        for row in &truth.lines {
            let expected = row.hits.map(|hits| Seen {
                hits: if set.ends_with("-set") { hits.min(1) } else { hits },
                parts: row.parts(),
            });
            let said = lines.get(&(named(file), row.number)).copied();
            assert_eq!(said, expected, "{what}: {file} line {} ({})", row.number, row.why);
        }
    }
}

fn check_functions(table: &Table, functions: &SeenFunctions, set: &str, what: &str) {
    for (file, truth) in &table.files {
        for (name, hits) in &truth.functions {
            let expected = if set.ends_with("-set") { (*hits).min(1) } else { *hits };
            let said = functions.get(&(file.clone(), name.clone())).copied();
            assert_eq!(said, Some(expected), "{what}: {file} function {name}");
        }
    }
}

#[test]
fn the_tables_are_long_enough() {
    let tables: Vec<Table> = TRUTHS.iter().map(|(rows, ..)| Table::parse(rows)).collect();
    let lines: usize =
        tables.iter().flat_map(|table| table.files.values()).map(|file| file.lines.len()).sum();
    let functions =
        tables.iter().flat_map(|t| t.files.values()).map(|file| file.functions.len()).sum::<usize>();
    println!("{lines} lines and {functions} functions");
    assert!(lines >= 150 && functions >= 30, "{lines} lines, {functions} functions");
}

#[test]
fn lcov_says_the_truth() {
    for (rows, sets, sources) in TRUTHS {
        let table = Table::parse(rows);
        for (set, version) in pairs(sets) {
            let lcov = report("--lcov", version, set, sources);
            let what = format!("LCOV of {set} {version}");
            check(&table, &lines_of_lcov(&lcov), set, &what, str::to_owned);
            check_functions(&table, &functions_of_lcov(&lcov), set, &what);
        }
    }
}

#[test]
fn cobertura_says_the_truth() {
    for (rows, sets, sources) in TRUTHS {
        let table = Table::parse(rows);
        for (set, version) in pairs(sets) {
            let cobertura = report("--cobertura", version, set, sources);
            let what = format!("Cobertura of {set} {version}");
            check(&table, &lines_of_cobertura(&cobertura), set, &what, str::to_owned);
            let methods = methods_of_cobertura(&cobertura);
            for (file, truth) in &table.files {
                for name in truth.functions.keys() {
                    let found = methods.iter().filter(|method| **method == (file.clone(), name.clone()));
                    assert_eq!(found.count(), 1, "{what}: {file} method {name}");
                }
            }
        }
    }
}

#[test]
fn the_formats_of_single_consumers_say_the_truth() {
    type Read = fn(&str) -> formats::ToldLines;
    // The format, its reader, and whether it says hits: of lines without parts, and of lines with parts.
    let all: [(&str, Read, (bool, bool)); 5] = [
        ("--codecov", formats::of_codecov, (true, false)),
        ("--coveralls", formats::of_coveralls, (true, true)),
        ("--json", formats::of_json, (true, true)),
        ("--sonarqube", formats::of_sonarqube, (false, false)),
        ("--jacoco", formats::of_jacoco, (false, false)),
    ];
    for (rows, sets, sources) in TRUTHS {
        let table = Table::parse(rows);
        for (set, version) in pairs(sets) {
            for (format, read, (plain_hits, parted_hits)) in all {
                let lines = read(&report(format, version, set, sources));
                for (file, truth) in &table.files {
                    for row in &truth.lines {
                        let parts = row.parts().map(|(hit, all)| (hit as u64, all as u64));
                        let hits =
                            row.hits.map(|hits| if set.ends_with("-set") { hits.min(1) } else { hits });
                        let expected = hits.map(|hits| formats::Told {
                            covered: hits > 0,
                            hits: Some(u64::from(hits))
                                .filter(|_| if parts.is_some() { parted_hits } else { plain_hits }),
                            parts,
                        });
                        // To Codecov a line of which all parts ran, or none, is one with hits.
                        let whole =
                            |told: formats::Told| told.parts.is_none_or(|(hit, all)| hit == 0 || hit == all);
                        let expected = match expected.filter(|told| format == "--codecov" && whole(*told)) {
                            Some(told) => {
                                Some(formats::Told { hits: hits.map(u64::from), parts: None, ..told })
                            }
                            None => expected,
                        };
                        let said = lines.get(&(file.clone(), row.number)).copied();
                        assert_eq!(said, expected, "{format} of {set} {version}: {file} line {}", row.number);
                    }
                }
            }
        }
    }
}

#[test]
fn the_text_profile_says_the_truth() {
    // The files' names there are import paths; their ends are those of the paths.
    let modules = BTreeMap::from([
        ("app", "example.com/invoice/app"),
        ("lib/money/tax", "example.com/tax"),
        ("lib/money", "example.com/invoice/lib/money"),
    ]);
    for (rows, sets, sources) in TRUTHS {
        let table = Table::parse(rows);
        for set in sets {
            let lines = lines_of_textfmt(&report("--textfmt", NEWEST, set, sources));
            let named = |file: &str| match sources {
                "cases" if file == "mapped/parser.go" => "example.com/cases/mapped/parser.go".to_owned(),
                "cases" => format!("example.com/cases/{file}"),
                "server" => format!("example.com/library/{file}"),
                _ => {
                    let module = modules.iter().rev().find(|(directory, _)| file.starts_with(**directory));
                    let (directory, module) = module.unwrap();
                    format!("{module}{}", file.strip_prefix(directory).unwrap())
                }
            };
            let table = without_what_the_profile_cannot_say(&table);
            check(&table, &lines, set, &format!("text profile of {set}"), named);
        }
    }
}

/// The text profile has a unit's start and end only: lines between them that hold no code cannot be told, nor whose part
/// of a line is code; and a function behind a `//line` directive is in the file that the directive names.
fn without_what_the_profile_cannot_say(table: &Table) -> Table {
    let mut table = table.clone();
    for (file, truth) in &mut table.files {
        truth
            .lines
            .retain(|row| !row.why.starts_with("a comment within") && !row.why.starts_with("a blank line"));
        truth.lines.retain(|row| !matches!((file.as_str(), row.number), ("mapped/parser.go", 33..=36)));
        truth.lines.retain(|row| !matches!((file.as_str(), row.number), ("layout/layout.go", 30)));
    }
    table
}

fn pairs<'s>(sets: &'s [&'s str]) -> Vec<(&'s str, &'static str)> {
    sets.iter().flat_map(|set| VERSIONS.into_iter().map(move |version| (*set, version))).collect()
}
