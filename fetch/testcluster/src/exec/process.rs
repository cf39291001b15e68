//! The process of one exec, and what outlives its session.

use std::process::Stdio;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::oneshot;

use super::request::ExecRequest;
use crate::runtime::{ExecRefusal, Running, exit_code};
use crate::state::State;

/// A started process. Dropping this neither ends the process nor closes its output: in a real cluster a command
/// outlives the client that started it.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
    /// The exit code, once the process has ended.
    pub(super) exit: oneshot::Receiver<i32>,
}

impl Process {
    /// Starts the command of `exec` in a container.
    pub(super) fn start(state: &State, running: &Running, exec: &ExecRequest) -> Result<Self, ExecRefusal> {
        // The runtime makes no pipe for a stream that nobody asked for.
        let pipe = |wanted: bool| if wanted { Stdio::piped() } else { Stdio::null() };
        let mut child = running.spawn(&exec.command, |command| {
            command.stdin(pipe(exec.stdin)).stdout(pipe(exec.stdout)).stderr(pipe(exec.stderr));
        })?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (sender, exit) = oneshot::channel();
        state.tasks.spawn(async move {
            let code = child.wait().await.map_or(255, exit_code);
            // The session may be gone; then nobody wants to know.
            let _ = sender.send(code);
        });
        Ok(Self { stdin, stdout, stderr, exit })
    }

    /// Leaves the process to itself: its output is no longer read, and stays open until it ends.
    pub(super) fn abandon(self, state: &State) {
        state.tasks.spawn(async move {
            let Self { stdin, stdout, stderr, exit } = self;
            drop(stdin);
            let _ = exit.await;
            drop((stdout, stderr));
        });
    }
}
