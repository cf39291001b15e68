//! Tables of truths: `NUMBER | HITS | HITS OF ITS PARTS | why` and `fn NAME | HITS | | why` below `== FILE`.

use std::collections::BTreeMap;

/// What is true of some files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// By path below the root.
    pub(crate) files: BTreeMap<String, FileTruth>,
}

/// What is true of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileTruth {
    pub(crate) lines: Vec<Row>,
    /// Hits by name.
    pub(crate) functions: BTreeMap<String, u32>,
}

/// What is true of a line.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// 1-based.
    pub(crate) number: u32,
    /// `None`: the line holds no code.
    pub(crate) hits: Option<u32>,
    /// Hits of each part by column; empty unless there are two or more.
    branches: Vec<u32>,
    pub(crate) why: String,
}

impl Row {
    /// How many parts ran, of how many.
    pub(crate) fn parts(&self) -> Option<(usize, usize)> {
        let hit = self.branches.iter().filter(|hits| **hits > 0).count();
        (!self.branches.is_empty()).then_some((hit, self.branches.len()))
    }
}

impl Table {
    pub(crate) fn parse(text: &str) -> Self {
        let mut table = Self::default();
        let mut file = None;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(path) = line.strip_prefix("== ") {
                file = Some(table.files.entry(path.to_owned()).or_default());
                continue;
            }
            let file = file.as_mut().unwrap();
            let fields: Vec<&str> = line.splitn(4, '|').map(str::trim).collect();
            let [subject, hits, branches, why] = fields[..] else { panic!("{line}") };
            if let Some(name) = subject.strip_prefix("fn ") {
                file.functions.insert(name.to_owned(), hits.parse().unwrap());
                continue;
            }
            let branches: Vec<u32> = branches.split_whitespace().map(|hits| hits.parse().unwrap()).collect();
            let row = Row {
                number: subject.parse().unwrap(),
                hits: (hits != "-").then(|| hits.parse().unwrap()),
                branches,
                why: why.to_owned(),
            };
            assert!(row.branches.is_empty() || row.branches.iter().max() == row.hits.as_ref(), "{line}");
            file.lines.push(row);
        }
        table
    }
}
