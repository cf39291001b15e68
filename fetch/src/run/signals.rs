//! Ctrl-C and SIGTERM: the first asks the run to end in order, the second ends the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

use crate::error::Fatal;
use crate::exit::Exit;
use crate::progress::note;

/// Which signal came, if any.
pub(super) struct Interrupt {
    code: Arc<AtomicU8>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen(cancel: CancellationToken) -> Result<Self, Fatal> {
        let code = Arc::new(AtomicU8::new(0));
        let seen = Arc::clone(&code);
        let mut next = signals().map_err(|error| Fatal::disk("signals cannot be watched", error))?;
        tokio::spawn(async move {
            let exit = next.wait().await;
            seen.store(exit.code(), Ordering::SeqCst);
            note("interrupted: closing streams and writing the manifest (again to stop at once)");
            cancel.cancel();
            let exit = next.wait().await;
            // Whole files stay whole whenever the process ends; only the manifest says less.
            #[allow(clippy::exit)]
            std::process::exit(exit.code().into());
        });
        Ok(Self { code })
    }

    /// The exit code of the signal that came.
    pub(super) fn exit(&self) -> Option<Exit> {
        let code = self.code.load(Ordering::SeqCst);
        [Exit::Interrupted, Exit::Terminated].into_iter().find(|exit| exit.code() == code)
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

/// The same number on Linux and macOS; signal(7).
#[cfg(unix)]
const SIGXFSZ: i32 = 25;

#[cfg(unix)]
fn signals() -> io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};
    // With a handler, what exceeds `ulimit -f` fails to be written instead of ending the process. setrlimit(2).
    drop(signal(SignalKind::from_raw(SIGXFSZ))?);
    Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
}

#[cfg(unix)]
impl Signals {
    async fn wait(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
fn signals() -> io::Result<Signals> {
    Ok(Signals)
}

#[cfg(not(unix))]
impl Signals {
    async fn wait(&mut self) -> Exit {
        // Without a handler there is nothing to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Exit::Interrupted
    }
}
