//! How a build counts, and how finely.

use std::fmt;

/// What a counter means. `internal/coverage/defs.go`, `CounterMode`.
///
/// The order is the reference's order of strength: merging two modes under
/// [`ModePolicy::Relaxed`](crate::merge::ModePolicy) keeps the later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterMode {
    /// No mode: what the reference tool writes where it combines no files at all. No program does, and the readers here
    /// refuse it.
    Invalid = 0,
    /// A counter is 1 once its unit ran, 0 until then.
    Set = 1,
    /// A counter is the number of times its unit ran, and may lose updates between threads.
    Count = 2,
    /// As [`CounterMode::Count`], counted atomically; the only mode that can be flushed at run time.
    Atomic = 3,
    /// Pseudo-mode of `go test` builds whose packages only register themselves.
    RegOnly = 4,
    /// Pseudo-mode of a generated test main package.
    TestMain = 5,
}

impl CounterMode {
    /// The mode for its on-disk byte; `None` for a value the format does not define.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Set,
            2 => Self::Count,
            3 => Self::Atomic,
            4 => Self::RegOnly,
            5 => Self::TestMain,
            _ => return None,
        })
    }

    /// The on-disk byte.
    pub fn to_byte(self) -> u8 {
        self as u8
    }

    /// The name that `mode:` lines and error messages use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "<invalid>",
            Self::Set => "set",
            Self::Count => "count",
            Self::Atomic => "atomic",
            Self::RegOnly => "regonly",
            Self::TestMain => "testmain",
        }
    }
}

impl fmt::Display for CounterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one counter stands for. `internal/coverage/defs.go`, `CounterGranularity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// One counter per basic block: what the go command writes.
    PerBlock = 1,
    /// One counter per function.
    PerFunc = 2,
}

impl Granularity {
    /// The granularity for its on-disk byte; `None` for a value the format does not define.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::PerBlock,
            2 => Self::PerFunc,
            _ => return None,
        })
    }

    /// The on-disk byte.
    pub fn to_byte(self) -> u8 {
        self as u8
    }

    /// The name that error messages use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PerBlock => "perblock",
            Self::PerFunc => "perfunc",
        }
    }
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
