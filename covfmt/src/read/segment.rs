//! A segment of a counter file: the args of a run and the counters of its functions.
//! `internal/coverage/defs.go`, `decodecounter/decodecounterfile.go`, `encodecounter/encode.go`.

use std::collections::{HashMap, HashSet};

use bstr::BStr;
use byteorder::{BigEndian, ByteOrder, LittleEndian};

use super::cursor::Cursor;
use super::strings::StringTable;
use crate::error::{ReadError, Rule, Structure};
use crate::ids::{FunctionIndex, PackageIndex};
use crate::layout::{FOOTER_BYTES, Flavor, SEGMENT_ALIGNMENT, SegmentHeader};

/// Where in its file a segment stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentPlace {
    /// From 0.
    pub(crate) index: u32,
    /// Whether it is the last, so that its counters end where the file's last footer starts.
    pub(crate) last: bool,
    /// Functions of the segments before it.
    pub(crate) functions_before: u64,
}

/// A segment, borrowed from the file's bytes.
#[derive(Debug, Clone)]
pub struct Segment<'a> {
    strings: StringTable<'a>,
    args: Vec<(&'a BStr, &'a BStr)>,
    argument_count: usize,
    functions: u64,
    flavor: Flavor,
    counters: Cursor<'a>,
}

/// The head of a function's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionCounters {
    /// The package in the meta file.
    pub package: PackageIndex,
    /// The function in the package.
    pub function: FunctionIndex,
    /// Number of counters.
    pub counters: u32,
    /// Offset of the entry from the start of the file, in bytes.
    pub offset: u64,
}

impl<'a> Segment<'a> {
    /// Reads a segment and leaves the cursor at its footer; gives the number of functions up to its end too.
    pub(crate) fn parse(
        cursor: &mut Cursor<'a>,
        flavor: Flavor,
        place: SegmentPlace,
    ) -> Result<(Self, u64), ReadError> {
        let start = cursor.offset();
        let mut at = cursor.clone().named(Structure::SegmentHeader(place.index));
        let header = SegmentHeader {
            cumulative_functions: at.u64()?,
            strings_length: at.u32()?,
            args_length: at.u32()?,
        };
        let Some(functions) = header.cumulative_functions.checked_sub(place.functions_before) else {
            let (found, expected) = (header.cumulative_functions, place.functions_before);
            let what = "number of functions so far";
            return Err(at.error_at(start, Rule::Mismatch { what, found, expected }));
        };

        at = at.named(Structure::SegmentStrings(place.index));
        let mut table = at.split(header.strings_length.into())?;
        let strings = StringTable::parse(&mut table)?;
        table.end()?;

        at = at.named(Structure::SegmentArgs(place.index));
        let mut args_bytes = at.split(header.args_length.into())?;
        let args = parse_args(&mut args_bytes, &strings)?;
        let written = args_bytes.offset() - start;
        let padding = written.next_multiple_of(SEGMENT_ALIGNMENT as u64) - written;
        args_bytes.padding(padding)?;
        args_bytes.end()?;
        let argument_count = parse_argument_count(&args, &args_bytes)?;

        let mut counters = at.named(Structure::SegmentCounters(place.index));
        let mut segment =
            Self { strings, args, argument_count, functions, flavor, counters: counters.clone() };
        if place.last {
            let length = (counters.remaining() as u64).saturating_sub(FOOTER_BYTES as u64);
            segment.counters = counters.split(length)?;
        } else {
            let mut walk = segment.functions();
            while walk.pass_next()? {}
            let length = walk.cursor.offset() - counters.offset();
            segment.counters = counters.split(length)?;
        }
        *cursor = counters;
        Ok((segment, header.cumulative_functions))
    }

    /// The segment's string table, in the order of the file.
    pub fn strings(&self) -> &StringTable<'a> {
        &self.strings
    }

    /// The args table: key and value, in the order of the file, which Go sorts by key.
    ///
    /// Keys known: `argc`, `argv0` and so on, `GOOS`, `GOARCH`.
    pub fn args(&self) -> &[(&'a BStr, &'a BStr)] {
        &self.args
    }

    /// The value of an entry of the args table.
    pub fn arg(&self, key: &str) -> Option<&'a BStr> {
        self.args.iter().find(|(k, _)| *k == key).map(|(_, value)| *value)
    }

    /// The command line of the run; a missing argument is empty, as for Go's reader.
    pub fn argv(&self) -> Vec<&'a BStr> {
        let by_key: HashMap<&BStr, &BStr> = self.args.iter().copied().collect();
        let find = |i: usize| by_key.get(BStr::new(&format!("argv{i}"))).copied().unwrap_or_default();
        (0..self.argument_count).map(find).collect()
    }

    /// Number of functions with counters in this segment.
    pub fn function_count(&self) -> u64 {
        self.functions
    }

    /// The bytes of the functions, if they are ULEB128 values.
    pub(crate) fn uleb128_bytes(&self) -> Option<&'a [u8]> {
        matches!(self.flavor, Flavor::Uleb128 { .. }).then(|| self.counters.rest())
    }

    /// The functions in the order of the file, which means nothing.
    pub fn functions(&self) -> SegmentFunctions<'a> {
        SegmentFunctions {
            cursor: self.counters.clone(),
            flavor: self.flavor,
            left: self.functions,
            pending: 0,
            end_checked: false,
        }
    }
}

fn parse_args<'a>(
    cursor: &mut Cursor<'a>,
    strings: &StringTable<'a>,
) -> Result<Vec<(&'a BStr, &'a BStr)>, ReadError> {
    let start = cursor.offset();
    let entries = cursor.uleb64()?;
    let available = cursor.remaining() as u64;
    let needed = entries.saturating_mul(2);
    if needed > available {
        return Err(cursor.error_at(start, Rule::Truncated { needed, available }));
    }
    let mut args: Vec<(&BStr, &BStr)> = Vec::with_capacity(usize::try_from(entries).unwrap_or_default());
    let mut keys = HashSet::new();
    for _ in 0..entries {
        let offset = cursor.offset();
        let key = cursor.uleb32()?;
        let key = strings.lookup(cursor, offset, "argument key string", key)?;
        let offset = cursor.offset();
        let value = cursor.uleb32()?;
        let value = strings.lookup(cursor, offset, "argument value string", value)?;
        if !keys.insert(key) {
            return Err(cursor.error_at(offset, Rule::DuplicateArg { key: key.to_string() }));
        }
        args.push((key, value));
    }
    Ok(args)
}

fn parse_argument_count(args: &[(&BStr, &BStr)], cursor: &Cursor<'_>) -> Result<usize, ReadError> {
    let Some((_, found)) = args.iter().find(|(key, _)| *key == "argc") else { return Ok(0) };
    std::str::from_utf8(found)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|count| *count <= args.len())
        .ok_or_else(|| cursor.error(Rule::BadArgc { found: found.to_string() }))
}

/// The functions of a segment, read one after the other.
#[derive(Debug, Clone)]
pub struct SegmentFunctions<'a> {
    cursor: Cursor<'a>,
    flavor: Flavor,
    left: u64,
    /// Counters of the current function that were not read yet.
    pending: u32,
    end_checked: bool,
}

impl SegmentFunctions<'_> {
    /// The next function, after passing what was not read of the one before; `None` behind the last, where
    /// the segment must end.
    pub fn read_next(&mut self) -> Result<Option<FunctionCounters>, ReadError> {
        self.fold_counters(|_, _| ())?;
        if self.left == 0 {
            if !self.end_checked {
                self.cursor.end()?;
                self.end_checked = true;
            }
            return Ok(None);
        }
        self.read_head().map(Some)
    }

    /// As `read_next`, where the end of the segment is not known yet.
    fn pass_next(&mut self) -> Result<bool, ReadError> {
        self.fold_counters(|_, _| ())?;
        if self.left == 0 {
            return Ok(false);
        }
        self.read_head().map(|_| true)
    }

    fn read_head(&mut self) -> Result<FunctionCounters, ReadError> {
        let offset = self.cursor.offset();
        let counters = self.value()?;
        let package = PackageIndex(self.value()?);
        let function = FunctionIndex(self.value()?);
        let needed = u64::from(counters) * self.flavor.min_value_bytes() as u64;
        let available = self.cursor.remaining() as u64;
        if needed > available {
            return Err(self.cursor.error_at(offset, Rule::Truncated { needed, available }));
        }
        self.left -= 1;
        self.pending = counters;
        Ok(FunctionCounters { package, function, counters, offset })
    }

    /// Reads the current function's counters: `fold` gets each with its position, from 0.
    #[inline]
    pub fn fold_counters(&mut self, mut fold: impl FnMut(usize, u32)) -> Result<(), ReadError> {
        let count = std::mem::take(&mut self.pending) as usize;
        for index in 0..count {
            fold(index, self.value()?);
        }
        Ok(())
    }

    #[inline]
    fn value(&mut self) -> Result<u32, ReadError> {
        match self.flavor {
            Flavor::Uleb128 { .. } => self.cursor.uleb32(),
            Flavor::RawLittleEndian => Ok(LittleEndian::read_u32(&self.cursor.array::<4>()?)),
            Flavor::RawBigEndian => Ok(BigEndian::read_u32(&self.cursor.array::<4>()?)),
        }
    }
}
