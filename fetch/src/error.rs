//! Why a container, or a whole run, failed: a kind for scripts, a sentence for people, and whether a retry may help.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::escape::one_line;
use crate::rights::Right;

/// What went wrong, as `docs/MANIFEST.md` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The run was killed or interrupted before the container was done.
    Unfinished,
    /// The API server, the kubelet or the network did not answer.
    Unreachable,
    /// The credentials were refused (401).
    Unauthorized,
    /// The credentials lack a right (403).
    Forbidden,
    /// The container is not running and its files are out of reach.
    PodState,
    /// A workload that was asked for does not exist.
    NotFound,
    /// The pods of a workload cannot be told: it has no selector, or none that can be understood.
    Workload,
    /// No coverage directory is known for the container.
    NoCoverageDir,
    /// The coverage directory does not exist or cannot be read in the container.
    MissingDir,
    /// The image has no `tar`, and not what could stand in for it.
    NoTar,
    /// The image has no `kill`, or nothing to look for the flushed file with.
    NoKill,
    /// The debug container that was to stand in for missing programs, or the helper pod of a claim, could not be had.
    Helper,
    /// The build does not count atomically and cannot write counters while it runs.
    FlushMode,
    /// No new counter file came in time.
    FlushTimeout,
    /// The signalled process ended and left no new counter file.
    ProcessEnded,
    /// There is no process of the name that was given, or there are several.
    NoProcess,
    /// The command or the request that was to make the program write its counters failed.
    FlushFailed,
    /// The container must not be ended: its files, or itself, would not come back; or it did not come back.
    Restart,
    /// There is a meta file and no counter file.
    MetaOnly,
    /// There is no coverage file at all.
    Empty,
    /// The stream or the archive was cut short.
    Truncated,
    /// The stream ended without the API server's verdict.
    NoStatus,
    /// A program in the container failed.
    Command,
    /// The archive, or a name in it, breaks the rules.
    Rejected,
    /// A limit on size or number was passed.
    Limit,
    /// A file does not parse, or is not what its name says.
    InvalidFile,
    /// A counter file came without its meta file.
    MissingMeta,
    /// The store holds a file of the same name with other bytes.
    Conflict,
    /// The local disk failed.
    Store,
    /// A defect of this program.
    Internal,
    /// A kind that a newer version of the manifest knows.
    #[serde(other)]
    Other,
}

/// A failure as the manifest keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub kind: Kind,
    /// One line for people, without control characters.
    pub message: String,
    /// Whether another attempt may succeed. Not part of the manifest.
    #[serde(skip)]
    pub retry: Retry,
    /// The right that is missing. Not part of the manifest.
    #[serde(skip)]
    pub right: Option<Box<Right>>,
}

/// Whether another attempt may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// The outcome would be the same.
    #[default]
    No,
    /// After the usual pause.
    Yes,
    /// Not before this time has passed: the server asked for it.
    After(Duration),
}

impl Failure {
    /// A failure that a retry does not help. The message is escaped here, once for all.
    pub fn new(kind: Kind, message: impl AsRef<str>) -> Self {
        Self { kind, message: one_line(message.as_ref()), retry: Retry::No, right: None }
    }

    /// A failure that is worth another attempt.
    pub fn passing(kind: Kind, message: impl AsRef<str>) -> Self {
        Self { retry: Retry::Yes, ..Self::new(kind, message) }
    }

    /// The run was interrupted.
    pub fn interrupted() -> Self {
        Self::new(
            Kind::Unfinished,
            "the run was interrupted before this container was done: run it again, what is here is not sent again",
        )
    }

    /// Puts words behind the message.
    #[must_use]
    pub fn followed_by(self, words: impl fmt::Display) -> Self {
        let message = one_line(&format!("{}{words}", self.message));
        Self { message, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Ends the run before any container was reached: usage, configuration, or the cluster as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The command line or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// The cluster could not be asked.
    #[error("{0}")]
    Cluster(Failure),
    /// The store or the manifest cannot be used.
    #[error("{context}: {source}")]
    Disk {
        /// What was tried, with the path.
        context: String,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest is there and cannot be read.
    #[error("{0}")]
    Manifest(String),
}

impl Fatal {
    /// A usage error with an escaped message.
    pub fn usage(message: impl AsRef<str>) -> Self {
        Self::Usage(one_line(message.as_ref()))
    }

    /// An error of the local disk.
    pub fn disk(context: impl Into<String>, source: io::Error) -> Self {
        Self::Disk { context: context.into(), source }
    }
}
