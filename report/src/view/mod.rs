//! The finished, sorted view that every output format is written from.
//!
//! Two levels: packages with their units (statements, as the reference tool counts them), and source files with
//! their lines, branches and functions. Nothing in it depends on hash order, thread count or clock.

mod claims;
mod digests;
mod excluded;
mod file_totals;
mod files;
mod functions;
mod lines;
mod located;
mod names;
mod pattern;
mod places;
mod statements;
mod totals;

use std::path::PathBuf;

use covfmt::mode::CounterMode;
use covfmt::profile::Profile;
use rayon::prelude::*;

use crate::checkout::Checkout;
use crate::missing::MissingInput;

pub use claims::TooManyClaimed;
pub use digests::SourceDigest;
pub use excluded::{Excluded, ExcludedPart};
pub use file_totals::FileTotals;
pub use files::{FilesError, Findings, LeftOut, PathStyle, SourceFile, source_files};
pub use functions::FunctionView;
pub use lines::{Line, LineRule, TooManyLines};
pub use located::LocatedPackages;
pub use names::NamesError;
pub use pattern::PackagePatterns;
pub use places::Places;
pub use statements::{CountedUnit, FileUnits, PackageView};
pub use totals::{Percent, Ratio};

/// Everything that reports show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View<'p> {
    /// What the counts mean.
    pub mode: CounterMode,
    /// The packages, sorted by import path bytewise.
    pub packages: Vec<PackageView<'p>>,
    /// The packages with functions in the files that they are in, if those are others: what files are made of.
    pub located: Option<LocatedPackages<'p>>,
    /// Statements of all packages.
    pub statements: Ratio,
    /// The source files, sorted by path bytewise. Empty until [`View::add_files`] is called, which formats that show
    /// lines need.
    pub files: Vec<SourceFile<'p>>,
    /// The repository that the files' paths are relative to, if there is one.
    pub root: Option<PathBuf>,
    /// What was left out of all the above.
    pub excluded: Excluded,
    /// What should be in all the above and is not.
    pub missing: Vec<MissingInput>,
}

/// Why a profile cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// Names that reports cannot show.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// The files cannot be shown.
    #[error(transparent)]
    Files(#[from] FilesError),
}

impl<'p> View<'p> {
    /// A view of nothing.
    pub fn empty(mode: CounterMode) -> Self {
        Self {
            mode,
            packages: Vec::new(),
            located: None,
            statements: Ratio::default(),
            files: Vec::new(),
            root: None,
            excluded: Excluded::default(),
            missing: Vec::new(),
        }
    }

    /// The packages and statements of a profile.
    pub fn new(profile: &'p Profile) -> Result<Self, ViewError> {
        let mode = profile.mode();
        names::check_functions(profile)?;
        let packages: Vec<PackageView<'p>> = profile
            .packages()
            .par_iter()
            .map(|package| PackageView {
                name: package.name(),
                ..PackageView::new(package.path(), package.module(), mode, package.functions())
            })
            .collect();
        let mut statements = Ratio::default();
        for package in &packages {
            statements += package.statements;
        }
        names::check_packages(&packages)?;
        Ok(Self { packages, statements, ..Self::empty(mode) })
    }

    /// Adds what is known better of the files that functions are in: `located` is the profile of the view, function by function,
    /// with other files and units.
    pub fn locate(&mut self, profile: &'p Profile, located: &'p Profile) -> Result<(), ViewError> {
        self.located = Some(LocatedPackages::new(profile, located)?);
        Ok(())
    }

    /// The packages with functions in the files that they are in.
    pub fn packages_by_place(&self) -> &[PackageView<'p>] {
        self.located.as_ref().map_or(&self.packages, |located| &located.packages)
    }

    /// Adds the source files, whose places in `checkout` are known.
    pub fn add_files(
        &mut self,
        places: &Places<'_>,
        checkout: &Checkout,
        style: PathStyle,
    ) -> Result<Findings, ViewError> {
        let (mut files, findings) =
            source_files(self.mode, self.packages_by_place(), places, checkout, style)?;
        if let Some(located) = &self.located {
            for file in &mut files {
                located.name_as_recorded(file);
            }
        }
        self.files = files;
        self.root = checkout.root().map(PathBuf::from);
        Ok(findings)
    }

    /// Adds digests of the source files' contents, as far as they are at hand.
    pub fn add_digests(&mut self, checkout: &Checkout) {
        digests::add_digests(&mut self.files, checkout);
    }

    /// Forgets which parts of lines ran: a line of which a part ran has run.
    pub fn drop_branches(&mut self) {
        for line in self.files.iter_mut().flat_map(|file| &mut file.lines) {
            line.branches.clear();
        }
    }
}
