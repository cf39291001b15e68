//! Keeps account of inputs that cannot be used: an error each, or with `--keep-going` a loss that is named.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use covfmt::pod::FileName;

use super::InputError;
use crate::missing::{MissingInput, MissingKind};

/// What has been lost so far, and whether that may go on.
#[derive(Debug)]
pub(super) struct Losses {
    keep_going: bool,
    missing: Vec<MissingInput>,
    unverified: Vec<PathBuf>,
    /// Number of meta files with counter files, and of these, once they are known.
    seen: Option<(usize, usize)>,
}

impl Losses {
    pub(super) fn new(keep_going: bool) -> Self {
        Self { keep_going, missing: Vec::new(), unverified: Vec::new(), seen: None }
    }

    pub(super) fn keep_going(&self) -> bool {
        self.keep_going
    }

    /// Takes note of what there is to be read: of each Go pod the number of meta files and that of counter files.
    pub(super) fn see(&mut self, pods: impl Iterator<Item = (usize, usize)>) {
        let with_counters = pods.filter(|(_, counters)| *counters != 0);
        self.seen = Some(with_counters.fold((0, 0), |sum, pod| (sum.0 + pod.0, sum.1 + pod.1)));
    }

    /// Whether counters may be left without one of the files that were seen, or without those that are missing.
    pub(super) fn is_rest_behind(&self, file: Option<&Path>) -> bool {
        let Some((metas, counters)) = self.seen else { return true };
        let name = file.and_then(Path::file_name).map(OsStrExt::as_bytes).and_then(FileName::parse);
        match name {
            Some(FileName::Meta { .. }) => metas > 1,
            Some(FileName::Counters { .. }) => counters > 1,
            _ => counters > 0,
        }
    }

    /// Bears the loss of a file that an error is about. Errors that are about no single file stay errors.
    pub(super) fn bear(&mut self, error: InputError) -> Result<(), InputError> {
        let Some(path) = error.file().filter(|_| self.keep_going).map(PathBuf::from) else {
            let rest = self.is_rest_behind(error.file());
            return Err(if rest { error.with_advice() } else { error });
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
