//! How a container's processes are kept apart from the host's: PID namespaces where the kernel permits them, a mapped
//! `kill` elsewhere.
//!
//! With namespaces the kernel guarantees that a signal sent in a container reaches that container's processes only.
//! `unshare(1)` and `nsenter(1)` of util-linux do the work, so that this crate needs no unsafe code.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::programs::find_on_host;
use crate::error::Error;

/// How containers are isolated from the host and from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// PID namespaces if this machine permits them, the mapped `kill` otherwise.
    #[default]
    Auto,
    /// PID namespaces, or an error.
    Namespaces,
    /// No namespaces: the containers' `kill` is a script that knows the container's own processes and refuses every
    /// other pid. Works on any unix, unprivileged.
    Mapped,
}

/// The isolation that a cluster uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// PID and mount namespaces; `user` says that a user namespace was needed too.
    Namespaces { user: bool },
    /// The mapped `kill`.
    Mapped,
}

impl Isolation {
    /// Looks at what this machine permits; the look is taken once for the life of this process.
    pub(crate) fn resolve(self) -> Result<Mode, Error> {
        static PROBE: OnceLock<Result<Mode, String>> = OnceLock::new();
        if self == Self::Mapped {
            return Ok(Mode::Mapped);
        }
        match PROBE.get_or_init(probe) {
            Ok(mode) => Ok(*mode),
            Err(_) if self == Self::Auto => Ok(Mode::Mapped),
            Err(reason) => Err(Error::NoNamespaces(reason.clone())),
        }
    }
}

/// Tries namespaces as they will be used: entered from outside as well as created.
fn probe() -> Result<Mode, String> {
    if !cfg!(target_os = "linux") {
        return Err("not Linux".into());
    }
    let mut reasons = Vec::new();
    for mode in [Mode::Namespaces { user: false }, Mode::Namespaces { user: true }] {
        match attempt(mode) {
            Ok(()) => return Ok(mode),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

fn attempt(mode: Mode) -> Result<(), String> {
    let nsenter = find_on_host("nsenter").ok_or("no nsenter on PATH")?;
    let shell = find_on_host("sh").ok_or("no sh on PATH")?;
    let (unshare, arguments) = unshare_command(mode).ok_or("no unshare on PATH")?;
    // The inner process answers once its /proc is the namespace's own, then waits until it has been entered.
    let script = r#"[ "$$" = 1 ] && [ -d /proc/1 ] && echo up && read -r _"#;
    let mut child = Command::new(unshare)
        .args(&arguments)
        .arg(&shell)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        let _ = std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line);
    }
    let entered = line.trim() == "up"
        && Command::new(nsenter)
            .args(nsenter_arguments(mode, child.id()))
            .arg(shell)
            .args(["-c", "kill -0 1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
    drop(child.stdin.take());
    let _ = child.wait();
    if entered { Ok(()) } else { Err(format!("unshare {} is not permitted", arguments.join(" "))) }
}

/// `unshare` and its arguments up to the program.
pub(super) fn unshare_command(mode: Mode) -> Option<(PathBuf, Vec<&'static str>)> {
    let Mode::Namespaces { user } = mode else { return None };
    let mut arguments = Vec::new();
    if user {
        arguments.extend(["--user", "--map-root-user"]);
    }
    // --kill-child: should this process vanish, the namespace goes with it.
    arguments.extend(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    Some((find_on_host("unshare")?, arguments))
}

/// The arguments that make `nsenter` enter the namespaces made by the `unshare` process `pid`.
pub(super) fn nsenter_arguments(mode: Mode, pid: u32) -> Vec<String> {
    let mut arguments = Vec::new();
    if mode == (Mode::Namespaces { user: true }) {
        arguments.push(format!("--user=/proc/{pid}/ns/user"));
        arguments.push("--preserve-credentials".into());
    }
    // `unshare` itself stays in the old PID namespace; its children are in the new one.
    arguments.push(format!("--pid=/proc/{pid}/ns/pid_for_children"));
    arguments.push(format!("--mount=/proc/{pid}/ns/mnt"));
    arguments
}
