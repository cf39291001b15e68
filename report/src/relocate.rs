//! Functions behind `//line` directives moved to the Go file that they are in.
//!
//! Up to Go 1.26 their units are the places that the directives give, mostly without columns and under another file's
//! name. The Go files of the package tell which places the cover tool must have recorded for each of their functions:
//! where a function has the name and all the units, number by number, of just one function there, it gets the units of that one.
//! Everything else stays as it is.

use std::collections::{BTreeSet, HashMap};

use bstr::ByteSlice as _;
use covfmt::profile::{Function, Package, Profile, Rewritten};
use covfmt::unit::Unit;
use rayon::prelude::*;

use crate::checkout::{Checkout, is_go};
use crate::source::{DirectedSource, TakenPlaces};

/// Whether any package shows signs of directives, see `shows_directive`.
pub fn has_directed_units(profile: &Profile) -> bool {
    profile.packages().par_iter().any(shows_directives)
}

/// Moves functions to the files of `checkout` that they are in. Gives the number of those that were moved.
pub fn relocate(profile: &mut Profile, checkout: &Checkout) -> usize {
    let found: HashMap<Vec<u8>, Origins> = profile
        .packages()
        .par_iter()
        .filter(|package| shows_directives(package))
        .map(|package| (package.path().to_vec(), Origins::of(package, checkout)))
        .collect();
    let origin = |package: &Package, function: &Function<'_>| {
        found.get(package.path().as_bytes()).and_then(|origins| origins.get(package, function))
    };
    let moved = profile
        .packages()
        .iter()
        .map(|package| package.functions().filter(|function| origin(package, function).is_some()).count())
        .sum();
    profile.rewrite(|package, function| origin(package, &function));
    moved
}

fn shows_directives(package: &Package) -> bool {
    package.functions().any(|function| shows_directive(&function))
}

/// Units without columns or with the end before the start, or a file that is not Go.
fn shows_directive(function: &Function<'_>) -> bool {
    function.units.iter().any(Unit::is_directed)
        || std::str::from_utf8(function.file).is_ok_and(|file| !is_go(file))
}

/// What the data has of a function: its name, whether it is a literal, its units.
type Recorded = (Vec<u8>, bool, Vec<Unit>);

/// Where a function is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    /// Base name of the file that directives give.
    directed: Vec<u8>,
    /// Base name of the Go file.
    file: String,
    units: Vec<Unit>,
}

/// The functions of the Go files with directives of one package.
#[derive(Debug, Default)]
struct Origins(HashMap<Recorded, BTreeSet<Origin>>);

impl Origins {
    fn of(package: &Package, checkout: &Checkout) -> Self {
        let names: BTreeSet<_> = package.functions().map(|function| function.file).collect();
        let places = names.iter().map(|name| checkout.place(package.module(), package.path(), name));
        let paths = places.filter(|place| place.by.is_inside()).map(|place| place.path);
        // One path of each directory.
        let directories: HashMap<String, String> =
            paths.map(|path| (directory_of(&path).to_owned(), path)).collect();
        let mut origins = Self::default();
        for path in directories.values() {
            let mut files = checkout.go_files_beside(path);
            files.retain(|file| !file.ends_with("_test.go"));
            files.sort_unstable();
            origins.add(&files, checkout);
        }
        origins
    }

    fn add(&mut self, files: &[String], checkout: &Checkout) {
        let mut taken_before = TakenPlaces::default();
        for path in files {
            let base = path.rsplit('/').next().unwrap_or(path);
            let source = checkout.read(path).and_then(|bytes| DirectedSource::new(bytes, base.as_bytes()));
            let Some(source) = source else { continue };
            // Not all files of a directory need to have been compiled: with those before it, and without.
            for taken in [&mut TakenPlaces::default(), &mut taken_before] {
                for function in source.functions(taken) {
                    let origin =
                        Origin { directed: function.file, file: base.to_owned(), units: function.physical };
                    let key = (function.name, function.literal, function.recorded);
                    self.0.entry(key).or_default().insert(origin);
                }
            }
        }
    }

    /// Where a function is, if that is told by its units and not the place it already has.
    fn get(&self, package: &Package, function: &Function<'_>) -> Option<Rewritten> {
        let key = (function.name.to_vec(), function.literal, function.units.to_vec());
        let slash = function.file.iter().rposition(|byte| matches!(byte, b'/' | b'\\'))?;
        let (directory, base) = function.file.split_at_checked(slash + 1)?;
        // Packages of files given by path have the names of the Go files, whatever the directives say.
        let by_package = directory.strip_prefix(package.path().as_bytes()) == Some(b"/".as_slice());
        let named = |origin: &&Origin| {
            base == if by_package { origin.directed.as_slice() } else { origin.file.as_bytes() }
        };
        let mut origins = self.0.get(&key)?.iter().filter(named);
        let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
        let file = [directory, origin.file.as_bytes()].concat();
        let is_there = function.file == file.as_slice() && function.units == origin.units;
        (!is_there).then(|| Rewritten { file: Some(file.into()), units: origin.units.clone() })
    }
}

fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
