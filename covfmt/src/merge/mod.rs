//! Merging: counters of many files into the counts of a build, and the modes of several builds.

mod args;
mod counters;
mod error;
mod lanes;
mod ordered;
mod parallel;
mod policy;
mod quick;
mod slots;

pub use args::RunArgs;
pub use counters::{BuildCounts, Counts, add};
pub use error::MergeError;
pub use ordered::{OrderedCounts, merge_in_order};
pub use parallel::{FileFailure, MergeOptions, merge_files};
pub use policy::{MergedMode, ModePolicy, merge_modes};
