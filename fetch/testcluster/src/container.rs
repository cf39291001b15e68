//! A container as a test describes it: a directory of the host, the programs it may run, and its first process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

/// A container of a [`Pod`](crate::Pod).
#[derive(Debug, Clone)]
pub struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) programs: Vec<String>,
    /// Shell scripts under names of programs.
    pub(crate) scripts: Vec<(String, String)>,
    pub(crate) main: Main,
    pub(crate) restart_count: u32,
    pub(crate) ports: Vec<(u16, SocketAddr)>,
    pub(crate) overlay: Option<Value>,
}

impl Container {
    /// A container that idles in a directory of its own and may run no program.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            image: "registry.example/app:1".into(),
            dir: None,
            env: Vec::new(),
            programs: Vec::new(),
            scripts: Vec::new(),
            main: Main::Idle,
            restart_count: 0,
            ports: Vec::new(),
            overlay: None,
        }
    }

    /// The directory of the host that stands for the container's working directory. It must exist. Without one the
    /// cluster makes an empty directory and removes it at the end.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Adds a variable to the container's environment, in the pod's spec and in its processes; `PATH` in the spec only.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl AsRef<Path>) -> Self {
        self.env.push((name.into(), value.as_ref().to_string_lossy().into_owned()));
        self
    }

    /// The image's name in the spec. Nothing is pulled.
    #[must_use]
    pub fn image(mut self, image: impl Into<String>) -> Self {
        self.image = image.into();
        self
    }

    /// The programs that the image holds, by bare name. Each must be on the host's `PATH`; an exec of any other fails
    /// as it does in an image without it, and so does a call from a shell script.
    #[must_use]
    pub fn programs<S: Into<String>>(mut self, programs: impl IntoIterator<Item = S>) -> Self {
        self.programs.extend(programs.into_iter().map(Into::into));
        self
    }

    /// A program of the image that is this POSIX shell script, whatever the host has under its name: for images that
    /// lie. The script finds all programs of the host.
    #[must_use]
    pub fn script(mut self, program: impl Into<String>, text: impl Into<String>) -> Self {
        self.scripts.push((program.into(), text.into()));
        self
    }

    /// The container's first process, PID 1.
    #[must_use]
    pub fn main(mut self, main: impl Into<Main>) -> Self {
        self.main = main.into();
        self
    }

    /// Lets something listen on a port of the pod: what is forwarded to it goes to this address of the host. To all other
    /// ports connections are refused.
    #[must_use]
    pub fn port(mut self, port: u16, address: SocketAddr) -> Self {
        self.ports.push((port, address));
        self
    }

    /// `restartCount` in the container's status.
    #[must_use]
    pub fn restart_count(mut self, count: u32) -> Self {
        self.restart_count = count;
        self
    }

    /// Fields laid over this container's spec as a JSON merge patch (RFC 7386): `envFrom`, `volumeMounts`, ...
    #[must_use]
    pub fn overlay(mut self, patch: Value) -> Self {
        self.overlay = Some(patch);
        self
    }

    /// The value of a variable; the last definition counts, as in a real container.
    pub(crate) fn env_value(&self, name: &str) -> Option<&str> {
        self.env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a container's first process is.
#[derive(Debug, Clone, Default)]
pub enum Main {
    /// A process that sleeps and ignores SIGUSR1 and SIGTERM.
    #[default]
    Idle,
    /// A stand-in for an instrumented Go program, made from files that such a program wrote before.
    Replay(Replay),
    /// A program of the host with its arguments; the first is a path or a name on the host's `PATH`. It runs in the
    /// container's directory with the container's environment, so that it finds no programs but the container's. A
    /// cluster's start does not wait until it is ready for anything: see [`Cluster::container_log`](crate::Cluster::container_log).
    Program(Vec<String>),
    /// No process: the container has ended with this exit code (0 to 255).
    Exited(u8),
}

impl From<Replay> for Main {
    fn from(replay: Replay) -> Self {
        Self::Replay(replay)
    }
}

/// What a replayer does when SIGUSR1 arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSignal {
    /// Writes the next recorded counter file.
    #[default]
    Flush,
    /// Nothing: a Go program without a handler for it.
    Ignore,
    /// Ends with exit code 138 (128 + 10): a wrapper that is not prepared for the signal.
    Die,
}

/// Plays back recorded coverage files the way a Go program writes them: to a name starting with `tmp.`, then renamed.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    pub(crate) meta: Option<PathBuf>,
    pub(crate) counters: Vec<PathBuf>,
    pub(crate) delay: Duration,
    pub(crate) write_time: Duration,
    pub(crate) on_signal: OnSignal,
    pub(crate) flush_at_end: bool,
}

impl Replay {
    /// A replayer with nothing to write.
    pub fn new() -> Self {
        Self::default()
    }

    /// The recorded meta file, `covmeta.<hash>`, written under `GOCOVERDIR` at start-up.
    #[must_use]
    pub fn meta(mut self, path: impl Into<PathBuf>) -> Self {
        self.meta = Some(path.into());
        self
    }

    /// Adds a recorded counter file, `covcounters.<hash>.<pid>.<nanos>`: the first signal writes the first one, and so
    /// on; further signals write the last one again. The written name has pid 1 and the time of the write.
    #[must_use]
    pub fn counters(mut self, path: impl Into<PathBuf>) -> Self {
        self.counters.push(path.into());
        self
    }

    /// How long it takes from the signal to the creation of the `tmp.` file; zero by default.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// How long the counter file stands there half-written under its `tmp.` name; zero by default.
    #[must_use]
    pub fn write_time(mut self, time: Duration) -> Self {
        self.write_time = time;
        self
    }

    /// What SIGUSR1 does.
    #[must_use]
    pub fn on_signal(mut self, on_signal: OnSignal) -> Self {
        self.on_signal = on_signal;
        self
    }

    /// Makes SIGTERM write the next counter file before the end, with exit code 0: a Go program that returns from `main`
    /// when it is told to stop. By default it ends with exit code 143 and writes nothing.
    #[must_use]
    pub fn flush_at_end(mut self) -> Self {
        self.flush_at_end = true;
        self
    }
}
