//! A meta file decoded into flat tables: what counters are merged into and reports are made of.
//!
//! Units of all functions stand in one array, so that the counts of a whole build are one array of the same
//! length. Memory is proportional to the file's size.

use std::ops::Range;

use bstr::{BStr, BString};
use rayon::prelude::*;

use crate::error::ReadError;
use crate::ids::{FunctionIndex, MetaHash, PackageIndex};
use crate::layout::MetaHeader;
use crate::mode::{CounterMode, Granularity};
use crate::read::{MetaFile, PackageBlob};
use crate::unit::Unit;

/// Everything a meta file says, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaTables {
    header: MetaHeader,
    packages: Vec<PackageTable>,
    functions: Vec<FunctionTable>,
    units: Vec<Unit>,
    strings: Vec<Range<usize>>,
    text: BString,
}

/// A package of a [`MetaTables`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageTable {
    path: BString,
    name: BString,
    module: BString,
    hash: MetaHash,
    functions: Range<usize>,
}

/// A function of a [`MetaTables`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionTable {
    name: usize,
    file: usize,
    literal: bool,
    units: Range<usize>,
}

/// A package for [`MetaTables::assemble`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackageParts {
    /// The import path.
    pub path: BString,
    /// The name in the package clause.
    pub name: BString,
    /// The path of the module; empty if there is none.
    pub module: BString,
    /// The package's own hash.
    pub hash: MetaHash,
    /// The functions, in the order of the file.
    pub functions: Vec<FunctionParts>,
}

/// A function for [`MetaTables::assemble`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FunctionParts {
    /// The name as the compiler wrote it.
    pub name: BString,
    /// The source file.
    pub file: BString,
    /// Whether this is a function literal.
    pub literal: bool,
    /// The units, in the order of the file.
    pub units: Vec<Unit>,
}

impl MetaTables {
    /// Tables of what was read in another way than by [`MetaTables::decode`]. The header is taken as it is.
    pub fn assemble(header: MetaHeader, packages: Vec<PackageParts>) -> Self {
        let mut tables = Self {
            header,
            packages: Vec::with_capacity(packages.len()),
            functions: Vec::new(),
            units: Vec::new(),
            strings: Vec::new(),
            text: BString::default(),
        };
        for package in packages {
            let start = tables.functions.len();
            for function in package.functions {
                let (name, file) =
                    (tables.add_string(function.name.as_ref()), tables.add_string(function.file.as_ref()));
                let units = tables.units.len()..tables.units.len() + function.units.len();
                tables.units.extend(function.units);
                tables.functions.push(FunctionTable { name, file, literal: function.literal, units });
            }
            tables.packages.push(PackageTable {
                path: package.path,
                name: package.name,
                module: package.module,
                hash: package.hash,
                functions: start..tables.functions.len(),
            });
        }
        tables
    }

    fn add_string(&mut self, string: &BStr) -> usize {
        let start = self.text.len();
        self.text.extend_from_slice(string);
        self.strings.push(start..self.text.len());
        self.strings.len() - 1
    }

    /// Decodes a whole meta file, packages in parallel. The first broken rule in file order is the error.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReadError> {
        Self::from_file(&MetaFile::parse(bytes)?)
    }

    /// Decodes all packages of a parsed meta file, in parallel.
    pub fn from_file(file: &MetaFile<'_>) -> Result<Self, ReadError> {
        let parts: Vec<Result<PackagePart, ReadError>> = (0..file.package_count())
            .into_par_iter()
            .filter_map(|index| file.package(PackageIndex(index)))
            .map(|package| PackagePart::decode(&package?))
            .collect();
        let mut tables = Self {
            header: *file.header(),
            packages: Vec::with_capacity(parts.len()),
            functions: Vec::new(),
            units: Vec::new(),
            strings: Vec::new(),
            text: BString::default(),
        };
        // What is copied again and again while it grows costs as much memory once more.
        let read = || parts.iter().filter_map(|part| part.as_ref().ok());
        tables.functions.reserve_exact(read().map(|part| part.functions.len()).sum());
        tables.units.reserve_exact(read().map(|part| part.units.len()).sum());
        tables.strings.reserve_exact(read().map(|part| part.strings.len()).sum());
        tables.text.reserve_exact(read().map(|part| part.text.len()).sum());
        for part in parts {
            tables.append(part?);
        }
        Ok(tables)
    }

    fn append(&mut self, part: PackagePart) {
        let (units, strings, text) = (self.units.len(), self.strings.len(), self.text.len());
        let start = self.functions.len();
        self.functions.extend(part.functions.into_iter().map(|f| FunctionTable {
            name: f.name + strings,
            file: f.file + strings,
            literal: f.literal,
            units: f.units.start + units..f.units.end + units,
        }));
        self.strings.extend(part.strings.into_iter().map(|s| s.start + text..s.end + text));
        self.units.extend(part.units);
        self.text.extend_from_slice(&part.text);
        self.packages.push(PackageTable { functions: start..self.functions.len(), ..part.package });
    }

    /// The file's header.
    pub fn header(&self) -> &MetaHeader {
        &self.header
    }

    /// The build's hash.
    pub fn hash(&self) -> MetaHash {
        self.header.hash
    }

    /// How the build counts.
    pub fn mode(&self) -> CounterMode {
        self.header.mode
    }

    /// What one counter stands for.
    pub fn granularity(&self) -> Granularity {
        self.header.granularity
    }

    /// The packages in the order of the file.
    pub fn packages(&self) -> &[PackageTable] {
        &self.packages
    }

    /// The functions of all packages, package by package.
    pub fn functions(&self) -> &[FunctionTable] {
        &self.functions
    }

    /// The functions of a package of these tables, in the order of the file.
    pub fn functions_of(&self, package: &PackageTable) -> &[FunctionTable] {
        self.functions.get(package.functions.clone()).unwrap_or_default()
    }

    /// The units of all functions, function by function.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The units of a function of these tables.
    pub fn units_of(&self, function: &FunctionTable) -> &[Unit] {
        self.units.get(function.units.clone()).unwrap_or_default()
    }

    /// The name of a function of these tables, as the compiler wrote it.
    pub fn name_of(&self, function: &FunctionTable) -> &BStr {
        self.string(function.name)
    }

    /// The source file of a function of these tables.
    pub fn file_of(&self, function: &FunctionTable) -> &BStr {
        self.string(function.file)
    }

    /// Number of strings that functions refer to by [`FunctionTable::name_id`] and
    /// [`FunctionTable::file_id`].
    pub fn string_count(&self) -> usize {
        self.strings.len()
    }

    /// The position of a function in [`MetaTables::functions`]; `None` if there is no such package or function.
    pub fn function_position(&self, package: PackageIndex, function: FunctionIndex) -> Option<usize> {
        let range = self.packages.get(package.0 as usize)?.functions.clone();
        let position = range.start.checked_add(function.0 as usize)?;
        range.contains(&position).then_some(position)
    }

    fn string(&self, index: usize) -> &BStr {
        let range = self.strings.get(index).cloned().unwrap_or_default();
        BStr::new(self.text.get(range).unwrap_or_default())
    }
}

impl PackageTable {
    /// The import path.
    pub fn path(&self) -> &BStr {
        self.path.as_ref()
    }

    /// The name in the package clause.
    pub fn name(&self) -> &BStr {
        self.name.as_ref()
    }

    /// The path of the module; empty if there is none.
    pub fn module(&self) -> &BStr {
        self.module.as_ref()
    }

    /// The package's own hash.
    pub fn hash(&self) -> MetaHash {
        self.hash
    }

    /// Positions of its functions in [`MetaTables::functions`].
    pub fn function_positions(&self) -> Range<usize> {
        self.functions.clone()
    }
}

impl FunctionTable {
    /// Whether this is a function literal.
    pub fn literal(&self) -> bool {
        self.literal
    }

    /// Positions of its units in [`MetaTables::units`], and of its counts in the build's counts.
    pub fn unit_positions(&self) -> Range<usize> {
        self.units.clone()
    }

    /// Number of the name among the tables' strings; equal numbers are equal strings.
    pub fn name_id(&self) -> usize {
        self.name
    }

    /// Number of the source file among the tables' strings; equal numbers are equal strings.
    pub fn file_id(&self) -> usize {
        self.file
    }
}

/// One package decoded on its own, with positions that count from 0.
struct PackagePart {
    package: PackageTable,
    functions: Vec<FunctionTable>,
    units: Vec<Unit>,
    strings: Vec<Range<usize>>,
    text: Vec<u8>,
}

impl PackagePart {
    fn decode(package: &PackageBlob<'_>) -> Result<Self, ReadError> {
        let mut units = Vec::new();
        let mut functions = Vec::new();
        let mut records = package.functions();
        loop {
            let start = units.len();
            let Some(record) = records.read_next(&mut units)? else { break };
            functions.push(FunctionTable {
                name: record.name_index as usize,
                file: record.file_index as usize,
                literal: record.literal,
                units: start..units.len(),
            });
        }
        let mut text = Vec::new();
        let mut strings = Vec::with_capacity(package.strings().strings().len());
        for string in package.strings().strings() {
            let start = text.len();
            text.extend_from_slice(string);
            strings.push(start..text.len());
        }
        let package = PackageTable {
            path: package.path().to_owned(),
            name: package.name().to_owned(),
            module: package.module().to_owned(),
            hash: package.header().hash,
            functions: 0..0,
        };
        Ok(Self { package, functions, units, strings, text })
    }
}
