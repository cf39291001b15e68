//! Meta files as `decodemeta/decodefile.go` and `decodemeta/decode.go` read them: gaps, overlaps, padding and lengths that
//! nobody needs are not looked at.

use std::ops::Range;

use covfmt::ids::MetaHash;
use covfmt::layout::{META_HEADER_BYTES, META_MAGIC, META_VERSION, MetaHeader, PACKAGE_HEADER_BYTES};
use covfmt::meta::{FunctionParts, PackageParts};
use covfmt::mode::{CounterMode, Granularity};
use covfmt::unit::Unit;

use super::slice::{GoSlice, low_half};
use super::{Failure, MAPPED_FROM_BYTES};

/// Buffer of the reference's reader, in bytes: a string table that crosses it is "short".
const BUFFER_BYTES: usize = 4096;
/// More packages than this the reference cannot make room for, on common machines.
const MOST_PACKAGES: u64 = 1 << 32;
/// The fewest bytes that a unit takes.
const MIN_UNIT_BYTES: usize = 5;

/// A meta file whose header and package table were read.
#[derive(Debug)]
pub(in crate::covdata) struct GoMetaFile<'a> {
    bytes: &'a [u8],
    header: MetaHeader,
    mode: u8,
    granularity: u8,
    /// Offset and length of each package's blob, in bytes.
    packages: Vec<(u64, u64)>,
}

/// Why a package was not read to its end.
#[derive(Debug)]
pub(in crate::covdata) enum PackageFailure {
    /// At its head: the reference stops here.
    Head(Failure),
    /// At a function, in these words, which the reference forgets to pass on: it goes on with the next package.
    Function(Box<PackageParts>, String),
    /// Where the reference breaks down.
    Broken(String),
}

impl<'a> GoMetaFile<'a> {
    /// `NewCoverageMetaFileReader`.
    pub(in crate::covdata) fn parse(bytes: &'a [u8]) -> Result<Self, Failure> {
        let mut at = GoSlice::new(bytes, "meta file header");
        let fixed = at.clone().array::<META_HEADER_BYTES>().map_err(|_| Failure::end_of_file(bytes.len()))?;
        if at.array::<4>()? != META_MAGIC {
            return Err(Failure::said("invalid meta-data file magic string"));
        }
        let version = at.u32()?;
        if version > META_VERSION {
            return Err(Failure::said(format!(
                "meta-data file with an unknown version {version} (expected {META_VERSION})"
            )));
        }
        let u64_at = |slice: &mut GoSlice<'_>| slice.array::<8>().map(u64::from_le_bytes);
        let (total_length, count) = (u64_at(&mut at)?, u64_at(&mut at)?);
        let hash = MetaHash(at.array()?);
        let (strings_offset, strings_length) = (at.u32()?, at.u32()?);
        let [.., mode, granularity, _, _, _, _, _, _] = fixed;
        let offsets = table(bytes, META_HEADER_BYTES, count, total_length, "offset")?;
        let lengths = table(bytes, META_HEADER_BYTES + 8 * offsets.len(), count, total_length, "length")?;
        let preamble = META_HEADER_BYTES + 16 * offsets.len();
        GoSlice::new(read_strings(bytes, preamble, strings_length as usize)?, "file string table")
            .strings()?;
        let header = MetaHeader {
            total_length,
            packages: count,
            hash,
            strings_offset,
            strings_length,
            mode: CounterMode::from_byte(mode).unwrap_or(CounterMode::Invalid),
            granularity: Granularity::from_byte(granularity).unwrap_or(Granularity::PerBlock),
        };
        Ok(Self { bytes, header, mode, granularity, packages: offsets.into_iter().zip(lengths).collect() })
    }

    /// The header; a mode that is not defined is shown as invalid.
    pub(in crate::covdata) fn header(&self) -> MetaHeader {
        self.header
    }

    /// The bytes for mode and granularity.
    pub(in crate::covdata) fn mode_bytes(&self) -> (u8, u8) {
        (self.mode, self.granularity)
    }

    /// Number of packages.
    pub(in crate::covdata) fn package_count(&self) -> usize {
        self.packages.len()
    }

    /// Where a package's blob stands in the file. `GetPackagePayload`.
    pub(in crate::covdata) fn package_range(&self, index: usize) -> Result<Range<usize>, Failure> {
        let (offset, length) = self.packages.get(index).copied().unwrap_or_default();
        let broken = || Failure::Broken(format!("package {index} lies behind the end of the file"));
        let start = usize::try_from(offset).map_err(|_| broken())?;
        let length = usize::try_from(length).map_err(|_| broken())?;
        let end = start.checked_add(length).ok_or_else(broken)?;
        if end <= self.bytes.len() || (length == 0 && self.bytes.len() < MAPPED_FROM_BYTES) {
            return Ok(start..end);
        }
        if self.bytes.len() >= MAPPED_FROM_BYTES || length > 1 << 40 || offset > 1 << 62 {
            return Err(broken());
        }
        Err(Failure::end_of_file(self.bytes.len().saturating_sub(start)))
    }

    /// The number of functions that a package's head gives. `GetPackageDecoder`, `NumFuncs`.
    pub(in crate::covdata) fn function_count(&self, index: usize) -> Result<u32, Failure> {
        self.open(index).map(|package| package.function_count)
    }

    /// Reads a package. `wanted` tells by its path whether it is looked into, `named` whether anybody wants to know its
    /// name and module. `processPackage`.
    pub(in crate::covdata) fn package(
        &self,
        index: usize,
        wanted: impl Fn(&[u8]) -> bool,
        named: bool,
    ) -> Result<PackageParts, PackageFailure> {
        let package = self.open(index).map_err(PackageFailure::Head)?;
        let mut parts = package.head().map_err(PackageFailure::of)?;
        if !wanted(&parts.path) {
            return Ok(parts);
        }
        if named {
            let string = |index| package.bytes.lookup(&package.strings, index).map_err(PackageFailure::of);
            (parts.name, parts.module) = (string(package.name)?, string(package.module)?);
        }
        for function in 0..package.function_count {
            match package.function(function) {
                Ok(function) => parts.functions.push(function),
                Err(Failure::Said(words)) => return Err(PackageFailure::Function(Box::new(parts), words)),
                Err(Failure::Broken(words)) => return Err(PackageFailure::Broken(words)),
            }
        }
        Ok(parts)
    }

    fn open(&self, index: usize) -> Result<GoPackage<'a>, Failure> {
        let bytes = self.bytes.get(self.package_range(index)?).unwrap_or_default();
        let mut at = GoSlice::new(bytes, "package");
        if bytes.len() < PACKAGE_HEADER_BYTES {
            // The reference asks for the rest again and again.
            return Err(Failure::Broken(format!("package {index} has {} bytes, too few", bytes.len())));
        }
        let (length, name, path, module) = (at.u32()?, at.u32()?, at.u32()?, at.u32()?);
        let hash = MetaHash(at.array()?);
        at.array::<8>()?;
        let function_count = at.u32()?;
        // The reference counts with 32 bits.
        at.seek(function_offset(function_count))?;
        let strings = at.strings()?;
        Ok(GoPackage {
            bytes: GoSlice::new(bytes, "package"),
            length,
            name,
            path,
            module,
            hash,
            function_count,
            strings,
        })
    }
}

impl PackageFailure {
    fn of(failure: Failure) -> Self {
        match failure {
            Failure::Broken(words) => Self::Broken(words),
            said @ Failure::Said(_) => Self::Head(said),
        }
    }
}

struct GoPackage<'a> {
    bytes: GoSlice<'a>,
    length: u32,
    name: u32,
    path: u32,
    module: u32,
    hash: MetaHash,
    function_count: u32,
    strings: Vec<&'a [u8]>,
}

impl GoPackage<'_> {
    fn head(&self) -> Result<PackageParts, Failure> {
        let path = self.bytes.lookup(&self.strings, self.path)?;
        Ok(PackageParts { path, hash: self.hash, ..PackageParts::default() })
    }

    /// `ReadFunc`.
    fn function(&self, index: u32) -> Result<FunctionParts, Failure> {
        let mut at = self.bytes.clone();
        let offset_at = function_offset(index);
        at.seek(offset_at)?;
        let offset = at.u32()?;
        if offset < offset_at || offset > self.length {
            return Err(Failure::said(format!("malformed func offset {offset}")));
        }
        at.seek(offset)?;
        let (units, name, file) = (at.uleb32()?, at.uleb32()?, at.uleb32()?);
        let (file, name) = (at.lookup(&self.strings, file)?, at.lookup(&self.strings, name)?);
        if units as usize > at.remaining() / MIN_UNIT_BYTES {
            return Err(at.broken());
        }
        let mut function =
            FunctionParts { name, file, literal: false, units: Vec::with_capacity(units as usize) };
        for _ in 0..units {
            let (start_line, start_column) = (at.uleb32()?, at.uleb32()?);
            let (end_line, end_column) = (at.uleb32()?, at.uleb32()?);
            let statements = at.uleb32()?;
            function.units.push(Unit { start_line, end_line, start_column, end_column, statements });
        }
        function.literal = at.uleb128()? != 0;
        Ok(function)
    }
}

/// `CovMetaHeaderSize + 4*index` in 32 bits.
fn function_offset(index: u32) -> u32 {
    let header = low_half(PACKAGE_HEADER_BYTES as u64);
    header.wrapping_add(index.wrapping_mul(4))
}

/// The offsets or the lengths of packages, `what`, from `start` on.
fn table(bytes: &[u8], start: usize, count: u64, limit: u64, what: &str) -> Result<Vec<u64>, Failure> {
    if count > MOST_PACKAGES {
        return Err(Failure::Broken(format!("meta file header: {count} packages are not possible")));
    }
    let mut values = Vec::new();
    let mut rest = bytes.get(start..).unwrap_or_default();
    for index in 0..count {
        let Some((value, behind)) = rest.split_first_chunk::<8>() else {
            return Err(Failure::said(if rest.is_empty() { "EOF" } else { "premature end of file on read" }));
        };
        let value = u64::from_le_bytes(*value);
        if value > limit {
            return Err(Failure::said(format!("insane pkg {what} {index}: {value} > totlen {limit}")));
        }
        values.push(value);
        rest = behind;
    }
    Ok(values)
}

/// One read of the buffered reader: what is in the buffer, or what fills it, or, if more is asked for, the file.
fn read_strings(bytes: &[u8], start: usize, length: usize) -> Result<&[u8], Failure> {
    let rest = bytes.get(start..).unwrap_or_default();
    let buffered = start.next_multiple_of(BUFFER_BYTES) - start;
    let most = match buffered {
        0 if length >= BUFFER_BYTES => length,
        0 => BUFFER_BYTES,
        left => left,
    };
    if length > 0 && rest.is_empty() {
        return Err(Failure::said("EOF"));
    }
    let read = rest.get(..length.min(most).min(rest.len())).unwrap_or_default();
    if read.len() != length {
        return Err(Failure::said("error: short read on string table"));
    }
    Ok(read)
}
