//! The counter file, segment by segment. `internal/coverage/encodecounter/encode.go`.

use bstr::{BStr, ByteSlice as _};
use byteorder::{BigEndian, LittleEndian, WriteBytesExt as _};

use super::error::{WriteError, field32};
use super::strings::StringTableBuilder;
use crate::ids::{FunctionIndex, MetaHash, PackageIndex};
use crate::layout::{
    COUNTER_HEADER_BYTES, COUNTER_MAGIC, COUNTER_VERSION, FOOTER_BYTES, Flavor, SEGMENT_ALIGNMENT,
    SEGMENT_HEADER_BYTES,
};
use crate::merge::{BuildCounts, RunArgs};
use crate::uleb128;

/// The args of a segment's run.
#[derive(Debug, Clone, Default)]
pub struct SegmentArgs<'a> {
    pairs: Vec<(&'a BStr, &'a BStr)>,
    strings: Option<&'a [&'a BStr]>,
}

impl<'a> SegmentArgs<'a> {
    /// Keys with their values, in the order to be written; Go sorts them by key.
    pub fn new(pairs: Vec<(&'a BStr, &'a BStr)>) -> Self {
        Self { pairs, strings: None }
    }

    /// Prescribes the order of the string table: Go's follows a map and is another each time.
    #[must_use]
    pub fn with_strings(mut self, strings: &'a [&'a BStr]) -> Self {
        self.strings = Some(strings);
        self
    }
}

/// The bytes of a counter file of one segment, as the reference tool writes it.
///
/// The string table is ordered by the keys of the args, where the reference's is another each time.
pub fn encode_counters<'c>(
    meta_hash: MetaHash,
    args: &RunArgs,
    functions: impl IntoIterator<Item = (PackageIndex, FunctionIndex, &'c [u32])>,
) -> Result<Vec<u8>, WriteError> {
    let pairs = args.to_pairs();
    let pairs = pairs.iter().map(|(key, value)| (key.as_bstr(), value.as_bstr())).collect();
    let mut file = CounterWriter::new(meta_hash, Flavor::GO);
    file.append_segment(&SegmentArgs::new(pairs), functions)?;
    Ok(file.finish())
}

/// The merged counters of a build as one counter file: those functions that any run had counters for, and the args that
/// all runs had in common.
pub fn encode_build(build: &BuildCounts) -> Result<Vec<u8>, WriteError> {
    let args = build.counts().args().cloned().unwrap_or_default();
    encode_counters(build.tables().hash(), &args, build.recorded_functions())
}

/// A counter file under construction.
#[derive(Debug, Clone)]
pub struct CounterWriter {
    out: Vec<u8>,
    flavor: Flavor,
    segments: u32,
    functions: u64,
}

impl CounterWriter {
    /// A file without segments, which is not a valid file yet.
    pub fn new(meta_hash: MetaHash, flavor: Flavor) -> Self {
        let mut out = Vec::new();
        out.extend_from_slice(&COUNTER_MAGIC);
        out.extend_from_slice(&COUNTER_VERSION.to_le_bytes());
        out.extend_from_slice(&meta_hash.0);
        let (flavor_byte, big_endian) = flavor.to_bytes();
        out.extend_from_slice(&[flavor_byte, big_endian]);
        out.resize(COUNTER_HEADER_BYTES, 0);
        Self { out, flavor, segments: 0, functions: 0 }
    }

    /// Appends a segment with the counters of some functions, and the footer behind it.
    ///
    /// After an error the file is not to be used.
    pub fn append_segment<'c>(
        &mut self,
        args: &SegmentArgs<'_>,
        functions: impl IntoIterator<Item = (PackageIndex, FunctionIndex, &'c [u32])>,
    ) -> Result<(), WriteError> {
        let mut strings = StringTableBuilder::new();
        if let Some(order) = args.strings {
            order.iter().try_for_each(|string| strings.intern(string).map(|_| ()))?;
        } else {
            let all = args.pairs.iter().flat_map(|(key, value)| [*key, *value]);
            all.map(|string| strings.intern(string)).try_for_each(|index| index.map(|_| ()))?;
        }
        let mut arg_bytes = Vec::new();
        uleb128::append(&mut arg_bytes, args.pairs.len() as u64);
        for string in args.pairs.iter().flat_map(|(key, value)| [*key, *value]) {
            let index = strings.get(string);
            let index = index.ok_or_else(|| WriteError::MissingString { text: string.to_string() })?;
            uleb128::append(&mut arg_bytes, index.into());
        }
        let preamble = SEGMENT_HEADER_BYTES + strings.byte_len() + arg_bytes.len();
        let padding = preamble.next_multiple_of(SEGMENT_ALIGNMENT) - preamble;
        arg_bytes.resize(arg_bytes.len() + padding, 0);

        let header_at = self.out.len();
        self.out.resize(header_at + SEGMENT_HEADER_BYTES, 0);
        strings.write(&mut self.out);
        self.out.extend_from_slice(&arg_bytes);
        for (package, function, counters) in functions {
            self.functions += 1;
            self.put(field32("number of counters", counters.len())?);
            self.put(package.0);
            self.put(function.0);
            for counter in counters {
                self.put(*counter);
            }
        }
        let mut header = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        header.extend_from_slice(&self.functions.to_le_bytes());
        header.extend_from_slice(&field32("string table length", strings.byte_len())?.to_le_bytes());
        header.extend_from_slice(&field32("args length", arg_bytes.len())?.to_le_bytes());
        if let Some(place) = self.out.get_mut(header_at..header_at + SEGMENT_HEADER_BYTES) {
            place.copy_from_slice(&header);
        }
        self.put_footer()
    }

    /// The file's bytes; it must have a segment to be valid.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    fn put_footer(&mut self) -> Result<(), WriteError> {
        self.segments = field32("number of segments", self.segments as usize + 1)?;
        let start = self.out.len();
        self.out.extend_from_slice(&COUNTER_MAGIC);
        self.out.extend_from_slice(&[0; 4]);
        self.out.extend_from_slice(&self.segments.to_le_bytes());
        self.out.resize(start + FOOTER_BYTES, 0);
        Ok(())
    }

    fn put(&mut self, value: u32) {
        // Writing to a vector cannot fail.
        let _ = match self.flavor {
            Flavor::Uleb128 { .. } => {
                uleb128::append(&mut self.out, value.into());
                Ok(())
            }
            Flavor::RawLittleEndian => self.out.write_u32::<LittleEndian>(value),
            Flavor::RawBigEndian => self.out.write_u32::<BigEndian>(value),
        };
    }
}
