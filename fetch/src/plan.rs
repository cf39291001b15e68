//! Pods -> plan: what is done with each container, and why. Pure; the pods are as the API server listed them.
//!
//! A plan may leave it to a running process to say where its GOCOVERDIR is. Once it has been asked, the plan is made
//! again from the same pods and the answers.

mod candidates;
#[cfg(test)]
mod tests;
mod volume;

use k8s_openapi::api::core::v1::{Container, Pod};

use std::collections::BTreeMap;

use crate::claim::{Mount, Verdict};
use crate::environment::ConfigMaps;
use crate::error::{Failure, Kind};
use crate::escape::one_line;
use crate::names::ContainerName;
use crate::probe::Answer;
use crate::reach::{Reach, not_started, reach, restarts_note, status_of};
use crate::selection::Selection;
use crate::workload::Workload;

use candidates::{Candidate, Source, candidates};

/// What is known beyond the pods themselves.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// ConfigMaps that variables come from.
    pub maps: ConfigMaps,
    /// What processes said of their GOCOVERDIR.
    pub answers: BTreeMap<ContainerName, Answer>,
}

/// What is done with one container, or with a pod of which no container is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Namespace, escaped.
    pub namespace: String,
    /// Pod, escaped.
    pub pod: String,
    /// Container, escaped; `None` if the entry is about the pod.
    pub container: Option<String>,
    /// What the API server said about it.
    pub facts: Facts,
    /// What to do.
    pub decision: Decision,
    /// What is remarkable about it, one line.
    pub note: Option<String>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Read the directory of the container.
    Fetch {
        /// The container, with checked names.
        name: ContainerName,
        /// Under whose name its files are stored: another one's if both have one directory on a volume.
        place: ContainerName,
        /// Coverage directory inside the container; relative means relative to its working directory.
        source: String,
        /// Names the directory if other containers may see it, too: whose new file is whose cannot be told there, so
        /// they are flushed one after the other; and its files are stored once.
        shared: Option<String>,
        /// Why the files in it would be lost if the container ended; `None` if it is started again and finds them.
        fleeting: Option<String>,
    },
    /// Ask its process for the directory first; the note says why.
    Ask {
        /// The container, with checked names.
        name: ContainerName,
    },
    /// Read a claim's volume through a pod made for it.
    Mount {
        /// Where its files are stored.
        name: ContainerName,
        /// What the pod is made of.
        mount: Box<Mount>,
    },
    /// Say why there is nothing to read, which is no failure.
    List,
    /// It was selected and its coverage cannot be had.
    Fail(Failure),
}

/// What the API server said about a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Uid of the pod.
    pub pod_uid: Option<String>,
    /// Node that it runs on.
    pub node: Option<String>,
    /// Image as the status or the spec names it.
    pub image: Option<String>,
    /// Image with its digest.
    pub image_id: Option<String>,
    /// How often the container was restarted.
    pub restart_count: Option<i32>,
}

impl From<Verdict> for Decision {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Read { name, mount } => Self::Mount { name, mount },
            Verdict::Fail(failure) => Self::Fail(failure),
        }
    }
}

impl Entry {
    /// The entry of a workload that was asked for and has no pods: why that is so, or why it is a failure.
    pub fn workload(namespace: &str, workload: &Workload, why: Result<String, Failure>) -> Self {
        Self::asked_for(namespace, &workload.to_string(), why)
    }

    /// The entry of something that was asked for, a kind and a name, and stands for no pod: why that is so, or why it is a failure.
    pub fn asked_for(namespace: &str, what: &str, why: Result<String, Failure>) -> Self {
        let (decision, note) = match why {
            Ok(note) => (Decision::List, Some(one_line(&note))),
            Err(failure) => (Decision::Fail(failure), None),
        };
        Self { note, ..Self::of(namespace, what, decision) }
    }

    /// The entry of a workload as a whole.
    pub(crate) fn of_workload(namespace: &str, workload: &Workload, decision: Decision) -> Self {
        Self::of(namespace, &workload.to_string(), decision)
    }

    fn of(namespace: &str, what: &str, decision: Decision) -> Self {
        Self {
            namespace: one_line(namespace),
            pod: one_line(what),
            container: None,
            facts: Facts::default(),
            decision,
            note: None,
        }
    }
}

/// Makes the plan, ordered by namespace, pod and container.
pub fn plan(pods: &[Pod], selection: &Selection, known: &Known) -> Vec<Entry> {
    let mut entries: Vec<Entry> = pods.iter().flat_map(|pod| plan_pod(pod, selection, known)).collect();
    entries.sort_by(|a, b| (&a.namespace, &a.pod, &a.container).cmp(&(&b.namespace, &b.pod, &b.container)));
    share_places(&mut entries);
    entries
}

/// Gives containers that have one directory one place in the store: that of the first of them in their namespace.
fn share_places(entries: &mut [Entry]) {
    let mut firsts: BTreeMap<(String, String), ContainerName> = BTreeMap::new();
    for entry in entries {
        let Decision::Fetch { name, place, shared: Some(shared), .. } = &mut entry.decision else { continue };
        let first = firsts.entry((name.namespace.clone(), shared.clone())).or_insert_with(|| name.clone());
        if first != name {
            place.clone_from(first);
            let note = format!("has one directory with {first}, where its files are stored");
            let notes = entry.note.take().into_iter().chain([note]);
            entry.note = Some(one_line(&notes.collect::<Vec<_>>().join("; ")));
        }
    }
}

fn plan_pod(pod: &Pod, selection: &Selection, known: &Known) -> Vec<Entry> {
    let candidates = match candidates(pod, selection, known) {
        Ok(candidates) => candidates,
        Err(entry) => return vec![*entry],
    };
    let judged: Vec<(&Candidate<'_>, Reach)> =
        candidates.iter().map(|candidate| (candidate, reach(pod, candidate.container))).collect();
    let read_elsewhere = |candidate: &Candidate<'_>, source: &str| {
        let place = volume::place(candidate.container, source)?;
        judged.iter().find_map(|(other, reach)| {
            let Source::Directory(other_source) = &other.source else { return None };
            let same = matches!(reach, Reach::Running { .. })
                && volume::place(other.container, other_source).as_ref() == Some(&place);
            same.then(|| (place.volume.clone(), other.container.name.clone()))
        })
    };
    let entry = |candidate: &Candidate<'_>, reach: &Reach| {
        let (decision, note) = match (reach, &candidate.source) {
            (Reach::NotYet { why }, _) => (Decision::List, Some(why.clone())),
            (_, Source::Unknown(failure)) => (Decision::Fail(failure.clone()), None),
            (Reach::Running { .. }, Source::Ask(why)) => (ask(pod, candidate.container), Some(why.clone())),
            (Reach::Running { note }, Source::Directory(source)) => {
                let mounted = volume::is_mounted(candidate.container, source);
                let restarts = restarts_note(pod, candidate.container, mounted);
                let notes: Vec<String> = note.iter().cloned().chain(restarts).collect();
                (fetch(pod, candidate.container, source), (!notes.is_empty()).then(|| notes.join("; ")))
            }
            (Reach::Gone { why }, Source::Ask(_)) => (lost(why, ""), None),
            (Reach::Gone { why }, Source::Directory(source)) => match read_elsewhere(candidate, source) {
                Some((volume, reader)) => {
                    let note = format!(
                        "{why}; its files lie on volume {volume} and are read through container {reader}"
                    );
                    (Decision::List, Some(note))
                }
                None => (lost(why, &volume::way_out(pod, candidate.container, source)), None),
            },
        };
        Entry {
            container: Some(one_line(&candidate.container.name)),
            ..new_entry(pod, Some(candidate.container), decision, note.as_deref())
        }
    };
    judged.iter().map(|(candidate, reach)| entry(candidate, reach)).collect()
}

/// The failure of a container that does not run and whose files nobody else has; `way` is how they can be had all the same.
fn lost(why: &str, way: &str) -> Decision {
    let way = if way.is_empty() {
        "its files are out of reach; to keep those of the next one, let them lie on a persistent volume (read with pvc/NAME)"
    } else {
        way
    };
    Decision::Fail(Failure::new(Kind::PodState, format!("{why}, {way}")))
}

fn ask(pod: &Pod, container: &Container) -> Decision {
    let (namespace, name) = pod_name(pod);
    match ContainerName::new(namespace, name, &container.name) {
        Ok(name) => Decision::Ask { name },
        Err(failure) => Decision::Fail(failure),
    }
}

fn fetch(pod: &Pod, container: &Container, source: &str) -> Decision {
    let (namespace, name) = pod_name(pod);
    let shared = volume::shared_name(pod, container, source);
    match ContainerName::new(namespace, name, &container.name) {
        Ok(name) => {
            let fleeting = volume::fleeting(pod, container, source);
            let place = name.clone();
            Decision::Fetch { name, place, source: source.to_owned(), shared, fleeting }
        }
        Err(failure) => Decision::Fail(failure),
    }
}

fn pod_name(pod: &Pod) -> (&str, &str) {
    (pod.metadata.namespace.as_deref().unwrap_or_default(), pod.metadata.name.as_deref().unwrap_or_default())
}

fn pod_entry(pod: &Pod, decision: Decision, note: Option<String>) -> Box<Entry> {
    // A pod that has not started says so rather than that it sets no variable.
    let note = match (&decision, not_started(pod)) {
        (Decision::List, Some(pending)) => Some(pending),
        _ => note,
    };
    Box::new(new_entry(pod, None, decision, note.as_deref()))
}

fn new_entry(pod: &Pod, container: Option<&Container>, decision: Decision, note: Option<&str>) -> Entry {
    let (namespace, name) = pod_name(pod);
    let status = container.and_then(|container| status_of(pod, &container.name));
    let given = |text: &String| (!text.is_empty()).then(|| one_line(text));
    let facts = Facts {
        pod_uid: pod.metadata.uid.as_ref().and_then(given),
        node: pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()).and_then(given),
        image: status
            .map(|status| &status.image)
            .filter(|image| !image.is_empty())
            .or(container.and_then(|container| container.image.as_ref()))
            .and_then(given),
        image_id: status.map(|status| &status.image_id).and_then(given),
        restart_count: status.map(|status| status.restart_count),
    };
    Entry {
        namespace: one_line(namespace),
        pod: one_line(name),
        container: None,
        facts,
        decision,
        note: note.map(one_line),
    }
}
