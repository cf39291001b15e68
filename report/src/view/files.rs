//! Source files: the lines, branches and functions of every file of the repository that was compiled.

use std::collections::BTreeMap;

use bstr::{BStr, ByteSlice as _};
use covfmt::mode::CounterMode;
use covfmt::profile::Function;
use covfmt::unit::Unit;
use rayon::prelude::*;

use super::functions::{self, FunctionView, Unnamed};
use super::lines::{Line, LineRule, TooManyLines};
use super::statements::{CountedUnit, FileUnits, PackageView};
use super::totals::Ratio;
use crate::checkout::{Checkout, FoundBy, Place, is_go};
use crate::source::{Mismatch, SourceText, declarations, directed_files};

/// A source file of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceFile<'p> {
    /// Path below the repository's root, with forward slashes.
    pub path: String,
    /// Import path of its package.
    pub package: &'p BStr,
    /// Its statements, as the reference tool counts them.
    pub statements: Ratio,
    /// The lines that hold code, ascending.
    pub lines: Vec<Line>,
    /// Its functions, in the order of the file; those without a line of code included.
    pub functions: Vec<FunctionView>,
}

impl SourceFile<'_> {
    /// Lines with code, and those of them that ran.
    pub fn line_totals(&self) -> Ratio {
        let mut lines = Ratio::default();
        self.lines.iter().for_each(|line| lines.count(1, line.hits != 0));
        lines
    }

    /// Branches: the units of lines with two or more of them, and those that ran.
    pub fn branch_totals(&self) -> Ratio {
        let mut branches = Ratio::default();
        let counts = self.lines.iter().flat_map(|line| &line.branches);
        counts.for_each(|count| branches.count(1, *count != 0));
        branches
    }

    /// The functions that have a line of code, in the order of the file.
    pub fn functions_with_code(&self) -> impl Iterator<Item = &FunctionView> {
        self.functions.iter().filter(|function| !function.lines.is_empty())
    }

    /// Functions with a line of code, and those of them that were entered.
    pub fn function_totals(&self) -> Ratio {
        let mut functions = Ratio::default();
        self.functions_with_code().for_each(|function| functions.count(1, function.hits != 0));
        functions
    }

    /// A line by its 1-based number.
    pub fn line(&self, number: u32) -> Option<&Line> {
        self.lines.get(self.lines.binary_search_by_key(&number, |line| line.number).ok()?)
    }
}

/// What a report should say about how the files were found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// Files whose source was not there.
    pub without_source: Vec<String>,
    /// Files whose source does not fit the data, and why. Their lines follow the rule without source.
    pub mismatched: Vec<(String, Mismatch)>,
    /// Files that were found by the end of their path: the compiler's name and the path.
    pub guessed: Vec<(String, String)>,
    /// Names of files that lie outside the repository and were left out.
    pub outside: Vec<String>,
    /// Statements of those.
    pub outside_statements: u64,
    /// Modules that more than one directory of the repository declares.
    pub ambiguous_modules: Vec<String>,
}

/// Why there can be no view of files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// A file with more lines than can be.
    #[error("{path}: {source}")]
    TooManyLines {
        /// The file.
        path: String,
        /// What is wrong.
        source: TooManyLines,
    },
    /// Not one file is in the repository: most likely the wrong directory.
    #[error(
        "none of the {files} files in the coverage data {} (the first is {first})",
        match .root {
            Some(root) => format!(
                "is below {root}: give the repository that the program was built from with --root, or \
                 --no-checkout to report import paths"
            ),
            None => "belongs to a module".to_owned(),
        }
    )]
    NothingFound {
        /// Number of files in the data.
        files: usize,
        /// The root that was searched, if there is one.
        root: Option<String>,
        /// One of the files.
        first: String,
    },
}

/// The compiled files that are one file of the repository: mostly one, more if it was built in different ways.
struct Compiled<'v, 'p> {
    path: String,
    package: &'p BStr,
    parts: Vec<&'v FileUnits<'p>>,
}

/// Everything of a [`SourceFile`] but the names of functions, which depend on the other files of the package.
struct Measured<'p> {
    path: String,
    package: &'p BStr,
    lines: Vec<Line>,
    functions: Vec<Unnamed>,
    source: SourceState,
    /// The compiler's names for it.
    names: Vec<&'p BStr>,
    statements: Ratio,
}

enum SourceState {
    Used,
    Missing,
    Mismatched(Mismatch),
}

/// Finds the files of all packages in the repository and works out their lines. Sorted by path.
pub fn source_files<'p>(
    mode: CounterMode,
    packages: &[PackageView<'p>],
    checkout: &Checkout,
) -> Result<(Vec<SourceFile<'p>>, Findings), FilesError> {
    let mut findings = Findings { ambiguous_modules: checkout.ambiguous_modules(), ..Findings::default() };
    let compiled = place_all(packages, checkout, &mut findings);
    let mut measured: Vec<Measured<'p>> =
        compiled.into_par_iter().map(|file| measure(mode, file, checkout)).collect::<Result<_, _>>()?;
    drop_wrong_guesses(&mut measured, &mut findings);
    let names = || packages.iter().flat_map(|package| &package.files).map(|file| file.name);
    if let (true, Some(first)) = (measured.is_empty(), names().next()) {
        let (files, root) = (names().count(), checkout.root().map(|root| root.display().to_string()));
        return Err(FilesError::NothingFound { files, root, first: first.to_string() });
    }

    let mut inits: BTreeMap<&BStr, usize> = BTreeMap::new();
    let mut files = Vec::with_capacity(measured.len());
    for file in measured {
        match file.source {
            SourceState::Used => {}
            SourceState::Missing => findings.without_source.push(file.path.clone()),
            SourceState::Mismatched(why) => findings.mismatched.push((file.path.clone(), why)),
        }
        let functions = functions::name_all(file.functions, inits.entry(file.package).or_default());
        files.push(SourceFile {
            path: file.path,
            package: file.package,
            statements: file.statements,
            lines: file.lines,
            functions,
        });
    }
    Ok((files, findings))
}

/// A file that was found by the end of its path only, and whose source does not fit the data, is another file.
fn drop_wrong_guesses(measured: &mut Vec<Measured<'_>>, findings: &mut Findings) {
    measured.retain(|file| {
        let guessed = |findings: &Findings| findings.guessed.iter().any(|(_, path)| *path == file.path);
        if !matches!(file.source, SourceState::Mismatched(_)) || !guessed(findings) {
            return true;
        }
        findings.guessed.retain(|(_, path)| *path != file.path);
        findings.outside.extend(file.names.iter().map(ToString::to_string));
        findings.outside_statements += file.statements.total;
        false
    });
}

/// The compiled files that have the same path, with their packages.
type ByPath<'v, 'p> = BTreeMap<String, Vec<(&'v PackageView<'p>, &'v FileUnits<'p>)>>;

/// Sorted by path, which sorts the files of a package by base name, too.
fn place_all<'v, 'p>(
    packages: &'v [PackageView<'p>],
    checkout: &Checkout,
    findings: &mut Findings,
) -> Vec<Compiled<'v, 'p>> {
    let mut by_path = ByPath::new();
    for package in packages {
        for file in &package.files {
            match checkout.place(package.module, package.path, file.name) {
                Place::Inside { path, by } => {
                    let path = generated_source(checkout, &path, file).unwrap_or(path);
                    if by == FoundBy::Suffix {
                        findings.guessed.push((file.name.to_string(), path.clone()));
                    }
                    by_path.entry(path).or_default().push((package, file));
                }
                Place::Outside => {
                    findings.outside.push(file.name.to_string());
                    findings.outside_statements +=
                        file.units.iter().map(|counted| u64::from(counted.unit.statements)).sum::<u64>();
                }
            }
        }
    }
    if checkout.root().is_none() {
        by_path = keep_apart(by_path);
    }
    let compiled = |(path, parts): (String, Vec<(&PackageView<'p>, &'v FileUnits<'p>)>)| {
        // `go build main.go` makes a package of that name from files that have a better one.
        let named = parts.iter().find(|(package, _)| package.path != "command-line-arguments");
        let package = named.or(parts.first()).map_or(BStr::new(b""), |(package, _)| package.path);
        Compiled { path, package, parts: parts.into_iter().map(|(_, file)| file).collect() }
    };
    by_path.into_iter().map(compiled).collect()
}

/// For a file that a `//line` directive names: the Go file that holds the directive, if the units are places in that
/// one. They are with Go 1.27; up to Go 1.26 they are the places that the directives give, mostly without columns.
fn generated_source(checkout: &Checkout, path: &str, file: &FileUnits<'_>) -> Option<String> {
    if is_go(path) {
        return None;
    }
    let base = path.rsplit('/').next()?.as_bytes();
    let directs = |candidate: &String| {
        Some(checkout.read(candidate)?).filter(|text| directed_files(text).any(|f| f == base))
    };
    let mut sources = checkout.go_files_beside(path).into_iter().filter_map(|p| Some((directs(&p)?, p)));
    let ((text, source), None) = (sources.next()?, sources.next()) else { return None };
    let text = SourceText::new(text);
    let fits = |unit: &Unit| unit.statements == 0 || text.starts_token(unit);
    file.units.iter().all(|counted| fits(&counted.unit)).then_some(source)
}

/// Without a tree, files of two modules may get the same path: both keep the compiler's name then.
fn keep_apart<'v, 'p>(by_path: ByPath<'v, 'p>) -> ByPath<'v, 'p> {
    let mut apart = ByPath::new();
    for (path, parts) in by_path {
        if parts.len() == 1 {
            apart.entry(path).or_default().extend(parts);
            continue;
        }
        for (package, file) in parts {
            let name = file.name.to_str_lossy().trim_start_matches('/').to_owned();
            apart.entry(name).or_default().push((package, file));
        }
    }
    apart
}

fn measure<'p>(
    mode: CounterMode,
    file: Compiled<'_, 'p>,
    checkout: &Checkout,
) -> Result<Measured<'p>, FilesError> {
    let Compiled { path, package, parts } = file;
    let counted: Vec<CountedUnit> = parts.iter().flat_map(|part| part.units.iter().copied()).collect();
    let functions: Vec<Function<'p>> = parts.iter().flat_map(|part| part.functions.iter().copied()).collect();
    let units = || counted.iter().map(|counted: &CountedUnit| counted.unit);
    // Other files are named by `//line` directives: their text is not what the compiler counted.
    let text = if is_go(&path) { checkout.read(&path) } else { None }.map(SourceText::new);

    let without = |state| (LineRule::without_source(units()), state);
    let (rule, source) = match &text {
        None => without(SourceState::Missing),
        Some(text) => match LineRule::with_source(text, units()) {
            Ok(rule) => (rule, SourceState::Used),
            Err(mismatch) => without(SourceState::Mismatched(mismatch)),
        },
    };
    let lines = match rule.lines(mode, &counted) {
        Ok(lines) => lines,
        Err(source) => return Err(FilesError::TooManyLines { path, source }),
    };
    let fitting = text.as_ref().filter(|_| matches!(source, SourceState::Used));
    let declared = fitting.map(declarations).unwrap_or_default();
    let functions =
        functions::collect(mode, &functions, &rule, fitting.map(|text| (text, declared.as_slice())));
    let names = parts.iter().map(|part| part.name).collect();
    let mut statements = Ratio::default();
    for counted in &counted {
        statements.count(counted.unit.statements.into(), counted.count != 0);
    }
    Ok(Measured { path, package, lines, functions, source, names, statements })
}
