//! Starts a process that cannot signal anything on the host but one process: the guarantee behind the mapped `kill`.
//!
//! On Linux a seccomp filter makes `kill(2)` and its relatives fail with EPERM for every other target, process groups
//! included, in the process and all its descendants, whatever program or shell trick asks for it. Elsewhere there is no
//! filter: the host's own permissions have the last word.

use std::io;

use tokio::process::{Child, Command};

/// Spawns `command`, allowed to signal `pid` only. Needs a Tokio runtime's context.
#[cfg(target_os = "linux")]
pub(super) fn spawn_confined(command: &mut Command, pid: u32) -> io::Result<Child> {
    let filter = filter(pid).map_err(|error| io::Error::other(format!("seccomp filter: {error}")))?;
    let runtime = tokio::runtime::Handle::current();
    // A filter holds for the thread that installs it and for what that thread starts: so a thread for each process.
    std::thread::scope(|scope| {
        let spawner = scope.spawn(|| {
            let _context = runtime.enter();
            seccompiler::apply_filter(&filter)
                .map_err(|error| io::Error::other(format!("seccomp filter: {error}")))?;
            command.spawn()
        });
        spawner.join().unwrap_or_else(|_| Err(io::Error::other("the spawning thread panicked")))
    })
}

/// Spawns `command`.
#[cfg(not(target_os = "linux"))]
pub(super) fn spawn_confined(command: &mut Command, _: u32) -> io::Result<Child> {
    command.spawn()
}

/// All system calls that send a signal to a process by its number, and how the one allowed target is told.
#[cfg(target_os = "linux")]
fn filter(pid: u32) -> Result<seccompiler::BpfProgram, seccompiler::BackendError> {
    use seccompiler::{
        SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        TargetArch,
    };
    let other_target = || {
        let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, u64::from(pid))?;
        SeccompRule::new(vec![condition])
    };
    let rules = [
        (libc::SYS_kill, vec![other_target()?]),
        (libc::SYS_rt_sigqueueinfo, vec![other_target()?]),
        (libc::SYS_pidfd_open, vec![]),
        (libc::SYS_pidfd_send_signal, vec![]),
    ];
    let filter = SeccompFilter::new(
        rules.into_iter().collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    filter.try_into()
}
