//! Selection -> pods: workloads resolved to selectors, lists read, ConfigMaps that the plan depends on fetched.
//!
//! Nothing here changes anything in the cluster: objects are read and listed.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::claim::{Verdict, decide};
use crate::dns::is_dns_label;
use crate::environment::{ConfigMapName, ConfigMaps, MapState};
use crate::error::{Failure, Kind};
use crate::escape::one_line;
use crate::plan::Entry;
use crate::remote::{Attempted, Cluster, RemoteError};
use crate::resource::{CONFIG_MAPS, JOBS, Resource};
use crate::retry::Pauses;
use crate::selection::{PodQuery, Selection};
use crate::workload::{PodsOf, Workload, WorkloadKind, jobs_of, pods_of};

/// ConfigMaps that are read at the same time.
const PARALLEL: usize = 8;

/// What a selection stands for.
#[derive(Debug, Default)]
pub struct Listed {
    /// Each pod once.
    pub pods: Vec<Pod>,
    /// Workloads that were asked for and have no pods, or are not there; and claims.
    pub without_pods: Vec<Entry>,
    /// The ConfigMaps that a GOCOVERDIR comes from.
    pub maps: ConfigMaps,
}

impl Listed {
    /// The patterns of containers that no selected pod has, and the names that none has as failures; none if no pod was selected.
    ///
    /// A pattern may be for what some pods have only. A name is a slip more often than not, and its coverage would be missed.
    pub fn unmatched<'a>(&self, selection: &'a Selection) -> (Vec<&'a str>, Vec<Entry>) {
        let Some(first) = self.pods.first() else { return (Vec::new(), Vec::new()) };
        let specs = self.pods.iter().filter_map(|pod| pod.spec.as_ref());
        let containers = specs.flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
        let there: BTreeSet<&str> = containers.map(|container| container.name.as_str()).collect();
        let has = |pattern: &String| {
            let one = Selection { containers: vec![pattern.clone()], ..Selection::default() };
            let named = one.names_container();
            there.iter().any(|name| named(name))
        };
        let unmatched = selection.containers.iter().filter(|pattern| !has(pattern)).map(String::as_str);
        let (slips, patterns): (Vec<&str>, Vec<&str>) = unmatched.partition(|pattern| is_dns_label(pattern));
        let shown: Vec<String> = there.iter().take(NAMES_SHOWN).map(|name| one_line(name)).collect();
        let more = if there.len() > shown.len() { " and others" } else { "" };
        let slip = |name: &str| {
            let namespace = first.metadata.namespace.as_deref().unwrap_or_default();
            let message = format!(
                "-c {name} names no container of the pods that were selected: theirs are {}{more}",
                shown.join(", ")
            );
            let failure = Failure::new(Kind::NotFound, message);
            Entry::asked_for(namespace, &format!("container/{name}"), Err(failure))
        };
        (patterns, slips.into_iter().map(slip).collect())
    }
}

/// Names of containers that a message has at most.
const NAMES_SHOWN: usize = 8;

/// Asks the API server, again where that may help.
pub struct Lister<'a> {
    /// The cluster.
    pub cluster: &'a dyn Cluster,
    /// Attempts beyond the first.
    pub retries: usize,
    /// Interrupts the run.
    pub cancel: &'a CancellationToken,
    /// Whether somebody has named the namespaces: then each of them is to have pods.
    pub named: bool,
}

impl Lister<'_> {
    /// Finds the pods of a selection, and what is needed to plan them.
    pub async fn list(&self, selection: &Selection) -> Result<Listed, Failure> {
        let mut listed = Listed::default();
        if selection.workloads.is_empty() {
            let queries = selection.queries();
            for query in &queries {
                let pods = self.pods(query).await?;
                if let (true, [_, _, ..], Some(namespace)) =
                    (pods.is_empty(), queries.as_slice(), &query.namespace)
                {
                    listed.without_pods.push(self.without_pods(namespace, selection));
                }
                listed.pods.extend(pods);
            }
        } else {
            self.resolve(selection, &mut listed).await?;
        }
        listed.pods = each_once(std::mem::take(&mut listed.pods));
        if selection.from.is_none() {
            self.read_maps(selection, &mut listed).await?;
        }
        Ok(listed)
    }

    /// One of several namespaces, in which no pod was selected: a slip, if somebody has named it.
    fn without_pods(&self, namespace: &str, selection: &Selection) -> Entry {
        let one = Selection { namespaces: Some(vec![namespace.to_owned()]), ..selection.clone() };
        let message = format!("no pod in {}, or there is no such namespace", one.describe());
        let asked = format!("namespace/{namespace}");
        if self.named {
            let message = format!("{message}: leave it out of -n if there is to be none");
            return Entry::asked_for(namespace, &asked, Err(Failure::new(Kind::NotFound, message)));
        }
        Entry::asked_for(namespace, &asked, Ok(message))
    }

    async fn resolve(&self, selection: &Selection, listed: &mut Listed) -> Result<(), Failure> {
        let namespaces = selection.namespaces.clone().unwrap_or_default();
        for workload in &selection.workloads {
            let mut found = false;
            let mut absent: Option<Failure> = None;
            for namespace in &namespaces {
                match self.pods_of(workload, namespace, selection.from.as_deref()).await {
                    Ok(Of::Pods(pods)) => {
                        found = true;
                        listed.pods.extend(pods);
                    }
                    Ok(Of::None(why) | Of::Claim(Err(why))) => {
                        found = true;
                        listed.without_pods.push(Entry::workload(namespace, workload, Ok(why)));
                    }
                    Ok(Of::Claim(Ok(verdict))) => {
                        found = true;
                        listed.without_pods.push(Entry::of_workload(namespace, workload, verdict.into()));
                    }
                    Err(failure) if failure.kind == Kind::NotFound => absent = Some(failure),
                    Err(failure) if failure.kind == Kind::Workload => {
                        found = true;
                        listed.without_pods.push(Entry::workload(namespace, workload, Err(failure)));
                    }
                    Err(failure) => return Err(failure),
                }
            }
            // It need not be in every one of several namespaces, but in one of them.
            if let (false, Some(failure), [first, others @ ..]) = (found, absent, namespaces.as_slice()) {
                let failure = if others.is_empty() {
                    failure
                } else {
                    let message = format!("there is no {workload} in any of {}", namespaces.join(", "));
                    Failure::new(Kind::NotFound, message)
                };
                listed.without_pods.push(Entry::workload(first, workload, Err(failure)));
            }
        }
        Ok(())
    }

    async fn pods_of(&self, workload: &Workload, namespace: &str, from: Option<&str>) -> Result<Of, Failure> {
        let query = |labels, fields| PodQuery { namespace: Some(namespace.to_owned()), labels, fields };
        let Some(resource) = workload.kind.resource() else {
            let pods = self.pods(&query(None, Some(format!("metadata.name={}", workload.name)))).await?;
            if pods.is_empty() {
                let message = format!("there is no {workload} in namespace {namespace}");
                return Err(Failure::new(Kind::NotFound, message));
            }
            return Ok(Of::Pods(pods));
        };
        let attempted = Attempted::Get(resource, namespace, &workload.name);
        let object = self.again(attempted, || self.cluster.get(resource, namespace, &workload.name)).await?;
        if workload.kind == WorkloadKind::Claim {
            let users = self.pods(&query(None, None)).await?;
            return Ok(Of::Claim(decide(namespace, &workload.name, &object, &users, from)));
        }
        let selectors = match pods_of(workload, &object)? {
            PodsOf::Labels(labels) => vec![labels],
            PodsOf::JobsOf(uid) => {
                let jobs = self.objects(&JOBS, namespace).await?;
                let owned = jobs_of(&uid, &jobs);
                if owned.is_empty() {
                    let why = "it has no jobs (yet, or their history limit has removed them)";
                    return Ok(Of::None(why.to_owned()));
                }
                let mut selectors = Vec::new();
                for (job, object) in owned {
                    if let PodsOf::Labels(labels) = pods_of(&job, &object)? {
                        selectors.push(labels);
                    }
                }
                selectors
            }
        };
        let mut pods = Vec::new();
        for labels in &selectors {
            pods.extend(self.pods(&query(Some(labels.clone()), None)).await?);
        }
        if pods.is_empty() {
            let replicas = object.pointer("/spec/replicas").and_then(Value::as_i64);
            let scaled = if replicas == Some(0) { " (it is scaled to 0 replicas)" } else { "" };
            let selectors = selectors.join(" or ");
            return Ok(Of::None(format!("no pod matches its selector {selectors}{scaled}")));
        }
        Ok(Of::Pods(pods))
    }

    async fn read_maps(&self, selection: &Selection, listed: &mut Listed) -> Result<(), Failure> {
        let named = selection.names_container();
        let chosen = |name: &str| selection.containers.is_empty() || named(name);
        loop {
            // One ConfigMap may lead to the next: the last of envFrom may or may not have the variable.
            let wanted = listed.maps.wanted(&listed.pods, &chosen);
            if wanted.is_empty() {
                return Ok(());
            }
            let read: BTreeMap<ConfigMapName, MapState> = futures::stream::iter(wanted)
                .map(|name| async move {
                    let state = self.map(&name).await;
                    (name, state)
                })
                .buffer_unordered(PARALLEL)
                .collect()
                .await;
            if self.cancel.is_cancelled() {
                return Err(Failure::interrupted());
            }
            for (name, state) in read {
                listed.maps.insert(name, state);
            }
        }
    }

    async fn map(&self, name: &ConfigMapName) -> MapState {
        if !name.is_sound() {
            let message = format!("\"{}\" cannot be the name of a ConfigMap", name.name);
            return MapState::Unread(Failure::new(Kind::Rejected, message));
        }
        let attempted = Attempted::Get(&CONFIG_MAPS, &name.namespace, &name.name);
        let read =
            self.again(attempted, || self.cluster.get(&CONFIG_MAPS, &name.namespace, &name.name)).await;
        match read {
            Ok(object) => MapState::of(&object),
            Err(failure) if failure.kind == Kind::NotFound => MapState::Absent,
            Err(failure) => MapState::Unread(failure),
        }
    }

    async fn pods(&self, query: &PodQuery) -> Result<Vec<Pod>, Failure> {
        let attempted = Attempted::List(query.namespace.as_deref());
        let pods = self.again(attempted, || self.cluster.list_pods(query)).await?;
        let PodQuery { namespace, labels, fields } = query;
        tracing::info!(namespace, labels, fields, pods = pods.len(), "listed pods");
        Ok(pods)
    }

    async fn objects(&self, resource: &'static Resource, namespace: &str) -> Result<Vec<Value>, Failure> {
        let attempted = Attempted::ListOf(resource, namespace);
        self.again(attempted, || self.cluster.list(resource, namespace)).await
    }

    async fn again<'a, T>(
        &self,
        attempted: Attempted<'_>,
        request: impl Fn() -> BoxFuture<'a, Result<T, RemoteError>>,
    ) -> Result<T, Failure> {
        let mut pauses = Pauses::new(self.retries);
        loop {
            let answer = tokio::select! {
                () = self.cancel.cancelled() => return Err(Failure::interrupted()),
                answer = request() => answer,
            };
            let failure = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error.failure(attempted),
            };
            let Some(pause) = pauses.next(&failure) else { return Err(failure) };
            tracing::info!(?attempted, %failure, ?pause, "again after a pause");
            tokio::select! {
                () = self.cancel.cancelled() => return Err(Failure::interrupted()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// Each pod once, though it may belong to several workloads. Of two of one name, the one that was replaced while they were
/// listed is no more: the newer is taken.
fn each_once(pods: Vec<Pod>) -> Vec<Pod> {
    let mut places = BTreeMap::new();
    let mut once: Vec<Pod> = Vec::with_capacity(pods.len());
    for pod in pods {
        let place =
            places.entry((pod.metadata.namespace.clone(), pod.metadata.name.clone())).or_insert(once.len());
        match once.get_mut(*place) {
            None => once.push(pod),
            Some(other) => {
                let (old, new) = (&other.metadata, &pod.metadata);
                if old.uid != new.uid && old.creation_timestamp <= new.creation_timestamp {
                    *other = pod;
                }
            }
        }
    }
    once
}

/// The pods of a workload in one namespace.
enum Of {
    Pods(Vec<Pod>),
    /// It is there and has none.
    None(String),
    /// It is a claim: what is done with it, or why there is nothing to do.
    Claim(Result<Verdict, String>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_two_pods_of_one_name_the_newer_is_there() {
        let pod = |name: &str, uid: &str, day: u8| -> Pod {
            let created = format!("2026-01-{day:02}T00:00:00Z");
            let metadata =
                json!({"name": name, "namespace": "shop", "uid": uid, "creationTimestamp": created});
            serde_json::from_value(json!({"metadata": metadata})).unwrap()
        };
        let uids = |pods: Vec<Pod>| -> Vec<String> {
            each_once(pods).into_iter().filter_map(|pod| pod.metadata.uid).collect()
        };
        let (old, new, other) = (pod("db-0", "a", 1), pod("db-0", "b", 2), pod("db-1", "c", 1));
        assert_eq!(uids(vec![old.clone(), other.clone(), new.clone(), old.clone()]), ["b", "c"]);
        assert_eq!(uids(vec![new, old, other]), ["b", "c"]);
    }
}
