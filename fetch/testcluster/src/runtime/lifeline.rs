//! Kills the containers' processes when this process is gone before it could do so itself: a test that was killed by
//! a timeout leaves no orphans.
//!
//! A small shell reads, from a pipe whose only writer is this process, which processes to mind. When the pipe ends it
//! kills those that are still on its list, and removes the cluster's temporary directory.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use super::programs::find_on_host;
use crate::error::Error;

/// One line per change: `+ TARGET` or `- TARGET`, where TARGET is what `kill` takes: a pid, or `-` and a group. The
/// argument is the directory.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
minded=' '
while read -r change target; do
  case $change in
    +) minded="$minded$target " ;;
    -) minded="${minded%% "$target" *} ${minded#* "$target" }" ;;
  esac
done
for target in $minded; do kill -s KILL -- "$target" 2>/dev/null; done
case $1 in */testcluster-*) rm -rf -- "$1" ;; esac
"#;

#[derive(Debug)]
pub(super) struct Lifeline(Mutex<Child>);

impl Lifeline {
    pub(super) fn start(home: &Path) -> Result<Self, Error> {
        // Found as every other program here is found.
        let mut command = Command::new(find_on_host("sh").unwrap_or_else(|| "sh".into()));
        command
            .args(["-c", SCRIPT, "lifeline"])
            .arg(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(Self(Mutex::new(command.spawn().map_err(Error::io("start sh"))?)))
    }

    /// Puts a process, or with a leading `-` a process group, on the list.
    pub(super) fn mind(&self, target: &str) {
        self.tell(&format!("+ {target}\n"));
    }

    /// Takes it off again. To be called while the process is not yet reaped: afterwards its number may be another's.
    pub(super) fn forget(&self, target: &str) {
        self.tell(&format!("- {target}\n"));
    }

    fn tell(&self, line: &str) {
        let mut child = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(stdin) = child.stdin.as_mut() {
            // A lifeline that has been killed by someone protects nothing, and nothing else depends on it.
            let _ = stdin.write_all(line.as_bytes());
        }
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        let child = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(child.stdin.take());
        let _ = child.wait();
    }
}
