//! Integers and strings out of bytes in memory. `slicereader/slicereader.go`, `stringtab/stringtab.go`: where those
//! leave the slice they panic, and here is an error.

use bstr::BString;

use super::Failure;

/// A position in a slice.
#[derive(Debug, Clone)]
pub(super) struct GoSlice<'a> {
    bytes: &'a [u8],
    offset: usize,
    /// What the slice is, for errors.
    what: &'static str,
}

impl<'a> GoSlice<'a> {
    pub(super) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, offset: 0, what }
    }

    pub(super) fn broken(&self) -> Failure {
        Failure::Broken(format!("{}: cut off or damaged at byte {}", self.what, self.offset))
    }

    /// `Seek` from the start.
    pub(super) fn seek(&mut self, offset: u32) -> Result<(), Failure> {
        if offset as usize > self.bytes.len() {
            let length = self.bytes.len();
            return Err(Failure::said(format!(
                "invalid seek: new offset {offset} (out of range [0 {length}]"
            )));
        }
        self.offset = offset as usize;
        Ok(())
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.offset)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Failure> {
        let end = self.offset.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.offset..end)).ok_or_else(|| self.broken())?;
        self.offset += length;
        Ok(taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Failure> {
        let bytes = self.take(4)?;
        Ok(bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let bytes = self.take(N)?;
        bytes.first_chunk().copied().ok_or_else(|| self.broken())
    }

    /// Bits behind the 64th are lost.
    pub(super) fn uleb128(&mut self) -> Result<u64, Failure> {
        let mut value = 0_u64;
        let mut shift = 0_u32;
        loop {
            let [byte] = self.array::<1>()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift = shift.saturating_add(7);
        }
    }

    /// As [`GoSlice::uleb128`], cut off to 32 bits.
    pub(super) fn uleb32(&mut self) -> Result<u32, Failure> {
        self.uleb128().map(low_half)
    }

    /// A string table. Bytes behind it are passed over.
    pub(super) fn strings(&mut self) -> Result<Vec<&'a [u8]>, Failure> {
        let entries = self.uleb128()?;
        // Each takes a byte at least, so the reference panics in the end, if it gets the memory.
        if entries > self.remaining() as u64 {
            return Err(self.broken());
        }
        (0..entries)
            .map(|_| {
                let length = self.uleb128()?;
                self.take(usize::try_from(length).map_err(|_| self.broken())?)
            })
            .collect()
    }

    /// A string of a table.
    pub(super) fn lookup(&self, strings: &[&'a [u8]], index: u32) -> Result<BString, Failure> {
        strings.get(index as usize).map(|string| BString::from(*string)).ok_or_else(|| self.broken())
    }
}

/// `uint32(value)`.
#[allow(clippy::cast_possible_truncation, reason = "as the reference does")]
pub(super) fn low_half(value: u64) -> u32 {
    value as u32
}
