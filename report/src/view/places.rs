//! Where the files of all packages are: found once, for the selection and for the lines.

use std::collections::{BTreeSet, HashMap, HashSet};

use bstr::{BStr, ByteSlice as _};
use rayon::prelude::*;

use super::functions;
use super::lines::LineRule;
use super::statements::{FileUnits, PackageView};
use crate::checkout::{Checkout, FoundBy, Place, is_go};
use crate::source::{SourceText, directed_files, may_be_generated, may_hold_marks};

/// The place of every file of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places<'p> {
    /// By the import path of the package and the compiler's name.
    by_name: HashMap<&'p BStr, HashMap<&'p BStr, Place>>,
    /// Those that `//line` directives of Go files name whose code may be in more than one file.
    unsure: HashSet<(&'p BStr, &'p BStr)>,
    /// The Go files with such directives.
    directing: Directing,
    /// Whether a first look at a Go file, by its path, found anything for [`crate::select`] to read it for.
    worth_reading: HashMap<String, bool>,
}

impl<'p> Places<'p> {
    /// Looks for the files of all packages.
    pub fn find(packages: &[PackageView<'p>], checkout: &Checkout) -> Self {
        let place = |package: &PackageView<'p>, file: &FileUnits<'p>| {
            (file.name, checkout.place(package.module, package.path, file.name))
        };
        let places_of = |package: &PackageView<'p>| {
            (package.path, package.files.par_iter().map(|file| place(package, file)).collect())
        };
        let mut places: HashMap<_, _> = packages.par_iter().map(places_of).collect();
        if checkout.root().is_none() {
            keep_apart(packages, &mut places);
            return Self { by_name: places, ..Self::default() };
        }
        let (directing, worth_reading) = look_at_sources(checkout, &places);
        let mut unsure = HashSet::new();
        for package in packages.iter().filter(|_| !directing.is_empty()) {
            let Some(places) = places.get_mut(package.path) else { continue };
            for file in &package.files {
                let Some(place) = places.get_mut(file.name).filter(|place| place.by.is_inside()) else {
                    continue;
                };
                match origin(&directing, checkout, &place.path, file) {
                    Origin::Named => {}
                    Origin::Source(source) => place.path = source,
                    Origin::Unsure => drop(unsure.insert((package.path, file.name))),
                }
            }
        }
        Self { by_name: places, unsure, directing, worth_reading }
    }

    /// The place of a file.
    pub fn get(&self, package: &BStr, file: &BStr) -> Option<&Place> {
        self.by_name.get(package)?.get(file)
    }

    /// Whether `//line` directives name the file, and its units may be places in more than one file.
    pub fn is_unsure(&self, package: &BStr, file: &BStr) -> bool {
        self.unsure.contains(&(package, file))
    }

    /// Whether the Go file at this path may hold comments that exclude code, or be generated: wrong only by saying yes.
    pub fn is_worth_reading(&self, path: &str) -> bool {
        self.worth_reading.get(path).copied().unwrap_or(true)
    }

    /// Whether there are Go files with `//line` directives beside any of the files.
    pub fn any_directing(&self) -> bool {
        !self.directing.is_empty()
    }

    /// The Go files with `//line` directives in the directory of a file, and the Go files that these name, which need not be
    /// there. Sorted.
    pub fn directing_beside(&self, path: &str) -> BTreeSet<String> {
        let directory = directory_of(path);
        let mut files = BTreeSet::new();
        for (target, sources) in self.directing.get(directory).into_iter().flatten() {
            files.extend(sources.iter().cloned());
            if let Some(target) = target.to_str().ok().filter(|target| is_go(target)) {
                let separator = if directory.is_empty() { "" } else { "/" };
                files.insert([directory, separator, target].concat());
            }
        }
        files
    }
}

/// The Go files with `//line` directives: by directory and the base name that directives give, those that hold them.
type Directing = HashMap<String, HashMap<Vec<u8>, Vec<String>>>;

/// The Go files with directives in the directories of `places`, and for every Go file there whether it is worth reading. Each is
/// searched once and not taken apart: hardly any has either.
fn look_at_sources(
    checkout: &Checkout,
    places: &HashMap<&BStr, HashMap<&BStr, Place>>,
) -> (Directing, HashMap<String, bool>) {
    let inside = places.values().flat_map(HashMap::values).filter(|place| place.by.is_inside());
    let one_each: HashMap<&str, &str> =
        inside.map(|place| (directory_of(&place.path), place.path.as_str())).collect();
    let look = |(directory, path): (&str, &str)| {
        let mut sources: HashMap<Vec<u8>, Vec<String>> = HashMap::new();
        let mut worth_reading = Vec::new();
        let compiled = |path: &String| !path.ends_with("_test.go");
        for source in checkout.go_files_beside(path).into_iter().filter(compiled) {
            let Some(text) = checkout.read(&source) else { continue };
            let named: BTreeSet<&[u8]> = directed_files(&text).collect();
            for name in named {
                sources.entry(name.to_vec()).or_default().push(source.clone());
            }
            worth_reading.push((source, may_hold_marks(&text) || may_be_generated(&text)));
        }
        ((directory.to_owned(), sources), worth_reading)
    };
    let (mut directing, worth_reading): (Directing, Vec<_>) = one_each.into_par_iter().map(look).unzip();
    directing.retain(|_, sources| !sources.is_empty());
    (directing, worth_reading.into_iter().flatten().collect())
}

fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Where the code of a file is that `//line` directives name.
enum Origin {
    /// Where the name says, as far as can be told.
    Named,
    /// In this Go file, which holds the directives.
    Source(String),
    /// In one of several files, or in more than one.
    Unsure,
}

/// Go 1.27 gives the name that directives give, with places in the Go file that holds them; up to Go 1.26 the places are
/// the directives' own, too, mostly without columns. Files that the units and functions fit are where the code may be.
fn origin(directing: &Directing, checkout: &Checkout, path: &str, file: &FileUnits<'_>) -> Origin {
    let base = path.rsplit('/').next().unwrap_or(path).as_bytes();
    let sources = directing.get(directory_of(path)).and_then(|sources| sources.get(base));
    let others: Vec<&String> = sources.into_iter().flatten().filter(|source| *source != path).collect();
    if others.is_empty() {
        return Origin::Named;
    }
    let text = |path: &str| checkout.read(path).map(SourceText::new);
    let units = || file.units.iter().map(|counted| counted.unit);
    let fits = |text: &SourceText| {
        units().all(|unit| unit.statements == 0 || text.starts_token(&unit))
            && functions::are_declared(&file.functions, text)
    };
    // Places of Go up to 1.26, which are none in any file: the line rule finds that out.
    if is_go(path) && units().any(|unit| unit.start_column == 0 || unit.end_column == 0) {
        return Origin::Named;
    }
    let own = is_go(path).then(|| text(path)).flatten();
    let fits_own = own.as_ref().is_some_and(|text| {
        LineRule::with_source(text, units()).is_ok() && functions::are_declared(&file.functions, text)
    });
    let several = own.is_some() || others.len() > 1;
    let mut fitting = others.into_iter().filter(|path| text(path).is_some_and(|text| fits(&text)));
    match (fits_own, fitting.next(), fitting.next()) {
        (true, None, _) => Origin::Named,
        (false, Some(source), None) => Origin::Source(source.clone()),
        (false, None, _) if !several => Origin::Named,
        _ => Origin::Unsure,
    }
}

/// Without a tree, files of two modules may get the same path: all files of such modules keep the compiler's names then, but for
/// those that a map has put elsewhere. One report does not name the files of one module in two ways.
fn keep_apart<'p>(packages: &[PackageView<'p>], places: &mut HashMap<&'p BStr, HashMap<&'p BStr, Place>>) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for place in places.values().flat_map(HashMap::values).filter(|place| place.by.is_inside()) {
        *times.entry(place.path.clone()).or_default() += 1;
    }
    let shared =
        |place: &Place| place.by == FoundBy::Name && times.get(&place.path).is_some_and(|times| *times > 1);
    let has_shared = |package: &&PackageView<'p>| {
        places.get(package.path).is_some_and(|places| places.values().any(shared))
    };
    let modules: HashSet<&BStr> = packages.iter().filter(has_shared).map(|package| package.module).collect();
    for package in packages.iter().filter(|package| modules.contains(package.module)) {
        for (name, place) in places.get_mut(package.path).into_iter().flatten() {
            if place.by == FoundBy::Name {
                name.to_str_lossy().trim_start_matches('/').clone_into(&mut place.path);
            }
        }
    }
}
