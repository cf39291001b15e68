//! Faults on request: what goes wrong in real clusters, at a moment that a test chooses.

use std::time::Duration;

use crate::api::status::Failure;

/// What goes wrong with one exec.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// After this many bytes of standard output the connection ends: no Status, no close frame. A kubelet or an API
    /// server that was killed.
    Cut {
        /// Bytes of standard output that still arrive.
        after: u64,
        /// Whether the end is a TCP reset (RST) rather than an orderly end of stream (FIN).
        reset: bool,
    },
    /// All output arrives, then the connection ends without Status and without close frame.
    NoStatus,
    /// After this many bytes of standard output comes a Status Success: containerd killed in mid-stream, as v5 shows
    /// it.
    TruncatedSuccess {
        /// Bytes of standard output that arrive.
        after: u64,
    },
    /// All output arrives and the Status says this exit code, whatever the program's was.
    ExitCode(u8),
    /// The upgrade is answered this much later.
    Delay(Duration),
    /// Standard output arrives at no more than this rate.
    Slow {
        /// Bytes in a second; zero is taken for one.
        bytes_per_second: u64,
    },
    /// No upgrade but an HTTP error with a Status object.
    Refuse {
        /// HTTP status code.
        code: u16,
        /// The Status's message.
        message: String,
        /// Seconds for a `Retry-After` header.
        retry_after: Option<u32>,
    },
    /// HTTP 429 as an overloaded API server gives it: with `Retry-After`, and plain text instead of a Status
    /// (k8s.io/apiserver pkg/server/filters/priority-and-fairness.go, `tooManyRequests`).
    Overloaded {
        /// Seconds for the `Retry-After` header.
        retry_after: u32,
    },
    /// After this many bytes of standard output the container's processes are killed: what is in the pipe still
    /// arrives, then a Status with exit code 137.
    Kill {
        /// Bytes of standard output before the kill.
        after: u64,
    },
}

impl Fault {
    /// An HTTP error without `Retry-After`.
    pub fn refuse(code: u16, message: impl Into<String>) -> Self {
        Self::Refuse { code, message: message.into(), retry_after: None }
    }
}

/// How often a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// For the next so many requests that it applies to.
    Next(u32),
    /// For all of them.
    Always,
}

impl Times {
    /// Uses one up; whether there was one.
    pub(crate) fn take(&mut self) -> bool {
        match self {
            Self::Always => true,
            Self::Next(0) => false,
            Self::Next(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// What goes wrong with a list of pods: an HTTP error with a Status object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFault {
    /// The page it applies to, counted from 1; a list without `limit` has one page.
    pub page: u32,
    /// HTTP status code of the answer.
    pub code: u16,
    /// The Status's message.
    pub message: String,
    /// Seconds for a `Retry-After` header.
    pub retry_after: Option<u32>,
}

/// A fault waiting for its lists.
#[derive(Debug)]
pub(crate) struct PlannedList {
    /// Counted from 1.
    pub(crate) page: u32,
    pub(crate) failure: Failure,
    pub(crate) times: Times,
}

/// A fault waiting for its execs.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) namespace: String,
    /// All pods if empty.
    pub(crate) pod: String,
    /// All containers if `None`.
    pub(crate) container: Option<String>,
    pub(crate) fault: Fault,
    pub(crate) times: Times,
}
