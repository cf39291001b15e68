//! Whether a meta file's hashes are those of its contents: the best check for damage that the format allows.
//!
//! A package's hash is over path, name, module, functions and units; the file's is over the packages' hashes, mode and
//! granularity where a program wrote it, and over the hashes of the blobs' bytes where the reference tool put it together
//! with `-pkg` or `-pcombine` (then nothing covers the mode). Both are FNV-1a with 128 bits, in Go 1.21 and older MD5. They
//! are made to tell builds apart and no defence against forgery.
//! `internal/coverage/encodemeta/encode.go`, `cfile/emit.go`, `cmd/covdata/metamerge.go`.

use md5::{Digest as _, Md5};

use crate::error::{ReadError, Rule, Structure};
use crate::hash::Fnv128a;
use crate::ids::{MetaHash, PackageIndex};
use crate::read::{MetaFile, PackageBlob};

/// What a meta file's hashes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// They are those of the contents.
    Sound,
    /// None of them is made by a rule that is known here, so that they say nothing: a later version of Go may have
    /// another one.
    Unknown,
}

/// Compares a meta file's hashes with its contents, both of the file and of its packages, and the numbers of strings, which
/// nothing else needs; reads all of the file.
///
/// With the checks of structure, which are a part of this, no single bit of the file can be flipped without an error, but
/// for those of the counter mode in a file that was put together by `-pkg` or `-pcombine`.
pub fn check_integrity(file: &MetaFile<'_>) -> Result<Integrity, ReadError> {
    let mut packages = Vec::new();
    for (index, package) in (0..).map(PackageIndex).zip(file.packages()) {
        packages.push(Checked::new(index, &package?)?);
    }
    let named = file.header().hash;
    let as_found: Vec<MetaHash> = packages.iter().map(|package| package.found).collect();
    let by_file = Algorithm::ALL.into_iter().any(|algorithm| {
        // With the packages' hashes as they stand, and as they should: one of them may be what is damaged.
        let computed: Vec<MetaHash> = packages.iter().map(|package| package.by(algorithm)).collect();
        hash_of_program(algorithm, file, &as_found) == named
            || hash_of_program(algorithm, file, &computed) == named
            || hash_of_blobs(algorithm, file) == named
    });
    let algorithm = packages.iter().find_map(Checked::right).unwrap_or(Algorithm::Fnv);
    match packages.iter().find(|package| package.right().is_none()) {
        Some(package) if by_file || packages.iter().any(|package| package.right().is_some()) => {
            Err(package.error(algorithm))
        }
        None if by_file => Ok(Integrity::Sound),
        None if !packages.is_empty() => {
            let expected = hash_of_program(algorithm, file, &as_found);
            let rule = Rule::Hash { what: "hash of the file", found: named, expected };
            Err(ReadError { structure: Structure::MetaHeader, rule, offset: 24 })
        }
        _ => Ok(Integrity::Unknown),
    }
}

/// A package's hash as it stands and as its contents make it.
struct Checked {
    index: PackageIndex,
    /// Offset of the hash from the start of the file, in bytes.
    offset: u64,
    found: MetaHash,
    fnv: MetaHash,
    /// Equal to `fnv` where that is right already.
    md5: MetaHash,
}

impl Checked {
    fn new(index: PackageIndex, package: &PackageBlob<'_>) -> Result<Self, ReadError> {
        let (header, strings) = (package.header(), package.strings().strings().len() as u64);
        if u64::from(header.files) != strings {
            let rule =
                Rule::Mismatch { what: "number of strings", found: header.files.into(), expected: strings };
            let structure = Structure::PackageHeader(index);
            return Err(ReadError { structure, rule, offset: package.start() + 36 });
        }
        let found = header.hash;
        let offset = package.start() + 16;
        let mut fnv = Fnv128a::default();
        feed(package, |bytes| fnv.update(bytes))?;
        let fnv = fnv.finish();
        if fnv == found {
            return Ok(Self { index, offset, found, fnv, md5: fnv });
        }
        let mut md5 = Md5::new();
        feed(package, |bytes| md5.update(bytes))?;
        Ok(Self { index, offset, found, fnv, md5: MetaHash(md5.finalize().into()) })
    }

    /// By which algorithm the hash is right.
    fn right(&self) -> Option<Algorithm> {
        match self.found {
            found if found == self.fnv => Some(Algorithm::Fnv),
            found if found == self.md5 => Some(Algorithm::Md5),
            _ => None,
        }
    }

    /// The hash as it should be by an algorithm, or as it is if it is right.
    fn by(&self, algorithm: Algorithm) -> MetaHash {
        match (self.right(), algorithm) {
            (Some(_), _) => self.found,
            (None, Algorithm::Fnv) => self.fnv,
            (None, Algorithm::Md5) => self.md5,
        }
    }

    fn error(&self, algorithm: Algorithm) -> ReadError {
        let rule =
            Rule::Hash { what: "hash of the package", found: self.found, expected: self.by(algorithm) };
        ReadError { structure: Structure::PackageHeader(self.index), rule, offset: self.offset }
    }
}

/// Gives the bytes that a package's hash is made of.
fn feed(package: &PackageBlob<'_>, mut take: impl FnMut(&[u8])) -> Result<(), ReadError> {
    take(package.path());
    take(package.name());
    take(package.module());
    let (mut functions, mut units) = (package.functions(), Vec::new());
    while let Some(function) = functions.read_next(&mut units)? {
        take(function.name);
        take(function.file);
        for unit in &units {
            for value in [unit.start_line, unit.start_column, unit.end_line, unit.end_column, unit.statements]
            {
                take(&value.to_le_bytes());
            }
        }
        take(&u32::from(function.literal).to_le_bytes());
        units.clear();
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Fnv,
    Md5,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Fnv, Self::Md5];

    fn hash<'b>(self, parts: impl Iterator<Item = &'b [u8]>) -> MetaHash {
        match self {
            Self::Fnv => {
                let mut hash = Fnv128a::default();
                parts.for_each(|part| hash.update(part));
                hash.finish()
            }
            Self::Md5 => {
                let mut hash = Md5::new();
                parts.for_each(|part| hash.update(part));
                MetaHash(hash.finalize().into())
            }
        }
    }
}

/// `cfile/emit.go`, `prepareForMetaEmit`.
fn hash_of_program(algorithm: Algorithm, file: &MetaFile<'_>, packages: &[MetaHash]) -> MetaHash {
    let header = file.header();
    let ends = [header.mode.as_str().as_bytes(), header.granularity.as_str().as_bytes()];
    algorithm.hash(packages.iter().map(|hash| hash.0.as_slice()).chain(ends))
}

/// `cmd/covdata/metamerge.go`, `emitMeta`.
fn hash_of_blobs(algorithm: Algorithm, file: &MetaFile<'_>) -> MetaHash {
    let blobs = (0..file.package_count()).filter_map(|index| file.package_bytes(PackageIndex(index)));
    let hashes: Vec<MetaHash> = blobs.map(|blob| algorithm.hash(std::iter::once(blob))).collect();
    algorithm.hash(hashes.iter().map(|hash| hash.0.as_slice()))
}
