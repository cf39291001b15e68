//! Reads the containers of the plan, several at a time and in groups, and puts what came of each into its record.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use futures::StreamExt;

use super::planning::unspared;
use super::record::result;
use crate::capture::{Captured, Collector, Read};
use crate::claim::Mount;
use crate::error::{Failure, Kind};
use crate::flush::FlushRequest;
use crate::manifest::{Run, State};
use crate::names::ContainerName;
use crate::options::Options;
use crate::plan::{Decision, Entry};
use crate::progress::{Manner, Progress, note};

/// Reads the containers of the plan, several at a time, into the records that stand for them.
pub(super) async fn collect(collector: &Collector, entries: &[Entry], options: &Options, run: &mut Run) {
    let groups = groups(entries, options.flush.as_ref(), options.dedupe);
    let count = groups.iter().map(Vec::len).sum();
    let progress = Progress::new(count, Manner::of(options), Arc::clone(&collector.bytes));
    run.containers.iter().filter(|record| record.attempts == 0 && record.state == State::Failed).for_each(
        |record| {
            if record.failure.as_ref().is_some_and(|failure| failure.kind != Kind::Unfinished) {
                progress.done(record);
            }
        },
    );
    let capture = |work| async move {
        let mut captured = Captured::default();
        let outcome = read(collector, &work, options, &mut captured).await;
        (work.index, captured, outcome)
    };
    let mut results = futures::stream::iter(groups)
        .map(|group| Box::pin(futures::stream::iter(group).then(capture)))
        .flatten_unordered(options.parallel);
    let (mut files_from, mut unzipped) = (0_usize, 0_usize);
    while let Some((index, captured, outcome)) = results.next().await {
        files_from += usize::from(!captured.files.is_empty());
        unzipped += usize::from(captured.unzipped && !captured.files.is_empty());
        if let Some(record) = run.containers.get_mut(index) {
            result(record, captured, outcome, options);
            progress.done(record);
        }
    }
    progress.finish();
    if unzipped > 0 && !options.quiet {
        note(&format!(
            "--gzip: {unzipped} of {files_from} containers have no gzip, or no shell to run it with, and sent their files as they are"
        ));
    }
}

/// A container to read.
struct Work<'a> {
    /// Its place in the plan.
    index: usize,
    name: &'a ContainerName,
    what: What<'a>,
}

/// What is read.
enum What<'a> {
    /// A directory of the container.
    Directory {
        source: &'a str,
        /// Why it must not be flushed, if it must not.
        refused: Option<Failure>,
        /// Under whose name it is stored.
        place: &'a ContainerName,
        /// What those of the group that came before have read of the same directory, if one reading is enough.
        read: Option<Arc<OnceLock<Read>>>,
    },
    /// A claim's volume.
    Claim(&'a Mount),
}

async fn read(
    collector: &Collector,
    work: &Work<'_>,
    options: &Options,
    captured: &mut Captured,
) -> Result<(), Failure> {
    if collector.cancel.is_cancelled() {
        return Err(Failure::interrupted());
    }
    collector.allowance.check()?;
    match &work.what {
        What::Claim(mount) => {
            collector.capture_claim(work.name, mount, &options.helper_image, captured).await
        }
        What::Directory { source, place, refused: Some(refused), .. } => {
            *captured = Captured::without_flush(refused.clone());
            let outcome = collector.capture_into(place, work.name, source, captured).await;
            outcome.map_err(|failure| beside(refused, failure))
        }
        What::Directory { source, place, read, .. } => {
            if let Some(read) = read.as_ref().and_then(|read| read.get()) {
                *captured = Captured::of_same(read);
                return Ok(());
            }
            collector.capture_into(place, work.name, source, captured).await?;
            if let Some(read) = read {
                // Nobody else of the group reads at the same time.
                let _ = read.set(Read { by: work.name.clone(), files: captured.files.clone() });
            }
            Ok(())
        }
    }
}

/// The failure of a container that was not flushed, and of which even what is there could not be had.
fn beside(refused: &Failure, failure: Failure) -> Failure {
    if failure.kind == Kind::Unfinished || failure.message == refused.message {
        return failure;
    }
    let message = format!("{refused}; what is there could not be fetched: {failure}");
    Failure { right: failure.right, ..Failure::new(refused.kind, message) }
}

/// The containers to read. Those of one group are read one after the other: those that share a directory. With a flush, a
/// new file there could be anybody's; without one, and unless everything is to be sent, the first of them that can be read
/// speaks for all.
fn groups<'a>(entries: &'a [Entry], flush: Option<&FlushRequest>, dedupe: bool) -> Vec<Vec<Work<'a>>> {
    let mut alone = Vec::new();
    let mut shared: BTreeMap<(&str, &str), Vec<Work<'_>>> = BTreeMap::new();
    // By node, as a claim may be another directory on each: a hostPath, or a stale view of a file server.
    let mut read: BTreeMap<(&ContainerName, &str), Arc<OnceLock<Read>>> = BTreeMap::new();
    let (ends, flush) = (flush.is_some_and(FlushRequest::ends_container), flush.is_some());
    for (index, entry) in entries.iter().enumerate() {
        match &entry.decision {
            Decision::Fetch { name, place, source, shared: directory, fleeting } => {
                let node = entry.facts.node.as_deref().filter(|_| directory.is_some() && !flush && dedupe);
                let read = node.map(|node| Arc::clone(read.entry((place, node)).or_default()));
                let refused = fleeting.as_deref().filter(|_| ends).map(unspared);
                let work = Work { index, name, what: What::Directory { source, place, refused, read } };
                // Elsewhere than in its namespace it is stored again, so that it is read again.
                let namespace = if flush { "" } else { name.namespace.as_str() };
                match directory {
                    Some(directory) => shared.entry((namespace, directory)).or_default().push(work),
                    None => alone.push(vec![work]),
                }
            }
            Decision::Mount { name, mount } => {
                alone.push(vec![Work { index, name, what: What::Claim(mount) }]);
            }
            Decision::Ask { .. } | Decision::List | Decision::Fail(_) => {}
        }
    }
    shared.into_values().chain(alone).collect()
}
