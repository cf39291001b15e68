//! Plan entry and capture -> the record that the manifest and the summary show.

use bytesize::ByteSize;

use crate::capture::{Captured, Held};
use crate::error::{Failure, Kind};
use crate::escape::one_line;
use crate::manifest::{ContainerRecord, FileKind, FileRecord, State};
use crate::names::CoverageName;
use crate::options::Options;
use crate::plan::{Decision, Entry};

/// The record of an entry before anything was done: what the manifest says if the run is killed.
pub(super) fn planned(entry: &Entry, options: &Options) -> ContainerRecord {
    let facts = entry.facts.clone();
    let mut record = ContainerRecord {
        namespace: entry.namespace.clone(),
        pod: entry.pod.clone(),
        container: entry.container.clone(),
        state: State::Listed,
        failure: None,
        note: entry.note.clone(),
        pod_uid: facts.pod_uid,
        node: facts.node,
        image: facts.image,
        image_id: facts.image_id,
        restart_count: facts.restart_count,
        source: None,
        directory: None,
        debug_container: None,
        attempts: 0,
        flush: None,
        ignored: Vec::new(),
        files: Vec::new(),
    };
    match &entry.decision {
        Decision::List => {}
        Decision::Ask { .. } => unfinished(&mut record),
        Decision::Fail(failure) => fail(&mut record, failure.clone(), options),
        Decision::Mount { name, mount } => {
            record.source = Some(mount.directory.clone());
            record.directory = Some(name.directory());
            unfinished(&mut record);
        }
        Decision::Fetch { place, source, .. } => {
            record.source = Some(source.clone());
            record.directory = Some(place.directory());
            unfinished(&mut record);
        }
    }
    record
}

fn unfinished(record: &mut ContainerRecord) {
    record.state = State::Failed;
    record.failure = Some(Failure::new(Kind::Unfinished, "the run ended before this container was done"));
}

/// Puts what was captured into the record.
pub(super) fn result(
    record: &mut ContainerRecord,
    captured: Captured,
    outcome: Result<(), Failure>,
    options: &Options,
) {
    record.attempts = captured.attempts;
    record.flush = captured.flush;
    record.debug_container = captured.debug.map(|window| window.container.container);
    record.ignored = captured.ignored.into_iter().take(100).collect();
    let directory = record.directory.clone().unwrap_or_default();
    record.files = captured.files.iter().map(|(name, held)| file(&directory, name, held)).collect();
    let mut notes: Vec<String> = record.note.take().into_iter().chain(captured.note).collect();
    notes.extend(
        record.debug_container.iter().map(|name| format!("read through the ephemeral container {name}")),
    );
    if let (number @ 1.., bytes) = captured.unsent {
        let files = if number == 1 { "file" } else { "files" };
        notes.push(format!("{number} {files} ({}) here already, not sent again", ByteSize(bytes)));
    }
    let leftovers = record.ignored.len();
    if leftovers > 0 {
        notes.push(format!("{leftovers} unfinished tmp.* files ignored (a full disk leaves them behind)"));
    }
    record.note = (!notes.is_empty()).then(|| one_line(&notes.join("; ")));
    record.failure = None;
    match outcome {
        Ok(()) => record.state = State::Fetched,
        Err(failure) => fail(record, failure, options),
    }
}

/// A failure, unless the user said that this kind is none.
fn fail(record: &mut ContainerRecord, failure: Failure, options: &Options) {
    let empty = matches!(failure.kind, Kind::MetaOnly | Kind::Empty | Kind::PodState);
    if options.allow_empty && empty {
        record.state = State::Listed;
        record.note = Some(failure.message);
        return;
    }
    record.state = State::Failed;
    record.failure = Some(failure);
}

fn file(directory: &str, name: &CoverageName, held: &Held) -> FileRecord {
    let writer = name.writer();
    FileRecord {
        name: name.to_string(),
        path: format!("{directory}/{name}"),
        kind: if name.is_meta() { FileKind::Meta } else { FileKind::Counters },
        hash: name.hash().to_string(),
        size: held.stored.size,
        sha256: held.stored.sha256.clone(),
        mode: held.mode.map(|mode| mode.to_string()),
        pid: writer.map(|writer| writer.pid),
        nanoseconds: writer.map(|writer| writer.nanoseconds),
        new: held.stored.new,
        copied_from: held.from.as_ref().map(ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::names::ContainerName;
    use crate::plan::Facts;
    use crate::skaffold::Skaffold;
    use clap::Parser;

    fn entry(decision: Decision) -> Entry {
        let facts = Facts::default();
        Entry { namespace: "shop".into(), pod: "web".into(), container: None, facts, decision, note: None }
    }

    fn options(arguments: &[&str]) -> Options {
        let line = ["covfetch"].into_iter().chain(arguments.iter().copied());
        Options::resolve(Cli::try_parse_from(line).unwrap(), &Skaffold::default()).unwrap()
    }

    #[test]
    fn until_it_is_done_a_container_counts_as_failed() {
        let name = ContainerName::new("shop", "web", "main").unwrap();
        let place = name.clone();
        let fetch = Decision::Fetch { name, place, source: "/cov".into(), shared: None, fleeting: None };
        let mut record = planned(&entry(fetch), &options(&[]));
        assert_eq!((record.state, record.failure.as_ref().unwrap().kind), (State::Failed, Kind::Unfinished));
        result(&mut record, Captured::default(), Ok(()), &options(&[]));
        assert_eq!((record.state, record.failure), (State::Fetched, None));
    }

    #[test]
    fn empty_containers_are_a_failure_unless_allowed() {
        for (kind, allowed) in [
            (Kind::MetaOnly, State::Listed),
            (Kind::Empty, State::Listed),
            (Kind::PodState, State::Listed),
            (Kind::Truncated, State::Failed),
            (Kind::Forbidden, State::Failed),
        ] {
            let fail = || entry(Decision::Fail(Failure::new(kind, "why")));
            assert_eq!(planned(&fail(), &options(&[])).state, State::Failed);
            let record = planned(&fail(), &options(&["--allow-empty"]));
            assert_eq!(record.state, allowed, "{kind:?}");
            assert_eq!(record.failure.is_some(), allowed == State::Failed);
        }
    }
}
