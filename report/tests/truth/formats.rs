//! The formats of single consumers, read back: what each says of a line.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::Value;

/// What a format says of a line. Not each says all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) covered: bool,
    pub(crate) hits: Option<u64>,
    /// How many parts ran, of how many.
    pub(crate) parts: Option<(u64, u64)>,
}

/// Lines by file and 1-based number.
pub(crate) type ToldLines = BTreeMap<(String, u32), Told>;

pub(crate) fn of_codecov(report: &str) -> ToldLines {
    let report: Value = serde_json::from_str(report).unwrap();
    let mut lines = ToldLines::new();
    for (path, of_file) in report["coverage"].as_object().unwrap() {
        for (number, coverage) in of_file.as_object().unwrap() {
            let hits = coverage.as_u64();
            let parts = coverage.as_str().map(|parts| {
                let (hit, all) = parts.split_once('/').unwrap();
                (hit.parse().unwrap(), all.parse().unwrap())
            });
            let covered = hits.or(parts.map(|parts| parts.0)).unwrap() > 0;
            lines.insert((path.clone(), number.parse().unwrap()), Told { covered, hits, parts });
        }
    }
    lines
}

pub(crate) fn of_coveralls(report: &str) -> ToldLines {
    let report: Value = serde_json::from_str(report).unwrap();
    let mut lines = ToldLines::new();
    for file in report["source_files"].as_array().unwrap() {
        let path = file["name"].as_str().unwrap();
        for (number, hits) in (1..).zip(file["coverage"].as_array().unwrap()) {
            if let Some(hits) = hits.as_u64() {
                let told = Told { covered: hits > 0, hits: Some(hits), parts: None };
                lines.insert((path.to_owned(), number), told);
            }
        }
        let branches: Vec<u64> =
            file["branches"].as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect();
        for quadruple in branches.chunks_exact(4) {
            let place = (path.to_owned(), u32::try_from(quadruple[0]).unwrap());
            let (hit, all) = lines[&place].parts.unwrap_or_default();
            let parts = Some((hit + u64::from(quadruple[3] > 0), all + 1));
            lines.get_mut(&place).unwrap().parts = parts;
        }
    }
    lines
}

pub(crate) fn of_json(report: &str) -> ToldLines {
    let report: Value = serde_json::from_str(report).unwrap();
    let mut lines = ToldLines::new();
    for file in report["files"].as_array().unwrap() {
        for line in file["lines"].as_array().unwrap() {
            let number = u32::try_from(line["number"].as_u64().unwrap()).unwrap();
            let hits = line["hits"].as_u64();
            let branches = line["branches"].as_array().filter(|branches| !branches.is_empty());
            let parts = branches.map(|branches| {
                let hit = branches.iter().filter(|count| count.as_u64() != Some(0)).count();
                (hit as u64, branches.len() as u64)
            });
            let told = Told { covered: hits.unwrap() > 0, hits, parts };
            lines.insert((file["path"].as_str().unwrap().to_owned(), number), told);
        }
    }
    lines
}

/// Every element of an XML document by its name and attributes, in order.
fn elements(xml: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    let attributes = |element: &BytesStart<'_>| {
        let pair = |attribute: quick_xml::events::attributes::Attribute<'_>| {
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned();
            (attribute.key.as_ref().to_owned(), value)
        };
        element.attributes().map(|attribute| pair(attribute.unwrap())).collect()
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) => {
                found.push((element.name().as_ref().to_owned(), attributes(&element)));
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

pub(crate) fn of_sonarqube(report: &str) -> ToldLines {
    let (mut lines, mut path) = (ToldLines::new(), String::new());
    for (name, attributes) in elements(report) {
        match name.as_str() {
            "file" => path.clone_from(&attributes["path"]),
            "lineToCover" => {
                let number = |name: &str| attributes.get(name).map(|number| number.parse().unwrap());
                let parts = number("coveredBranches").zip(number("branchesToCover"));
                let told = Told { covered: attributes["covered"] == "true", hits: None, parts };
                lines.insert((path.clone(), attributes["lineNumber"].parse().unwrap()), told);
            }
            _ => {}
        }
    }
    lines
}

pub(crate) fn of_jacoco(report: &str) -> ToldLines {
    let (mut lines, mut directory, mut path) = (ToldLines::new(), String::new(), String::new());
    for (name, attributes) in elements(report) {
        match name.as_str() {
            "package" => directory.clone_from(&attributes["name"]),
            "sourcefile" => path = format!("{directory}/{}", attributes["name"]),
            "line" => {
                let number = |name: &str| attributes[name].parse::<u64>().unwrap();
                let (missed, covered) = (number("mb"), number("cb"));
                let parts = (missed + covered > 0).then_some((covered, missed + covered));
                let told = Told { covered: number("ci") > 0, hits: None, parts };
                lines.insert((path.clone(), attributes["nr"].parse().unwrap()), told);
            }
            _ => {}
        }
    }
    lines
}
