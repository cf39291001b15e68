//! Counter files that break one rule each.

use crate::corpus::{Bad, Segment, counters, file_of, footer, segments, set};

fn bad(name: &'static str, bytes: Vec<u8>, error: &str) -> Bad {
    Bad { name, bytes, error: error.to_owned() }
}

pub(crate) fn cases() -> Vec<Bad> {
    [ends(), preamble(), values()].concat()
}

/// The file with another first segment.
fn first(change: impl FnOnce(&mut Segment)) -> Vec<u8> {
    let [mut one, other] = segments();
    change(&mut one);
    file_of(&[one, other])
}

/// A file of one segment only.
fn single(change: impl FnOnce(&mut Segment)) -> Vec<u8> {
    let [mut one, _] = segments();
    change(&mut one);
    file_of(&[one])
}

fn ends() -> Vec<Bad> {
    let whole = counters();
    let length = whole.len();
    let last = length - 16;
    vec![
        bad(
            "counters-header-cut",
            whole[..10].to_vec(),
            "counter file header at byte 8: cut off: 16 bytes needed, 2 there",
        ),
        bad(
            "counters-magic",
            set(&whole, 3, b"x"),
            "counter file header at byte 0: not the format's magic string: found the bytes 00 63 77 78",
        ),
        bad(
            "counters-version",
            set(&whole, 4, &[0]),
            "counter file header at byte 4: version 0 is not known, only version 1",
        ),
        bad(
            "counters-flavour",
            set(&whole, 24, &[3]),
            "counter file header at byte 24: counter flavour 3 is not defined",
        ),
        bad(
            "counters-byte-order",
            set(&whole, 25, &[2]),
            "counter file header at byte 25: byte order flag 2 is not defined",
        ),
        bad(
            "counters-header-padding",
            set(&whole, 31, &[1]),
            "counter file header at byte 31: padding byte is 1, but the rest of the file makes it 0",
        ),
        bad(
            "counters-cut",
            whole[..length - 1].to_vec(),
            &format!(
                "counter file footer at byte {}: the file does not end with one and was probably cut off: found the bytes 00 00 63 77",
                last - 1
            ),
        ),
        bad(
            "counters-footer-padding",
            set(&whole, last + 5, &[1]),
            &format!(
                "counter file footer at byte {}: padding byte is 1, but the rest of the file makes it 0",
                last + 5
            ),
        ),
        bad(
            "counters-no-segments",
            set(&whole, last + 8, &[0]),
            &format!("counter file footer at byte {}: number of segments 0 is not defined", last + 8),
        ),
        bad(
            "counters-number-of-segments",
            first(|segment| segment.footer = footer(9)),
            "counter file footer at byte 89: number of segments is 9, but the rest of the file makes it 1",
        ),
        bad(
            "counters-footer-between-segments",
            first(|segment| segment.footer[3] = b'x'),
            "counter file footer at byte 81: not the format's magic string: found the bytes 00 63 77 78",
        ),
        bad(
            "counters-rest-behind-segments",
            [&single(|_| {})[..], &footer(1)].concat(),
            "counters of segment 0 at byte 81: 16 bytes left over",
        ),
    ]
}

fn preamble() -> Vec<Bad> {
    let whole = counters();
    vec![
        bad(
            "segment-missing",
            [&whole[..32], &footer(1)].concat(),
            // The footer's bytes are taken for a header, which asks for more than there is.
            "string table of segment 0 at byte 48: cut off: 1 bytes needed, 0 there",
        ),
        bad(
            "segment-functions-so-far",
            {
                let [one, mut other] = segments();
                other.functions_so_far = 1;
                file_of(&[one, other])
            },
            "header of segment 1 at byte 97: number of functions so far is 1, but the rest of the file makes it 2",
        ),
        bad(
            "segment-string-table-cut",
            set(&whole, 40, &u32::MAX.to_le_bytes()),
            &format!(
                "string table of segment 0 at byte 48: cut off: {} bytes needed, {} there",
                u32::MAX,
                whole.len() - 48
            ),
        ),
        bad(
            "segment-string-table-rest",
            first(|segment| segment.strings.push(0)),
            "string table of segment 0 at byte 66: 1 bytes left over",
        ),
        bad(
            "segment-args-cut",
            set(&whole, 44, &[255, 255]),
            &format!("args of segment 0 at byte 66: cut off: 65535 bytes needed, {} there", whole.len() - 66),
        ),
        bad(
            "segment-more-args-than-bytes",
            first(|segment| segment.args[0] = 9),
            "args of segment 0 at byte 66: cut off: 18 bytes needed, 5 there",
        ),
        bad(
            "segment-arg-key-index",
            first(|segment| segment.args[1] = 4),
            "args of segment 0 at byte 67: argument key string 4 is out of range: there are 4",
        ),
        bad(
            "segment-arg-value-index",
            first(|segment| segment.args[2] = 77),
            "args of segment 0 at byte 68: argument value string 77 is out of range: there are 4",
        ),
        bad(
            "segment-arg-twice",
            first(|segment| segment.args[3] = 0),
            "args of segment 0 at byte 70: argument \"argc\" occurs twice",
        ),
        bad(
            "segment-argc",
            first(|segment| segment.args[2] = 3),
            "args of segment 0 at byte 72: argc \"app\" is not a possible number of arguments",
        ),
        bad(
            "segment-args-padding",
            set(&whole, 71, &[1]),
            "args of segment 0 at byte 71: padding byte is 1, but the rest of the file makes it 0",
        ),
        bad(
            "segment-args-rest",
            first(|segment| segment.args.extend([0; 4])),
            "args of segment 0 at byte 72: 4 bytes left over",
        ),
    ]
}

fn values() -> Vec<Bad> {
    vec![
        bad(
            "segment-more-functions-than-there-are",
            single(|segment| segment.functions_so_far = 3),
            "counters of segment 0 at byte 81: cut off: 1 bytes needed, 0 there",
        ),
        bad(
            "segment-fewer-functions-than-there-are",
            single(|segment| segment.functions_so_far = 1),
            "counters of segment 0 at byte 77: 4 bytes left over",
        ),
        bad(
            "segment-more-counters-than-bytes",
            single(|segment| segment.counters[0] = 100),
            "counters of segment 0 at byte 72: cut off: 100 bytes needed, 6 there",
        ),
        bad(
            "segment-counter-too-large",
            single(|segment| {
                segment.counters.splice(3..4, [0xff, 0xff, 0xff, 0xff, 0x1f]);
            }),
            "counters of segment 0 at byte 75: ULEB128 value does not fit in 32 bits",
        ),
        bad(
            "segment-counter-without-end",
            single(|segment| segment.counters[8] = 0x83),
            "counters of segment 0 at byte 80: cut off: 2 bytes needed, 1 there",
        ),
    ]
}
