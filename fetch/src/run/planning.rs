//! From what was listed to the plan that is carried out, or printed; and what people should know of it.

use std::collections::BTreeSet;

use futures::StreamExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::record::planned;
use super::{nothing, outcome, print, shortened};
use crate::debug::Target;
use crate::error::{Failure, Fatal, Kind};
use crate::exit::Exit;
use crate::flush::{FlushRequest, Method};
use crate::listing::Listed;
use crate::manifest::{ContainerRecord, Outcome, Run, State};
use crate::names::ContainerName;
use crate::options::Options;
use crate::plan::{Decision, Entry, Known, plan};
use crate::probe::{self, Answer, Asking};
use crate::progress::note;
use crate::remote::Cluster;
use crate::rights::{self, Beyond, Right};
use crate::summary;

/// The plan of what was listed, the workloads without pods included.
pub(super) fn planned_entries(listed: &Listed, options: &Options, known: &Known) -> Vec<Entry> {
    let mut entries = plan(&listed.pods, &options.selection, known);
    // A plan that is carried out still reads what is there.
    if options.dry_run && options.flush.as_ref().is_some_and(FlushRequest::ends_container) {
        entries.iter_mut().for_each(spare);
    }
    entries.extend(listed.without_pods.iter().cloned());
    if let Some(flush) = &options.flush {
        for entry in &mut entries {
            say_unflushed(entry, flush);
        }
    }
    entries.extend(listed.unmatched(&options.selection).1);
    entries.sort_by(|a, b| (&a.namespace, &a.pod, &a.container).cmp(&(&b.namespace, &b.pod, &b.container)));
    entries
}

/// Says of a claim that the flush which is asked for is not for it.
fn say_unflushed(entry: &mut Entry, flush: &FlushRequest) {
    if matches!(entry.decision, Decision::Mount { .. }) {
        let what =
            format!("not for it: {}, as nothing can be signalled through a claim", flush.method.option());
        entry.note = Some(entry.note.take().into_iter().chain([what]).collect::<Vec<_>>().join("; "));
    }
}

/// Foretells that what would not come back with its files is not ended.
fn spare(entry: &mut Entry) {
    if let Decision::Fetch { fleeting: Some(why), .. } = &entry.decision {
        entry.decision = Decision::Fail(unspared(why));
    }
}

/// The failure of a container that is not ended, because its files, or itself, would not come back.
pub(super) fn unspared(why: &str) -> Failure {
    let message = format!(
        "--signal TERM would lose its counters, so nothing was signalled: {why}; or make it write while it runs (--signal USR1, --flush-url)"
    );
    Failure::new(Kind::Restart, message)
}

/// Says what a run would add to the cluster, where that depends on what is in an image.
pub(super) fn foretell(entries: &mut [Entry], listed: &Listed, options: &Options) {
    for entry in entries.iter_mut() {
        if let Decision::Mount { mount, .. } = &entry.decision {
            let what =
                format!("a pod of {} would be made{}, and removed", options.helper_image, mount.place());
            entry.note = Some(std::iter::once(what).chain(entry.note.take()).collect::<Vec<_>>().join("; "));
        }
    }
    let Some(image) = &options.debug_image else { return };
    let foretold = |name: &ContainerName| {
        let pod = listed.pods.iter().find(|pod| {
            pod.metadata.namespace.as_deref() == Some(&name.namespace)
                && pod.metadata.name.as_deref() == Some(&name.pod)
        })?;
        let target = Target::of(pod, &name.container)?;
        let held = target.reusable(pod, image, options.timeout, Timestamp::now());
        let (what, verb) = match held {
            Some(held) => (format!("the ephemeral container {held}"), "used again"),
            None => (format!("an ephemeral container of {image}"), "added to the pod"),
        };
        Some(format!("{what} would be {verb}"))
    };
    for entry in entries {
        let (name, unless) = match &entry.decision {
            Decision::Fetch { name, .. } => (name, "to copy with"),
            Decision::Ask { name } => (name, "to ask or to copy with"),
            _ => continue,
        };
        if let Some(what) = foretold(name) {
            let what = format!("{what} if its own image has nothing {unless}");
            let notes = entry.note.take().into_iter().chain([what]);
            entry.note = Some(notes.collect::<Vec<_>>().join("; "));
        }
    }
}

/// What is going to be done, for the log.
pub(super) fn log_plan(entries: &[Entry]) {
    for Entry { namespace, pod, container, decision, note, .. } in entries {
        let container = container.as_deref().unwrap_or("-");
        match decision {
            Decision::Fetch { source, .. } => {
                tracing::debug!(namespace, pod, container, source, note, "to be fetched");
            }
            Decision::Ask { .. } => tracing::debug!(namespace, pod, container, note, "to be asked"),
            Decision::Mount { mount, .. } => {
                tracing::debug!(namespace, pod, directory = mount.directory, note, "to be mounted");
            }
            Decision::List => tracing::debug!(namespace, pod, container, note, "listed only"),
            Decision::Fail(failure) => tracing::debug!(namespace, pod, container, %failure, "failed"),
        }
    }
    let fetched = entries.iter().filter(|entry| matches!(entry.decision, Decision::Fetch { .. })).count();
    tracing::info!(entries = entries.len(), fetched, "planned");
}

/// Asks the processes for their directories, several at a time, from beside where there is no shell and an image to ask with;
/// and gives the plan that is made with the answers.
pub(super) async fn ask_processes(
    cluster: &dyn Cluster,
    listed: &Listed,
    known: &mut Known,
    options: &Options,
    cancel: &CancellationToken,
) -> Vec<Entry> {
    let asking = &Asking {
        process: options.process.clone(),
        retries: options.retries,
        timeout: options.timeout,
        cancel: cancel.clone(),
    };
    let entries = planned_entries(listed, options, known);
    let names = entries.iter().filter_map(|entry| match &entry.decision {
        Decision::Ask { name } => Some(name),
        _ => None,
    });
    let answers = futures::stream::iter(names)
        .map(async |name| (name.clone(), probe::ask(cluster, name, asking).await))
        .buffer_unordered(options.parallel);
    known.answers = answers.collect().await;
    let entries = planned_entries(listed, options, known);
    let Some(image) = &options.debug_image else { return entries };
    let mute = without_shell(&entries, known, options);
    if mute.is_empty() {
        return entries;
    }
    // The debug container is to last for the copy, too.
    let flush = options.flush.as_ref().map(|flush| flush.timeout).unwrap_or_default();
    let needed = (options.timeout + flush) * 2;
    let answers: Vec<_> = futures::stream::iter(mute)
        .map(async |name| {
            let answer = probe::ask_beside(cluster, &name, image, needed, asking).await;
            (name, answer)
        })
        .buffer_unordered(options.parallel)
        .collect()
        .await;
    known.answers.extend(answers);
    planned_entries(listed, options, known)
}

/// The containers to be asked from beside. A debug container stays with its pod, so it is for those that were named, and for
/// pods of which nothing else is known to have coverage.
fn without_shell(entries: &[Entry], known: &Known, options: &Options) -> Vec<ContainerName> {
    let named = !options.selection.containers.is_empty();
    let is_read = |name: &ContainerName| {
        entries.iter().any(|entry| match &entry.decision {
            Decision::Fetch { name: other, .. } => {
                (&other.namespace, &other.pod) == (&name.namespace, &name.pod)
            }
            _ => false,
        })
    };
    let mute = known.answers.iter().filter(|(_, answer)| **answer == Answer::NoShell);
    mute.filter(|(name, _)| named || !is_read(name)).map(|(name, _)| name.clone()).collect()
}

/// A pattern that no container has may be meant for other pods, or be a slip.
pub(super) fn say_unmatched(listed: &Listed, options: &Options) {
    for pattern in listed.unmatched(&options.selection).0 {
        note(&format!("warning: -c {pattern} names no container of the pods that were selected"));
    }
}

/// The role that would have spared these failures, as far as any would.
pub(super) fn explain_rights<'a>(run: &Run, options: &Options, failures: impl Iterator<Item = &'a Failure>) {
    let missing: BTreeSet<Right> = failures.filter_map(|failure| failure.right.as_deref().cloned()).collect();
    if !missing.is_empty() {
        let forward = matches!(options.flush, Some(FlushRequest { method: Method::Request(_), .. }));
        let beyond = Beyond { debug: options.debug_image.is_some(), forward };
        note(&rights::role(&rights::needed(&run.selection, beyond), &missing));
    }
}

/// Whether it is known now that a container fails.
fn would_fail(record: &ContainerRecord) -> bool {
    record.failure.as_ref().is_some_and(|failure| failure.kind != Kind::Unfinished)
}

/// Why a plan ends with the exit code of a failure.
fn say_failing(run: &Run) {
    let failing: Vec<String> =
        run.containers.iter().filter(|record| would_fail(record)).map(ContainerRecord::full_name).collect();
    let all = run.containers.iter().filter(|record| record.state != State::Listed).count();
    note(&format!("error: {} of {all} containers would fail: {}", failing.len(), shortened(&failing)));
}

/// Prints the plan instead of carrying it out.
pub(super) fn print_plan(entries: &[Entry], options: &Options, run: &Run) -> Result<Exit, Fatal> {
    print(|out| summary::write_plan(entries, run, options.form, out))?;
    let readable = |entry: &Entry| {
        matches!(entry.decision, Decision::Fetch { .. } | Decision::Ask { .. } | Decision::Mount { .. })
    };
    let mut run =
        Run { containers: entries.iter().map(|entry| planned(entry, options)).collect(), ..run.clone() };
    run.outcome = outcome(&run);
    if run.outcome == Outcome::Nothing {
        note(&format!("error: {}", nothing(&run)));
        return Ok(Exit::Nothing);
    }
    let failed = run.containers.iter().any(would_fail);
    if failed || !entries.iter().any(readable) {
        say_failing(&run);
        return Ok(Exit::Partial);
    }
    Ok(Exit::Complete)
}
