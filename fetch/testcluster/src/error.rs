//! What can go wrong while a cluster is being built or changed. Faults on the wire are not errors: see
//! [`Fault`](crate::Fault).

use std::io;
use std::path::PathBuf;

/// Why a cluster could not be started or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation on the host failed.
    #[error("{action}: {source}")]
    Io {
        /// What was being done, with the path or the address.
        action: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A program of a container's allow list is nowhere on the host's `PATH`.
    #[error("container {container}: program {program:?} not found on this host's PATH")]
    ProgramNotFound {
        /// `namespace/pod/container`.
        container: String,
        /// The program as the allow list names it.
        program: String,
    },
    /// A program that could signal processes of the host was allowed in a container without a PID namespace.
    #[error(
        "container {container}: program {program:?} could signal the host's processes; it needs PID namespaces"
    )]
    UnsafeProgram {
        /// `namespace/pod/container`.
        container: String,
        /// The program as the allow list names it.
        program: String,
    },
    /// Two pods of one namespace, or two containers of one pod, have the same name.
    #[error("{0} is defined twice")]
    Duplicate(String),
    /// There is no such pod or container.
    #[error("{0} does not exist")]
    NotFound(String),
    /// A recorded file's name is not `covmeta.<hash>` or `covcounters.<hash>.<pid>.<nanos>`.
    #[error("{path}: not the name of a coverage {kind} file")]
    RecordedName {
        /// The recorded file.
        path: PathBuf,
        /// `meta` or `counter`.
        kind: &'static str,
    },
    /// A replayer has files to write but its container's environment has no `GOCOVERDIR`.
    #[error("container {0}: a replayer needs GOCOVERDIR in the container's environment")]
    NoCoverDir(String),
    /// PID namespaces were asked for and this machine does not permit them.
    #[error("PID namespaces are not permitted here: {0}")]
    NoNamespaces(String),
    /// The first process of a container did not come up.
    #[error("container {container}: its main process did not start within {seconds} s: {log}")]
    NotReady {
        /// `namespace/pod/container`.
        container: String,
        /// How long was waited, in seconds.
        seconds: u64,
        /// What the process wrote to its standard output and error, at most 1,000 bytes.
        log: String,
    },
    /// Keys or certificates could not be made.
    #[error("TLS: {0}")]
    Tls(String),
}

impl Error {
    /// Wraps an I/O error together with what was being done.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}
