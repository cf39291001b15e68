//! What is special about an input, for the distribution that is printed and asserted.

use std::collections::BTreeSet;

/// Something special about an input directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Trait {
    Recorded,
    SetMode,
    CountMode,
    AtomicMode,
    PseudoMode,
    PerFunction,
    ManyPackages,
    NoPackages,
    EmptyPackage,
    NoUnits,
    DuplicateUnits,
    LongNames,
    NonAscii,
    Raw,
    BigEndian,
    SeveralSegments,
    Saturating,
    DeadFunctions,
    FunctionTwice,
    StrangeArgs,
    SkewedCounters,
    SeveralBuilds,
    OddTag,
    MetaOnly,
    Orphans,
    Temporary,
    OddNames,
    SubDirectory,
    Empty,
    Missing,
    NoDirectory,
    Unreadable,
    Damaged,
    OwnOutput,
}

impl Trait {
    /// All of them.
    pub(crate) const ALL: [Self; 34] = [
        Self::Recorded,
        Self::SetMode,
        Self::CountMode,
        Self::AtomicMode,
        Self::PseudoMode,
        Self::PerFunction,
        Self::ManyPackages,
        Self::NoPackages,
        Self::EmptyPackage,
        Self::NoUnits,
        Self::DuplicateUnits,
        Self::LongNames,
        Self::NonAscii,
        Self::Raw,
        Self::BigEndian,
        Self::SeveralSegments,
        Self::Saturating,
        Self::DeadFunctions,
        Self::FunctionTwice,
        Self::StrangeArgs,
        Self::SkewedCounters,
        Self::SeveralBuilds,
        Self::OddTag,
        Self::MetaOnly,
        Self::Orphans,
        Self::Temporary,
        Self::OddNames,
        Self::SubDirectory,
        Self::Empty,
        Self::Missing,
        Self::NoDirectory,
        Self::Unreadable,
        Self::Damaged,
        Self::OwnOutput,
    ];
}

/// All that is special.
pub(crate) type Traits = BTreeSet<Trait>;
