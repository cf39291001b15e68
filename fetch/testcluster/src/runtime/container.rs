//! One running container: its first process, what is exec'd beside it, and their end.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tokio::sync::watch;

use super::confine::spawn_confined;
use super::isolation::{nsenter_arguments, unshare_command};
use super::lifeline::Lifeline;
use super::programs::{find_on_host, install};
use super::shims::quote;
use super::{Mode, scripts};
use crate::container::{Container, Main, OnSignal, Replay};
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
        command.env_clear().env("PATH", &bin).envs(spec.env.iter().map(|(key, value)| (key, value)));
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
            programs: spec.programs.clone(),
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
        command.env_clear().env("PATH", &self.bin).envs(self.env.iter().map(|(key, value)| (key, value)));
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

fn lifeline_target(mode: Mode, pid: u32) -> String {
    match mode {
        Mode::Namespaces { .. } => pid.to_string(),
        Mode::Mapped => format!("-{pid}"),
    }
}

/// Writes a file that a shell script may be reading already.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, text)?;
    std::fs::rename(&fresh, path)
}

/// The first process's command line: a script that says it is ready, and its arguments.
fn main_command(label: &str, spec: &Container, ready: &Path) -> Result<Vec<String>, Error> {
    let shell = find_on_host("sh")
        .ok_or_else(|| Error::ProgramNotFound { container: label.into(), program: "sh".into() })?;
    let ready = ready.display().to_string();
    // The scripts need programs that the container's own PATH may lack.
    let with_host_path = |script: &str| {
        let path = quote(&std::env::var("PATH").unwrap_or_default());
        format!("PATH={path}\n{script}")
    };
    let mut argv = vec![shell.display().to_string(), "-c".into()];
    match &spec.main {
        Main::Idle | Main::Exited(_) => {
            argv.extend([with_host_path(scripts::IDLE), "idle".into(), ready]);
        }
        Main::Program(program) => {
            let name = program.first().map_or("", String::as_str);
            let path = find_on_host(name)
                .ok_or_else(|| Error::ProgramNotFound { container: label.into(), program: name.into() })?;
            argv.extend([scripts::PROGRAM.into(), "program".into(), ready, path.display().to_string()]);
            argv.extend(program.iter().skip(1).cloned());
        }
        Main::Replay(replay) => {
            argv.extend([with_host_path(scripts::REPLAY), "replay".into(), ready]);
            argv.extend(replay_arguments(label, spec, replay)?);
        }
    }
    Ok(argv)
}

fn replay_arguments(label: &str, spec: &Container, replay: &Replay) -> Result<Vec<String>, Error> {
    let dir = spec.env_value("GOCOVERDIR").unwrap_or_default();
    if dir.is_empty() && (replay.meta.is_some() || !replay.counters.is_empty()) {
        return Err(Error::NoCoverDir(label.into()));
    }
    let recorded = |path: &Path, kind: &'static str, prefix: &str| {
        let absolute = std::path::absolute(path).map_err(Error::io(format!("resolve {}", path.display())))?;
        std::fs::metadata(&absolute).map_err(Error::io(format!("look at {}", path.display())))?;
        let named = absolute.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
        if named {
            Ok(absolute.display().to_string())
        } else {
            Err(Error::RecordedName { path: path.to_path_buf(), kind })
        }
    };
    let on_signal = match replay.on_signal {
        OnSignal::Flush => "flush",
        OnSignal::Ignore => "ignore",
        OnSignal::Die => "die",
    };
    let seconds = |duration: Duration| {
        if duration.is_zero() { "0".into() } else { format!("{:.3}", duration.as_secs_f64()) }
    };
    let meta = replay.meta.as_deref().map(|path| recorded(path, "meta", "covmeta.")).transpose()?;
    let mut arguments = vec![
        dir.to_owned(),
        on_signal.into(),
        seconds(replay.delay),
        seconds(replay.write_time),
        meta.unwrap_or_default(),
    ];
    for path in &replay.counters {
        arguments.push(recorded(path, "counter", "covcounters.")?);
    }
    Ok(arguments)
}

/// Waits for the end of a child in a thread of its own, without reaping it.
fn watch_exit(pid: u32, mode: Mode, killed: Arc<AtomicBool>) -> watch::Receiver<Option<i32>> {
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
fn kill_all(mode: Mode, pid: u32) {
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
