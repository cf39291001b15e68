//! Meta files that break one rule each.

use covfmt::ids::MetaHash;

use crate::corpus::{Bad, MetaPlaces, insert, meta, places, set};

fn bad(name: &'static str, bytes: Vec<u8>, error: &str) -> Bad {
    Bad { name, bytes, error: error.to_owned() }
}

pub(crate) fn cases() -> Vec<Bad> {
    [header(), tables(), package(), functions(), hashes()].concat()
}

fn header() -> Vec<Bad> {
    let whole = meta();
    let length = whole.len();
    vec![
        bad("meta-empty", Vec::new(), "meta file header at byte 0: cut off: 4 bytes needed, 0 there"),
        bad(
            "meta-header-cut",
            whole[..50].to_vec(),
            "meta file header at byte 50: cut off: 6 bytes needed, 0 there",
        ),
        bad(
            "meta-magic",
            set(&whole, 3, b"x"),
            "meta file header at byte 0: not the format's magic string: found the bytes 00 63 76 78",
        ),
        bad(
            "meta-version",
            set(&whole, 4, &[2]),
            "meta file header at byte 4: version 2 is not known, only version 1",
        ),
        bad(
            "meta-cut",
            whole[..length - 1].to_vec(),
            &format!(
                "meta file header at byte {}: cut off: {length} bytes needed, {} there",
                length - 1,
                length - 1
            ),
        ),
        bad(
            "meta-longer-than-it-says",
            [&whole[..], b"\0"].concat(),
            &format!(
                "meta file header at byte 8: file length is {length}, but the rest of the file makes it {}",
                length + 1
            ),
        ),
        bad(
            "meta-mode-undefined",
            set(&whole, 48, &[9]),
            "meta file header at byte 48: counter mode 9 is not defined",
        ),
        bad(
            "meta-granularity-undefined",
            set(&whole, 49, &[0]),
            "meta file header at byte 49: counter granularity 0 is not defined",
        ),
        bad(
            "meta-header-padding",
            set(&whole, 53, &[1]),
            "meta file header at byte 53: padding byte is 1, but the rest of the file makes it 0",
        ),
    ]
}

fn tables() -> Vec<Bad> {
    let (whole, MetaPlaces { blob, .. }) = (meta(), places());
    let blob_length = whole.len() - blob;
    vec![
        bad(
            "meta-more-packages-than-bytes",
            set(&whole, 16, &u64::MAX.to_le_bytes()),
            &format!(
                "package table at byte 56: cut off: {} bytes needed, {} there",
                u64::MAX,
                whole.len() - 56
            ),
        ),
        bad(
            "meta-string-table-offset",
            set(&whole, 40, &[73]),
            "package table at byte 40: string table offset is 73, but the rest of the file makes it 72",
        ),
        bad(
            "meta-string-table-cut",
            set(&whole, 44, &u32::MAX.to_le_bytes()),
            &format!(
                "file string table at byte 72: cut off: {} bytes needed, {} there",
                u32::MAX,
                whole.len() - 72
            ),
        ),
        bad(
            "meta-more-strings-than-bytes",
            set(&whole, 72, &[9]),
            "file string table at byte 72: cut off: 9 bytes needed, 1 there",
        ),
        bad(
            "meta-string-cut",
            set(&whole, 73, &[1]),
            "file string table at byte 74: cut off: 1 bytes needed, 0 there",
        ),
        bad(
            "meta-string-table-rest",
            set(&whole, 72, &[0]),
            "file string table at byte 73: 1 bytes left over",
        ),
        bad(
            "meta-package-offset",
            set(&whole, 56, &[75]),
            &format!(
                "package table at byte 56: package offset is 75, but the rest of the file makes it {blob}"
            ),
        ),
        bad(
            "meta-package-cut",
            set(&whole, 64, &[255, 255]),
            &format!("package table at byte 64: cut off: 65535 bytes needed, {blob_length} there"),
        ),
        bad(
            "meta-rest-behind-packages",
            insert(&whole, whole.len(), b"\0"),
            &format!("package table at byte {}: 1 bytes left over", whole.len()),
        ),
    ]
}

fn package() -> Vec<Bad> {
    let (whole, MetaPlaces { blob, strings, .. }) = (meta(), places());
    let length = whole.len() - blob;
    let short = set(&whole[..blob + 20], 8, &((blob + 20) as u64).to_le_bytes());
    vec![
        bad(
            "package-header-cut",
            set(&short, 64, &20_u64.to_le_bytes()),
            &format!("header of package 0 at byte {}: cut off: 16 bytes needed, 4 there", blob + 16),
        ),
        bad(
            "package-length",
            set(&whole, blob, &[1]),
            &format!(
                "header of package 0 at byte {blob}: blob length is {}, but the rest of the file makes it {length}",
                length & !255 | 1
            ),
        ),
        bad(
            "package-name-index",
            set(&whole, blob + 4, &[99]),
            &format!(
                "header of package 0 at byte {}: package name string 99 is out of range: there are 6",
                blob + 4
            ),
        ),
        bad(
            "package-path-index",
            set(&whole, blob + 8, &[6]),
            &format!(
                "header of package 0 at byte {}: package path string 6 is out of range: there are 6",
                blob + 8
            ),
        ),
        bad(
            "package-module-index",
            set(&whole, blob + 12, &u32::MAX.to_le_bytes()),
            &format!(
                "header of package 0 at byte {}: module path string {} is out of range: there are 6",
                blob + 12,
                u32::MAX
            ),
        ),
        bad(
            "package-padding",
            set(&whole, blob + 33, &[1]),
            &format!(
                "header of package 0 at byte {}: padding byte is 1, but the rest of the file makes it 0",
                blob + 33
            ),
        ),
        bad(
            "package-number-of-strings",
            set(&whole, blob + 36, &[7]),
            &format!(
                "header of package 0 at byte {}: number of strings is 7, but the rest of the file makes it 6",
                blob + 36
            ),
        ),
        bad(
            "package-more-functions-than-bytes",
            set(&whole, blob + 40, &[255]),
            &format!(
                "function offsets of package 0 at byte {}: cut off: 1020 bytes needed, {} there",
                blob + 44,
                length - 44
            ),
        ),
        bad(
            "package-fewer-functions-than-there-are",
            set(&whole, blob + 40, &[0]),
            // Then the offsets are taken for the string table.
            &format!(
                "string table of package 0 at byte {}: cut off: {} bytes needed, {} there",
                blob + 44,
                whole[blob + 44],
                length - 45
            ),
        ),
        bad(
            "package-string-cut",
            set(&whole, strings + 1, &[0xff, 0x7f]),
            &format!(
                "string table of package 0 at byte {}: cut off: 16383 bytes needed, {} there",
                strings + 3,
                whole.len() - strings - 3
            ),
        ),
        bad(
            "package-string-length-without-end",
            set(&whole, strings + 1, &[0xff; 11]),
            &format!(
                "string table of package 0 at byte {}: ULEB128 value does not fit in 64 bits",
                strings + 1
            ),
        ),
    ]
}

fn functions() -> Vec<Bad> {
    let (whole, MetaPlaces { blob, functions, .. }) = (meta(), places());
    let first_length = 3 + 2 * 5 + 1;
    let second = functions + first_length;
    let grown = |at: usize, new: &[u8]| {
        let bytes = insert(&whole, at, new);
        let length = bytes.len() - blob;
        let bytes = set(&bytes, 64, &(length as u64).to_le_bytes());
        set(&bytes, blob, &u32::try_from(length).unwrap().to_le_bytes())
    };
    vec![
        bad(
            "function-offset",
            set(&whole, blob + 44, &[0]),
            &format!(
                "function offsets of package 0 at byte {}: function offset is 0, but the rest of the file makes it {}",
                blob + 44,
                functions - blob
            ),
        ),
        bad(
            "function-more-units-than-bytes",
            set(&whole, functions, &[100]),
            &format!(
                "function 0 of package 0 at byte {functions}: cut off: 500 bytes needed, {} there",
                whole.len() - functions - 3
            ),
        ),
        bad(
            "function-name-index",
            set(&whole, functions + 1, &[6]),
            &format!(
                "function 0 of package 0 at byte {functions}: function name string 6 is out of range: there are 6"
            ),
        ),
        bad(
            "function-file-index",
            set(&whole, functions + 2, &[127]),
            &format!(
                "function 0 of package 0 at byte {functions}: source file string 127 is out of range: there are 6"
            ),
        ),
        bad(
            "function-line-too-large",
            set(&whole, functions + 3, &[0xff, 0xff, 0xff, 0xff, 0x1f]),
            &format!(
                "function 0 of package 0 at byte {}: ULEB128 value does not fit in 32 bits",
                functions + 3
            ),
        ),
        bad(
            "function-literal-flag",
            set(&whole, second - 1, &[2]),
            &format!(
                "function 0 of package 0 at byte {}: function literal flag 2 is not defined",
                second - 1
            ),
        ),
        bad(
            "function-cut",
            set(&whole, whole.len() - 1, &[0x81]),
            &format!("function 1 of package 0 at byte {}: cut off: 2 bytes needed, 1 there", whole.len() - 1),
        ),
        bad(
            "package-rest-behind-functions",
            grown(whole.len(), b"\0"),
            &format!("header of package 0 at byte {}: 1 bytes left over", whole.len()),
        ),
    ]
}

fn hashes() -> Vec<Bad> {
    let (whole, MetaPlaces { blob, functions, .. }) = (meta(), places());
    let package = hash_at(&whole, blob + 16);
    let file = hash_at(&whole, 24);
    let flipped = set(&whole, 24, &[whole[24] ^ 1]);
    let wrong = hash_at(&flipped, 24);
    let changed = set(&whole, functions + 7, &[3]);
    let read = covfmt::meta::MetaTables::decode(&changed).unwrap();
    let function = &read.functions()[0];
    assert_eq!(read.units_of(function)[0].statements, 3);
    let mut builder =
        covfmt::write::PackageBuilder::new(b"example.com/m", b"main", b"example.com/m").unwrap();
    for function in read.functions() {
        let (name, file) = (read.name_of(function), read.file_of(function));
        builder.add_function(name, file, function.literal(), read.units_of(function)).unwrap();
    }
    let other = builder.hash();
    vec![
        bad(
            "package-hash",
            changed,
            &format!(
                "header of package 0 at byte {}: hash of the package is {package}, but its contents make it {other}",
                blob + 16
            ),
        ),
        bad(
            "meta-hash",
            flipped,
            &format!(
                "meta file header at byte 24: hash of the file is {wrong}, but its contents make it {file}"
            ),
        ),
    ]
}

fn hash_at(bytes: &[u8], at: usize) -> MetaHash {
    MetaHash(bytes[at..at + 16].try_into().unwrap())
}
