//! Decoded structures back to bytes, in the layout and order of Go's writers.
//!
//! Decoding and encoding again gives the bytes that Go wrote; see the round-trip tests.

mod combine;
mod counters;
mod error;
mod meta;
mod package;
mod strings;

pub use combine::CombinedPackage;
pub use counters::{CounterWriter, SegmentArgs, encode_build, encode_counters};
pub use error::WriteError;
pub use meta::{encode_meta, encode_meta_with_bytes, hash_of_blobs, hash_of_program};
pub use package::{PackageBuilder, hash_of_function};
