//! A package's blob. `internal/coverage/encodemeta/encode.go`.

use byteorder::{LittleEndian, WriteBytesExt as _};

use super::error::{WriteError, field32};
use super::strings::StringTableBuilder;
use crate::hash::Fnv128a;
use crate::ids::{FunctionIndex, MetaHash};
use crate::layout::{FUNCTION_OFFSET_BYTES, PACKAGE_HEADER_BYTES};
use crate::uleb128;
use crate::unit::Unit;

/// A package under construction.
#[derive(Debug, Clone)]
pub struct PackageBuilder {
    strings: StringTableBuilder,
    path: u32,
    name: u32,
    module: u32,
    hash: Fnv128a,
    functions: Vec<Vec<u8>>,
}

impl PackageBuilder {
    /// A package without functions. The path must not be empty; name and module may be.
    pub fn new(path: &[u8], name: &[u8], module: &[u8]) -> Result<Self, WriteError> {
        if path.is_empty() {
            return Err(WriteError::EmptyPackagePath);
        }
        let mut strings = StringTableBuilder::new();
        let mut hash = Fnv128a::default();
        let mut intern = |text: &[u8]| {
            hash.update(text);
            strings.intern(text)
        };
        let (path, name, module) = (intern(path)?, intern(name)?, intern(module)?);
        Ok(Self { strings, path, name, module, hash, functions: Vec::new() })
    }

    /// Adds a function and gives its index.
    pub fn add_function(
        &mut self,
        name: &[u8],
        file: &[u8],
        literal: bool,
        units: &[Unit],
    ) -> Result<FunctionIndex, WriteError> {
        let index = FunctionIndex(field32("number of functions", self.functions.len())?);
        hash_function_into(&mut self.hash, name, file, literal, units);
        let mut encoded = Vec::new();
        uleb128::append(&mut encoded, field32("number of units", units.len())?.into());
        uleb128::append(&mut encoded, self.strings.intern(name)?.into());
        uleb128::append(&mut encoded, self.strings.intern(file)?.into());
        for value in units.iter().flat_map(unit_fields) {
            uleb128::append(&mut encoded, value.into());
        }
        uleb128::append(&mut encoded, literal.into());
        self.functions.push(encoded);
        Ok(index)
    }

    /// The hash of everything so far: FNV-1a-128 over path, name, module, functions and units.
    pub fn hash(&self) -> MetaHash {
        self.hash.finish()
    }

    /// The blob, with its own hash.
    pub fn encode(&self) -> Result<Vec<u8>, WriteError> {
        self.encode_with_hash(self.hash())
    }

    /// The blob, with another hash: that of the data's origin, where it is to be kept (Go 1.21 used MD5).
    pub fn encode_with_hash(&self, hash: MetaHash) -> Result<Vec<u8>, WriteError> {
        let head =
            PACKAGE_HEADER_BYTES + self.functions.len() * FUNCTION_OFFSET_BYTES + self.strings.byte_len();
        let length = head + self.functions.iter().map(Vec::len).sum::<usize>();
        let mut out = Vec::with_capacity(length);
        put32(&mut out, field32("blob length", length)?);
        put32(&mut out, self.name);
        put32(&mut out, self.path);
        put32(&mut out, self.module);
        out.extend_from_slice(&hash.0);
        put32(&mut out, 0);
        put32(&mut out, self.strings.len()?);
        put32(&mut out, field32("number of functions", self.functions.len())?);
        let mut offset = head;
        for function in &self.functions {
            put32(&mut out, field32("function offset", offset)?);
            offset += function.len();
        }
        self.strings.write(&mut out);
        out.extend(self.functions.iter().flatten());
        Ok(out)
    }
}

fn put32(out: &mut Vec<u8>, value: u32) {
    // Writing to a vector cannot fail.
    let _ = out.write_u32::<LittleEndian>(value);
}

fn unit_fields(unit: &Unit) -> [u32; 5] {
    [unit.start_line, unit.start_column, unit.end_line, unit.end_column, unit.statements]
}

/// The hash of a function: the same for the same function of another program. `encodemeta/encode.go`, `HashFuncDesc`.
pub fn hash_of_function(name: &[u8], file: &[u8], literal: bool, units: &[Unit]) -> MetaHash {
    let mut hash = Fnv128a::default();
    hash_function_into(&mut hash, name, file, literal, units);
    hash.finish()
}

/// `encodemeta/encode.go`, `hashFuncDesc`.
fn hash_function_into(hash: &mut Fnv128a, name: &[u8], file: &[u8], literal: bool, units: &[Unit]) {
    hash.update(name);
    hash.update(file);
    for value in units.iter().flat_map(unit_fields) {
        hash.update_u32(value);
    }
    hash.update_u32(literal.into());
}
