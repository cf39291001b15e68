//! Signals that are errors to be said, and not the end of the process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;

/// From now on what exceeds the limit on the size of files (`ulimit -f`) fails to be written, and does not end the process
/// without a word. setrlimit(2), `RLIMIT_FSIZE`.
pub fn survive_the_limit_on_files() {
    // Where it cannot be done it is as before.
    drop(signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))));
}
