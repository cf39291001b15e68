//! For every rule of the format a file that breaks just that rule, made from a whole one; and every cut and flip of real
//! files: an error with its place, never a panic, never a number that is not true, never much memory.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod corpus;
mod counter_cases;
mod damage;
mod meta_cases;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use corpus::{Bad, read_error};
use covfmt::error::{Rule, Structure};

fn all_cases() -> Vec<Bad> {
    [meta_cases::cases(), counter_cases::cases()].concat()
}

#[test]
fn the_whole_files_are_whole() {
    assert_eq!(read_error(&corpus::meta()), None);
    assert_eq!(read_error(&corpus::counters()), None);
}

#[test]
fn each_file_breaks_its_rule_and_no_other() {
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for case in all_cases() {
        assert!(names.insert(case.name), "{} twice", case.name);
        let error = read_error(&case.bytes).map(|error| error.to_string());
        if error.as_deref() != Some(case.error.as_str()) {
            wrong.push(format!("{}: {}\n  expected {}", case.name, error.unwrap_or_default(), case.error));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} files, each with one broken rule", names.len());
}

/// The files as they stand in `testdata/malformed`, for whoever reads the format with another program.
#[test]
fn the_files_are_as_checked_in() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/malformed");
    let update = std::env::var_os("COVDATA_UPDATE_GOLDENS").is_some_and(|value| value == "1");
    let mut errors = String::new();
    let mut files = vec![("whole.covmeta".to_owned(), corpus::meta())];
    files.push(("whole.covcounters".to_owned(), corpus::counters()));
    for case in all_cases() {
        let file = format!("{}.{}", case.name, if case.is_meta() { "covmeta" } else { "covcounters" });
        writeln!(errors, "{file}: {}", case.error).unwrap();
        files.push((file, case.bytes));
    }
    files.push(("errors.txt".to_owned(), errors.into_bytes()));
    if update {
        std::fs::create_dir_all(&directory).unwrap();
        for (name, bytes) in &files {
            std::fs::write(directory.join(name), bytes).unwrap();
        }
    }
    let expected: BTreeSet<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let found: BTreeSet<String> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(found, expected, "run with COVDATA_UPDATE_GOLDENS=1");
    for (name, bytes) in &files {
        assert!(std::fs::read(directory.join(name)).unwrap() == *bytes, "{name} differs");
    }
}

/// A position for every kind of rule; a new one does not compile until it has one here, and then needs a case.
fn kind_of_rule(rule: &Rule) -> usize {
    match rule {
        Rule::Truncated { .. } => 0,
        Rule::Trailing { .. } => 1,
        Rule::Magic { .. } => 2,
        Rule::NoFooter { .. } => 3,
        Rule::Version { .. } => 4,
        Rule::Undefined { .. } => 5,
        Rule::Mismatch { .. } => 6,
        Rule::Hash { .. } => 7,
        Rule::Uleb128Overflow { .. } => 8,
        Rule::Index { .. } => 9,
        Rule::DuplicateArg { .. } => 10,
        Rule::BadArgc { .. } => 11,
    }
}

fn kind_of_structure(structure: Structure) -> usize {
    match structure {
        Structure::MetaHeader => 0,
        Structure::PackageTable => 1,
        Structure::MetaStrings => 2,
        Structure::PackageHeader(_) => 3,
        Structure::FunctionOffsets(_) => 4,
        Structure::PackageStrings(_) => 5,
        Structure::Function(..) => 6,
        Structure::CounterHeader => 7,
        Structure::CounterFooter => 8,
        Structure::SegmentHeader(_) => 9,
        Structure::SegmentStrings(_) => 10,
        Structure::SegmentArgs(_) => 11,
        Structure::SegmentCounters(_) => 12,
    }
}

#[test]
fn every_rule_and_every_structure_has_a_file() {
    let errors: Vec<_> = all_cases().iter().map(|case| read_error(&case.bytes).unwrap()).collect();
    let rules: BTreeSet<usize> = errors.iter().map(|error| kind_of_rule(&error.rule)).collect();
    assert_eq!(rules, (0..12).collect());
    let structures: BTreeSet<usize> = errors.iter().map(|error| kind_of_structure(error.structure)).collect();
    assert_eq!(structures, (0..13).collect());
    // And every value that the readers call by a name: whatever they write between quotes there.
    let shown = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let sources = [
        include_str!("../../src/read/counters.rs"),
        include_str!("../../src/read/cursor.rs"),
        include_str!("../../src/read/meta.rs"),
        include_str!("../../src/read/package.rs"),
        include_str!("../../src/read/segment.rs"),
        include_str!("../../src/read/strings.rs"),
        include_str!("../../src/integrity.rs"),
    ];
    let mut named = 0;
    for line in sources.iter().flat_map(|source| source.lines()).map(str::trim) {
        // Comments, attributes, keys of the args table, and what is asserted at compile time.
        let other = line.starts_with("//") || line.starts_with('#') || line.contains("count on this");
        let words = line.split('"').skip(1).step_by(2).filter(|word| word.contains(' '));
        for word in words.filter(|_| !other) {
            assert!(shown.contains(word), "no file breaks the rule of the {word:?}");
            named += 1;
        }
    }
    assert!(named >= 15, "{named}");
}
