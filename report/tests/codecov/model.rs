//! Codecov's arithmetic for three formats, written from its behaviour: lines in, `hits` or `k/n` for each out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// What Codecov says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// So many hits.
    Hits(u64),
    /// So many parts hit of so many.
    Parts(usize, usize),
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hits(hits) => write!(f, "{hits}"),
            Self::Parts(hit, all) => write!(f, "{hit}/{all}"),
        }
    }
}

/// The lines of a file by their 1-based numbers.
pub(crate) type Lines = BTreeMap<u32, Coverage>;

/// The numbers that Codecov shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub(crate) lines: usize,
    pub(crate) hits: usize,
    pub(crate) partials: usize,
    pub(crate) misses: usize,
}

impl Totals {
    pub(crate) fn of<'l>(files: impl Iterator<Item = &'l Lines>) -> Self {
        let mut totals = Self::default();
        for coverage in files.flat_map(BTreeMap::values) {
            totals.lines += 1;
            match coverage {
                Coverage::Hits(0) | Coverage::Parts(0, _) => totals.misses += 1,
                Coverage::Parts(hit, all) if hit < all => totals.partials += 1,
                Coverage::Hits(_) | Coverage::Parts(..) => totals.hits += 1,
            }
        }
        totals
    }

    pub(crate) fn four(self) -> [usize; 4] {
        [self.lines, self.hits, self.partials, self.misses]
    }
}

/// A part of a line: from a column (`None`: the start) up to another (`None`: the end), and its hits.
type Part = (Option<u32>, Option<u32>, u64);

/// Go's text profile. Numbers of statements are not looked at.
pub(crate) fn of_textfmt(report: &str) -> BTreeMap<String, Lines> {
    let mut files: BTreeMap<String, BTreeMap<u32, BTreeSet<Part>>> = BTreeMap::new();
    for record in report.lines().filter(|line| !line.starts_with("mode: ")) {
        let (name, place) = record.split_once(':').unwrap();
        let numbers: Vec<u64> = place.split(['.', ',', ' ']).map(|number| number.parse().unwrap()).collect();
        let [start, from, end, to, _statements, hits] = numbers[..] else { panic!("{record}") };
        let [start, from, end, to] = [start, from, end, to].map(|number| u32::try_from(number).unwrap());
        let lines = files.entry(name.to_owned()).or_default();
        if start == end {
            lines.entry(start).or_default().insert((Some(from), Some(to), hits));
            continue;
        }
        lines.entry(start).or_default().insert((Some(from), None, hits));
        for middle in start + 1..end {
            lines.entry(middle).or_default().insert((Some(0), None, hits));
        }
        // An end at column 2 is the closing brace of a function, one at column 1 is nothing.
        if to > 2 {
            lines.entry(end).or_default().insert((None, Some(to), hits));
        }
    }
    let of_file = |lines: BTreeMap<u32, BTreeSet<Part>>| -> Lines {
        lines.into_iter().map(|(number, parts)| (number, of_parts(&parts))).collect()
    };
    files.into_iter().map(|(name, lines)| (name, of_file(lines))).collect()
}

/// Paints columns with the greatest count, and counts the runs of equal ones. Columns that no part touches do not
/// interrupt a run.
fn of_parts(parts: &BTreeSet<Part>) -> Coverage {
    let best = || parts.iter().map(|part| part.2).max().unwrap();
    if parts.len() == 1 {
        return Coverage::Hits(best());
    }
    let mut columns: BTreeMap<u32, u64> = BTreeMap::new();
    let mut paint = |from: Option<u32>, to: u32, hits: u64| {
        for column in from.unwrap_or(0)..to {
            let painted = columns.entry(column).or_insert(hits);
            *painted = (*painted).max(hits);
        }
        columns.keys().last().copied()
    };
    let mut last = None;
    for (from, to, hits) in parts {
        last = to.and_then(|to| paint(*from, to, *hits)).or(last);
    }
    let last = last.unwrap_or_else(|| parts.iter().map(|part| part.0.unwrap_or(0)).max().unwrap()) + 1;
    let open = || parts.iter().filter(|part| part.1.is_none());
    for (from, _, hits) in open() {
        paint(*from, last, *hits);
    }
    let painted: Vec<(u32, u64)> = columns.into_iter().collect();
    let mut runs: Vec<(u32, u32, u64)> = Vec::new();
    for run in painted.chunk_by(|a, b| a.1 == b.1) {
        runs.push((run[0].0, run[run.len() - 1].0 + 1, run[0].1));
    }
    if runs.first().is_some_and(|run| (run.0, run.1) == (0, 1)) {
        let dud = runs.remove(0);
        if runs.is_empty() {
            return Coverage::Hits(dud.2);
        }
    }
    if let (Some(open), Some(run)) = (open().map(|part| part.2).max(), runs.last())
        && (run.1, run.2) != (last, open)
    {
        runs.push((last, u32::MAX, open));
    }
    match runs[..] {
        [] => Coverage::Hits(best()),
        [one] => Coverage::Hits(one.2),
        ref several => Coverage::Parts(several.iter().filter(|run| run.2 > 0).count(), several.len()),
    }
}

/// LCOV: lines from `DA`; where there are branches they take the line's place. Nothing else is looked at.
pub(crate) fn of_lcov(report: &str) -> BTreeMap<String, Lines> {
    let mut files = BTreeMap::new();
    for record in report.split("end_of_record\n").filter(|record| !record.is_empty()) {
        let mut lines = Lines::new();
        let mut branches: BTreeMap<u32, BTreeMap<(String, String), bool>> = BTreeMap::new();
        let mut name = None;
        for (kind, content) in record.lines().filter_map(|line| line.split_once(':')) {
            let fields: Vec<&str> = content.split(',').collect();
            match kind {
                "SF" => name = Some(content.to_owned()),
                "DA" => {
                    let line = Coverage::Hits(fields[1].parse().unwrap());
                    assert!(
                        lines.insert(fields[0].parse().unwrap(), line).is_none(),
                        "a line twice: {content}"
                    );
                }
                "BRDA" => {
                    let branch = (fields[1].to_owned(), fields[2].to_owned());
                    let taken = !matches!(fields[3], "-" | "0");
                    branches.entry(fields[0].parse().unwrap()).or_default().insert(branch, taken);
                }
                _ => {}
            }
        }
        for (line, branches) in branches {
            lines.insert(
                line,
                Coverage::Parts(branches.values().filter(|taken| **taken).count(), branches.len()),
            );
        }
        assert!(files.insert(name.unwrap(), lines).is_none(), "a file twice");
    }
    files
}

/// Cobertura: every `line` below a class, those of methods too, which say the same in our reports.
pub(crate) fn of_cobertura(report: &str) -> BTreeMap<String, Lines> {
    let mut files: BTreeMap<String, Lines> = BTreeMap::new();
    let mut name = String::new();
    let mut reader = Reader::from_str(report);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "class" => {
                name = attribute(&element, "filename").unwrap();
                assert!(files.insert(name.clone(), Lines::new()).is_none(), "a file twice: {name}");
            }
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "line" => {
                let number = attribute(&element, "number").unwrap().parse().unwrap();
                let coverage = of_line(&element);
                let known = files.get_mut(&name).unwrap().insert(number, coverage);
                assert!(known.is_none_or(|known| known == coverage), "{name} line {number} differs");
            }
            Event::Eof => return files,
            _ => {}
        }
    }
}

fn of_line(element: &BytesStart<'_>) -> Coverage {
    let parts = attribute(element, "condition-coverage");
    let parts = parts.filter(|_| attribute(element, "branch").as_deref() == Some("true"));
    if let Some(parts) = parts {
        let (hit, all) = parts.split_once('(').unwrap().1.trim_end_matches(')').split_once('/').unwrap();
        return Coverage::Parts(hit.parse().unwrap(), all.parse().unwrap());
    }
    Coverage::Hits(attribute(element, "hits").unwrap().parse().unwrap())
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).unwrap()?;
    Some(found.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned())
}
