//! What can be wrong between files that are each well-formed.

use crate::ids::{FunctionIndex, MetaHash, PackageIndex};
use crate::mode::{CounterMode, Granularity};

/// Files that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// A counter file was written by another build than its name says.
    #[error("counters of build {found}, but the meta file is of build {expected}")]
    OtherBuild {
        /// Hash in the counter file's header.
        found: MetaHash,
        /// Hash in the meta file's header.
        expected: MetaHash,
    },
    /// Counters of a function that the meta file does not have.
    #[error(
        "counters of function {function} of package {package} at byte {offset}, which the meta file does not have"
    )]
    UnknownFunction {
        /// The package's index.
        package: PackageIndex,
        /// The function's index in the package.
        function: FunctionIndex,
        /// Offset of the counters in the counter file, in bytes.
        offset: u64,
    },
    /// A function has another number of counters than it has units.
    #[error("{counters} counters at byte {offset} for {path} {name}, which has {units} units")]
    CounterNumber {
        /// Import path of the package, lossily as text.
        path: String,
        /// Name of the function, lossily as text.
        name: String,
        /// Counters found.
        counters: u32,
        /// Units that the meta file gives the function.
        units: usize,
        /// Offset of the counters in the counter file, in bytes.
        offset: u64,
    },
    /// Builds of different modes, where that is not allowed.
    #[error(
        "counter mode clash: build {previous_build} counts in mode {previous}, build {build} in mode {mode}"
    )]
    ModeClash {
        /// The first build.
        previous_build: MetaHash,
        /// Its mode.
        previous: CounterMode,
        /// Position of the build that differs.
        index: usize,
        /// The build that differs.
        build: MetaHash,
        /// Its mode.
        mode: CounterMode,
    },
    /// Builds of different granularity, which cannot be merged.
    #[error(
        "counter granularity clash: build {previous_build} counts {previous}, build {build} counts {granularity}"
    )]
    GranularityClash {
        /// The first build.
        previous_build: MetaHash,
        /// Its granularity.
        previous: Granularity,
        /// Position of the build that differs.
        index: usize,
        /// The build that differs.
        build: MetaHash,
        /// Its granularity.
        granularity: Granularity,
    },
    /// A sum would be larger than a counter, where it may not be.
    #[error("counters add up to more than 4294967295")]
    Overflow,
    /// There is no build to merge.
    #[error("no builds to merge")]
    Nothing,
}
