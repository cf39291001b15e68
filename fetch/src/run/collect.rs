//! Reads the containers of the plan, several at a time and in groups, and puts what came of each into its record.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;

use super::record::result;
use crate::capture::{Captured, Collector};
use crate::claim::Mount;
use crate::error::{Failure, Kind};
use crate::manifest::{Run, State};
use crate::names::ContainerName;
use crate::options::Options;
use crate::plan::{Decision, Entry};
use crate::progress::{Manner, Progress, note};

/// Reads the containers of the plan, several at a time, into the records that stand for them.
pub(super) async fn collect(collector: &Collector, entries: &[Entry], options: &Options, run: &mut Run) {
    let groups = groups(entries, options.flush.is_some());
    let count = groups.iter().map(Vec::len).sum();
    let progress = Progress::new(count, Manner::of(options), Arc::clone(&collector.bytes));
    run.containers.iter().filter(|record| record.attempts == 0 && record.state == State::Failed).for_each(
        |record| {
            if record.failure.as_ref().is_some_and(|failure| failure.kind != Kind::Unfinished) {
                progress.done(record);
            }
        },
    );
    let capture = |(index, name, place)| async move {
        let mut captured = Captured::default();
        let outcome = if collector.cancel.is_cancelled() {
            Err(Failure::interrupted())
        } else {
            match place {
                Place::Container(source) => collector.capture(name, source, &mut captured).await,
                Place::Claim(mount) => {
                    collector.capture_claim(name, mount, &options.helper_image, &mut captured).await
                }
            }
        };
        (index, captured, outcome)
    };
    let mut results = futures::stream::iter(groups)
        .map(|group| Box::pin(futures::stream::iter(group).then(capture)))
        .flatten_unordered(options.parallel);
    let (mut read, mut unzipped) = (0_usize, 0_usize);
    while let Some((index, captured, outcome)) = results.next().await {
        read += usize::from(!captured.files.is_empty());
        unzipped += usize::from(captured.unzipped && !captured.files.is_empty());
        if let Some(record) = run.containers.get_mut(index) {
            result(record, captured, outcome, options);
            progress.done(record);
        }
    }
    progress.finish();
    if unzipped > 0 && !options.quiet {
        note(&format!(
            "--gzip: {unzipped} of {read} containers have no gzip, or no shell to run it with, and sent their files as they are"
        ));
    }
}

/// A container to read: its place in the plan, its name, its directory.
type Work<'a> = (usize, &'a ContainerName, Place<'a>);

/// What is read.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// A directory of the container.
    Container(&'a str),
    /// A claim's volume.
    Claim(&'a Mount),
}

/// The containers to read. Those of one group are read one after the other: with a flush, those that share a directory,
/// because a new file there could be anybody's.
fn groups(entries: &[Entry], flush: bool) -> Vec<Vec<Work<'_>>> {
    let mut alone = Vec::new();
    let mut shared: BTreeMap<&str, Vec<Work<'_>>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        match &entry.decision {
            Decision::Fetch { name, source, shared: place, .. } => {
                let work = (index, name, Place::Container(source));
                match place {
                    Some(place) if flush => shared.entry(place).or_default().push(work),
                    _ => alone.push(vec![work]),
                }
            }
            Decision::Mount { name, mount } => alone.push(vec![(index, name, Place::Claim(mount))]),
            Decision::Ask { .. } | Decision::List | Decision::Fail(_) => {}
        }
    }
    shared.into_values().chain(alone).collect()
}
