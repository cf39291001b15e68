//! Pods -> plan: what is done with each container, and why. Pure; the pods are as the API server listed them.

mod state;
#[cfg(test)]
mod tests;
mod volume;

use k8s_openapi::api::core::v1::{Container, Pod};

use crate::environment::{COVERAGE_VARIABLE, Value, coverage_dir, may_come_from_elsewhere};
use crate::error::{Failure, Kind};
use crate::escape::one_line;
use crate::names::ContainerName;
use crate::selection::Selection;

use state::{Reach, reach};

/// The container that kubectl takes where none is named.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// What is done with one container, or with a pod of which no container is read.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Read the directory of the container.
    Fetch {
        /// The container, with checked names.
        name: ContainerName,
        /// Coverage directory inside the container; relative means relative to its working directory.
        source: String,
        /// Names the directory if other containers may see it, too: whose new file is whose cannot be told there, so
        /// they are flushed one after the other.
        shared: Option<String>,
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

/// Makes the plan, ordered by namespace, pod and container.
pub fn plan(pods: &[Pod], selection: &Selection) -> Vec<Entry> {
    let mut entries: Vec<Entry> = pods.iter().flat_map(|pod| plan_pod(pod, selection)).collect();
    entries.sort_by(|a, b| (&a.namespace, &a.pod, &a.container).cmp(&(&b.namespace, &b.pod, &b.container)));
    entries
}

/// A container and the directory it is to be read from.
struct Candidate<'a> {
    container: &'a Container,
    source: Result<String, Failure>,
}

fn plan_pod(pod: &Pod, selection: &Selection) -> Vec<Entry> {
    let candidates = match candidates(pod, selection) {
        Ok(candidates) => candidates,
        Err(entry) => return vec![*entry],
    };
    let judged: Vec<(&Candidate<'_>, Reach)> =
        candidates.iter().map(|candidate| (candidate, reach(pod, candidate.container))).collect();
    let read_elsewhere = |candidate: &Candidate<'_>| {
        let source = candidate.source.as_ref().ok()?;
        let place = volume::place(candidate.container, source)?;
        judged.iter().find_map(|(other, reach)| {
            let other_source = other.source.as_ref().ok()?;
            let same = matches!(reach, Reach::Running { .. })
                && volume::place(other.container, other_source).as_ref() == Some(&place);
            same.then(|| (place.volume.clone(), other.container.name.clone()))
        })
    };
    let entry = |candidate: &Candidate<'_>, reach: &Reach| {
        let (decision, note) = match (reach, &candidate.source) {
            (Reach::NotYet { why }, _) => (Decision::List, Some(why.clone())),
            (_, Err(failure)) => (Decision::Fail(failure.clone()), None),
            (Reach::Running { note }, Ok(source)) => (fetch(pod, candidate.container, source), note.clone()),
            (Reach::Gone { why }, Ok(_)) => match read_elsewhere(candidate) {
                Some((volume, reader)) => {
                    let note = format!(
                        "{why}; its files lie on volume {volume} and are read through container {reader}"
                    );
                    (Decision::List, Some(note))
                }
                None => (Decision::Fail(Failure::new(Kind::PodState, why)), None),
            },
        };
        Entry {
            container: Some(one_line(&candidate.container.name)),
            ..new_entry(pod, Some(candidate.container), decision, note.as_deref())
        }
    };
    judged.iter().map(|(candidate, reach)| entry(candidate, reach)).collect()
}

fn fetch(pod: &Pod, container: &Container, source: &str) -> Decision {
    let (namespace, name) = pod_name(pod);
    let shared = volume::shared_name(pod, container, source);
    match ContainerName::new(namespace, name, &container.name) {
        Ok(name) => Decision::Fetch { name, source: source.to_owned(), shared },
        Err(failure) => Decision::Fail(failure),
    }
}

/// The containers to read; or the entry of the pod if there is none.
fn candidates<'a>(pod: &'a Pod, selection: &Selection) -> Result<Vec<Candidate<'a>>, Box<Entry>> {
    let all = containers(pod);
    if !selection.containers.is_empty() {
        let named: Vec<Candidate<'a>> = all
            .iter()
            .filter(|container| selection.containers.contains(&container.name))
            .map(|container| Candidate { container, source: source_of(pod, container, selection) })
            .collect();
        if named.is_empty() {
            let note = format!("no container is named {}", selection.containers.join(" or "));
            return Err(pod_entry(pod, Decision::List, Some(note)));
        }
        return Ok(named);
    }
    let with_variable: Vec<Candidate<'a>> = all
        .iter()
        .filter(|container| coverage_dir(pod, container) != Value::Unset)
        .map(|container| Candidate { container, source: source_of(pod, container, selection) })
        .collect();
    if !with_variable.is_empty() {
        return Ok(with_variable);
    }
    let Some(from) = &selection.from else {
        let mut note = format!("no container sets {COVERAGE_VARIABLE}");
        if all.iter().any(|container| may_come_from_elsewhere(container)) {
            note.push_str(" in its env (envFrom is not read)");
        }
        note.push_str("; if one writes coverage all the same, name its directory with --from");
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
    Ok(vec![Candidate { container, source: Ok(from.clone()) }])
}

fn source_of(pod: &Pod, container: &Container, selection: &Selection) -> Result<String, Failure> {
    if let Some(from) = &selection.from {
        return Ok(from.clone());
    }
    match coverage_dir(pod, container) {
        Value::Known(directory) if directory.contains('\0') => {
            Err(Failure::new(Kind::Rejected, format!("{COVERAGE_VARIABLE} contains a NUL byte")))
        }
        Value::Known(directory) => Ok(directory),
        Value::Elsewhere(from) => Err(Failure::new(
            Kind::NoCoverageDir,
            format!("{COVERAGE_VARIABLE} comes from {from}; name the directory with --from"),
        )),
        Value::Unset => Err(Failure::new(
            Kind::NoCoverageDir,
            format!("the container does not set {COVERAGE_VARIABLE}; name the directory with --from"),
        )),
    }
}

/// The containers of a pod in the order of its spec, those that run beside the others (sidecars) included.
fn containers(pod: &Pod) -> Vec<&Container> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    spec.init_containers.iter().flatten().chain(&spec.containers).collect()
}

fn default_container(pod: &Pod) -> Option<&String> {
    pod.metadata.annotations.as_ref()?.get(DEFAULT_CONTAINER)
}

fn pod_name(pod: &Pod) -> (&str, &str) {
    (pod.metadata.namespace.as_deref().unwrap_or_default(), pod.metadata.name.as_deref().unwrap_or_default())
}

fn pod_entry(pod: &Pod, decision: Decision, note: Option<String>) -> Box<Entry> {
    let note = match (&decision, reach_of_pod(pod)) {
        (Decision::List, Some(pending)) => Some(pending),
        _ => note,
    };
    Box::new(new_entry(pod, None, decision, note.as_deref()))
}

/// A pod that has not started says so rather than that it sets no variable.
fn reach_of_pod(pod: &Pod) -> Option<String> {
    let containers = containers(pod);
    let first = containers.last()?;
    match reach(pod, first) {
        Reach::NotYet { why } => Some(why),
        _ => None,
    }
}

fn new_entry(pod: &Pod, container: Option<&Container>, decision: Decision, note: Option<&str>) -> Entry {
    let (namespace, name) = pod_name(pod);
    let status = container.and_then(|container| state::status_of(pod, &container.name));
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
