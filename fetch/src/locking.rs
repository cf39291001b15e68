//! Locks that other processes hold, waited for, but not for ever: who is stopped in the middle holds his for good.

use std::fs::{File, TryLockError};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a lock is held for takes a moment.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Takes the lock of a file for this process alone.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    wait(|| file.try_lock(), PATIENCE)
}

/// Takes it beside others that do the same.
pub(crate) fn lock_shared(file: &File) -> io::Result<()> {
    wait(|| file.try_lock_shared(), PATIENCE)
}

fn wait(attempt: impl Fn() -> Result<(), TryLockError>, patience: Duration) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                let seconds = patience.as_secs();
                return Err(io::Error::other(format!(
                    "another process holds its lock, and has not let go of it within {seconds} s"
                )));
            }
            Err(TryLockError::WouldBlock) => sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_never_let_go_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::open(file.path()).unwrap();
        let (holder, other) = (open(), open());
        lock(&holder).unwrap();
        for attempt in [File::try_lock, File::try_lock_shared] {
            let error = wait(|| attempt(&other), Duration::from_millis(50)).unwrap_err();
            assert!(error.to_string().contains("another process holds its lock"), "{error}");
        }
        holder.unlock().unwrap();
        lock_shared(&other).unwrap();
        lock_shared(&holder).unwrap();
    }
}
