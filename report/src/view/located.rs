//! Packages whose functions are in the files that hold them, where the compiler's names say otherwise (`//line` directives).

use std::collections::{BTreeSet, HashMap};

use bstr::BStr;
use covfmt::profile::Profile;

use super::files::SourceFile;
use super::statements::PackageView;
use super::{View, ViewError};

/// The packages of a view with functions in the files that they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedPackages<'p> {
    /// The packages, as in [`View::packages`].
    pub packages: Vec<PackageView<'p>>,
    /// By the name that a file has in them, the names that the compiler gave to its functions.
    recorded: HashMap<&'p BStr, BTreeSet<&'p BStr>>,
}

impl<'p> LocatedPackages<'p> {
    /// Of a profile, and the same profile with other files and units.
    pub(super) fn new(profile: &'p Profile, located: &'p Profile) -> Result<Self, ViewError> {
        let mut recorded: HashMap<&BStr, BTreeSet<&BStr>> = HashMap::new();
        for (package, located) in profile.packages().iter().zip(located.packages()) {
            for (function, located) in package.functions().zip(located.functions()) {
                recorded.entry(located.file).or_default().insert(function.file);
            }
        }
        Ok(Self { packages: View::new(located)?.packages, recorded })
    }

    /// Gives a file the names that the compiler has for it.
    pub(super) fn name_as_recorded(&self, file: &mut SourceFile<'p>) {
        let recorded: BTreeSet<&BStr> =
            file.names.iter().filter_map(|name| self.recorded.get(name)).flatten().copied().collect();
        file.names = recorded.into_iter().collect();
    }
}
