//! The pipeline on one page: selection -> pods -> plan -> flush, copy, check and store in parallel -> manifest -> summary.

mod collect;
mod entrance;
mod planning;
mod record;
mod signals;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::allowance::Allowance;
use crate::capture::{Collector, SharedMetas};
use crate::cli::Cli;
use crate::error::{Failure, Fatal, Kind};
use crate::exit::Exit;
use crate::listing::Lister;
use crate::log;
use crate::manifest::{self, ClusterName, ContainerRecord, ManifestError, Outcome, Run, State, Tool};
use crate::options::Options;
use crate::plan::{Decision, Known};
use crate::progress::note;
use crate::remote::kube::KubeCluster;
use crate::remote::{Cluster, kubeconfig};
use crate::skaffold::Skaffold;
use crate::store::Store;
use crate::summary;

use collect::collect;
use entrance::{check, enter};
use planning::{
    ask_processes, explain_rights, foretell, log_plan, planned_entries, print_plan, say_unmatched,
};
use record::planned;
use signals::Interrupt;

/// How long tasks may take to end after the summary; they are blocked only if the disk is.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// Runs the program and gives its exit code. Errors are on standard error by then.
pub fn main(cli: Cli) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(&format!("error: the runtime cannot start: {error}"));
            return Exit::Usage;
        }
    };
    let exit = runtime.block_on(async {
        let options = Options::resolve(cli, &Skaffold::of_process())?;
        log::show(options.verbosity);
        if !options.taken.is_empty() && !options.quiet {
            note(&format!("from Skaffold's environment: {}", options.taken.join("; ")));
        }
        let cancel = CancellationToken::new();
        let interrupt = Interrupt::listen(cancel.clone())?;
        let exit = run(options, cancel).await;
        // Being interrupted is not an error on top of it.
        interrupt.exit().map_or(exit, Ok)
    });
    runtime.shutdown_timeout(SHUTDOWN);
    exit.unwrap_or_else(|error| {
        note(&format!("error: {error}"));
        Exit::Usage
    })
}

async fn run(mut options: Options, cancel: CancellationToken) -> Result<Exit, Fatal> {
    let access = kubeconfig::load(options.kubeconfig.as_deref(), options.context.as_deref()).await?;
    if options.namespace_of_context {
        options.selection.namespaces = Some(vec![access.config.default_namespace.clone()]);
    }
    let cluster: Arc<dyn Cluster> = Arc::new(KubeCluster::new(&access)?);
    let started = Timestamp::now();
    let mut run = Run {
        id: manifest::run_id(started),
        tool: Tool::this(),
        started,
        ended: None,
        outcome: Outcome::Running,
        failure: None,
        cluster: ClusterName { server: access.server(), context: access.context.clone() },
        selection: options.selection.clone(),
        containers: Vec::new(),
    };
    tracing::info!(server = run.cluster.server, context = run.cluster.context, run = run.id, "begin");
    let named = options.namespaces_named;
    let api = Lister { cluster: &*cluster, retries: options.retries, cancel: &cancel, named };
    if options.dry_run {
        check(&options)?;
        let listed = api.list(&options.selection).await.map_err(|failure| {
            explain_rights(&run, &options, std::iter::once(&failure));
            Fatal::Cluster(failure.followed_by(format!(" [{}]", place(&run))))
        })?;
        let known = Known { maps: listed.maps.clone(), ..Known::default() };
        let mut entries = planned_entries(&listed, &options, &known);
        foretell(&mut entries, &listed, &options);
        say_unmatched(&listed, &options);
        explain_rights(&run, &options, listed.maps.unread());
        return print_plan(&entries, &options, &run);
    }
    let (store, _presence) = enter(&options, &run.id)?;
    let listed = match api.list(&options.selection).await {
        Ok(listed) => listed,
        Err(failure) => {
            explain_rights(&run, &options, std::iter::once(&failure));
            let failure = failure.followed_by(format!(" [{}]", place(&run)));
            // Recorded, so that whoever reads the store next does not take an older run for the newest.
            run.outcome =
                if failure.kind == Kind::Unfinished { Outcome::Interrupted } else { Outcome::Failed };
            run.failure = Some(failure.clone());
            finish(&mut run, &store)?;
            return Err(Fatal::Cluster(failure));
        }
    };
    say_unmatched(&listed, &options);
    let mut known = Known { maps: listed.maps.clone(), ..Known::default() };
    let mut entries = planned_entries(&listed, &options, &known);
    run.containers = entries.iter().map(|entry| planned(entry, &options)).collect();
    manifest::record(store.root(), &run)?;
    if entries.iter().any(|entry| matches!(entry.decision, Decision::Ask { .. })) {
        entries = ask_processes(&*cluster, &listed, &mut known, &options, &cancel).await;
        run.containers = entries.iter().map(|entry| planned(entry, &options)).collect();
        manifest::record(store.root(), &run)?;
    }
    // What the API server said of the pods is by far the most that is held of each.
    drop(listed);
    log_plan(&entries);
    let readable = entries.iter().filter(|entry| matches!(entry.decision, Decision::Fetch { .. })).count();
    let collector = Collector {
        cluster,
        store: store.clone(),
        limits: options.limits,
        allowance: Arc::new(Allowance::new(options.run_limits)),
        flush: options.flush.clone(),
        debug_image: options.debug_image.clone(),
        retries: options.retries,
        timeout: options.timeout,
        memory: Arc::new(Semaphore::new(options.memory_kib)),
        resume: options.dedupe,
        gzip: options.gzip,
        // A single container has nothing in common with others.
        shared: (options.dedupe && readable > 1).then(SharedMetas::default),
        cancel: cancel.clone(),
        bytes: Arc::new(AtomicU64::new(0)),
    };
    collect(&collector, &entries, &options, &mut run).await;
    run.outcome = outcome(&run);
    let recorded = finish(&mut run, &store);
    let exit = report(&run, &known, &options)?;
    // The manifest still says that the run has not ended, so its readers take nothing for whole.
    if let Err(error) = recorded {
        note(&format!("error: {error}"));
        return Ok(Exit::Partial);
    }
    Ok(exit)
}

fn outcome(run: &Run) -> Outcome {
    let any = |state: State| run.containers.iter().any(|record| record.state == state);
    let nowhere = |record: &ContainerRecord| {
        record.failure.as_ref().is_none_or(|failure| matches!(failure.kind, Kind::NotFound | Kind::Workload))
    };
    // If the workloads that were asked for are not there, and nothing else is, nothing was selected.
    if !any(State::Fetched) && run.containers.iter().all(nowhere) {
        return Outcome::Nothing;
    }
    let unfinished = |failure: &Failure| failure.kind == Kind::Unfinished;
    if run.containers.iter().any(|record| record.failure.as_ref().is_some_and(unfinished)) {
        Outcome::Interrupted
    } else if any(State::Failed) {
        Outcome::Partial
    } else if any(State::Fetched) {
        Outcome::Complete
    } else {
        Outcome::Nothing
    }
}

fn finish(run: &mut Run, store: &Store) -> Result<(), Fatal> {
    run.ended = Some(Timestamp::now());
    manifest::record(store.root(), run)?;
    Ok(())
}

/// The summary, and on standard error what has to be done about it.
fn report(run: &Run, known: &Known, options: &Options) -> Result<Exit, Fatal> {
    print(|out| summary::write(run, options.form, out))?;
    if let Some(resumed) = summary::resumed(run).filter(|_| !options.quiet) {
        note(&resumed);
    }
    let failures = || run.containers.iter().filter_map(|record| record.failure.as_ref());
    // What a ConfigMap would have told matters only where nobody else did.
    let unknown = failures().any(|failure| failure.kind == Kind::NoCoverageDir);
    let unread = known.maps.unread().filter(|_| unknown);
    explain_rights(run, options, failures().chain(unread));
    let failed: Vec<String> = run
        .containers
        .iter()
        .filter(|record| record.state == State::Failed)
        .map(ContainerRecord::full_name)
        .collect();
    match run.outcome {
        Outcome::Complete => Ok(Exit::Complete),
        Outcome::Nothing => {
            note(&format!("error: {}", nothing(run)));
            Ok(Exit::Nothing)
        }
        _ => {
            let all = run.containers.iter().filter(|record| record.state != State::Listed).count();
            note(&format!("error: {} of {all} containers failed: {}", failed.len(), shortened(&failed)));
            Ok(Exit::Partial)
        }
    }
}

/// The cluster, as an error should name it.
fn place(run: &Run) -> String {
    match &run.cluster.context {
        Some(context) => format!("context {context}, server {}", run.cluster.server),
        None => format!("server {}", run.cluster.server),
    }
}

fn nothing(run: &Run) -> String {
    let place = place(run);
    let asked = run.selection.describe();
    if run.containers.is_empty() {
        // An API server answers with an empty list, too, where there is no such namespace.
        let perhaps = if run.selection.namespaces.is_some() { ", or no such namespace" } else { "" };
        return format!("no pod in {asked}{perhaps} [{place}]");
    }
    let absent: Vec<&str> =
        run.containers.iter().filter_map(|record| Some(record.failure.as_ref()?.message.as_str())).collect();
    if !absent.is_empty() {
        return format!("{} [{place}]", absent.join("; "));
    }
    let pods = run.containers.len();
    format!("nothing to fetch: {pods} listed, none with coverage, in {asked} [{place}]")
}

fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// Writes to standard output. That nobody reads on is no failure.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Fatal> {
    let mut out = io::BufWriter::new(anstream::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fatal::disk("standard output cannot be written", error))
        }
        _ => Ok(()),
    }
}

impl From<ManifestError> for Fatal {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error.to_string())
    }
}
