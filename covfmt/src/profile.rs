//! The one in-memory model of a merged run: packages, their functions, units and counts.
//!
//! A [`Profile`] is what reports are made of. It no longer knows files, pods or builds; packages
//! are sorted by path, and the same input gives the same profile whatever the order of files or
//! the number of threads.

use std::collections::HashMap;
use std::ops::Range;

use bstr::{BStr, BString};
use rayon::prelude::*;

use crate::merge::{BuildCounts, MergeError, ModePolicy, add, merge_modes};
use crate::meta::PackageTable;
use crate::mode::{CounterMode, Granularity};
use crate::unit::Unit;

/// Merged coverage of one or more builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    mode: CounterMode,
    granularity: Granularity,
    mixed_modes: bool,
    packages: Vec<Package>,
}

/// One package of a [`Profile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    path: BString,
    name: BString,
    module: BString,
    strings: Vec<BString>,
    functions: Vec<FunctionEntry>,
    units: Vec<Unit>,
    counts: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FunctionEntry {
    /// Position in the package's strings, as is `file`: one long name may serve many functions.
    name: usize,
    file: usize,
    literal: bool,
    units: Range<usize>,
    /// Set when the first unit was taken out: its count.
    entries: Option<u32>,
}

/// One function of a [`Package`], borrowed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function<'p> {
    /// The name as the compiler wrote it (`(*T).Method`, `f.func1`), not unique in a file.
    pub name: &'p BStr,
    /// The source file: import path and base name, or an absolute path for `go build main.go`.
    pub file: &'p BStr,
    /// Whether this is a function literal.
    pub literal: bool,
    /// The units, in the compiler's order; the first starts at the function's first block.
    pub units: &'p [Unit],
    /// One count per unit, in the same order.
    pub counts: &'p [u32],
    /// How often the function was entered: the count of its first unit, even of one that [`Profile::without`] took
    /// out. 0 for a function without units.
    pub entries: u32,
}

/// What [`Profile::rewrite`] puts in the place of a function's file and units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The source file; `None` leaves it as it is.
    pub file: Option<BString>,
    /// As many units as the function has, in the same order: counts stay with their units.
    pub units: Vec<Unit>,
}

impl Profile {
    /// Puts the merged counts of several builds together.
    ///
    /// Functions that agree in package, file, name, literal flag and units are one function, and
    /// their counts are added (or joined, in set mode). Builds are taken in the order given, which
    /// decides only the order of functions within a package.
    pub fn from_builds(builds: &[BuildCounts], policy: ModePolicy) -> Result<Self, MergeError> {
        Self::from_builds_filtered(builds, policy, |_| true)
    }

    /// As [`Profile::from_builds`], with only those packages whose path `keep` accepts.
    pub fn from_builds_filtered(
        builds: &[BuildCounts],
        policy: ModePolicy,
        keep: impl Fn(&BStr) -> bool,
    ) -> Result<Self, MergeError> {
        let merged = merge_modes(builds, policy)?;
        let mut by_path: HashMap<&BStr, usize> = HashMap::new();
        let mut assemblies: Vec<Assembly<'_>> = Vec::new();
        for build in builds {
            for package in build.tables().packages().iter().filter(|p| keep(p.path())) {
                let slot = *by_path.entry(package.path()).or_insert(assemblies.len());
                if slot == assemblies.len() {
                    assemblies.push(Assembly { parts: Vec::new() });
                }
                if let Some(assembly) = assemblies.get_mut(slot) {
                    assembly.parts.push((build, package));
                }
            }
        }
        assemblies.sort_by(|a, b| a.path().cmp(&b.path()));
        let packages = assemblies.into_par_iter().map(|a| a.join(merged.mode)).collect();
        Ok(Self { mode: merged.mode, granularity: merged.granularity, mixed_modes: merged.mixed, packages })
    }

    /// The profile without some of its units.
    ///
    /// `excluded` is asked for every function, with the function's number in [`Package::functions`]; it gives `None` to leave it as it is, else for each of its units whether
    /// it is taken out. A function without units that gets an answer, or loses its last unit, is taken out, and so is a
    /// package that loses its last function.
    #[must_use]
    pub fn without(
        &self,
        excluded: impl Fn(&Package, usize, &Function<'_>) -> Option<Vec<bool>> + Sync,
    ) -> Self {
        let packages = self.packages.par_iter().filter_map(|package| package.without(&excluded)).collect();
        Self { packages, ..*self }
    }

    /// The profile without packages that have no functions.
    #[must_use]
    pub fn without_empty_packages(mut self) -> Self {
        self.packages.retain(|package| package.functions().len() != 0);
        self
    }

    /// Changes what is known of functions, where `rewrite` has something better: statements counted anew, places in
    /// another file. An answer with another number of units is passed over. Counts and the order of functions stay.
    pub fn rewrite(&mut self, rewrite: impl Fn(&Package, Function<'_>) -> Option<Rewritten> + Sync) {
        self.packages.par_iter_mut().for_each(|package| {
            let answers: Vec<Option<Rewritten>> =
                package.functions().map(|function| rewrite(package, function)).collect();
            for (index, answer) in answers.into_iter().enumerate() {
                if let Some(answer) = answer {
                    package.replace(index, answer);
                }
            }
        });
    }

    /// The mode of the counts. Where builds of different modes were merged ([`Profile::mixed_modes`]), it is the one that
    /// the [`ModePolicy`] gave.
    pub fn mode(&self) -> CounterMode {
        self.mode
    }

    /// What one counter stands for.
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// Whether builds of different modes went into this profile.
    pub fn mixed_modes(&self) -> bool {
        self.mixed_modes
    }

    /// The packages, sorted by path (bytewise).
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }
}

impl Package {
    /// The import path.
    pub fn path(&self) -> &BStr {
        self.path.as_ref()
    }

    /// The name in the package clause.
    pub fn name(&self) -> &BStr {
        self.name.as_ref()
    }

    /// The path of the module, empty for the standard library and for `go build main.go`.
    pub fn module(&self) -> &BStr {
        self.module.as_ref()
    }

    /// The functions, in the compiler's order. A package may have none.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = Function<'_>> + '_ {
        self.functions.iter().map(|entry| self.function_of(entry))
    }

    /// The function of this number in [`Package::functions`].
    pub fn function(&self, number: usize) -> Option<Function<'_>> {
        self.functions.get(number).map(|entry| self.function_of(entry))
    }

    fn function_of(&self, entry: &FunctionEntry) -> Function<'_> {
        let counts = self.counts.get(entry.units.clone()).unwrap_or_default();
        Function {
            name: self.string(entry.name),
            file: self.string(entry.file),
            literal: entry.literal,
            units: self.units.get(entry.units.clone()).unwrap_or_default(),
            counts,
            entries: entry.entries.or(counts.first().copied()).unwrap_or_default(),
        }
    }

    /// The package without the units that `excluded` names; see [`Profile::without`]. `None` if nothing is left of it
    /// but was there.
    fn without(
        &self,
        excluded: &impl Fn(&Package, usize, &Function<'_>) -> Option<Vec<bool>>,
    ) -> Option<Self> {
        let mut left = Self {
            path: self.path.clone(),
            name: self.name.clone(),
            module: self.module.clone(),
            strings: self.strings.clone(),
            functions: Vec::with_capacity(self.functions.len()),
            units: Vec::with_capacity(self.units.len()),
            counts: Vec::with_capacity(self.counts.len()),
        };
        for (number, (entry, function)) in self.functions.iter().zip(self.functions()).enumerate() {
            let excluded = excluded(self, number, &function);
            let (start, mut first_is_out) = (left.units.len(), false);
            for (index, (unit, count)) in function.units.iter().zip(function.counts).enumerate() {
                let out = excluded.as_ref().is_some_and(|out| out.get(index).copied().unwrap_or(false));
                first_is_out |= out && index == 0;
                if !out {
                    left.units.push(*unit);
                    left.counts.push(*count);
                }
            }
            if excluded.is_none() || start < left.units.len() {
                let entries = if first_is_out { Some(function.entries) } else { entry.entries };
                left.functions.push(FunctionEntry {
                    units: start..left.units.len(),
                    entries,
                    ..entry.clone()
                });
            }
        }
        (self.functions.is_empty() || !left.functions.is_empty()).then_some(left)
    }

    fn replace(&mut self, index: usize, answer: Rewritten) {
        let Some(entry) = self.functions.get_mut(index) else { return };
        let Some(units) = self.units.get_mut(entry.units.clone()).filter(|u| u.len() == answer.units.len())
        else {
            return;
        };
        units.copy_from_slice(&answer.units);
        if let Some(file) = answer.file {
            // Few functions are moved; their files' names are found by looking.
            entry.file = self.strings.iter().position(|string| *string == file).unwrap_or(self.strings.len());
            if entry.file == self.strings.len() {
                self.strings.push(file);
            }
        }
    }

    fn string(&self, index: usize) -> &BStr {
        self.strings.get(index).map_or(BStr::new(b""), |string| string.as_ref())
    }

    /// All units of the package, function by function.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// One count per element of [`Package::units`].
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }
}

/// The parts of one package, one for each build that has it.
struct Assembly<'b> {
    parts: Vec<(&'b BuildCounts, &'b PackageTable)>,
}

/// What makes two functions the same one: numbers of file and name in the joined strings, whether it is a
/// literal, and its units.
type FunctionKey<'b> = (usize, usize, bool, &'b [Unit]);

impl<'b> Assembly<'b> {
    fn path(&self) -> Option<&'b BStr> {
        self.parts.first().map(|(_, package)| package.path())
    }

    fn join(self, mode: CounterMode) -> Package {
        let first = self.parts.first().map(|(_, package)| *package);
        let mut joined = Package {
            path: first.map(|p| p.path().to_owned()).unwrap_or_default(),
            name: first.map(|p| p.name().to_owned()).unwrap_or_default(),
            module: first.map(|p| p.module().to_owned()).unwrap_or_default(),
            strings: Vec::new(),
            functions: Vec::new(),
            units: Vec::new(),
            counts: Vec::new(),
        };
        let mut strings: HashMap<&BStr, usize> = HashMap::new();
        // Units are most of what there is: hashed by the standard library they would take most of the time.
        let mut seen: foldhash::HashMap<FunctionKey<'_>, usize> = foldhash::HashMap::default();
        for (build, package) in self.parts {
            let tables = build.tables();
            // Each string is looked up once per build, however many functions refer to it.
            let mut known: foldhash::HashMap<usize, usize> = foldhash::HashMap::default();
            let mut intern = |id: usize, string: &'b BStr, all: &mut Vec<BString>| {
                *known.entry(id).or_insert_with(|| {
                    *strings.entry(string).or_insert_with(|| {
                        all.push(string.to_owned());
                        all.len() - 1
                    })
                })
            };
            for function in tables.functions_of(package) {
                let counts = build.counts_of(function.unit_positions());
                let units = tables.units_of(function);
                let file = intern(function.file_id(), tables.file_of(function), &mut joined.strings);
                let name = intern(function.name_id(), tables.name_of(function), &mut joined.strings);
                let start = *seen.entry((file, name, function.literal(), units)).or_insert_with(|| {
                    let start = joined.units.len();
                    joined.units.extend_from_slice(units);
                    joined.counts.resize(joined.units.len(), 0);
                    joined.functions.push(FunctionEntry {
                        name,
                        file,
                        literal: function.literal(),
                        units: start..joined.units.len(),
                        entries: None,
                    });
                    start
                });
                for (sum, count) in joined.counts.iter_mut().skip(start).zip(counts) {
                    *sum = add(mode, *sum, *count);
                }
            }
        }
        joined
    }
}
