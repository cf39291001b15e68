//! Watches a container's direct child end, and ends it: without ever reaping it, so that its number stays its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tokio::sync::watch;

use super::Mode;

/// Waits for the end of a child in a thread of its own, without reaping it.
pub(super) fn watch_exit(pid: u32, mode: Mode, killed: Arc<AtomicBool>) -> watch::Receiver<Option<i32>> {
    let (sender, receiver) = watch::channel(None);
    std::thread::spawn(move || {
        let Some(id) = to_pid(pid) else { return };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let code = loop {
            match waitid(WaitId::Pid(id), options) {
                Ok(Some(status)) => {
                    break status
                        .exit_status()
                        .or_else(|| status.terminating_signal().map(|signal| 128 + signal))
                        .unwrap_or(255);
                }
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => break 255,
            }
        };
        if mode == Mode::Mapped {
            // What a PID namespace does by itself: no process survives the first one.
            let _ = kill_process_group(id, Signal::KILL);
        }
        // The `unshare` of util-linux 2.38 ends with 1 when the signal that ended its child should end it too. Within
        // a namespace the first process dies of no other SIGKILL than ours.
        let unshared = matches!(mode, Mode::Namespaces { .. }) && killed.load(Ordering::Relaxed);
        sender.send_replace(Some(if unshared { 128 + Signal::KILL.as_raw() } else { code }));
    });
    receiver
}

/// Kills a container's processes. The direct child is not reaped yet, so its number is still its own.
pub(super) fn kill_all(mode: Mode, pid: u32) {
    let Some(id) = to_pid(pid) else { return };
    match mode {
        Mode::Mapped => {
            let _ = kill_process_group(id, Signal::KILL);
        }
        Mode::Namespaces { .. } => {
            // Killing the namespace's first process lets `unshare` wait until all others are gone too.
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let first = children.ok().and_then(|text| text.split_whitespace().next()?.parse().ok());
            let _ = kill_process(first.and_then(to_pid).unwrap_or(id), Signal::KILL);
        }
    }
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// What the lifeline is told of a container: its process, or without namespaces its process group.
pub(super) fn lifeline_target(mode: Mode, pid: u32) -> String {
    match mode {
        Mode::Namespaces { .. } => pid.to_string(),
        Mode::Mapped => format!("-{pid}"),
    }
}
