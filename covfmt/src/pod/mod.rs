//! Go's "pods": a meta file with its counter files, found by file name.

mod group;
mod name;
mod scan;

pub use group::{CounterRef, GoPod, Grouping, group};
pub use name::FileName;
pub use scan::{Depth, FoundFile, ScanError, Scanned, scan, scan_with};
