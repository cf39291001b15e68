//! String tables: a number of strings, then each with its length. `internal/coverage/stringtab/stringtab.go`.

use bstr::BStr;

use super::cursor::Cursor;
use crate::error::{ReadError, Rule};

/// A string table, borrowed from the file's bytes. Strings are bytes: Go does not promise UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StringTable<'a> {
    strings: Vec<&'a BStr>,
}

impl<'a> StringTable<'a> {
    /// Reads a table and leaves the cursor behind it.
    pub(crate) fn parse(cursor: &mut Cursor<'a>) -> Result<Self, ReadError> {
        let offset = cursor.offset();
        let entries = cursor.uleb64()?;
        // Each string takes a byte at least, so a larger number cannot be true and nothing is allocated for it.
        if entries > cursor.remaining() as u64 {
            let available = cursor.remaining() as u64;
            return Err(cursor.error_at(offset, Rule::Truncated { needed: entries, available }));
        }
        let mut strings = Vec::with_capacity(usize::try_from(entries).unwrap_or_default());
        for _ in 0..entries {
            strings.push(cursor.string()?);
        }
        Ok(Self { strings })
    }

    /// The strings in the order of the file.
    pub fn strings(&self) -> &[&'a BStr] {
        &self.strings
    }

    /// The string with this index.
    pub fn get(&self, index: u32) -> Option<&'a BStr> {
        self.strings.get(index as usize).copied()
    }

    /// The string with this index, or an error at `offset` that calls the index `what`.
    pub(crate) fn lookup(
        &self,
        cursor: &Cursor<'_>,
        offset: u64,
        what: &'static str,
        index: u32,
    ) -> Result<&'a BStr, ReadError> {
        self.get(index).ok_or_else(|| {
            let entries = self.strings.len() as u64;
            cursor.error_at(offset, Rule::Index { what, found: index.into(), entries })
        })
    }
}
