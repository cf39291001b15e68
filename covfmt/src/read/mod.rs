//! Bytes to decoded structures, borrowed from the bytes.
//!
//! No input panics; what is allocated is proportional to the input's size. Each structure is checked against
//! what Go's writers make of it: blobs, tables and functions follow each other without gaps, so most damage
//! shows as a broken rule and not as a wrong number.

mod bulk;
mod counters;
mod cursor;
mod meta;
mod package;
mod segment;
mod short;
mod shuffle;
mod strings;

pub(crate) use bulk::{BULK_VALUES, BulkValues};
pub use counters::CounterFile;
pub use meta::MetaFile;
pub use package::{FunctionRecord, FunctionRecords, PackageBlob};
pub use segment::{FunctionCounters, Segment, SegmentFunctions};
pub use strings::StringTable;
