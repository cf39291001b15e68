//! Flush: what is asked for, what came of it, and the sentence for each way in which nothing came.

mod request;

use std::time::Duration;

use covfmt::mode::CounterMode;

use crate::error::{Failure, Kind};

pub use request::{FlushRequest, FlushUrl, HttpMethod, Method, Process, ProcessName, Signal, words};

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
    /// The process that was to write, as numbered inside the container, if that is known.
    pub pid: Option<u32>,
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
        let told = Told { request, evidence };
        let failure = match self {
            Self::Done => return None,
            Self::NoMeta => Failure::new(
                Kind::Empty,
                format!(
                    "no meta file in {}, so nothing was {}: the program is not built with -cover, its GOCOVERDIR is another directory, or its user may not write there",
                    evidence.source,
                    told.done()
                ),
            ),
            Self::NotAtomic => {
                let modes: Vec<&str> = evidence.modes.iter().map(|mode| mode.as_str()).collect();
                let mode = if modes.is_empty() { "set or count".to_owned() } else { modes.join(" and ") };
                Failure::new(
                    Kind::FlushMode,
                    format!(
                        "nothing was {}: the build counts in {mode} mode and writes its counters only when it exits; build with -covermode=atomic to flush while it runs, or end it with --signal TERM",
                        told.done()
                    ),
                )
            }
            Self::KillFailed => Failure::new(
                Kind::Command,
                format!(
                    "{} could not be sent to {}: {} ({})",
                    told.means(),
                    told.process(),
                    without_place(&evidence.stderr),
                    told.others().map_or_else(
                        || "is it the program? --pid or --process name another one".to_owned(),
                        |(others, pids)| format!("the counter files here are of process {others}: {pids}")
                    )
                ),
            ),
            Self::Gone => told.gone(),
            Self::Timeout => told.timed_out(request.timeout),
            Self::NoSleep => Failure::new(
                Kind::NoKill,
                format!(
                    "{} was sent; the container has no sleep to wait for the new file with: run it again without a flush, and what was written is fetched",
                    told.means()
                ),
            ),
        };
        Some(failure)
    }
}

/// The words for what was asked and what was seen.
struct Told<'a> {
    request: &'a FlushRequest,
    evidence: &'a Evidence,
}

impl Told<'_> {
    fn means(&self) -> String {
        match &self.request.method {
            Method::Signal(signal, _) => format!("signal {signal}"),
            Method::Command(words) => format!("the command \"{}\"", Method::typed(words)),
            Method::Request(url) => format!("the request {url}"),
        }
    }

    /// What would have been done.
    fn done(&self) -> &'static str {
        match &self.request.method {
            Method::Signal(..) => "signalled",
            Method::Command(_) => "run",
            Method::Request(_) => "requested",
        }
    }

    fn process(&self) -> String {
        match (self.evidence.pid, &self.request.method) {
            (Some(pid), _) => format!("process {pid}"),
            (None, Method::Signal(_, process)) => format!("process {process}"),
            (None, _) => "any process".to_owned(),
        }
    }

    /// The processes that counter files are of, if not of the one that was to write; and the options that name them.
    fn others(&self) -> Option<(String, String)> {
        let pid = self.evidence.pid?;
        let others: Vec<u32> = self.evidence.pids.iter().copied().filter(|other| *other != pid).collect();
        let listed = |form: &dyn Fn(&u32) -> String, between: &str| {
            others.iter().map(form).collect::<Vec<_>>().join(between)
        };
        (!others.is_empty())
            .then(|| (listed(&u32::to_string, ", "), listed(&|pid| format!("--pid {pid}"), " or ")))
    }

    fn gone(&self) -> Failure {
        let why = if self.request.ends_container() {
            "a program writes its counters when main returns or os.Exit is called: handle the signal"
        } else {
            "it has no handler for the signal"
        };
        let message =
            format!("{} ended after {} and wrote no counter file: {why}", self.process(), self.means());
        Failure::new(Kind::ProcessEnded, message)
    }

    fn timed_out(&self, timeout: Duration) -> Failure {
        let pids = &self.evidence.pids;
        let kind = if pids.is_empty() { Kind::MetaOnly } else { Kind::FlushTimeout };
        let (new, only) = if pids.is_empty() { ("", ", only a meta file is there") } else { ("new ", "") };
        let others = self.others();
        let advice = match &self.request.method {
            _ if let Some((others, pids)) = &others => {
                format!("files of process {others} are here: try {pids}")
            }
            Method::Signal(Signal::Term, _) => "it has not ended, is not the program (--pid), writes to another directory, or needs longer (--flush-timeout)".to_owned(),
            Method::Signal(..) => "it has no handler for the signal, is not the program (--pid), writes to another directory, or needs longer (--flush-timeout)".to_owned(),
            Method::Command(_) | Method::Request(_) => "it does not make the program write its counters, the program writes to another directory, or needs longer (--flush-timeout)".to_owned(),
        };
        let seconds = timeout.as_secs();
        let (process, means) = (self.process(), self.means());
        Failure::new(
            kind,
            format!("no {new}counter file of {process} within {seconds} s of {means}{only}: {advice}"),
        )
    }
}

/// What a shell says of its `kill`, without the script's name and line, which mean nothing to anybody: `covfetch: 87: kill: ...`,
/// `covfetch: line 87: kill: ...`.
fn without_place(stderr: &str) -> &str {
    let place = || {
        let rest = stderr.strip_prefix("covfetch: ")?;
        let rest = rest.strip_prefix("line ").unwrap_or(rest);
        let (number, rest) = rest.split_once(": ")?;
        (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
    };
    place().unwrap_or(stderr)
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
            "no coverage file in {source}: the program is not built with -cover, its GOCOVERDIR is another directory (--from), or its user may not write there"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    #[test]
    fn each_way_of_failing_has_its_kind_and_advice() {
        let process = Process::Id(NonZeroU32::MIN);
        let method = Method::Signal(Signal::Usr1, process);
        let request = FlushRequest { method, timeout: Duration::from_secs(30) };
        let evidence = |pids: &[u32]| Evidence {
            pid: Some(1),
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
        // Where files tell which process it is, that is said; where the script lies on its own disk is not.
        for (stderr, said) in [
            ("covfetch: 87: kill: No such process", "process 1: kill: No such process (the counter"),
            ("covfetch: line 9: kill: (1) - x", "process 1: kill: (1) - x (the counter"),
            ("sh: can't kill pid 1: y", "process 1: sh: can't kill pid 1: y (the counter"),
        ] {
            let evidence = Evidence { stderr: stderr.into(), ..evidence(&[7, 9]) };
            let failure = FlushState::KillFailed.failure(&request, &evidence).unwrap();
            assert!(failure.message.contains(said), "{failure}");
            let ends = "(the counter files here are of process 7, 9: --pid 7 or --pid 9)";
            assert!(failure.message.ends_with(ends), "{failure}");
        }
        let asked = Method::Request(":8080/flush".parse().unwrap());
        let request = FlushRequest { method: asked, ..request };
        let unknown = Evidence { pid: None, ..evidence(&[7]) };
        let failure = FlushState::Timeout.failure(&request, &unknown).unwrap();
        assert!(
            failure
                .message
                .contains("of any process within 30 s of the request POST http://localhost:8080/flush"),
            "{failure}"
        );
        assert!(meta_only("/cov", &[CounterMode::Atomic]).message.contains("--signal USR1"));
        assert!(meta_only("/cov", &[CounterMode::Set]).message.contains("-covermode=atomic"));
    }
}
