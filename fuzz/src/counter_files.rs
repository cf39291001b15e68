//! Counter files and their segments.

use std::sync::OnceLock;

use bstr::BStr;
use covfmt::error::ReadError;
use covfmt::ids::{FunctionIndex, MetaHash, PackageIndex};
use covfmt::layout::Flavor;
use covfmt::merge::{MergeOptions, merge_files};
use covfmt::meta::MetaTables;
use covfmt::read::{CounterFile, Segment};
use covfmt::write::{CounterWriter, SegmentArgs};

use crate::seeds::recorded_meta;

/// Any bytes as a counter file.
pub(crate) fn counters(data: &[u8]) {
    let Ok(decoded) = decode(data) else {
        assert!(merge(data).is_none(), "a file that is refused was merged");
        return;
    };
    rewrite(data, &decoded);
    let Some(sum) = merge(data) else { return };
    // Every counter that was merged is one that the file holds.
    let mut expected = vec![0_u32; recorded_tables().units().len()];
    for (package, function, values) in decoded.iter().flatten() {
        let position = recorded_tables().function_position(*package, *function).unwrap();
        let units = recorded_tables().functions()[position].unit_positions();
        assert_eq!(units.len(), values.len());
        for (unit, value) in units.zip(values) {
            expected[unit] = expected[unit].saturating_add(*value);
        }
    }
    assert_eq!(sum, expected);
}

/// The first byte chooses the flavour, the rest is the only segment of a file.
pub(crate) fn segment(data: &[u8]) {
    let Some((flavor, data)) = data.split_first() else { return };
    let flavors = [Flavor::GO, Flavor::RawLittleEndian, Flavor::RawBigEndian];
    let header = CounterWriter::new(MetaHash([1; 16]), flavors[usize::from(*flavor) % 3]).finish();
    let footer = b"\0cwm\0\0\0\0\x01\0\0\0\0\0\0\0";
    counters(&[&header, data, footer].concat());
}

/// The counters of each segment's functions.
type Decoded = Vec<Vec<(PackageIndex, FunctionIndex, Vec<u32>)>>;

fn decode(data: &[u8]) -> Result<Decoded, ReadError> {
    let whole = CounterFile::parse(data).and_then(|file| {
        file.check()?;
        let read = file.segments().iter().map(read_segment).collect::<Result<Vec<_>, _>>()?;
        file.segments().iter().for_each(|segment| assert!(segment.argv().len() <= segment.args().len()));
        Ok(read)
    });
    if let Err(error) = &whole {
        assert!(error.offset <= data.len() as u64, "{error}");
    }
    whole
}

fn read_segment(segment: &Segment<'_>) -> Result<Vec<(PackageIndex, FunctionIndex, Vec<u32>)>, ReadError> {
    let mut functions = segment.functions();
    let mut all = Vec::new();
    while let Some(head) = functions.read_next()? {
        let mut values = vec![0; head.counters as usize];
        functions.fold_counters(|index, value| values[index] = value)?;
        all.push((head.package, head.function, values));
    }
    assert_eq!(all.len() as u64, segment.function_count());
    Ok(all)
}

/// What was accepted can be written again, and then says the same.
fn rewrite(data: &[u8], decoded: &Decoded) {
    let file = CounterFile::parse(data).unwrap();
    let mut writer = CounterWriter::new(file.header().meta_hash, file.header().flavor);
    for (segment, functions) in file.segments().iter().zip(decoded) {
        let pairs: Vec<(&BStr, &BStr)> = segment.args().to_vec();
        let functions = functions.iter().map(|(p, f, values)| (*p, *f, values.as_slice()));
        writer.append_segment(&SegmentArgs::new(pairs), functions).unwrap();
    }
    let bytes = writer.finish();
    let again = CounterFile::parse(&bytes).unwrap();
    assert_eq!(again.header(), file.header());
    assert_eq!(decode(&bytes).unwrap(), *decoded);
    for (one, other) in again.segments().iter().zip(file.segments()) {
        assert_eq!((one.args(), one.argv()), (other.args(), other.argv()));
    }
}

/// The counts if the file is taken for one of a recorded build; `None` if it is refused.
fn merge(data: &[u8]) -> Option<Vec<u32>> {
    let read = |(): &(), buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(data);
        Ok::<(), ()>(())
    };
    let merged =
        merge_files(recorded_tables(), &[()], MergeOptions { check_hash: false, saturate: true }, read);
    merged.ok().map(|counts| counts.units().to_vec())
}

fn recorded_tables() -> &'static MetaTables {
    static TABLES: OnceLock<MetaTables> = OnceLock::new();
    TABLES.get_or_init(|| MetaTables::decode(&recorded_meta()).unwrap())
}
