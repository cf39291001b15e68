//! The meta file: header, package table, string table, one blob per package.
//! `internal/coverage/defs.go`, `decodemeta/decodefile.go`, `encodemeta/encodefile.go`.

use super::cursor::Cursor;
use super::package::PackageBlob;
use super::strings::StringTable;
use crate::error::{ReadError, Rule, Structure};
use crate::ids::{MetaHash, PackageIndex};
use crate::layout::{META_HEADER_BYTES, META_MAGIC, META_VERSION, MetaHeader, PACKAGE_ENTRY_BYTES};
use crate::mode::{CounterMode, Granularity};

/// A meta file, borrowed from its bytes.
#[derive(Debug, Clone)]
pub struct MetaFile<'a> {
    header: MetaHeader,
    strings: StringTable<'a>,
    blobs: Vec<Cursor<'a>>,
}

impl<'a> MetaFile<'a> {
    /// Reads header, package table and string table, and finds the packages' blobs.
    ///
    /// The blobs themselves are read by [`MetaFile::package`]. The string table, the blobs and the end of the
    /// file must follow each other without gaps, as Go writes them.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let mut cursor = Cursor::new(bytes, Structure::MetaHeader);
        let header = Self::parse_header_at(&mut cursor, bytes.len() as u64)?;
        let mut cursor = cursor.named(Structure::PackageTable);
        let table_bytes = header.packages.saturating_mul(2 * PACKAGE_ENTRY_BYTES as u64);
        cursor.clone().take(table_bytes)?;
        let strings_offset = cursor.offset() + table_bytes;
        cursor.require(40, "string table offset", header.strings_offset.into(), strings_offset)?;
        let mut blob_start = strings_offset + u64::from(header.strings_length);
        let mut offsets = cursor.split(table_bytes / 2)?;
        let mut lengths = cursor.split(table_bytes / 2)?;

        let mut string_bytes = cursor.named(Structure::MetaStrings);
        let mut rest = string_bytes.clone();
        rest.take(header.strings_length.into())?;
        let mut string_bytes = string_bytes.split(header.strings_length.into())?;
        let strings = StringTable::parse(&mut string_bytes)?;
        string_bytes.end()?;

        let mut rest = rest.named(Structure::PackageTable);
        let count = usize::try_from(header.packages).unwrap_or_default();
        let mut blobs = Vec::with_capacity(count);
        for _ in 0..count {
            let offset_at = offsets.offset();
            let offset = offsets.u64()?;
            offsets.require(offset_at, "package offset", offset, blob_start)?;
            let length_at = lengths.offset();
            let length = lengths.u64()?;
            let available = rest.remaining() as u64;
            if length > available {
                return Err(lengths.error_at(length_at, Rule::Truncated { needed: length, available }));
            }
            blobs.push(rest.split(length)?);
            blob_start += length;
        }
        rest.end()?;
        Ok(Self { header, strings, blobs })
    }

    /// Reads only the header: what a duplicate is compared by, and what a flush needs to know beforehand.
    ///
    /// `bytes` may be the start of a file; its length is then not checked.
    pub fn parse_header(bytes: &[u8]) -> Result<MetaHeader, ReadError> {
        let mut cursor = Cursor::new(bytes, Structure::MetaHeader);
        parse_fields(&mut cursor)
    }

    fn parse_header_at(cursor: &mut Cursor<'a>, file_length: u64) -> Result<MetaHeader, ReadError> {
        let header = parse_fields(cursor)?;
        if header.total_length > file_length {
            let rule = Rule::Truncated { needed: header.total_length, available: file_length };
            return Err(cursor.error_at(file_length, rule));
        }
        cursor.require(8, "file length", header.total_length, file_length)?;
        Ok(header)
    }

    /// The header.
    pub fn header(&self) -> &MetaHeader {
        &self.header
    }

    /// The file's own string table; Go writes one empty string and refers to it nowhere.
    pub fn strings(&self) -> &StringTable<'a> {
        &self.strings
    }

    /// Number of packages.
    pub fn package_count(&self) -> u32 {
        // parse() allocated one entry for each, sixteen bytes of input at least.
        u32::try_from(self.blobs.len()).unwrap_or(u32::MAX)
    }

    /// Reads a package's blob; `None` behind the last package.
    pub fn package(&self, index: PackageIndex) -> Option<Result<PackageBlob<'a>, ReadError>> {
        let cursor = self.blobs.get(index.0 as usize)?;
        Some(PackageBlob::parse(cursor.clone(), index))
    }

    /// The packages in the order of the file, which is the order of initialisation.
    pub fn packages(&self) -> impl Iterator<Item = Result<PackageBlob<'a>, ReadError>> + '_ {
        (0..self.package_count()).filter_map(|index| self.package(PackageIndex(index)))
    }

    /// The bytes of a package's blob as they stand in the file.
    pub fn package_bytes(&self, index: PackageIndex) -> Option<&'a [u8]> {
        self.blobs.get(index.0 as usize).map(Cursor::rest)
    }

    /// Decodes everything and keeps nothing: whether the whole file follows the format.
    pub fn check(&self) -> Result<(), ReadError> {
        let mut units = Vec::new();
        for package in self.packages() {
            let package = package?;
            let mut functions = package.functions();
            while functions.read_next(&mut units)?.is_some() {
                units.clear();
            }
        }
        Ok(())
    }
}

fn parse_fields(cursor: &mut Cursor<'_>) -> Result<MetaHeader, ReadError> {
    let magic = cursor.array::<4>()?;
    if magic != META_MAGIC {
        return Err(cursor.error_at(0, Rule::Magic { found: magic }));
    }
    let version = cursor.u32()?;
    if version != META_VERSION {
        return Err(cursor.error_at(4, Rule::Version { found: version }));
    }
    let total_length = cursor.u64()?;
    let packages = cursor.u64()?;
    let hash = MetaHash(cursor.array()?);
    let strings_offset = cursor.u32()?;
    let strings_length = cursor.u32()?;
    let mode_at = cursor.offset();
    let (mode, granularity) = (cursor.u8()?, cursor.u8()?);
    let undefined =
        |offset, what, found: u8| cursor.error_at(offset, Rule::Undefined { what, found: found.into() });
    let mode = CounterMode::from_byte(mode).ok_or_else(|| undefined(mode_at, "counter mode", mode))?;
    let granularity = Granularity::from_byte(granularity)
        .ok_or_else(|| undefined(mode_at + 1, "counter granularity", granularity))?;
    cursor.padding(META_HEADER_BYTES as u64 - cursor.offset())?;
    Ok(MetaHeader { total_length, packages, hash, strings_offset, strings_length, mode, granularity })
}
