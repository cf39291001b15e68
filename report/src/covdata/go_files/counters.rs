//! Counter files as `decodecounter/decodecounterfile.go` reads them: the first segment only, without a look at where it
//! ends.

use std::collections::BTreeMap;

use bstr::{BStr, BString};
use covfmt::layout::{
    COUNTER_HEADER_BYTES, COUNTER_MAGIC, COUNTER_VERSION, FOOTER_BYTES, SEGMENT_ALIGNMENT,
    SEGMENT_HEADER_BYTES,
};
use covfmt::merge::RunArgs;

use super::slice::{GoSlice, low_half};
use super::{Failure, MAPPED_FROM_BYTES};

/// More arguments than this are a damaged number; the reference would make room for them.
const MOST_ARGUMENTS: usize = 1 << 20;

/// A counter file, its first segment's args read.
#[derive(Debug)]
pub(in crate::covdata) struct GoCounterFile<'a> {
    bytes: &'a [u8],
    /// Position of the next value, in bytes.
    offset: usize,
    flavor: u8,
    big_endian: bool,
    functions: u32,
    /// Functions read so far.
    read: u32,
    args: RunArgs,
}

impl<'a> GoCounterFile<'a> {
    /// `NewCounterDataReader`.
    pub(in crate::covdata) fn parse(bytes: &'a [u8]) -> Result<Self, Failure> {
        let mut at = GoSlice::new(bytes, "counter file header");
        if bytes.len() < COUNTER_HEADER_BYTES {
            return Err(Failure::end_of_file(bytes.len()));
        }
        if at.array::<4>()? != COUNTER_MAGIC {
            return Err(Failure::said("invalid magic string: not a counter data file"));
        }
        let version = at.u32()?;
        if version > COUNTER_VERSION {
            return Err(Failure::said(format!(
                "version data incompatibility: reader is {COUNTER_VERSION} data is {version}"
            )));
        }
        at.array::<16>()?;
        let [flavor, big_endian] = at.array()?;
        let footer =
            bytes.len().checked_sub(FOOTER_BYTES).and_then(|start| bytes.get(start..)).unwrap_or_default();
        let mut footer = GoSlice::new(footer, "counter file footer");
        if footer.array::<4>()? != COUNTER_MAGIC {
            return Err(Failure::said("invalid magic string (not a counter data file)"));
        }
        footer.array::<4>()?;
        if footer.u32()? == 0 {
            return Err(Failure::said("invalid counter data file (no segments)"));
        }
        let mut file = Self {
            bytes,
            offset: COUNTER_HEADER_BYTES,
            flavor,
            big_endian: big_endian != 0,
            functions: 0,
            read: 0,
            args: RunArgs::default(),
        };
        file.read_preamble()?;
        Ok(file)
    }

    /// Command line and platform of the first segment.
    pub(in crate::covdata) fn args(&self) -> &RunArgs {
        &self.args
    }

    fn is_mapped(&self) -> bool {
        self.bytes.len() >= MAPPED_FROM_BYTES
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    /// `readSegmentPreamble`.
    fn read_preamble(&mut self) -> Result<(), Failure> {
        let available = self.rest().len();
        let Some(header) = self.rest().first_chunk::<SEGMENT_HEADER_BYTES>() else {
            return Err(Failure::end_of_file(available));
        };
        let mut header = GoSlice::new(header, "segment header");
        self.functions = low_half(u64::from_le_bytes(header.array()?));
        let (strings_length, args_length) = (header.u32()?, header.u32()?);
        self.offset += SEGMENT_HEADER_BYTES;
        let strings = self.read_table(strings_length, "string")?;
        let strings = GoSlice::new(strings, "string table of the segment").strings()?;
        let args = self.read_table(args_length, "args")?;
        self.args = parse_args(args, &strings)?;
        // Go's reader of mapped files does not move here.
        if !self.is_mapped() {
            self.offset = self.offset.next_multiple_of(SEGMENT_ALIGNMENT);
        }
        Ok(())
    }

    fn read_table(&mut self, length: u32, what: &str) -> Result<&'a [u8], Failure> {
        let (length, rest) = (length as usize, self.rest());
        let Some(table) = rest.get(..length) else {
            return Err(match rest.len() {
                0 => Failure::said("EOF"),
                _ if self.is_mapped() => Failure::said(format!("error: short read on {what} table")),
                available => Failure::end_of_file(available),
            });
        };
        if rest.is_empty() && self.is_mapped() {
            return Err(Failure::said("EOF"));
        }
        self.offset += length;
        Ok(table)
    }

    /// Reads the next function: package and function, its counters into the buffer; `None` behind the last. `NextFunc`.
    pub(in crate::covdata) fn read_next(
        &mut self,
        counters: &mut Vec<u32>,
    ) -> Result<Option<(u32, u32)>, Failure> {
        counters.clear();
        if self.read >= self.functions {
            return Ok(None);
        }
        self.read += 1;
        let count = self.value()?;
        let key = (self.value()?, self.value()?);
        for _ in 0..count {
            counters.push(self.value()?);
        }
        Ok(Some(key))
    }

    fn value(&mut self) -> Result<u32, Failure> {
        match self.flavor {
            1 => self.raw(),
            2 => self.uleb128(),
            flavor => Err(Failure::Broken(format!("counter flavour {flavor} is not defined"))),
        }
    }

    fn raw(&mut self) -> Result<u32, Failure> {
        let rest = self.rest();
        let Some(value) = rest.first_chunk() else {
            return Err(Failure::end_of_file(if self.is_mapped() { 0 } else { rest.len() }));
        };
        self.offset += 4;
        Ok(if self.big_endian { u32::from_be_bytes(*value) } else { u32::from_le_bytes(*value) })
    }

    fn uleb128(&mut self) -> Result<u32, Failure> {
        let mut slice = GoSlice::new(self.rest(), "counters");
        let before = slice.remaining();
        let value = slice.uleb32().map_err(|_| Failure::said("EOF"))?;
        self.offset += before - slice.remaining();
        Ok(value)
    }
}

/// `readArgs`.
fn parse_args(bytes: &[u8], strings: &[&[u8]]) -> Result<RunArgs, Failure> {
    let mut at = GoSlice::new(bytes, "args of the segment");
    let mut args: BTreeMap<BString, BString> = BTreeMap::new();
    let string = |at: &mut GoSlice<'_>| {
        let index = at.uleb128()?;
        // Compared as a signed number, used as one of 32 bits.
        if index.cast_signed() >= i64::try_from(strings.len()).unwrap_or(i64::MAX) {
            return Err(Failure::said("malformed string table ref"));
        }
        strings.get(low_half(index) as usize).map(|text| BString::from(*text)).ok_or_else(|| at.broken())
    };
    for _ in 0..at.uleb128()? {
        let (key, value) = (string(&mut at)?, string(&mut at)?);
        if args.insert(key, value).is_some() {
            return Err(Failure::said("malformed args table"));
        }
    }
    let own = |key: &str| args.get(BStr::new(key)).cloned().unwrap_or_default();
    let command_line = match args.get(BStr::new("argc")) {
        None => Vec::new(),
        Some(count) => {
            let words = "malformed argc in counter data file args section";
            let count = parse_count(count).ok_or_else(|| Failure::said(words))?;
            let count = usize::try_from(count).ok().filter(|count| *count <= MOST_ARGUMENTS);
            let count = count.ok_or_else(|| Failure::Broken("argc is not a possible number".into()))?;
            (0..count).map(|index| own(&format!("argv{index}"))).collect()
        }
    };
    Ok(RunArgs { argv: command_line, goos: own("GOOS"), goarch: own("GOARCH") })
}

/// `strconv.Atoi`: digits behind at most one sign.
fn parse_count(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
