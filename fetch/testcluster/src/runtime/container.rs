//! One running container: its first process, what is exec'd beside it, and their end.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Mode;
use super::confine::spawn_confined;
use super::isolation::{nsenter_arguments, unshare_command};
use super::lifeline::Lifeline;
use super::main_process::main_command;
use super::programs::{find_on_host, install, install_scripts};
use super::watch::{kill_all, lifeline_target, watch_exit};
use crate::container::Container;
use crate::error::Error;

/// How long a first process may take to come up.
const READY_DEADLINE: Duration = Duration::from_secs(20);

/// Where a real image keeps its programs: an absolute path there means the program of that name.
const PROGRAM_DIRS: [&str; 6] =
    ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// A container with a live first process, or one whose first process has ended and is not yet reaped: until the
/// container is stopped its number cannot become another process's.
#[derive(Debug)]
pub(crate) struct Running {
    label: String,
    dir: PathBuf,
    home: PathBuf,
    bin: PathBuf,
    env: Vec<(String, String)>,
    programs: Vec<String>,
    mode: Mode,
    /// Of the direct child: `unshare` with namespaces, the first process itself without.
    pid: u32,
    /// The direct child; taken when it is reaped.
    child: Mutex<Option<Child>>,
    /// Whether processes may still be added; held while one is, so that none is added behind the back of a kill.
    open: Mutex<bool>,
    /// Whether SIGKILL was sent from here.
    killed: Arc<AtomicBool>,
    exit: watch::Receiver<Option<i32>>,
}

/// Why a command could not be started in a container: the text that the runtime gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ExecRefusal {
    /// The container's first process has ended.
    NotRunning,
    /// The low-level runtime's message, such as `exec: "tar": executable file not found in $PATH`.
    CannotStart(String),
}

impl Running {
    pub(super) fn start(
        label: &str,
        spec: &Container,
        home: PathBuf,
        mode: Mode,
        lifeline: &Lifeline,
    ) -> Result<Self, Error> {
        let dir = match &spec.dir {
            Some(dir) => std::path::absolute(dir).map_err(Error::io(format!("resolve {}", dir.display())))?,
            None => home.join("work"),
        };
        std::fs::create_dir_all(&dir).map_err(Error::io(format!("create {}", dir.display())))?;
        let bin = home.join("bin");
        let pid_file = home.join("pid");
        install(&bin, label, &spec.programs, (mode == Mode::Mapped).then_some(&*pid_file))?;
        install_scripts(&bin, label, &spec.scripts)?;
        let argv = main_command(label, spec, &home.join("ready"))?;

        let mut command = if let Some((unshare, arguments)) = unshare_command(mode) {
            let mut command = Command::new(unshare);
            command.args(arguments).args(&argv);
            command
        } else {
            let mut command = Command::new(&argv[0]);
            command.args(&argv[1..]);
            command
        };
        let log = home.join("log");
        let out = std::fs::File::create(&log).map_err(Error::io(format!("create {}", log.display())))?;
        let err = out.try_clone().map_err(Error::io(format!("duplicate {}", log.display())))?;
        command.stdin(Stdio::null()).stdout(out).stderr(err).current_dir(&dir).process_group(0);
        command.env_clear().envs(spec.env.iter().map(|(key, value)| (key, value))).env("PATH", &bin);
        let child = command.spawn().map_err(Error::io(format!("start the main process of {label}")))?;

        let pid = child.id();
        lifeline.mind(&lifeline_target(mode, pid));
        let killed = Arc::new(AtomicBool::new(false));
        let running = Self {
            label: label.into(),
            dir,
            home,
            bin,
            env: spec.env.clone(),
            programs: spec
                .programs
                .iter()
                .chain(spec.scripts.iter().map(|(name, _)| name))
                .cloned()
                .collect(),
            mode,
            pid,
            child: Mutex::new(Some(child)),
            open: Mutex::new(true),
            exit: watch_exit(pid, mode, Arc::clone(&killed)),
            killed,
        };
        if let Err(source) = write_whole(&pid_file, &format!("{pid}\n")) {
            running.stop(lifeline);
            return Err(Error::Io { action: format!("write {}", pid_file.display()), source });
        }
        Ok(running)
    }

    /// A container among the processes of this one and with its end, as an ephemeral container is that targets it. It has
    /// other programs and no process of its own.
    pub(super) fn beside(&self, label: &str, home: PathBuf, programs: &[String]) -> Result<Self, Error> {
        let bin = home.join("bin");
        let pid_file = self.home.join("pid");
        install(&bin, label, programs, (self.mode == Mode::Mapped).then_some(&*pid_file))?;
        Ok(Self {
            label: label.into(),
            dir: self.dir.clone(),
            home,
            bin,
            env: Vec::new(),
            programs: programs.to_vec(),
            mode: self.mode,
            pid: self.pid,
            child: Mutex::new(None),
            open: Mutex::new(true),
            exit: self.exit.clone(),
            killed: Arc::clone(&self.killed),
        })
    }

    /// Blocks until the first process has said that it is up.
    pub(crate) fn wait_ready(&self) -> Result<(), Error> {
        let deadline = Instant::now() + READY_DEADLINE;
        let ready = self.home.join("ready");
        while !ready.exists() {
            if Instant::now() > deadline || self.exit_code().is_some() {
                return Err(Error::NotReady {
                    container: self.label.clone(),
                    seconds: READY_DEADLINE.as_secs(),
                    log: self.log().chars().take(1000).collect(),
                });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// What the first process has written to its standard output and error so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.home.join("log")).unwrap_or_default()).into_owned()
    }

    /// The first process's exit code once it has ended; 128 and the signal's number if a signal ended it.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        *self.exit.borrow()
    }

    /// Starts `argv` in this container as an exec does, with standard streams set by `configure`.
    pub(crate) fn spawn(
        &self,
        argv: &[String],
        configure: impl FnOnce(&mut tokio::process::Command),
    ) -> Result<tokio::process::Child, ExecRefusal> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !*open || self.exit_code().is_some() {
            return Err(ExecRefusal::NotRunning);
        }
        let program = self.resolve(argv.first().map_or("", String::as_str))?;
        let mut command = self.entering(&program);
        command.args(argv.get(1..).unwrap_or_default()).current_dir(&self.dir);
        command.env_clear().envs(self.env.iter().map(|(key, value)| (key, value))).env("PATH", &self.bin);
        configure(&mut command);
        let spawned = match self.mode {
            Mode::Namespaces { .. } => command.spawn(),
            Mode::Mapped => spawn_confined(&mut command, self.pid),
        };
        spawned.map_err(|error| ExecRefusal::CannotStart(format!("exec: {error}")))
    }

    /// A command that runs an allowed program inside.
    fn entering(&self, program: &str) -> tokio::process::Command {
        match self.mode {
            Mode::Namespaces { .. } => {
                let nsenter = find_on_host("nsenter").unwrap_or_else(|| "nsenter".into());
                let mut command = tokio::process::Command::new(nsenter);
                command.args(nsenter_arguments(self.mode, self.pid));
                // Entering a mount namespace leaves one in its root directory. The program is looked up in PATH.
                command.arg(format!("--wd={}", self.dir.display())).arg("--").arg(program);
                command.process_group(0);
                command
            }
            Mode::Mapped => {
                let mut command = tokio::process::Command::new(self.bin.join(program));
                command.arg0(program).process_group(i32::try_from(self.pid).unwrap_or(0));
                command
            }
        }
    }

    /// The allowed program that `name` means, as a bare name.
    fn resolve(&self, name: &str) -> Result<String, ExecRefusal> {
        let (dir, base) = name.rsplit_once('/').map_or((None, name), |(dir, base)| (Some(dir), base));
        let allowed = self.programs.iter().any(|program| program == base);
        match dir {
            None if allowed => Ok(base.into()),
            None => Err(ExecRefusal::CannotStart(format!(
                "exec: {}: executable file not found in $PATH",
                quote_like_go(name)
            ))),
            Some(dir) if allowed && PROGRAM_DIRS.contains(&dir) => Ok(base.into()),
            Some(_) => Err(ExecRefusal::CannotStart(format!(
                "exec: {}: stat {name}: no such file or directory",
                quote_like_go(name)
            ))),
        }
    }

    /// Kills every process of the container with SIGKILL and waits for the first one's end. Exec'd processes end with
    /// it, and no other can be started.
    pub(crate) fn kill(&self) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if child.is_none() {
            // Reaped: the number may be another process's by now.
            return;
        }
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.killed.store(true, Ordering::Relaxed);
        kill_all(self.mode, self.pid);
        let deadline = Instant::now() + READY_DEADLINE;
        while self.exit_code().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// [`Self::kill`], and then gives the process's number back to the host.
    pub(super) fn stop(&self, lifeline: &Lifeline) {
        self.kill();
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            lifeline.forget(&lifeline_target(self.mode, self.pid));
            let _ = child.wait();
        }
    }
}

/// An exit status as a container runtime reports it: 128 and the signal's number after a signal.
pub(crate) fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// The way Go's `%q` writes a program name; names are plain enough that Rust's quoting is the same.
fn quote_like_go(name: &str) -> String {
    format!("{name:?}")
}

/// Writes a file that a shell script may be reading already.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text)?;
    std::fs::rename(&fresh, path)
}
