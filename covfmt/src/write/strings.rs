//! String tables with each string once, in order of first use. `internal/coverage/stringtab/stringtab.go`.

use std::collections::HashMap;

use bstr::BString;

use super::error::{WriteError, field32};
use crate::uleb128;

/// A string table under construction. The empty string always comes first.
#[derive(Debug, Clone)]
pub(super) struct StringTableBuilder {
    indices: HashMap<BString, u32>,
    encoded: Vec<u8>,
}

impl StringTableBuilder {
    pub(super) fn new() -> Self {
        Self { indices: HashMap::from([(BString::default(), 0)]), encoded: vec![0] }
    }

    /// The string's index; the string is added if it is new.
    pub(super) fn intern(&mut self, string: &[u8]) -> Result<u32, WriteError> {
        if let Some(index) = self.get(string) {
            return Ok(index);
        }
        let index = self.len()?;
        self.indices.insert(string.into(), index);
        uleb128::append(&mut self.encoded, string.len() as u64);
        self.encoded.extend_from_slice(string);
        Ok(index)
    }

    pub(super) fn get(&self, string: &[u8]) -> Option<u32> {
        self.indices.get(bstr::BStr::new(string)).copied()
    }

    /// Number of strings.
    pub(super) fn len(&self) -> Result<u32, WriteError> {
        field32("number of strings", self.indices.len())
    }

    /// Length of the table in bytes.
    pub(super) fn byte_len(&self) -> usize {
        uleb128::encoded_len(self.indices.len() as u64) + self.encoded.len()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        uleb128::append(out, self.indices.len() as u64);
        out.extend_from_slice(&self.encoded);
    }
}
