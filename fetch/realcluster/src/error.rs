//! What can go wrong: the machine cannot run containers, or something about them failed.

use std::io;

/// Why containers cannot be had, or what about them failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine cannot run containers. The text says what it lacks.
    #[error("this machine cannot run containers: {0}")]
    Unavailable(String),
    /// A step on this machine failed.
    #[error("{step}: {source}")]
    Io {
        /// What was tried.
        step: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Its name.
        program: String,
        /// What it wrote on standard error.
        output: String,
    },
    /// containerd refused a call.
    #[error("containerd refuses {method} (gRPC code {code}): {message}")]
    Refused {
        /// Method of the container runtime interface.
        method: String,
        /// gRPC status code; 2 is unknown, 5 is not found.
        code: u32,
        /// Its own words.
        message: String,
    },
    /// The connection to containerd failed, or carried something that is no answer.
    #[error("no answer from containerd to {method}: {message}")]
    NoAnswer {
        /// Method of the container runtime interface.
        method: String,
        /// What was wrong.
        message: String,
    },
    /// No pod, or no container in it, has this name.
    #[error("no container is named {0}")]
    Unknown(String),
    /// Something did not come about in time.
    #[error("{what} did not come about within {seconds} s")]
    Late {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
    },
}

impl Error {
    /// For `map_err`: says what was tried.
    pub(crate) fn io(step: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let step = step.into();
        move |source| Self::Io { step, source }
    }
}
