//! Source files: the lines, branches and functions of every file of the repository that was compiled.

use std::collections::{BTreeMap, BTreeSet};

use bstr::BStr;
use covfmt::mode::CounterMode;
use covfmt::profile::Function;
use rayon::prelude::*;

use super::claims::{Claims, TooManyClaimed};
use super::digests::SourceDigest;
use super::functions::{self, FunctionView, Unnamed};
use super::lines::{Line, LineRule, TooManyLines, is_misplaced};
use super::places::Places;
use super::statements::{CountedUnit, FileUnits, PackageView};
use super::totals::Ratio;
use crate::checkout::{Checkout, FoundBy, is_go};
use crate::source::{Mismatch, SourceText, declarations};

/// A source file of the repository, or one outside it if those were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceFile<'p> {
    /// Path below the repository's root, or absolute if that was asked for, with forward slashes. Of a file outside the
    /// repository the absolute path if it is known, else the compiler's name.
    pub path: String,
    /// Import path of its package.
    pub package: &'p BStr,
    /// The compiler's names for it, sorted: one, or more if it was built in different ways.
    pub names: Vec<&'p BStr>,
    /// Its contents in short, if they were asked for and are at hand.
    pub digest: Option<SourceDigest>,
    /// Its statements: those of its functions.
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

    /// Number of branches on the lines of all functions, those of a line for each function that is on it.
    pub fn branches_of_functions(&self) -> usize {
        branches_on(&self.lines, self.functions.iter().map(|function| function.lines.as_slice()))
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
    /// Files that `//line` directives name, and whose units may be places in more than one file. Their lines follow the rule
    /// without source, and have no branches.
    pub unsure: Vec<String>,
    /// Files whose units are places that `//line` directives give, and that could not be traced to the Go files that hold these.
    /// Their lines follow the rule without source, and have no branches.
    pub directed: Vec<String>,
    /// Files with units that end before the line that they begin on, or are on line 0, and how many. Each of these has one line,
    /// that on which it begins, or from line 1 on.
    pub misplaced: Vec<(String, usize)>,
    /// Files that were found by the end of their path: the compiler's name and the path.
    pub guessed: Vec<(String, String)>,
    /// Files that belong to something else: the standard library, a dependency, a module outside the repository. They
    /// were left out unless they were asked for.
    pub outside: LeftOut,
    /// Files that may belong to the repository, but were not found there. They were left out unless files outside were
    /// asked for.
    pub unknown: LeftOut,
    /// Files outside the repository that have the path of one in it, and the path that they are shown under.
    pub renamed: Vec<(String, String)>,
    /// Modules that more than one directory of the repository declares, if files were found by them.
    pub ambiguous_modules: Vec<String>,
}

/// Files that are not in the repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// The compiler's names.
    pub names: Vec<String>,
    /// Number of statements in them.
    pub statements: u64,
}

impl LeftOut {
    fn add(&mut self, name: &BStr, statements: u64) {
        self.names.push(name.to_string());
        self.statements += statements;
    }
}

/// How files are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathStyle {
    /// Whether paths below the root are shown as absolute ones.
    pub absolute: bool,
    /// Whether files outside the repository are shown, too.
    pub external: bool,
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
    /// A name with nothing behind its last slash: no file.
    #[error("the name {name:?} of a source file is that of a directory: damaged or hostile coverage data")]
    NoName {
        /// The compiler's name.
        name: String,
    },
    /// All files together have more lines than can be.
    #[error(transparent)]
    TooManyClaimed(#[from] TooManyClaimed),
    /// Functions share lines, so that each has the branches of all.
    #[error(
        "functions that share lines have {branches} branches on them, more than those of any program ({MOST_BRANCHES_OF_FUNCTIONS}); \
         most of them are in {worst}"
    )]
    TooManyShared {
        /// Number of branches, those of a line for each function that is on it.
        branches: usize,
        /// The file with the most.
        worst: String,
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
    by: FoundBy,
    package: &'p BStr,
    /// Whether its units may be places in more than one file.
    unsure: bool,
    parts: Vec<&'v FileUnits<'p>>,
}

/// Everything of a [`SourceFile`] but the names of functions, which depend on the other files of the package.
struct Measured<'p> {
    path: String,
    by: FoundBy,
    package: &'p BStr,
    lines: Vec<Line>,
    functions: Vec<Unnamed>,
    source: SourceState,
    /// Number of units that are no stretch of lines.
    misplaced: usize,
    /// Number of branches on the lines of its functions, those of a line for each function that is on it.
    branches_of_functions: usize,
    /// The compiler's names for it, with the number of statements under each.
    names: Vec<(&'p BStr, u64)>,
}

enum SourceState {
    Used,
    Missing,
    Mismatched(Mismatch),
    /// The units are places that `//line` directives give.
    Directed,
    /// The units may be places in more than one file.
    Unsure,
}

/// Works out the lines of the files of all packages. Sorted by path.
pub fn source_files<'p>(
    mode: CounterMode,
    packages: &[PackageView<'p>],
    places: &Places<'_>,
    checkout: &Checkout,
    style: PathStyle,
) -> Result<(Vec<SourceFile<'p>>, Findings), FilesError> {
    let mut findings = Findings::default();
    let compiled = group_by_path(packages, places, style, &mut findings);
    findings.ambiguous_modules = checkout.ambiguous_modules(&modules_used(packages, places));
    let mut claims = Claims::default();
    for Compiled { path, parts, .. } in &compiled {
        if path.is_empty() || path.ends_with('/') {
            let name = parts.first().map(|part| part.name.to_string()).unwrap_or_default();
            return Err(FilesError::NoName { name });
        }
        claims.add(path, parts.iter().flat_map(|part| &part.units).map(|counted| counted.unit));
    }
    claims.check()?;
    let mut measured: Vec<Measured<'p>> =
        compiled.into_par_iter().map(|file| measure(mode, file, checkout)).collect::<Result<_, _>>()?;
    check_shared(&measured)?;
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
            // Nobody expects the source of other things to be at hand.
            SourceState::Missing if !file.by.is_inside() => {}
            SourceState::Used => {}
            SourceState::Missing => findings.without_source.push(file.path.clone()),
            SourceState::Unsure => findings.unsure.push(file.path.clone()),
            SourceState::Directed => findings.directed.push(file.path.clone()),
            SourceState::Mismatched(why) => findings.mismatched.push((file.path.clone(), why)),
        }
        if file.misplaced != 0 {
            findings.misplaced.push((file.path.clone(), file.misplaced));
        }
        let functions = functions::name_all(file.functions, inits.entry(file.package).or_default());
        let path = match checkout.root().filter(|_| style.absolute && file.by.is_inside()) {
            // A root whose path is not UTF-8 would be no path in any of the formats.
            Some(root) => format!("{}/{}", root.to_string_lossy().trim_end_matches('/'), file.path),
            None => file.path,
        };
        let mut statements = Ratio::default();
        for function in &functions {
            statements += function.statements;
        }
        let mut names: Vec<&BStr> = file.names.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        files.push(SourceFile {
            path,
            package: file.package,
            names,
            digest: None,
            statements,
            lines: file.lines,
            functions,
        });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((files, findings))
}

/// The most branches that the functions of all files may have on their lines. Programs have some three for each unit.
const MOST_BRANCHES_OF_FUNCTIONS: usize = 1 << 28;

fn check_shared(measured: &[Measured<'_>]) -> Result<(), FilesError> {
    let branches = measured.iter().map(|file| file.branches_of_functions).sum();
    if branches <= MOST_BRANCHES_OF_FUNCTIONS {
        return Ok(());
    }
    let worst = measured.iter().max_by_key(|file| file.branches_of_functions);
    Err(FilesError::TooManyShared { branches, worst: worst.map_or(String::new(), |file| file.path.clone()) })
}

/// Number of branches on lines that are listed by their numbers, as often as they are listed.
fn branches_on<'l>(lines: &[Line], listed: impl Iterator<Item = &'l [u32]>) -> usize {
    if lines.iter().all(|line| line.branches.is_empty()) {
        return 0;
    }
    let on = |number: &u32| {
        let index = lines.binary_search_by_key(number, |line| line.number).ok();
        index.and_then(|index| lines.get(index)).map_or(0, |line| line.branches.len())
    };
    listed.flatten().map(on).sum()
}

/// The modules by whose directories files were found.
fn modules_used<'p>(packages: &[PackageView<'p>], places: &Places<'_>) -> BTreeSet<&'p BStr> {
    let by_module = |package: &PackageView<'p>, file: &FileUnits<'p>| {
        let place = places.get(package.path, file.name);
        place.is_some_and(|place| place.by == FoundBy::Module)
    };
    let used = packages.iter().filter(|package| package.files.iter().any(|file| by_module(package, file)));
    used.map(|package| package.module).collect()
}

/// A file that was found by the end of its path only, and whose source does not fit the data, is another file.
fn drop_wrong_guesses(measured: &mut Vec<Measured<'_>>, findings: &mut Findings) {
    measured.retain(|file| {
        let wrong = matches!(file.source, SourceState::Mismatched(_) | SourceState::Directed)
            && file.by == FoundBy::Suffix;
        if wrong {
            findings.guessed.retain(|(_, path)| *path != file.path);
            file.names.iter().for_each(|(name, statements)| findings.unknown.add(name, *statements));
        }
        !wrong
    });
}

/// The compiled files that have the same path, with their packages. A path is one of the repository, or not (true).
type ByPath<'v, 'p> = BTreeMap<(String, bool), (FoundBy, Vec<(&'v PackageView<'p>, &'v FileUnits<'p>)>)>;

/// Sorted by path, which sorts the files of a package by base name, too.
fn group_by_path<'v, 'p>(
    packages: &'v [PackageView<'p>],
    places: &Places<'_>,
    style: PathStyle,
    findings: &mut Findings,
) -> Vec<Compiled<'v, 'p>> {
    let mut by_path = ByPath::new();
    for package in packages {
        for file in &package.files {
            let Some(place) = places.get(package.path, file.name) else { continue };
            match place.by {
                FoundBy::Suffix => findings.guessed.push((file.name.to_string(), place.path.clone())),
                FoundBy::Outside => findings.outside.add(file.name, file.statements()),
                FoundBy::Unknown => findings.unknown.add(file.name, file.statements()),
                FoundBy::Module | FoundBy::Map | FoundBy::Name => {}
            }
            if place.by.is_inside() || style.external {
                // The compiler's name of a file elsewhere may be the path of one that is here.
                let key = (place.path.clone(), !place.by.is_inside());
                let (by, parts) = by_path.entry(key).or_insert((place.by, Vec::new()));
                if *by == FoundBy::Suffix {
                    *by = place.by;
                }
                parts.push((package, file));
            }
        }
    }
    let compiled = |((path, _), (by, parts)): (_, (FoundBy, Vec<(&PackageView<'p>, &'v FileUnits<'p>)>))| {
        // `go build main.go` makes a package of that name from files that have a better one.
        let named = parts.iter().find(|(package, _)| package.path != "command-line-arguments");
        let package = named.or(parts.first()).map_or(BStr::new(b""), |(package, _)| package.path);
        let unsure = parts.iter().any(|(package, file)| places.is_unsure(package.path, file.name));
        Compiled { path, by, package, unsure, parts: parts.into_iter().map(|(_, file)| file).collect() }
    };
    findings.renamed = keep_outside_apart(&mut by_path);
    by_path.into_iter().map(compiled).collect()
}

/// Gives files outside the repository that have the path of one in it a path of their own, as two files of one path would be
/// taken for one: the standard library has an `errors/errors.go`, and the repository may. Gives the old and the new paths.
fn keep_outside_apart(by_path: &mut ByPath<'_, '_>) -> Vec<(String, String)> {
    let clashing: Vec<String> = by_path
        .keys()
        .filter(|(path, outside)| *outside && by_path.contains_key(&(path.clone(), false)))
        .map(|(path, _)| path.clone())
        .collect();
    let mut renamed = Vec::with_capacity(clashing.len());
    for path in clashing {
        let mut own = format!("external/{path}");
        while [false, true].into_iter().any(|outside| by_path.contains_key(&(own.clone(), outside))) {
            own.insert_str(0, "external/");
        }
        if let Some(parts) = by_path.remove(&(path.clone(), true)) {
            by_path.insert((own.clone(), true), parts);
            renamed.push((path, own));
        }
    }
    renamed
}

fn measure<'p>(
    mode: CounterMode,
    file: Compiled<'_, 'p>,
    checkout: &Checkout,
) -> Result<Measured<'p>, FilesError> {
    let Compiled { path, by, package, unsure, parts } = file;
    let counted: Vec<CountedUnit> = parts.iter().flat_map(|part| part.units.iter().copied()).collect();
    let functions: Vec<Function<'p>> = parts.iter().flat_map(|part| part.functions.iter().copied()).collect();
    let units = || counted.iter().map(|counted: &CountedUnit| counted.unit);
    // Other files are named by `//line` directives: their text is not what the compiler counted.
    // And the compiler's name of a file elsewhere is no path.
    let readable = is_go(&path) && (by.is_inside() || path.starts_with('/'));
    let text = if readable { checkout.read(&path) } else { None }.map(SourceText::new);

    let without = |state| (LineRule::without_source(units()), state);
    let (rule, source) = match &text {
        _ if unsure => without(SourceState::Unsure),
        None if !is_go(&path) && by.is_inside() && checkout.root().is_some() => {
            without(SourceState::Directed)
        }
        None => without(SourceState::Missing),
        Some(text) => match LineRule::with_source(text, units()) {
            Ok(rule) => (rule, SourceState::Used),
            Err(Mismatch::Directed { .. } | Mismatch::Backwards(_)) => without(SourceState::Directed),
            Err(mismatch) => without(SourceState::Mismatched(mismatch)),
        },
    };
    let lines = match rule.lines(mode, &counted) {
        // Units of two files on one line are no branches of it.
        Ok(lines) if matches!(source, SourceState::Unsure | SourceState::Directed) => {
            lines.into_iter().map(|line| Line { branches: Vec::new(), ..line }).collect()
        }
        Ok(lines) => lines,
        Err(source) => return Err(FilesError::TooManyLines { path, source }),
    };
    let fitting = text.as_ref().filter(|_| matches!(source, SourceState::Used));
    let declared = fitting.map(declarations).unwrap_or_default();
    let functions =
        functions::collect(mode, &functions, &rule, fitting.map(|text| (text, declared.as_slice())));
    let names = parts.iter().map(|part| (part.name, part.statements())).collect();
    let misplaced = units().filter(is_misplaced).count();
    let branches_of_functions = branches_on(&lines, functions.iter().map(Unnamed::lines));
    Ok(Measured { path, by, package, lines, functions, source, misplaced, branches_of_functions, names })
}
