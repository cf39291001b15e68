//! JSON of our own: everything that the meta-data and the view know. docs/JSON.md, docs/report.schema.json.
//!
//! Written as it goes, one element after the other. Never holds the command lines that counter files record, which may
//! hold secrets.

use std::collections::HashMap;
use std::io::{self, Write};

use bstr::{BStr, ByteSlice as _};
use covfmt::profile::Function;
use serde::Serialize;
use serde::ser::Serializer;

use crate::missing::MissingInput;
use crate::view::{
    Excluded, ExcludedPart, FileTotals, FileUnits, FunctionView, Line, PackageView, Ratio, SourceFile, View,
};

/// Raised when a field goes or changes its meaning; new fields may come without.
const VERSION: u32 = 1;

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let by_package = FileTotals::by_package(&view.files);
    let entry = |package| PackageEntry::new(package, &by_package);
    let report = Report {
        schema: "covreport/report",
        version: VERSION,
        tool: Tool { name: "covreport", version: env!("CARGO_PKG_VERSION") },
        mode: view.mode.as_str(),
        root: view.root.as_ref().map(|root| root.to_string_lossy().into_owned()),
        totals: Totals::new(view.statements, FileTotals::of_all(&view.files)),
        excluded: ExcludedEntry::from(&view.excluded),
        missing: Sequence(&view.missing, MissingEntry::from),
        packages: Sequence(&view.packages, entry),
        files: Sequence(&view.files, FileEntry::new),
    };
    serde_json::to_writer(&mut *out, &report)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Report<M: Serialize, P: Serialize, F: Serialize> {
    schema: &'static str,
    version: u32,
    tool: Tool,
    mode: &'static str,
    root: Option<String>,
    totals: Totals,
    excluded: ExcludedEntry,
    missing: M,
    packages: P,
    files: F,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// A list whose elements are made one by one while it is written.
struct Sequence<'v, T, M>(&'v [T], M);

impl<'v, T, E: Serialize, M: Fn(&'v T) -> E> Serialize for Sequence<'v, T, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(&self.1))
    }
}

#[derive(Serialize)]
struct Covered {
    covered: u64,
    total: u64,
}

impl From<Ratio> for Covered {
    fn from(Ratio { covered, total }: Ratio) -> Self {
        Self { covered, total }
    }
}

#[derive(Serialize)]
struct Totals {
    statements: Covered,
    lines: Covered,
    branches: Covered,
    functions: Covered,
}

impl Totals {
    fn new(statements: Ratio, FileTotals { lines, branches, functions }: FileTotals) -> Self {
        let (statements, lines) = (statements.into(), lines.into());
        Self { statements, lines, branches: branches.into(), functions: functions.into() }
    }
}

#[derive(Serialize)]
struct ExcludedEntry {
    statements: u64,
    by_glob: ExcludedPartEntry,
    generated: ExcludedPartEntry,
    marked: ExcludedPartEntry,
}

#[derive(Serialize)]
struct ExcludedPartEntry {
    files: u64,
    statements: u64,
}

impl From<&Excluded> for ExcludedEntry {
    fn from(excluded: &Excluded) -> Self {
        let part = |part: ExcludedPart| ExcludedPartEntry { files: part.files, statements: part.statements };
        Self {
            statements: excluded.statements(),
            by_glob: part(excluded.by_glob),
            generated: part(excluded.generated),
            marked: part(excluded.marked),
        }
    }
}

#[derive(Serialize)]
struct MissingEntry<'v> {
    kind: &'static str,
    path: String,
    reason: &'v str,
}

impl<'v> From<&'v MissingInput> for MissingEntry<'v> {
    fn from(MissingInput { kind, path, reason }: &'v MissingInput) -> Self {
        Self { kind: kind.as_str(), path: path.display().to_string(), reason }
    }
}

#[derive(Serialize)]
struct PackageEntry<'v> {
    path: String,
    name: String,
    module: String,
    totals: Totals,
    files: CompiledFiles<'v>,
}

impl<'v> PackageEntry<'v> {
    fn new(package: &'v PackageView<'_>, by_package: &HashMap<&BStr, FileTotals>) -> Self {
        let totals = by_package.get(package.path).copied().unwrap_or_default();
        Self {
            path: package.path.to_string(),
            name: package.name.to_string(),
            module: package.module.to_string(),
            totals: Totals::new(package.statements, totals),
            files: CompiledFiles(&package.files),
        }
    }
}

struct CompiledFiles<'v>(&'v [FileUnits<'v>]);

impl Serialize for CompiledFiles<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct CompiledFile<'v> {
            name: String,
            functions: CompiledFunctions<'v>,
        }
        serializer.collect_seq(self.0.iter().map(|file| CompiledFile {
            name: file.name.to_string(),
            functions: CompiledFunctions(&file.functions),
        }))
    }
}

struct CompiledFunctions<'v>(&'v [Function<'v>]);

impl Serialize for CompiledFunctions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct CompiledFunction<'v> {
            name: std::borrow::Cow<'v, str>,
            literal: bool,
            units: Units<'v>,
        }
        // The order of the profile depends on the order of the inputs, this one does not.
        let mut functions: Vec<&Function<'_>> = self.0.iter().collect();
        functions.sort_by_key(|function| (function.units, function.name, function.literal));
        serializer.collect_seq(functions.into_iter().map(|function| CompiledFunction {
            name: function.name.to_str_lossy(),
            literal: function.literal,
            units: Units(function),
        }))
    }
}

struct Units<'v>(&'v Function<'v>);

impl Serialize for Units<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct UnitEntry {
            start_line: u32,
            start_column: u32,
            end_line: u32,
            end_column: u32,
            statements: u32,
            count: u32,
        }
        serializer.collect_seq(self.0.units.iter().zip(self.0.counts).map(|(unit, count)| UnitEntry {
            start_line: unit.start_line,
            start_column: unit.start_column,
            end_line: unit.end_line,
            end_column: unit.end_column,
            statements: unit.statements,
            count: *count,
        }))
    }
}

#[derive(Serialize)]
struct FileEntry<'v> {
    path: &'v str,
    package: String,
    names: Vec<String>,
    totals: Totals,
    functions: Functions<'v>,
    lines: Lines<'v>,
}

impl<'v> FileEntry<'v> {
    fn new(file: &'v SourceFile<'_>) -> Self {
        Self {
            path: &file.path,
            package: file.package.to_string(),
            names: file.names.iter().map(ToString::to_string).collect(),
            totals: Totals::new(file.statements, FileTotals::of(file)),
            functions: Functions(&file.functions),
            lines: Lines(&file.lines),
        }
    }
}

struct Functions<'v>(&'v [FunctionView]);

impl Serialize for Functions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct FunctionEntry<'v> {
            name: &'v str,
            start_line: u32,
            end_line: u32,
            hits: u32,
            statements: Covered,
            lines: &'v [u32],
        }
        serializer.collect_seq(self.0.iter().map(|function| FunctionEntry {
            name: &function.name,
            start_line: function.start_line,
            end_line: function.end_line,
            hits: function.hits,
            statements: function.statements.into(),
            lines: &function.lines,
        }))
    }
}

struct Lines<'v>(&'v [Line]);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct LineEntry<'v> {
            number: u32,
            hits: u32,
            #[serde(skip_serializing_if = "<[u32]>::is_empty")]
            branches: &'v [u32],
        }
        serializer.collect_seq(self.0.iter().map(|line| LineEntry {
            number: line.number,
            hits: line.hits,
            branches: &line.branches,
        }))
    }
}
