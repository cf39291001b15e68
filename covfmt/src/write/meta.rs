//! The meta file around its packages' blobs. `internal/coverage/encodemeta/encodefile.go`.

use byteorder::{LittleEndian, WriteBytesExt as _};

use super::error::{WriteError, field32};
use super::strings::StringTableBuilder;
use crate::hash::Fnv128a;
use crate::ids::MetaHash;
use crate::layout::{META_HEADER_BYTES, META_MAGIC, META_VERSION, PACKAGE_ENTRY_BYTES};
use crate::mode::{CounterMode, Granularity};

/// The bytes of a meta file with these packages.
pub fn encode_meta<B: AsRef<[u8]>>(
    hash: MetaHash,
    mode: CounterMode,
    granularity: Granularity,
    blobs: &[B],
) -> Result<Vec<u8>, WriteError> {
    encode_meta_with_bytes(hash, mode.to_byte(), granularity.to_byte(), blobs)
}

/// As [`encode_meta`], for any bytes of mode and granularity: the reference tool writes 0 and 0, neither of which is
/// defined, where it combines no files at all.
pub fn encode_meta_with_bytes<B: AsRef<[u8]>>(
    hash: MetaHash,
    mode: u8,
    granularity: u8,
    blobs: &[B],
) -> Result<Vec<u8>, WriteError> {
    let strings = StringTableBuilder::new();
    let strings_offset = META_HEADER_BYTES + 2 * PACKAGE_ENTRY_BYTES * blobs.len();
    let preamble = strings_offset + strings.byte_len();
    let lengths = || blobs.iter().map(|blob| blob.as_ref().len());
    let total = preamble + lengths().sum::<usize>();

    let mut out = Vec::with_capacity(total);
    out.extend_from_slice(&META_MAGIC);
    out.extend_from_slice(&META_VERSION.to_le_bytes());
    put64(&mut out, total);
    put64(&mut out, blobs.len());
    out.extend_from_slice(&hash.0);
    out.extend_from_slice(&field32("string table offset", strings_offset)?.to_le_bytes());
    out.extend_from_slice(&field32("string table length", strings.byte_len())?.to_le_bytes());
    out.extend_from_slice(&[mode, granularity]);
    out.resize(META_HEADER_BYTES, 0);
    let mut offset = preamble;
    for length in lengths() {
        put64(&mut out, offset);
        offset += length;
    }
    for length in lengths() {
        put64(&mut out, length);
    }
    strings.write(&mut out);
    for blob in blobs {
        out.extend_from_slice(blob.as_ref());
    }
    Ok(out)
}

fn put64(out: &mut Vec<u8>, value: usize) {
    // Writing to a vector cannot fail.
    let _ = out.write_u64::<LittleEndian>(value as u64);
}

/// The hash that a running program gives its meta file: over its packages' hashes, in the order of the file,
/// and the names of mode and granularity. `internal/coverage/cfile/emit.go`, `prepareForMetaEmit`.
pub fn hash_of_program(
    packages: impl IntoIterator<Item = MetaHash>,
    mode: CounterMode,
    granularity: Granularity,
) -> MetaHash {
    let mut hash = Fnv128a::default();
    for package in packages {
        hash.update(&package.0);
    }
    hash.update(mode.as_str().as_bytes());
    hash.update(granularity.as_str().as_bytes());
    hash.finish()
}

/// The hash that the reference tool gives a meta file which it makes itself: over the hashes of its blobs.
/// `cmd/covdata/metamerge.go`, `emitMeta`.
pub fn hash_of_blobs<B: AsRef<[u8]>>(blobs: &[B]) -> MetaHash {
    let mut hash = Fnv128a::default();
    for blob in blobs {
        let mut blob_hash = Fnv128a::default();
        blob_hash.update(blob.as_ref());
        hash.update(&blob_hash.finish().0);
    }
    hash.finish()
}
