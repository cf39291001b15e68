//! What a whole run may take, over all containers. Who would take more fails by name, and nobody is begun after that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Failure, Kind};
use crate::names::ContainerName;

/// Limits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Bytes of all files that come and are new to the store.
    pub bytes: u64,
    /// Number of them.
    pub files: u64,
}

/// What is left of a run's limits.
#[derive(Debug)]
pub struct Allowance {
    limits: RunLimits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: u64,
    files: u64,
    /// Why a container was refused, the first of them.
    refused: Option<String>,
}

/// Room for a file; given back when dropped, unless the file was kept.
#[derive(Debug)]
pub struct Room {
    allowance: Arc<Allowance>,
    bytes: u64,
    kept: bool,
}

impl Allowance {
    /// Nothing is taken yet.
    pub fn new(limits: RunLimits) -> Self {
        Self { limits, taken: Mutex::default() }
    }

    /// Takes room for a file of so many bytes from a container, before it is read.
    pub fn take(self: &Arc<Self>, from: &ContainerName, bytes: u64) -> Result<Room, Failure> {
        let RunLimits { bytes: most_bytes, files: most_files } = self.limits;
        let mut taken = self.taken();
        let sum = taken.bytes.saturating_add(bytes);
        let (limit, option) = if sum > most_bytes {
            (format!("{most_bytes} bytes in all"), "--max-run-size")
        } else if taken.files >= most_files {
            (format!("{most_files} files in all"), "--max-run-files")
        } else {
            taken.bytes = sum;
            taken.files += 1;
            return Ok(Room { allowance: Arc::clone(self), bytes, kept: false });
        };
        // What never fits does not come with another run either.
        let way = if bytes > most_bytes || most_files == 0 {
            format!("raise {option}")
        } else {
            format!("run it again for the rest, or raise {option}")
        };
        taken.refused.get_or_insert_with(|| format!("{from} would have taken it beyond {limit}: {way}"));
        Err(Failure::new(
            Kind::Limit,
            format!("the run would take more than {limit}; what came before stays: {way}"),
        ))
    }

    /// Whether another container may be begun: not after one was refused.
    pub fn check(&self) -> Result<(), Failure> {
        match &self.taken().refused {
            None => Ok(()),
            Some(why) => {
                let message = format!("not read, as the run has come to its limit: {why}");
                Err(Failure::new(Kind::Limit, message))
            }
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// The file stays.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let mut taken = self.allowance.taken();
        taken.bytes = taken.bytes.saturating_sub(self.bytes);
        taken.files = taken.files.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(bytes: u64, files: u64) -> (Arc<Allowance>, ContainerName) {
        let name = ContainerName::new("shop", "web-0", "app").unwrap();
        (Arc::new(Allowance::new(RunLimits { bytes, files })), name)
    }

    #[test]
    fn what_is_kept_counts_and_what_is_not_is_given_back() {
        let (allowance, name) = allowance(100, 3);
        allowance.take(&name, 60).unwrap().keep();
        for _ in 0..5 {
            drop(allowance.take(&name, 40).unwrap());
        }
        allowance.take(&name, 40).unwrap().keep();
        allowance.check().unwrap();
        let failure = allowance.take(&name, 1).unwrap_err();
        assert_eq!((failure.kind, failure.retry), (Kind::Limit, crate::error::Retry::No));
        let ends = "more than 100 bytes in all; what came before stays: run it again for the rest, or raise --max-run-size";
        assert!(failure.message.ends_with(ends), "{failure}");
        // An empty file fits; the next does not by its number.
        allowance.take(&name, 0).unwrap().keep();
        let failure = allowance.take(&name, 0).unwrap_err();
        assert!(failure.message.contains("more than 3 files in all"), "{failure}");
        assert!(failure.message.ends_with("raise --max-run-files"), "{failure}");
    }

    #[test]
    fn after_a_refusal_nobody_is_begun_and_the_first_refused_is_named() {
        let (allowance, name) = allowance(100, 3);
        let other = ContainerName::new("shop", "web-1", "app").unwrap();
        assert!(allowance.take(&name, u64::MAX).is_err());
        assert!(allowance.take(&other, 101).is_err());
        let failure = allowance.check().unwrap_err();
        assert_eq!(failure.kind, Kind::Limit);
        assert!(failure.message.contains("shop/web-0/app") && failure.message.contains("--max-run-size"));
    }
}
