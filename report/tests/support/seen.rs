//! Reports as their consumers see them: read back, line by line.

#![allow(clippy::panic, reason = "in tests a panic is the report")]

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// A line of a file: its hits, and how many of its parts ran of how many, where it has two or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) hits: u32,
    pub(crate) parts: Option<(usize, usize)>,
}

/// Lines by file and 1-based number.
pub(crate) type SeenLines = BTreeMap<(String, u32), Seen>;
/// Hits of functions by file and name.
pub(crate) type SeenFunctions = BTreeMap<(String, String), u32>;

/// The records of an LCOV file by source file.
pub(crate) fn records(lcov: &str) -> BTreeMap<String, String> {
    lcov.split_inclusive("end_of_record\n")
        .map(|record| {
            (record.lines().nth(1).unwrap().strip_prefix("SF:").unwrap().to_owned(), record.to_owned())
        })
        .collect()
}

pub(crate) fn lines_of_lcov(lcov: &str) -> SeenLines {
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
                let line = Seen { hits: hits.parse().unwrap(), parts: branches.get(&number).copied() };
                assert!(seen.insert((path.clone(), number), line).is_none(), "a line twice: {path} {data}");
            }
        }
    }
    seen
}

pub(crate) fn functions_of_lcov(lcov: &str) -> SeenFunctions {
    let mut seen = SeenFunctions::new();
    for (path, record) in records(lcov) {
        for data in record.lines().filter_map(|line| line.strip_prefix("FNDA:")) {
            let (hits, name) = data.split_once(',').unwrap();
            let known = seen.insert((path.clone(), name.to_owned()), hits.parse().unwrap());
            assert!(known.is_none(), "a function twice: {path} {name}");
        }
    }
    seen
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).unwrap()?;
    Some(found.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned())
}

/// The lines of the classes; those of methods must say the same.
pub(crate) fn lines_of_cobertura(xml: &str) -> SeenLines {
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
                let parts = attribute(&element, "condition-coverage").map(|coverage| {
                    let counts = coverage.split_once('(').unwrap().1.trim_end_matches(')').to_owned();
                    let (hit, all) = counts.split_once('/').unwrap();
                    (hit.parse().unwrap(), all.parse().unwrap())
                });
                assert_eq!(attribute(&element, "branch").unwrap(), parts.is_some().to_string());
                let map = if in_method { &mut of_methods } else { &mut seen };
                map.insert((path.clone(), number), Seen { hits, parts });
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

/// The names of methods by file.
pub(crate) fn methods_of_cobertura(xml: &str) -> Vec<(String, String)> {
    let (mut seen, mut path) = (Vec::new(), String::new());
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) if element.name().as_ref() == "class" => {
                path = attribute(&element, "filename").unwrap();
            }
            Event::Start(element) if element.name().as_ref() == "method" => {
                seen.push((path.clone(), attribute(&element, "name").unwrap()));
            }
            Event::Eof => return seen,
            _ => {}
        }
    }
}

/// A text profile line by line, for data of Go 1.27 and later: there a unit's lines are those from its start to its end,
/// without the one that it reaches to column 1 of. Files are named as the compiler named them.
pub(crate) fn lines_of_textfmt(profile: &str) -> SeenLines {
    let mut parts: BTreeMap<(String, u32), Vec<(u32, u32)>> = BTreeMap::new();
    for record in profile.lines().skip(1) {
        let (file, place) = record.rsplit_once(':').unwrap();
        let numbers: Vec<u32> = place.split(['.', ',', ' ']).map(|number| number.parse().unwrap()).collect();
        let [start, from, end, to, statements, hits] = numbers[..] else { panic!("{record}") };
        let last = if to == 1 { end - 1 } else { end };
        for line in start..=last {
            if statements > 0 {
                let column = if line == start { from } else { 0 };
                parts.entry((file.to_owned(), line)).or_default().push((column, hits));
            }
        }
    }
    let seen = |parts: Vec<(u32, u32)>| Seen {
        hits: parts.iter().map(|part| part.1).max().unwrap(),
        parts: (parts.len() > 1).then(|| (parts.iter().filter(|part| part.1 > 0).count(), parts.len())),
    };
    parts.into_iter().map(|(place, parts)| (place, seen(parts))).collect()
}
