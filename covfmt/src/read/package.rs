//! A package's blob: header, function offsets, string table, functions with their units.
//! `internal/coverage/defs.go`, `decodemeta/decode.go`, `encodemeta/encode.go`.

use bstr::BStr;

use super::cursor::Cursor;
use super::strings::StringTable;
use crate::error::{ReadError, Rule, Structure};
use crate::ids::{FunctionIndex, MetaHash, PackageIndex};
use crate::layout::{FUNCTION_OFFSET_BYTES, PACKAGE_HEADER_BYTES, PackageHeader};
use crate::unit::Unit;

/// The fewest bytes that a unit takes: five ULEB128 values.
const MIN_UNIT_BYTES: u64 = 5;

/// A package of a meta file, borrowed from the file's bytes.
#[derive(Debug, Clone)]
pub struct PackageBlob<'a> {
    index: PackageIndex,
    header: PackageHeader,
    path: &'a BStr,
    name: &'a BStr,
    module: &'a BStr,
    strings: StringTable<'a>,
    offsets: Cursor<'a>,
    functions: Cursor<'a>,
    /// Offset of the blob from the start of the file, in bytes.
    start: u64,
}

/// A function of a [`PackageBlob`], without its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionRecord<'a> {
    /// The name as the compiler wrote it.
    pub name: &'a BStr,
    /// Index of the name in the package's string table.
    pub name_index: u32,
    /// The source file: import path and base name, or an absolute path.
    pub file: &'a BStr,
    /// Index of the file in the package's string table.
    pub file_index: u32,
    /// Whether this is a function literal.
    pub literal: bool,
    /// How many units were appended for it.
    pub units: u32,
}

impl<'a> PackageBlob<'a> {
    pub(crate) fn parse(mut cursor: Cursor<'a>, index: PackageIndex) -> Result<Self, ReadError> {
        let start = cursor.offset();
        let blob_length = cursor.remaining() as u64;
        cursor = cursor.named(Structure::PackageHeader(index));
        let header = PackageHeader {
            length: cursor.u32()?,
            name: cursor.u32()?,
            path: cursor.u32()?,
            module: cursor.u32()?,
            hash: MetaHash(cursor.array()?),
            files: {
                cursor.padding(4)?;
                cursor.u32()?
            },
            functions: cursor.u32()?,
        };
        cursor.require(start, "blob length", header.length.into(), blob_length)?;

        let header_cursor = cursor.clone();
        cursor = cursor.named(Structure::FunctionOffsets(index));
        let offsets = cursor.split(u64::from(header.functions) * FUNCTION_OFFSET_BYTES as u64)?;
        cursor = cursor.named(Structure::PackageStrings(index));
        let strings = StringTable::parse(&mut cursor)?;
        let path = strings.lookup(&header_cursor, start + 8, "package path string", header.path)?;
        let name = strings.lookup(&header_cursor, start + 4, "package name string", header.name)?;
        let module = strings.lookup(&header_cursor, start + 12, "module path string", header.module)?;
        Ok(Self { index, header, path, name, module, strings, offsets, functions: cursor, start })
    }

    /// Offset of the blob from the start of the file, in bytes.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// The header.
    pub fn header(&self) -> &PackageHeader {
        &self.header
    }

    /// The import path.
    pub fn path(&self) -> &'a BStr {
        self.path
    }

    /// The name in the package clause.
    pub fn name(&self) -> &'a BStr {
        self.name
    }

    /// The path of the module; empty if there is none.
    pub fn module(&self) -> &'a BStr {
        self.module
    }

    /// The blob's string table.
    pub fn strings(&self) -> &StringTable<'a> {
        &self.strings
    }

    /// The functions in the order of the file.
    pub fn functions(&self) -> FunctionRecords<'a, '_> {
        FunctionRecords {
            package: self,
            offsets: self.offsets.clone(),
            cursor: self.functions.clone(),
            next: 0,
        }
    }
}

/// The functions of a package, read one after the other.
#[derive(Debug, Clone)]
pub struct FunctionRecords<'a, 'p> {
    package: &'p PackageBlob<'a>,
    offsets: Cursor<'a>,
    cursor: Cursor<'a>,
    next: u32,
}

impl<'a> FunctionRecords<'a, '_> {
    /// Reads the next function and appends its units to `units`; `None` behind the last.
    ///
    /// Each function must start where the one before it ends, and the last must end with the blob. After an
    /// error the records are at their end.
    pub fn read_next(&mut self, units: &mut Vec<Unit>) -> Result<Option<FunctionRecord<'a>>, ReadError> {
        let package = self.package;
        if self.next >= package.header.functions {
            return match self.next {
                u32::MAX => Ok(None),
                _ => self.cursor.clone().named(Structure::PackageHeader(package.index)).end().map(|()| None),
            };
        }
        let index = FunctionIndex(self.next);
        let result = self.read_function(index, units);
        // u32::MAX functions would need 16 GiB of offsets, more than a blob's length can say.
        self.next = if result.is_ok() { self.next + 1 } else { u32::MAX };
        result.map(Some)
    }

    fn read_function(
        &mut self,
        index: FunctionIndex,
        units: &mut Vec<Unit>,
    ) -> Result<FunctionRecord<'a>, ReadError> {
        let package = self.package;
        let offset_at = self.offsets.offset();
        let offset = u64::from(self.offsets.u32()?);
        self.offsets.require(offset_at, "function offset", offset, self.cursor.offset() - package.start)?;

        self.cursor = self.cursor.clone().named(Structure::Function(package.index, index));
        let start = self.cursor.offset();
        let unit_count = self.cursor.uleb32()?;
        let name_index = self.cursor.uleb32()?;
        let file_index = self.cursor.uleb32()?;
        let name = package.strings.lookup(&self.cursor, start, "function name string", name_index)?;
        let file = package.strings.lookup(&self.cursor, start, "source file string", file_index)?;
        let needed = u64::from(unit_count) * MIN_UNIT_BYTES;
        let available = self.cursor.remaining() as u64;
        if needed > available {
            return Err(self.cursor.error_at(start, Rule::Truncated { needed, available }));
        }
        units.reserve(unit_count as usize);
        for _ in 0..unit_count {
            let [start_line, start_column, end_line, end_column, statements] = self.cursor.uleb32_array()?;
            units.push(Unit { start_line, end_line, start_column, end_column, statements });
        }
        let literal_at = self.cursor.offset();
        let literal = match self.cursor.uleb64()? {
            0 => false,
            1 => true,
            found => {
                let rule = Rule::Undefined { what: "function literal flag", found };
                return Err(self.cursor.error_at(literal_at, rule));
            }
        };
        Ok(FunctionRecord { name, name_index, file, file_index, literal, units: unit_count })
    }
}

const _: () =
    assert!(PACKAGE_HEADER_BYTES == 44, "the offsets in errors of the package header count on this");
