//! Where the files of all packages are: found once, for the selection and for the lines.

use std::collections::HashMap;

use bstr::{BStr, ByteSlice as _};
use covfmt::unit::Unit;
use rayon::prelude::*;

use super::statements::{FileUnits, PackageView};
use crate::checkout::{Checkout, FoundBy, Place, is_go};
use crate::source::{SourceText, directed_files};

/// The place of every file of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places<'p> {
    /// By the import path of the package and the compiler's name.
    places: HashMap<&'p BStr, HashMap<&'p BStr, Place>>,
}

impl<'p> Places<'p> {
    /// Looks for the files of all packages.
    pub fn find(packages: &[PackageView<'p>], checkout: &Checkout) -> Self {
        let place = |package: &PackageView<'p>, file: &FileUnits<'p>| {
            let mut place = checkout.place(package.module, package.path, file.name);
            if place.by.is_inside()
                && let Some(source) = generated_source(checkout, &place.path, file)
            {
                place.path = source;
            }
            (file.name, place)
        };
        let places_of = |package: &PackageView<'p>| {
            (package.path, package.files.par_iter().map(|file| place(package, file)).collect())
        };
        let mut places: HashMap<_, _> = packages.par_iter().map(places_of).collect();
        if checkout.root().is_none() {
            keep_apart(&mut places);
        }
        Self { places }
    }

    /// The place of a file.
    pub fn get(&self, package: &BStr, file: &BStr) -> Option<&Place> {
        self.places.get(package)?.get(file)
    }
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

/// Without a tree, files of two modules may get the same path: both keep the compiler's name then, but for those that
/// a map has put there.
fn keep_apart(places: &mut HashMap<&BStr, HashMap<&BStr, Place>>) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for place in places.values().flat_map(HashMap::values).filter(|place| place.by.is_inside()) {
        *times.entry(place.path.clone()).or_default() += 1;
    }
    let shared = |place: &Place| times.get(&place.path).is_some_and(|times| *times > 1);
    for (name, place) in places.values_mut().flatten() {
        if place.by == FoundBy::Name && shared(place) {
            name.to_str_lossy().trim_start_matches('/').clone_into(&mut place.path);
        }
    }
}
