//! Which containers of a pod are read, and where: by name, by GOCOVERDIR, or by `--from`.

use k8s_openapi::api::core::v1::{Container, Pod};

use super::{Decision, Entry, Known, pod_entry, pod_name};
use crate::environment::{COVERAGE_VARIABLE, Value, coverage_dir};
use crate::error::{Failure, Kind};
use crate::names::ContainerName;
use crate::probe::{Answer, NO_SHELL};
use crate::reach::{Reach, containers, reach};
use crate::selection::Selection;

/// The container that kubectl takes where none is named.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// A container and the directory it is to be read from.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) container: &'a Container,
    pub(super) source: Source,
}

/// Where a container's coverage lies.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// In this directory.
    Directory(String),
    /// Its process knows; the text says why nobody else does.
    Ask(String),
    /// It cannot be told.
    Unknown(Failure),
}

/// The containers to read; or the entry of the pod if there is none.
pub(super) fn candidates<'a>(
    pod: &'a Pod,
    selection: &Selection,
    known: &Known,
) -> Result<Vec<Candidate<'a>>, Box<Entry>> {
    let all = containers(pod);
    if selection.containers.is_empty() {
        return unnamed(pod, &all, selection, known);
    }
    let is_named = selection.names_container();
    let named: Vec<Candidate<'a>> = all
        .iter()
        .filter(|container| is_named(&container.name))
        .map(|container| Candidate { container, source: source_of_named(pod, container, selection, known) })
        .collect();
    if named.is_empty() {
        let note = format!("no container is named {}", selection.containers.join(" or "));
        return Err(pod_entry(pod, Decision::List, Some(note)));
    }
    Ok(named)
}

fn unnamed<'a>(
    pod: &'a Pod,
    all: &[&'a Container],
    selection: &Selection,
    known: &Known,
) -> Result<Vec<Candidate<'a>>, Box<Entry>> {
    let found: Vec<Candidate<'a>> = all
        .iter()
        .filter_map(|container| {
            let source = source_of(pod, container, selection, known)?;
            Some(Candidate { container, source })
        })
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let Some(from) = &selection.from else {
        let answers = || all.iter().filter_map(|one| Some((one.name.as_str(), answer_of(pod, one, known)?)));
        let mut note = format!("no container sets {COVERAGE_VARIABLE}");
        let mute: Vec<String> = answers()
            .filter_map(|(name, answer)| match answer {
                Answer::NoShell => Some(format!("{name}: {NO_SHELL}")),
                Answer::Mute(why) => Some(format!("{name}: {why}")),
                _ => None,
            })
            .collect();
        if !mute.is_empty() {
            note = format!("{note} as far as can be seen ({})", mute.join(", "));
        }
        // What has been done to the pod is said even if it was in vain.
        let seen = answers().filter_map(|(name, answer)| match answer {
            Answer::UnsetSeenBy(window) => {
                Some(format!(" ({name}: seen through ephemeral container {window})"))
            }
            _ => None,
        });
        note.extend(seen);
        note.push_str("; if one writes coverage all the same, name its directory with --from");
        if answers().any(|(_, answer)| *answer == Answer::NoShell) {
            note.push_str(", or let an ephemeral container ask: --debug-image busybox:1.37");
        }
        return Err(pod_entry(pod, Decision::List, Some(note)));
    };
    let main = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let only = match main {
        [only] => Some(only),
        several => default_container(pod).and_then(|name| several.iter().find(|one| &one.name == name)),
    };
    let Some(container) = only else {
        let names: Vec<&str> = main.iter().map(|container| container.name.as_str()).collect();
        let message = format!(
            "--from is given and the pod has {} containers ({}): say which with -c",
            names.len(),
            names.join(", ")
        );
        let failure = Failure::new(Kind::NoCoverageDir, message);
        return Err(pod_entry(pod, Decision::Fail(failure), None));
    };
    Ok(vec![Candidate { container, source: Source::Directory(from.clone()) }])
}

/// The source of a container that nobody named; `None` if it has nothing to do with coverage.
fn source_of(pod: &Pod, container: &Container, selection: &Selection, known: &Known) -> Option<Source> {
    let value = coverage_dir(pod, container, &known.maps);
    if let Some(from) = &selection.from {
        return (value != Value::Unset).then(|| Source::Directory(from.clone()));
    }
    if value != Value::Unset {
        return Some(source_of_value(pod, container, value, known));
    }
    // What does not run cannot be asked, and nothing says that it has to do with coverage.
    if !matches!(reach(pod, container), Reach::Running { .. }) {
        return None;
    }
    match answer_of(pod, container, known) {
        None => Some(Source::Ask(unset())),
        Some(Answer::Directory(directory)) => Some(Source::Directory(directory.clone())),
        Some(Answer::Unset | Answer::UnsetSeenBy(_) | Answer::NoShell | Answer::Mute(_)) => None,
        Some(Answer::Failed(failure)) => Some(Source::Unknown(unasked(failure))),
    }
}

/// The source of a container that was asked for by name: not to know it is a failure.
fn source_of_named(pod: &Pod, container: &Container, selection: &Selection, known: &Known) -> Source {
    if let Some(from) = &selection.from {
        return Source::Directory(from.clone());
    }
    let value = coverage_dir(pod, container, &known.maps);
    if value != Value::Unset || matches!(reach(pod, container), Reach::Running { .. }) {
        return source_of_value(pod, container, value, known);
    }
    Source::Unknown(nowhere(&unset()))
}

fn source_of_value(pod: &Pod, container: &Container, value: Value, known: &Known) -> Source {
    let why = match value {
        Value::Known(directory) if directory.contains('\0') => {
            let message = format!("{COVERAGE_VARIABLE} contains a NUL byte");
            return Source::Unknown(Failure::new(Kind::Rejected, message));
        }
        Value::Known(directory) => return Source::Directory(directory),
        Value::Secret(from) => {
            let why = format!("{COVERAGE_VARIABLE} comes from {from}, and Secrets are never read");
            return Source::Unknown(nowhere(&why));
        }
        Value::Elsewhere(from) => format!("{COVERAGE_VARIABLE} comes from {from}"),
        Value::Pending(map) => format!("{COVERAGE_VARIABLE} comes from the ConfigMap {}", map.name),
        Value::Unset => unset(),
    };
    match answer_of(pod, container, known) {
        None => Source::Ask(why),
        Some(Answer::Directory(directory)) => Source::Directory(directory.clone()),
        Some(Answer::Unset | Answer::UnsetSeenBy(_)) => {
            Source::Unknown(nowhere(&format!("{why}, and its process does not have it")))
        }
        Some(Answer::NoShell) => Source::Unknown(
            nowhere(&format!("{why}, and {NO_SHELL}"))
                .followed_by(", or let an ephemeral container ask: --debug-image busybox:1.37"),
        ),
        Some(Answer::Mute(mute)) => {
            Source::Unknown(nowhere(&format!("{why}, and its process cannot be asked ({mute})")))
        }
        Some(Answer::Failed(failure)) => Source::Unknown(unasked(failure)),
    }
}

fn unset() -> String {
    format!("its spec does not set {COVERAGE_VARIABLE}")
}

fn nowhere(why: &str) -> Failure {
    Failure::new(Kind::NoCoverageDir, format!("{why}; name the directory with --from"))
}

/// The failure of asking a process.
fn unasked(failure: &Failure) -> Failure {
    failure.clone().followed_by(format_args!(" (when asked for its {COVERAGE_VARIABLE})"))
}

fn answer_of<'a>(pod: &Pod, container: &Container, known: &'a Known) -> Option<&'a Answer> {
    let (namespace, name) = pod_name(pod);
    known.answers.get(&ContainerName::new(namespace, name, &container.name).ok()?)
}

fn default_container(pod: &Pod) -> Option<&String> {
    pod.metadata.annotations.as_ref()?.get(DEFAULT_CONTAINER)
}
