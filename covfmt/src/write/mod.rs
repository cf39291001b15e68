//! Decoded structures back to bytes, in the layout and order of Go's writers.
//!
//! Decoding and encoding again gives the bytes that Go wrote; see the round-trip tests.

mod counters;
mod error;
mod meta;
mod package;
mod strings;

pub use counters::{CounterWriter, SegmentArgs};
pub use error::WriteError;
pub use meta::{encode_meta, hash_of_blobs, hash_of_program};
pub use package::PackageBuilder;
