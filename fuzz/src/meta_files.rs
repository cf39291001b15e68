//! Meta files and their parts. A part is put into a file that is right otherwise, so that fuzzing gets to it.

use covfmt::error::ReadError;
use covfmt::ids::MetaHash;
use covfmt::layout::PACKAGE_HEADER_BYTES;
use covfmt::meta::MetaTables;
use covfmt::mode::{CounterMode, Granularity};
use covfmt::read::MetaFile;
use covfmt::write::{PackageBuilder, encode_meta};

/// Any bytes as a meta file.
pub(crate) fn meta(data: &[u8]) {
    if let Ok(tables) = decode(data) {
        rewrite(&tables);
    }
}

/// Any bytes as the blob of a package.
pub(crate) fn package(data: &[u8]) {
    meta(&file_of(data));
}

/// Any bytes as the only function of a package with four strings.
pub(crate) fn function(data: &[u8]) {
    let strings = b"\x04\x00\x01p\x06p/a.go\x01f";
    let offset = u32::try_from(PACKAGE_HEADER_BYTES + 4 + strings.len()).unwrap();
    let body = [&offset.to_le_bytes()[..], strings, data].concat();
    meta(&file_of(&blob(1, &body)));
}

/// Any bytes as the string table of a package without functions.
pub(crate) fn strings(data: &[u8]) {
    meta(&file_of(&blob(0, data)));
}

/// A package whose path and name are its second string.
fn blob(functions: u32, body: &[u8]) -> Vec<u8> {
    let mut blob = Vec::new();
    let length = u32::try_from(PACKAGE_HEADER_BYTES + body.len()).unwrap_or(u32::MAX);
    for value in [length, 1, 1, 0] {
        blob.extend_from_slice(&value.to_le_bytes());
    }
    blob.extend_from_slice(&[7; 16]);
    for value in [0, 4, functions] {
        blob.extend_from_slice(&value.to_le_bytes());
    }
    blob.extend_from_slice(body);
    blob
}

fn file_of(blob: &[u8]) -> Vec<u8> {
    encode_meta(MetaHash([1; 16]), CounterMode::Atomic, Granularity::PerBlock, &[blob]).unwrap()
}

/// Decodes in both ways, which must agree, and looks at the error.
fn decode(data: &[u8]) -> Result<MetaTables, ReadError> {
    let header = MetaFile::parse_header(data);
    let checked = MetaFile::parse(data).and_then(|file| file.check());
    let decoded = MetaTables::decode(data);
    match (&checked, &decoded) {
        (Ok(()), Ok(tables)) => assert_eq!(header.as_ref(), Ok(tables.header())),
        (Err(first), Err(second)) => {
            assert_eq!(first, second);
            assert!(first.offset <= data.len() as u64, "{first}");
            assert!(!first.to_string().contains('\n'));
        }
        _ => panic!("checked {checked:?}, decoded {decoded:?}"),
    }
    decoded
}

/// What was accepted can be written again, and then says the same.
fn rewrite(tables: &MetaTables) {
    let mut blobs = Vec::new();
    for package in tables.packages() {
        // No Go program has it, and the writer refuses it.
        if package.path().is_empty() {
            return;
        }
        let mut builder = PackageBuilder::new(package.path(), package.name(), package.module()).unwrap();
        for function in tables.functions_of(package) {
            let (name, file) = (tables.name_of(function), tables.file_of(function));
            builder.add_function(name, file, function.literal(), tables.units_of(function)).unwrap();
        }
        blobs.push(builder.encode_with_hash(package.hash()).unwrap());
    }
    let bytes = encode_meta(tables.hash(), tables.mode(), tables.granularity(), &blobs).unwrap();
    let again = MetaTables::decode(&bytes).unwrap();
    assert_eq!((again.hash(), again.mode()), (tables.hash(), tables.mode()));
    assert_eq!(again.granularity(), tables.granularity());
    assert_eq!(again.units(), tables.units());
    assert_eq!(again.packages().len(), tables.packages().len());
    for (one, other) in again.packages().iter().zip(tables.packages()) {
        assert_eq!((one.path(), one.name(), one.module()), (other.path(), other.name(), other.module()));
        assert_eq!((one.hash(), one.function_positions()), (other.hash(), other.function_positions()));
    }
    for (one, other) in again.functions().iter().zip(tables.functions()) {
        assert_eq!(again.name_of(one), tables.name_of(other));
        assert_eq!(again.file_of(one), tables.file_of(other));
        assert_eq!((one.literal(), one.unit_positions()), (other.literal(), other.unit_positions()));
    }
}
