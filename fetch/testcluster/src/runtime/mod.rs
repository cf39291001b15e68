//! What a node does: runs the containers' first processes and what is exec'd in them, and leaves none behind.

mod confine;
mod container;
mod isolation;
mod lifeline;
mod main_process;
mod programs;
mod scripts;
mod shims;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use container::{ExecRefusal, Running, exit_code};
pub use isolation::Isolation;
pub(crate) use isolation::Mode;
use lifeline::Lifeline;

use crate::container::{Container, Main};
use crate::error::Error;

/// The one node of a cluster: a temporary directory, a way to keep processes apart, and the lifeline.
#[derive(Debug)]
pub(crate) struct Node {
    root: PathBuf,
    mode: Mode,
    lifeline: Lifeline,
    next: AtomicU64,
}

impl Node {
    /// Prepares a node that keeps its files under `root`.
    pub(crate) fn new(root: &Path, isolation: Isolation) -> Result<Self, Error> {
        let mode = isolation.resolve()?;
        let lifeline = Lifeline::start(root)?;
        Ok(Self { root: root.to_path_buf(), mode, lifeline, next: AtomicU64::new(0) })
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Starts a container's first process without waiting for it to be ready; none for [`Main::Exited`].
    ///
    /// `label` is `namespace/pod/container`, for messages.
    pub(crate) fn start(&self, label: &str, spec: &Container) -> Result<Option<Running>, Error> {
        if matches!(spec.main, Main::Exited(_)) {
            return Ok(None);
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let home = self.root.join(format!("container-{number}"));
        std::fs::create_dir_all(&home).map_err(Error::io(format!("create {}", home.display())))?;
        Running::start(label, spec, home, self.mode, &self.lifeline).map(Some)
    }

    /// Makes a container among the processes of another one.
    pub(crate) fn start_beside(
        &self,
        target: &Running,
        label: &str,
        programs: &[String],
    ) -> Result<Running, Error> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let home = self.root.join(format!("container-{number}"));
        std::fs::create_dir_all(&home).map_err(Error::io(format!("create {}", home.display())))?;
        target.beside(label, home, programs)
    }

    /// Kills all processes of a container and gives their numbers back to the host.
    pub(crate) fn stop(&self, container: &Running) {
        container.stop(&self.lifeline);
    }
}
