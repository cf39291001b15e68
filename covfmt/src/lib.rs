//! Go's coverage files: read, merge, write.
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit, clippy::indexing_slicing)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod error;
pub mod hash;
pub mod ids;
pub mod layout;
pub mod load;
pub mod merge;
pub mod meta;
pub mod mode;
pub mod pod;
pub mod profile;
pub mod read;
pub mod source;
pub mod uleb128;
pub mod unit;
