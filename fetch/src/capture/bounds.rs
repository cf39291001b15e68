//! Sizes and numbers that all ways of reading a container have in common.

/// File names in one command; 8,000 pass an API server's limit on URLs, and the kubelet's is not known.
pub(super) const NAMES_PER_EXEC: usize = 500;

/// Bytes of a directory listing: names of 100,000 files.
pub(super) const LISTING_BYTES: u64 = 16 << 20;

/// Size of a meta file, bytes, from which on a further exec is cheaper than sending it along.
pub(super) const LARGE_META: u64 = 64 << 10;
