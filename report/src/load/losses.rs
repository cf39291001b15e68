//! Keeps account of inputs that cannot be used: an error each, or with `--keep-going` a loss that is named.

use std::path::PathBuf;

use super::InputError;
use crate::missing::{MissingInput, MissingKind};

/// What has been lost so far, and whether that may go on.
#[derive(Debug)]
pub(super) struct Losses {
    keep_going: bool,
    missing: Vec<MissingInput>,
    unverified: Vec<PathBuf>,
}

impl Losses {
    pub(super) fn new(keep_going: bool) -> Self {
        Self { keep_going, missing: Vec::new(), unverified: Vec::new() }
    }

    pub(super) fn keep_going(&self) -> bool {
        self.keep_going
    }

    /// Bears the loss of a file that an error is about. Errors that are about no single file stay errors.
    pub(super) fn bear(&mut self, error: InputError) -> Result<(), InputError> {
        let Some(path) = error.file().filter(|_| self.keep_going).map(PathBuf::from) else {
            return Err(error.with_advice());
        };
        let sentence = error.to_string();
        let reason = sentence.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&sentence).to_owned();
        self.missing.push(MissingInput { kind: MissingKind::Unusable, path, reason });
        Ok(())
    }

    /// Takes note of something that is not there. Whether that is an error is seen when all are known.
    pub(super) fn note(&mut self, missing: MissingInput) {
        self.missing.push(missing);
    }

    /// Takes note of a meta file whose hashes follow no rule that is known here.
    pub(super) fn note_unverified(&mut self, meta: PathBuf) {
        self.unverified.push(meta);
    }

    /// Meta files that `--verify` could not compare with their hashes.
    pub(super) fn unverified(&self) -> &[PathBuf] {
        &self.unverified
    }

    pub(super) fn missing(&self) -> &[MissingInput] {
        &self.missing
    }

    pub(super) fn into_missing(self) -> Vec<MissingInput> {
        self.missing
    }
}
