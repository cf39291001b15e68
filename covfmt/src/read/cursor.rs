//! A bounded cursor: every read is checked, and every failure names the structure, the rule and the offset.

use bstr::BStr;
use byteorder::{ByteOrder, LittleEndian};

use crate::error::{ReadError, Rule, Structure};
use crate::uleb128::{self, Failure};

/// A position in a stretch of a file's bytes.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    /// Offset of `bytes` from the start of the file.
    base: u64,
    structure: Structure,
}

impl<'a> Cursor<'a> {
    /// A cursor over a whole file.
    pub(crate) fn new(bytes: &'a [u8], structure: Structure) -> Self {
        Self { bytes, base: 0, structure }
    }

    /// The same position, with another name for what is read from here on.
    pub(crate) fn named(mut self, structure: Structure) -> Self {
        self.structure = structure;
        self
    }

    /// Offset from the start of the file, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.base
    }

    /// Number of bytes left.
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// An error at the current position.
    pub(crate) fn error(&self, rule: Rule) -> ReadError {
        self.error_at(self.base, rule)
    }

    /// An error at another offset from the start of the file.
    pub(crate) fn error_at(&self, offset: u64, rule: Rule) -> ReadError {
        ReadError { structure: self.structure, rule, offset }
    }

    /// The next `length` bytes, as a cursor of their own.
    pub(crate) fn split(&mut self, length: u64) -> Result<Self, ReadError> {
        let base = self.base;
        let bytes = self.take(length)?;
        Ok(Self { bytes, base, structure: self.structure })
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: u64) -> Result<&'a [u8], ReadError> {
        let split = usize::try_from(length).ok().and_then(|n| self.bytes.split_at_checked(n));
        let Some((head, tail)) = split else {
            return Err(self.error(Rule::Truncated { needed: length, available: self.bytes.len() as u64 }));
        };
        self.bytes = tail;
        self.base += length;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let bytes = self.take(N as u64)?;
        let mut array = [0; N];
        array.copy_from_slice(bytes);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ReadError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ReadError> {
        Ok(LittleEndian::read_u32(&self.array::<4>()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, ReadError> {
        Ok(LittleEndian::read_u64(&self.array::<8>()?))
    }

    #[inline]
    pub(crate) fn uleb64(&mut self) -> Result<u64, ReadError> {
        match uleb128::read(self.bytes) {
            Ok((value, length)) => {
                self.bytes = self.bytes.get(length..).unwrap_or_default();
                self.base += length as u64;
                Ok(value)
            }
            Err(Failure::Truncated) => {
                let available = self.bytes.len() as u64;
                Err(self.error(Rule::Truncated { needed: available + 1, available }))
            }
            Err(Failure::Overflow) => Err(self.error(Rule::Uleb128Overflow { bits: 64 })),
        }
    }

    #[inline]
    pub(crate) fn uleb32(&mut self) -> Result<u32, ReadError> {
        let offset = self.base;
        let value = self.uleb64()?;
        u32::try_from(value).map_err(|_| self.error_at(offset, Rule::Uleb128Overflow { bits: 32 }))
    }

    /// As many values of 32 bits as the array has.
    #[inline]
    pub(crate) fn uleb32_array<const N: usize>(&mut self) -> Result<[u32; N], ReadError> {
        let mut values = [0; N];
        let mut rest = self.bytes;
        for value in &mut values {
            let short = uleb128::read(rest).ok();
            let short =
                short.and_then(|(read, length)| Some((u32::try_from(read).ok()?, rest.get(length..)?)));
            let Some((read, behind)) = short else { return self.uleb32_array_slowly() };
            (*value, rest) = (read, behind);
        }
        self.base += (self.bytes.len() - rest.len()) as u64;
        self.bytes = rest;
        Ok(values)
    }

    /// One of the values is wrong: says which, and how.
    #[cold]
    fn uleb32_array_slowly<const N: usize>(&mut self) -> Result<[u32; N], ReadError> {
        let mut values = [0; N];
        values.iter_mut().try_for_each(|value| self.uleb32().map(|read| *value = read))?;
        Ok(values)
    }

    /// A string: its length as ULEB128, then its bytes.
    pub(crate) fn string(&mut self) -> Result<&'a BStr, ReadError> {
        let length = self.uleb64()?;
        Ok(BStr::new(self.take(length)?))
    }

    /// Padding, which must be zero.
    pub(crate) fn padding(&mut self, length: u64) -> Result<(), ReadError> {
        let start = self.base;
        let bytes = self.take(length)?;
        match bytes.iter().position(|byte| *byte != 0) {
            None => Ok(()),
            Some(index) => Err(self.error_at(
                start + index as u64,
                Rule::Mismatch {
                    what: "padding byte",
                    found: bytes.get(index).copied().unwrap_or_default().into(),
                    expected: 0,
                },
            )),
        }
    }

    /// The end of the structure: nothing may be left.
    pub(crate) fn end(&self) -> Result<(), ReadError> {
        match self.bytes.len() as u64 {
            0 => Ok(()),
            bytes => Err(self.error(Rule::Trailing { bytes })),
        }
    }

    /// A value that the rest of the file determines.
    pub(crate) fn require(
        &self,
        offset: u64,
        what: &'static str,
        found: u64,
        expected: u64,
    ) -> Result<(), ReadError> {
        if found == expected {
            return Ok(());
        }
        Err(self.error_at(offset, Rule::Mismatch { what, found, expected }))
    }
}
