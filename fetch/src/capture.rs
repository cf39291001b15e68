//! One container from flush to store: attempts, what was gathered over them, and the last word on completeness.

mod bounds;
mod cat;
mod claim;
mod debug;
mod direct;
mod receive;
mod restart;
mod resume;
mod shared;
mod shell;
mod trigger;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use covfmt::ids::MetaHash;
use covfmt::mode::CounterMode;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::allowance::Allowance;
use crate::error::{Failure, Kind, Retry};
use crate::flush::{Evidence, FlushRequest, FlushState, Method, empty, meta_only};
use crate::guard::Patience;
use crate::manifest::FlushRecord;
use crate::names::{ContainerName, CoverageName, Writer};
use crate::remote::{Attempted, Cluster, Execution};
use crate::retry::Pauses;
use crate::store::{Store, Stored};
use crate::unpack::Limits;

pub use shared::SharedMetas;

/// How long a stream may stand still, beyond the time that a flush is given.
const STALL: Duration = Duration::from_mins(1);

/// Reads containers. One for the whole run; what it holds is the same for every container.
pub struct Collector {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// Where files go.
    pub store: Store,
    /// What one container may send.
    pub limits: Limits,
    /// What is left of what all containers together may send.
    pub allowance: Arc<Allowance>,
    /// The flush to ask for, if any.
    pub flush: Option<FlushRequest>,
    /// Image of ephemeral containers for what has nothing to copy with.
    pub debug_image: Option<String>,
    /// Attempts beyond the first.
    pub retries: usize,
    /// Time for one container, all attempts together, beyond what the flush is given.
    pub timeout: Duration,
    /// Memory for files on their way to the store, in KiB; one permit each.
    pub memory: Arc<Semaphore>,
    /// Leave in the store what it has from earlier runs, instead of having it sent again.
    pub resume: bool,
    /// Have files sent through gzip where the image has it.
    pub gzip: bool,
    /// The meta files that containers have in common; `None` to copy them from each.
    pub shared: Option<SharedMetas>,
    /// Interrupts the run.
    pub cancel: CancellationToken,
    /// Bytes that have come, over all containers.
    pub bytes: Arc<AtomicU64>,
}

/// What was gathered from a container, over all attempts.
#[derive(Debug, Default)]
// Each is a fact of its own, not a state of the others.
#[allow(clippy::struct_excessive_bools)]
pub struct Captured {
    /// How many times the copy was begun.
    pub attempts: u32,
    /// Whole files that are stored.
    pub files: BTreeMap<CoverageName, Held>,
    /// Other files in the directory, escaped.
    pub ignored: BTreeSet<String>,
    /// What is remarkable, one line.
    pub note: Option<String>,
    /// The flush, once it has begun.
    pub flush: Option<FlushRecord>,
    /// Files that the store had and that were not sent again: their number, and their bytes.
    pub unsent: (u64, u64),
    /// What any attempt has seen in the directory.
    announced: BTreeSet<CoverageName>,
    /// Nothing is to be kept back.
    all_again: bool,
    /// The counter files of the process before the flush; set once the flush may have been asked for.
    before: Option<Before>,
    /// Why the flush cannot be had: what is there is copied all the same.
    refused: Option<Failure>,
    /// Why it is not known whether the program was reached.
    unanswered: Option<String>,
    /// Which of the container's lives it was before it was told to end.
    life: Option<restart::Life>,
    /// The container has ended of the flush and been started again.
    ended: bool,
    /// The container has no shell.
    shell_less: bool,
    /// The container has no tar, as far as that is known.
    tar_less: bool,
    /// Gzip was asked for and could not be had: the image has none, or no shell to run it with.
    pub unzipped: bool,
    /// What is fetched by name can go through gzip.
    zips: bool,
    /// The ephemeral container that it is read through, if it is, and where its directory is to be found from there.
    pub debug: Option<debug::Window>,
}

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// In the store.
    pub stored: Stored,
    /// Counter mode of a meta file.
    pub mode: Option<CounterMode>,
    /// The container that it was copied from, if another one.
    pub from: Option<ContainerName>,
}

/// A directory that has been read whole.
#[derive(Debug, Clone)]
pub struct Read {
    /// Through which container.
    pub by: ContainerName,
    /// What it held.
    pub files: BTreeMap<CoverageName, Held>,
}

/// The process's counter files before its flush.
#[derive(Debug, Clone, Default)]
struct Before {
    /// The process, as numbered inside the container; `None` if any may write.
    process: Option<u32>,
    /// How many, as the script counts them.
    count: u64,
    /// Their names.
    names: BTreeSet<CoverageName>,
}

impl Collector {
    /// Reads one container. What came is in `captured` whether it failed or not.
    pub async fn capture(
        &self,
        name: &ContainerName,
        source: &str,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        self.capture_through(name, name, name, source, captured).await
    }

    /// Reads one container into the place of another one, which has the same directory.
    pub async fn capture_into(
        &self,
        place: &ContainerName,
        name: &ContainerName,
        source: &str,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        self.capture_through(name, place, name, source, captured).await
    }

    /// Reads a directory with the programs of the container `at`, for a place in the store.
    async fn capture_through(
        &self,
        name: &ContainerName,
        place: &ContainerName,
        at: &ContainerName,
        source: &str,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        // The flush has a time of its own, and so has what comes before or after it: a request, a restart.
        let flush = self.flush.as_ref().map_or(Duration::ZERO, |flush| {
            let twice = flush.is_apart() || flush.ends_container();
            flush.timeout * if twice { 2 } else { 1 }
        });
        let timeout = self.timeout + flush;
        let job = Job {
            collector: self,
            name,
            place,
            at,
            source,
            patience: Patience {
                deadline: Instant::now() + timeout,
                timeout,
                stall: STALL + flush,
                cancel: self.cancel.clone(),
            },
        };
        let mut pauses = Pauses::new(self.retries);
        loop {
            captured.attempts += 1;
            tracing::debug!(container = %name, source, attempt = captured.attempts, "begin");
            let Err(failure) = job.attempt(captured).await else {
                tracing::info!(container = %name, files = captured.files.len(), attempts = captured.attempts, "fetched");
                return Ok(());
            };
            let pause = pauses.next(&failure);
            let again = pause.filter(|pause| Instant::now() + *pause < job.patience.deadline);
            let Some(pause) = again else {
                let attempts = captured.attempts;
                return Err(if attempts > 1 && failure.retry != Retry::No {
                    failure.followed_by(format!(" ({attempts} attempts; --retries allows more)"))
                } else {
                    failure
                });
            };
            tracing::info!(container = %name, %failure, ?pause, "again after a pause");
            job.patience.wait(tokio::time::sleep(pause)).await?;
        }
    }
}

/// One container's work.
struct Job<'a> {
    collector: &'a Collector,
    name: &'a ContainerName,
    /// Whose place in the store its files get: its own, or that of one with the same directory.
    place: &'a ContainerName,
    /// Where its commands run: in it, or in one that looks into it.
    at: &'a ContainerName,
    source: &'a str,
    patience: Patience,
}

impl Job<'_> {
    async fn attempt(&self, captured: &mut Captured) -> Result<(), Failure> {
        let debug_image = self.collector.debug_image.as_deref();
        let lacking = match (&captured.debug, debug_image) {
            (Some(_), _) => None,
            (None, _) => match self.inside(captured).await {
                Err(failure) if matches!(failure.kind, Kind::NoTar | Kind::NoKill) => Some(failure),
                result => return result,
            },
        };
        debug::read(self, debug_image, lacking, captured).await
    }

    /// Reads the container with its own programs, or with those of the container at [`Self::at`].
    async fn inside(&self, captured: &mut Captured) -> Result<(), Failure> {
        let ends = self.collector.flush.as_ref().is_some_and(FlushRequest::ends_container);
        if ends && captured.refused.is_none() {
            return self.across_its_end(captured).await;
        }
        self.once(captured).await.map_err(|failure| self.blame_signal(failure, captured))
    }

    /// A container that ends just after a signal most likely ended of it.
    fn blame_signal(&self, failure: Failure, captured: &Captured) -> Failure {
        match self.wanted(captured).map(|request| &request.method) {
            Some(Method::Signal(signal, _))
                if failure.kind == Kind::PodState
                    && captured.before.is_some()
                    && captured.flush.is_none() =>
            {
                failure.followed_by(format_args!(
                    "; signal {signal} was sent just before: a program without a handler for it ends"
                ))
            }
            _ => failure,
        }
    }

    /// Reads the container as long as it lives.
    async fn once(&self, captured: &mut Captured) -> Result<(), Failure> {
        if captured.shell_less {
            self.without_shell(captured).await?;
        } else if let shell::Shell::Absent = self.with_shell(captured).await? {
            captured.shell_less = true;
            self.without_shell(captured).await?;
        }
        if let Some(refused) = &captured.refused {
            return Err(refused.clone());
        }
        if captured.ended {
            self.judge_flush(captured, FlushState::Done, None, "")?;
        }
        self.complete(captured)
    }

    /// The flush that is still to be asked for, or to be waited for.
    fn wanted(&self, captured: &Captured) -> Option<&FlushRequest> {
        let over = captured.refused.is_some() || captured.ended;
        self.collector.flush.as_ref().filter(|_| !over)
    }

    async fn exec(&self, command: &[String]) -> Result<Execution, Failure> {
        tracing::debug!(container = %self.at, command = crate::log::command(command), "exec");
        let started = self.patience.wait(self.collector.cluster.exec(self.at, command)).await?;
        started.map_err(|error| error.failure(Attempted::Exec(&self.name.namespace)))
    }

    /// Whether what is stored is all of it: what any attempt has seen, at least one counter file, and the meta file of each.
    fn complete(&self, captured: &Captured) -> Result<(), Failure> {
        let gone = captured.announced.iter().filter(|name| !captured.files.contains_key(name));
        if let Some(first) = gone.clone().next() {
            let message = format!(
                "{} files, such as {first}, were in {} when it was first read, and are gone: it was emptied between two attempts, or is \
                 another container's of this name",
                gone.count(),
                self.source
            );
            return Err(Failure::new(Kind::Truncated, message));
        }
        if captured.files.is_empty() {
            return Err(empty(self.source));
        }
        let metas: BTreeSet<MetaHash> =
            captured.files.keys().filter(|name| name.is_meta()).map(CoverageName::hash).collect();
        for name in captured.files.keys() {
            if !metas.contains(&name.hash()) {
                let message = format!(
                    "{name} came without its meta file covmeta.{}, and means nothing without it: it was removed from {}, or somebody else put the counters there",
                    name.hash(),
                    self.source
                );
                return Err(Failure::new(Kind::MissingMeta, message));
            }
        }
        if captured.files.keys().all(CoverageName::is_meta) {
            return Err(meta_only(self.source, &captured.modes()));
        }
        Ok(())
    }

    /// Judges a flush by what arrived: a file that was only announced proves nothing.
    fn judge_flush(
        &self,
        captured: &mut Captured,
        state: FlushState,
        waited: Option<Duration>,
        stderr: &str,
    ) -> Result<(), Failure> {
        let Some(request) = &self.collector.flush else { return Ok(()) };
        let before = captured.before.clone().unwrap_or_default();
        let pid = request.pid().or(before.process);
        let new: Vec<String> = captured
            .files
            .keys()
            .filter(|name| {
                let by = |writer: Writer| pid.is_none_or(|pid| pid == writer.pid);
                name.writer().is_some_and(by) && !before.names.contains(name)
            })
            .map(ToString::to_string)
            .collect();
        let state = match state {
            FlushState::Done if new.is_empty() && captured.ended => FlushState::Gone,
            // A name like a counter file's that is none made the script stop waiting.
            FlushState::Done if new.is_empty() => FlushState::Timeout,
            state => state,
        };
        tracing::debug!(container = %self.name, ?state, ?waited, new = new.len(), "flushed");
        let begun = !matches!(state, FlushState::NoMeta | FlushState::NotAtomic);
        if begun {
            let done = state == FlushState::Done;
            captured.flush = Some(FlushRecord {
                waited_ms: waited.filter(|_| done).and_then(|waited| u64::try_from(waited.as_millis()).ok()),
                files: if done { new } else { Vec::new() },
                ..FlushRecord::new(request, pid, done)
            });
        }
        let evidence = Evidence {
            source: self.source.to_owned(),
            modes: captured.modes(),
            pids: captured.pids(),
            stderr: stderr.to_owned(),
            pid,
        };
        let Some(failure) = state.failure(request, &evidence) else { return Ok(()) };
        Err(match &captured.unanswered {
            Some(why) if state == FlushState::Timeout => failure.followed_by(format_args!(" ({why})")),
            _ => failure,
        })
    }
}

impl Captured {
    /// What is read of a container that must not be flushed, for this reason: it fails with it in the end.
    pub fn without_flush(refused: Failure) -> Self {
        Self { refused: Some(refused), ..Self::default() }
    }

    /// What a container holds that has one directory with another one, which has been read.
    pub fn of_same(directory: &Read) -> Self {
        let hold = |held: &Held| Held {
            stored: Stored { new: false, ..held.stored.clone() },
            from: Some(directory.by.clone()),
            ..held.clone()
        };
        let files = directory.files.iter().map(|(name, held)| (name.clone(), hold(held))).collect();
        Self { files, ..Self::default() }
    }

    /// Counter modes of the meta files, each once.
    fn modes(&self) -> Vec<CounterMode> {
        let modes: BTreeSet<CounterMode> = self.files.values().filter_map(|held| held.mode).collect();
        modes.into_iter().collect()
    }

    /// Processes that counter files are of, each once.
    fn pids(&self) -> Vec<u32> {
        let pids: BTreeSet<u32> = self.files.keys().filter_map(|name| Some(name.writer()?.pid)).collect();
        pids.into_iter().collect()
    }

    /// Remembers a stored file; one that an earlier attempt stored stays new.
    fn hold(&mut self, name: CoverageName, held: Held) {
        self.files.entry(name).or_insert(held);
    }
}
