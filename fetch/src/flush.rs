//! Flush by signal: what is asked for, what came of it, and the sentence for each way in which nothing came.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use covfmt::mode::CounterMode;

use crate::error::{Failure, Kind};

/// A signal that a program can handle and live on.
///
/// Signals that end a process are refused: its files would be lost with the container's file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP.
    Hup,
    /// SIGUSR1.
    Usr1,
    /// SIGUSR2.
    Usr2,
    /// SIGWINCH.
    Winch,
}

impl Signal {
    /// The name without `SIG`, as `kill -s` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hup => "HUP",
            Self::Usr1 => "USR1",
            Self::Usr2 => "USR2",
            Self::Winch => "WINCH",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Signal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        [Self::Hup, Self::Usr1, Self::Usr2, Self::Winch]
            .into_iter()
            .find(|signal| signal.as_str() == name)
            .ok_or_else(|| "signals that a program can handle and live on: USR1, USR2, HUP, WINCH".to_owned())
    }
}

/// A flush to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushRequest {
    /// The signal.
    pub signal: Signal,
    /// Process to signal, as numbered inside the container.
    pub pid: NonZeroU32,
    /// How long to wait for the new counter file; whole seconds.
    pub timeout: Duration,
}

/// What came of a flush, as seen inside the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushState {
    /// A new counter file of the process came.
    Done,
    /// There is no meta file, so nothing was signalled.
    NoMeta,
    /// Every meta file is of set or count mode, so nothing was signalled.
    NotAtomic,
    /// `kill` failed.
    KillFailed,
    /// The process ended and left no new counter file.
    Gone,
    /// No new counter file came in time.
    Timeout,
    /// The container has nothing to pause with between two looks.
    NoSleep,
}

/// What else is known when a flush has failed.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Directory inside the container.
    pub source: String,
    /// Counter modes of the meta files that were read.
    pub modes: Vec<CounterMode>,
    /// Processes that counter files in the directory are of.
    pub pids: Vec<u32>,
    /// What `kill` wrote to its standard error.
    pub stderr: String,
}

impl FlushState {
    /// The state for its word in the script's text.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "done" => Self::Done,
            "no-meta" => Self::NoMeta,
            "not-atomic" => Self::NotAtomic,
            "kill-failed" => Self::KillFailed,
            "gone" => Self::Gone,
            "timeout" => Self::Timeout,
            "no-sleep" => Self::NoSleep,
            _ => return None,
        })
    }

    /// The failure that a state other than [`FlushState::Done`] is.
    pub fn failure(self, request: &FlushRequest, evidence: &Evidence) -> Option<Failure> {
        let FlushRequest { signal, pid, timeout } = request;
        let failure = match self {
            Self::Done => return None,
            Self::NoMeta => Failure::new(
                Kind::Empty,
                format!(
                    "no meta file in {}, so nothing was signalled: the program is not built with -cover, or its GOCOVERDIR is another directory",
                    evidence.source
                ),
            ),
            Self::NotAtomic => {
                let modes: Vec<&str> = evidence.modes.iter().map(|mode| mode.as_str()).collect();
                let mode = if modes.is_empty() { "set or count".to_owned() } else { modes.join(" and ") };
                Failure::new(
                    Kind::FlushMode,
                    format!(
                        "nothing was signalled: the build counts in {mode} mode and writes its counters only when it exits; build with -covermode=atomic to flush while it runs"
                    ),
                )
            }
            Self::KillFailed => Failure::new(
                Kind::Command,
                format!("signal {signal} could not be sent to process {pid}: {}", evidence.stderr),
            ),
            Self::Gone => Failure::new(
                Kind::ProcessEnded,
                format!(
                    "process {pid} ended after signal {signal} and wrote no counter file: it has no handler for the signal"
                ),
            ),
            Self::Timeout => timed_out(*signal, pid.get(), *timeout, evidence),
            Self::NoSleep => Failure::new(
                Kind::NoKill,
                format!("signal {signal} was sent; the container has no sleep to wait for the new file with"),
            ),
        };
        Some(failure)
    }
}

fn timed_out(signal: Signal, pid: u32, timeout: Duration, evidence: &Evidence) -> Failure {
    let kind = if evidence.pids.is_empty() { Kind::MetaOnly } else { Kind::FlushTimeout };
    let seen = if evidence.pids.is_empty() { "there is a meta file and no counter file: " } else { "" };
    let others: Vec<String> =
        evidence.pids.iter().filter(|other| **other != pid).map(u32::to_string).collect();
    let advice = if others.is_empty() {
        "it has no handler for the signal, is not the program (--pid), writes to another directory, or needs longer (--flush-timeout)".to_owned()
    } else {
        format!("files of process {} are here: try --pid {}", others.join(", "), others.join(" or "))
    };
    let seconds = timeout.as_secs();
    Failure::new(
        kind,
        format!("{seen}no new counter file of process {pid} within {seconds} s of signal {signal}: {advice}"),
    )
}

/// The failure of a container without any counter file, where no flush was asked for.
pub fn meta_only(source: &str, modes: &[CounterMode]) -> Failure {
    let advice = if modes.contains(&CounterMode::Atomic) {
        "if the program handles a signal, ask for a flush with --signal USR1"
    } else {
        "a build in set or count mode cannot be flushed while it runs: build with -covermode=atomic"
    };
    Failure::new(
        Kind::MetaOnly,
        format!(
            "there is a meta file in {source} and no counter file: a program writes its counters when it exits or when it is told to; {advice}"
        ),
    )
}

/// The failure of a container without any coverage file.
pub fn empty(source: &str) -> Failure {
    Failure::new(
        Kind::Empty,
        format!(
            "no coverage file in {source}: the program is not built with -cover, or its GOCOVERDIR is another directory (--from)"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_named_as_people_name_them() {
        for text in ["USR1", "usr1", "SIGUSR1", "sigusr1"] {
            assert_eq!(text.parse::<Signal>(), Ok(Signal::Usr1));
        }
        for text in ["TERM", "KILL", "9", "", "USR1; rm -rf /"] {
            assert!(text.parse::<Signal>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_way_of_failing_has_its_kind_and_advice() {
        let request =
            FlushRequest { signal: Signal::Usr1, pid: NonZeroU32::MIN, timeout: Duration::from_secs(30) };
        let evidence = |pids: &[u32]| Evidence {
            source: "/cov".into(),
            modes: vec![CounterMode::Set],
            pids: pids.to_vec(),
            stderr: "sh: kill: no permission".into(),
        };
        for (state, pids, kind, words) in [
            (FlushState::NoMeta, &[][..], Kind::Empty, "no meta file in /cov"),
            (FlushState::NotAtomic, &[], Kind::FlushMode, "counts in set mode"),
            (FlushState::KillFailed, &[], Kind::Command, "no permission"),
            (FlushState::Gone, &[], Kind::ProcessEnded, "ended after signal USR1"),
            (FlushState::Timeout, &[], Kind::MetaOnly, "no handler"),
            (FlushState::Timeout, &[1], Kind::FlushTimeout, "within 30 s"),
            (FlushState::Timeout, &[7], Kind::FlushTimeout, "try --pid 7"),
        ] {
            let failure = state.failure(&request, &evidence(pids)).unwrap();
            assert_eq!(failure.kind, kind, "{failure}");
            assert!(failure.message.contains(words), "{failure}");
        }
        assert_eq!(FlushState::Done.failure(&request, &evidence(&[])), None);
        assert!(meta_only("/cov", &[CounterMode::Atomic]).message.contains("--signal USR1"));
        assert!(meta_only("/cov", &[CounterMode::Set]).message.contains("-covermode=atomic"));
    }
}
