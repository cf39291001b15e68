//! The counter file: header, segments each followed by a footer.
//! `internal/coverage/defs.go`, `decodecounter/decodecounterfile.go`, `encodecounter/encode.go`.
//!
//! Go's reader takes the first segment only and would misread a second one; this one follows the writer:
//! padding counts from the start of the segment, the number of functions is cumulative, and each segment has
//! a footer behind it with the number of segments so far.

use super::cursor::Cursor;
use super::segment::{Segment, SegmentPlace};
use crate::error::{ReadError, Rule, Structure};
use crate::ids::MetaHash;
use crate::layout::{
    COUNTER_HEADER_BYTES, COUNTER_MAGIC, COUNTER_VERSION, CounterHeader, FOOTER_BYTES, Flavor,
};

/// A counter file, borrowed from its bytes.
#[derive(Debug, Clone)]
pub struct CounterFile<'a> {
    header: CounterHeader,
    segments: Vec<Segment<'a>>,
}

impl<'a> CounterFile<'a> {
    /// Reads header, footer and the segments' strings and args.
    ///
    /// The counters of a single segment are not touched yet; of several segments they are walked through, as
    /// nothing else tells where the next one starts.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let mut cursor = Cursor::new(bytes, Structure::CounterHeader);
        let header = parse_header(&mut cursor)?;
        let footer_at = bytes.len().saturating_sub(FOOTER_BYTES).max(COUNTER_HEADER_BYTES);
        let mut last_footer = cursor.clone();
        last_footer.take((footer_at - COUNTER_HEADER_BYTES) as u64)?;
        let count_at = last_footer.offset() + 8;
        // Everything but the very end may be there: say that, and not that a magic string is wrong.
        let count = parse_footer(&mut last_footer).map_err(|error| match error.rule {
            Rule::Magic { found } => ReadError { rule: Rule::NoFooter { found }, ..error },
            _ => error,
        })?;
        if count == 0 {
            let rule = Rule::Undefined { what: "number of segments", found: 0 };
            return Err(last_footer.named(Structure::CounterFooter).error_at(count_at, rule));
        }

        let mut segments = Vec::new();
        let mut functions_before = 0;
        for index in 0..count {
            let place = SegmentPlace { index, last: index + 1 == count, functions_before };
            let (segment, cumulative) = Segment::parse(&mut cursor, header.flavor, place)?;
            functions_before = cumulative;
            segments.push(segment);
            let count_at = cursor.offset() + 8;
            let found = parse_footer(&mut cursor)?;
            cursor.require(count_at, "number of segments", found.into(), u64::from(index) + 1)?;
        }
        cursor.named(Structure::CounterFooter).end()?;
        Ok(Self { header, segments })
    }

    /// The header.
    pub fn header(&self) -> &CounterHeader {
        &self.header
    }

    /// The segments in the order of the file, one at least.
    pub fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }

    /// Decodes everything and keeps nothing: whether the whole file follows the format.
    pub fn check(&self) -> Result<(), ReadError> {
        for segment in &self.segments {
            let mut functions = segment.functions();
            while functions.read_next()?.is_some() {}
        }
        Ok(())
    }
}

fn parse_header(cursor: &mut Cursor<'_>) -> Result<CounterHeader, ReadError> {
    let magic = cursor.array::<4>()?;
    if magic != COUNTER_MAGIC {
        return Err(cursor.error_at(0, Rule::Magic { found: magic }));
    }
    let version = cursor.u32()?;
    if version != COUNTER_VERSION {
        return Err(cursor.error_at(4, Rule::Version { found: version }));
    }
    let meta_hash = MetaHash(cursor.array()?);
    let flavor_at = cursor.offset();
    let (flavor, big_endian) = (cursor.u8()?, cursor.u8()?);
    let flavor = Flavor::from_bytes(flavor, big_endian).ok_or_else(|| {
        let (offset, what, found) = match flavor {
            1 | 2 => (flavor_at + 1, "byte order flag", big_endian),
            _ => (flavor_at, "counter flavour", flavor),
        };
        cursor.error_at(offset, Rule::Undefined { what, found: found.into() })
    })?;
    cursor.padding(COUNTER_HEADER_BYTES as u64 - cursor.offset())?;
    Ok(CounterHeader { meta_hash, flavor })
}

/// Reads a footer and gives its number of segments.
fn parse_footer(cursor: &mut Cursor<'_>) -> Result<u32, ReadError> {
    let mut footer = cursor.clone().named(Structure::CounterFooter);
    let start = footer.offset();
    let magic = footer.array::<4>()?;
    if magic != COUNTER_MAGIC {
        return Err(footer.error_at(start, Rule::Magic { found: magic }));
    }
    footer.padding(4)?;
    let segments = footer.u32()?;
    footer.padding(4)?;
    *cursor = footer;
    Ok(segments)
}
