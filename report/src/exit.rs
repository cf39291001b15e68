//! Exit codes, documented in `--help`.

use std::process::ExitCode;

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every report was written. A closed pipe on standard output is success, too.
    Success = 0,
    /// A file could not be read or written, or is damaged. No report was written.
    Failure = 1,
    /// The command line is wrong, or the input is incomplete: nothing there, counter files without their meta file,
    /// containers that could not be fetched, no file of the repository; with `--strict` also a warning. No report was
    /// written, unless it was asked to go on without what is missing.
    Unusable = 2,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
