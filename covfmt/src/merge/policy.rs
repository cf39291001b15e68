//! What becomes of builds that count in different modes.

use super::counters::BuildCounts;
use super::error::MergeError;
use crate::mode::{CounterMode, Granularity};

/// How builds of different modes are merged. Builds of different granularity never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModePolicy {
    /// Not at all: an error. `internal/coverage/cmerge/merge.go`, `ModeMergeStrict`.
    Strict,
    /// Counts are added up as they are, under the strongest mode (`ModeMergeRelaxed`): what the reference does
    /// where only hit or not hit is shown.
    Relaxed,
    /// As far as counts mean something together: those of count and atomic builds are added up, in atomic mode; with any
    /// other mode among them each count becomes 1 or 0, and the mode is set.
    HitOrNot,
}

/// Mode and granularity of several builds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergedMode {
    /// The mode of the merged counts.
    pub mode: CounterMode,
    /// The granularity that all builds have.
    pub granularity: Granularity,
    /// Whether the builds have different modes.
    pub mixed: bool,
}

/// Decides the mode of several builds together; at least one is needed.
pub fn merge_modes(builds: &[BuildCounts], policy: ModePolicy) -> Result<MergedMode, MergeError> {
    let Some(first) = builds.first() else { return Err(MergeError::Nothing) };
    let (hash, mode, granularity) =
        (first.tables().hash(), first.tables().mode(), first.tables().granularity());
    let mut merged = MergedMode { mode, granularity, mixed: false };
    for (index, build) in builds.iter().enumerate() {
        let tables = build.tables();
        if tables.granularity() != granularity {
            return Err(MergeError::GranularityClash {
                previous_build: hash,
                previous: granularity,
                index,
                build: tables.hash(),
                granularity: tables.granularity(),
            });
        }
        if tables.mode() == mode {
            continue;
        }
        merged.mixed = true;
        match policy {
            ModePolicy::Strict => {
                return Err(MergeError::ModeClash {
                    previous_build: hash,
                    previous: mode,
                    index,
                    build: tables.hash(),
                    mode: tables.mode(),
                });
            }
            ModePolicy::Relaxed => merged.mode = merged.mode.max(tables.mode()),
            ModePolicy::HitOrNot => {
                let counts = |mode| matches!(mode, CounterMode::Count | CounterMode::Atomic);
                let both = counts(merged.mode) && counts(tables.mode());
                merged.mode = if both { CounterMode::Atomic } else { CounterMode::Set };
            }
        }
    }
    Ok(merged)
}
