//! Functions behind `//line` directives moved to the Go file that they are in.
//!
//! Up to Go 1.26 their units are the places that the directives give, mostly without columns and under another file's
//! name; Go 1.27 gives their places in the Go file, but still under that name, which several Go files may share. The Go files of
//! the package tell what the cover tool must have recorded for each of their functions: where a function has the name and all the
//! units, number by number, of just one function there, it gets file and units of that one. Everything else stays as it is.

use std::collections::{BTreeSet, HashMap};

use bstr::{BStr, ByteSlice as _};
use covfmt::profile::{Function, Package, Profile, Rewritten};
use covfmt::unit::Unit;
use rayon::prelude::*;

use crate::checkout::Checkout;
use crate::source::{DirectedSource, Drawing, TakenPlaces};
use crate::view::Places;

/// The profile with functions moved to the files of `checkout` that they are in; `None` if none is. Packages and functions are the
/// same, in the same order, with the same counts. `places` are those of the profile.
pub fn relocate(profile: &Profile, places: &Places<'_>, checkout: &Checkout) -> Option<Profile> {
    if !places.any_directing() {
        return None;
    }
    let origins_of = |package: &Package| {
        let origins = Origins::of(package, places, checkout);
        (!origins.0.is_empty()).then(|| (package.path().to_vec(), origins))
    };
    let found: HashMap<Vec<u8>, Origins> = profile.packages().par_iter().filter_map(origins_of).collect();
    let origin = |package: &Package, function: &Function<'_>| {
        found.get(package.path().as_bytes()).and_then(|origins| origins.get(package, function))
    };
    let moves = |package: &Package| package.functions().any(|function| origin(package, &function).is_some());
    profile.packages().iter().any(moves).then(|| {
        let mut located = profile.clone();
        located.rewrite(|package, function| origin(package, &function));
        located
    })
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

/// The functions of the Go files with directives of one package, and of those that the directives name.
#[derive(Debug, Default)]
struct Origins(HashMap<Recorded, BTreeSet<Origin>>);

impl Origins {
    fn of(package: &Package, places: &Places<'_>, checkout: &Checkout) -> Self {
        let names: BTreeSet<&BStr> = package.functions().map(|function| function.file).collect();
        let found = names.iter().filter_map(|name| places.get(package.path(), name));
        let inside = found.filter(|place| place.by.is_inside());
        // One path of each directory.
        let directories: HashMap<&str, &str> =
            inside.map(|place| (directory_of(&place.path), place.path.as_str())).collect();
        let mut origins = Self::default();
        for path in directories.values() {
            origins.add(&places.directing_beside(path), checkout);
        }
        origins
    }

    /// Takes in the files of one directory, in the order in which the cover tool takes them.
    fn add(&mut self, files: &BTreeSet<String>, checkout: &Checkout) {
        let mut taken_before = TakenPlaces::default();
        for path in files {
            let base = path.rsplit('/').next().unwrap_or(path);
            let source = checkout.read(path).and_then(|bytes| DirectedSource::new(bytes, base.as_bytes()));
            let Some(source) = source else { continue };
            // Not all files of a directory need to have been compiled: with those before it, and without.
            for taken in [&mut TakenPlaces::default(), &mut taken_before] {
                for function in source.functions(taken) {
                    let mut insert = |recorded: Vec<Unit>, units: Vec<Unit>| {
                        let key = (function.name.clone(), function.literal, recorded);
                        let origin = Origin { directed: function.file.clone(), file: base.to_owned(), units };
                        self.0.entry(key).or_default().insert(origin);
                    };
                    insert(function.recorded.clone(), source.physical(&function, Drawing::Blocks));
                    for drawing in [Drawing::Parts, Drawing::PartsCountedAsWholes] {
                        let units = source.physical(&function, drawing);
                        insert(units.clone(), units);
                    }
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
