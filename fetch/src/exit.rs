//! The exit codes, and what they promise.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every selected container is here, whole.
    Complete,
    /// Nothing was selected, or nothing of it has coverage.
    Nothing,
    /// Usage or configuration; no container was reached.
    Usage,
    /// Something failed; what was fetched stays, and the manifest says what is missing.
    Partial,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

/// The table for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    every selected container was fetched, whole
  1    nothing was selected, or nothing of it has coverage
  2    usage or configuration: wrong flag, no kubeconfig, cluster out of reach, credentials refused
  3    something failed: what was fetched stays, the summary and the manifest name the rest
  130  interrupted by Ctrl-C: whole files stay, the manifest is written
  143  ended by SIGTERM: as 130";

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Nothing => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code() {
        for exit in
            [Exit::Complete, Exit::Nothing, Exit::Usage, Exit::Partial, Exit::Interrupted, Exit::Terminated]
        {
            let code = format!("\n  {} ", exit.code());
            assert!(EXIT_CODES.contains(&code), "{exit:?}");
        }
    }
}
