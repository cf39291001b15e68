//! What the cluster knows: pods and their processes, planned faults, and the requests it has answered.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use tokio_util::task::TaskTracker;

use crate::access::Access;
use crate::api::status::Failure;
use crate::ephemeral::Ephemeral;
use crate::error::Error;
use crate::fault::{Fault, Planned, PlannedList, Times};
use crate::link::Link;
use crate::object::{Facts, pod_object};
use crate::pod::{Phase, Pod};
use crate::request_log::LoggedRequest;
use crate::resource::{Object, PODS, Resource};
use crate::runtime::{Node, Running};

/// The name of a pod: its namespace and its name.
pub(crate) type PodKey = (String, String);

/// Shared by the server's tasks and the test's handle.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) node: Node,
    pub(crate) access: Access,
    /// The version of containerd that the node pretends to run; it shows in the Status of v4 sessions.
    pub(crate) containerd: u8,
    pub(crate) link: Arc<Link>,
    /// Everything that waits for an exec'd process.
    pub(crate) tasks: TaskTracker,
    inner: Mutex<Inner>,
}

/// What changes while the cluster runs.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) pods: BTreeMap<PodKey, Record>,
    /// By resource, namespace and name.
    pub(crate) objects: BTreeMap<(&'static str, String, String), Object>,
    pub(crate) resource_version: u64,
    /// Lists that were begun in pages, by resource and its version: what a continue token refers to.
    pub(crate) snapshots: BTreeMap<(&'static str, u64), Arc<Vec<Value>>>,
    pub(crate) faults: Vec<Planned>,
    pub(crate) list_faults: Vec<PlannedList>,
    pub(crate) forward_faults: Vec<(PodKey, Failure, Times)>,
    /// The volumes of claims, by namespace and name.
    pub(crate) claims: BTreeMap<PodKey, PathBuf>,
    /// What containers that clients make can be made of, by name; see [`ClusterBuilder::image`](crate::ClusterBuilder::image).
    pub(crate) images: BTreeMap<String, Option<Vec<String>>>,
    pub(crate) log: Vec<LoggedRequest>,
}

/// A pod with its processes.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) pod: Pod,
    uid: String,
    resource_version: u64,
    created: Timestamp,
    /// By container name; none for containers that have ended or never started.
    pub(crate) running: BTreeMap<String, Arc<Running>>,
    pub(crate) ephemeral: Vec<Ephemeral>,
}

impl State {
    pub(crate) fn new(node: Node, access: Access, containerd: u8, link: Link) -> Self {
        let inner = Inner { resource_version: 1000, ..Inner::default() };
        Self {
            node,
            access,
            containerd,
            link: Arc::new(link),
            tasks: TaskTracker::new(),
            inner: Mutex::new(inner),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the processes of pods and adds the pods. All are started before the first is waited for.
    pub(crate) fn add_pods(&self, pods: Vec<Pod>) -> Result<(), Error> {
        let mut seen: std::collections::BTreeSet<PodKey> = self.lock().pods.keys().cloned().collect();
        for pod in &pods {
            if !seen.insert(pod.key()) {
                return Err(Error::Duplicate(format!("pod {}/{}", pod.namespace, pod.name)));
            }
            let mut names = std::collections::BTreeSet::new();
            for container in pod.all() {
                if !names.insert(&container.name) {
                    let name = format!("container {}/{}/{}", pod.namespace, pod.name, container.name);
                    return Err(Error::Duplicate(name));
                }
            }
        }
        let mut started = Started { state: self, pods: Vec::new() };
        for pod in pods {
            started.pods.push((pod, BTreeMap::new()));
            let Some((pod, running)) = started.pods.last_mut() else { continue };
            if pod.phase != Phase::Running {
                continue;
            }
            for container in pod.with_processes() {
                let label = format!("{}/{}/{}", pod.namespace, pod.name, container.name);
                if let Some(process) = self.node.start(&label, container)? {
                    running.insert(container.name.clone(), Arc::new(process));
                }
            }
        }
        for (_, running) in &started.pods {
            running.values().try_for_each(|process| process.wait_ready())?;
        }
        let mut inner = self.lock();
        for (pod, running) in started.pods.drain(..) {
            inner.resource_version += 1;
            let resource_version = inner.resource_version;
            let uid = format!("00000000-0000-4000-8000-{resource_version:012}");
            let record = Record {
                uid,
                resource_version,
                created: Timestamp::now(),
                running,
                pod,
                ephemeral: Vec::new(),
            };
            inner.pods.insert(record.pod.key(), record);
        }
        Ok(())
    }

    /// Takes a pod away and kills its processes.
    pub(crate) fn remove_pod(&self, key: &PodKey) -> Result<(), Error> {
        let mut inner = self.lock();
        let record =
            inner.pods.remove(key).ok_or_else(|| Error::NotFound(format!("pod {}/{}", key.0, key.1)))?;
        inner.resource_version += 1;
        drop(inner);
        record.running.values().for_each(|process| self.node.stop(process));
        Ok(())
    }

    /// Changes what is said of a pod; its processes stay as they are.
    pub(crate) fn change_pod(&self, key: &PodKey, change: impl FnOnce(Pod) -> Pod) -> Result<(), Error> {
        let mut inner = self.lock();
        let version = inner.resource_version + 1;
        let record =
            inner.pods.get_mut(key).ok_or_else(|| Error::NotFound(format!("pod {}/{}", key.0, key.1)))?;
        let changed = change(record.pod.clone());
        record.pod = Pod { namespace: key.0.clone(), name: key.1.clone(), ..changed };
        record.resource_version = version;
        inner.resource_version = version;
        Ok(())
    }

    /// Ends a container's processes if there are any, and starts its first process anew.
    pub(crate) fn restart(&self, key: &PodKey, container: &str) -> Result<(), Error> {
        let label = format!("{}/{}/{container}", key.0, key.1);
        let missing = || Error::NotFound(format!("container {label}"));
        let (spec, old) = {
            let mut inner = self.lock();
            let record = inner.pods.get_mut(key).ok_or_else(missing)?;
            let spec = record.pod.with_processes_mut().find(|spec| spec.name == container);
            (spec.ok_or_else(missing)?.clone(), record.running.remove(container))
        };
        if let Some(old) = old {
            self.node.stop(&old);
        }
        let fresh = self.node.start(&label, &spec)?.map(Arc::new);
        if let Some(fresh) = &fresh
            && let Err(error) = fresh.wait_ready()
        {
            self.node.stop(fresh);
            return Err(error);
        }
        let mut inner = self.lock();
        inner.resource_version += 1;
        let version = inner.resource_version;
        match (inner.pods.get_mut(key), fresh) {
            (Some(record), fresh) => {
                record.resource_version = version;
                for spec in record.pod.with_processes_mut().filter(|spec| spec.name == container) {
                    spec.restart_count += 1;
                }
                record.running.extend(fresh.map(|fresh| (container.to_owned(), fresh)));
                Ok(())
            }
            // The pod was deleted meanwhile.
            (None, fresh) => {
                drop(inner);
                if let Some(fresh) = fresh {
                    self.node.stop(&fresh);
                }
                Err(missing())
            }
        }
    }

    /// The running container of that name.
    pub(crate) fn running(&self, key: &PodKey, container: &str) -> Result<Arc<Running>, Error> {
        let missing = || Error::NotFound(format!("a process of {}/{}/{container}", key.0, key.1));
        let inner = self.lock();
        inner.pods.get(key).and_then(|record| record.running.get(container)).cloned().ok_or_else(missing)
    }

    /// Takes the faults that apply to the next exec in a container.
    pub(crate) fn take_faults(&self, key: &PodKey, container: &str) -> Vec<Fault> {
        let mut inner = self.lock();
        let applies = |planned: &Planned| {
            let here = planned.namespace == key.0 && planned.pod == key.1;
            (here || planned.pod.is_empty())
                && planned.container.as_deref().is_none_or(|name| name == container)
        };
        inner
            .faults
            .iter_mut()
            .filter(|planned| applies(planned))
            .filter_map(|planned| planned.times.take().then(|| planned.fault.clone()))
            .collect()
    }

    /// Takes the fault that applies to the next connection to a port of a pod.
    pub(crate) fn take_forward_fault(&self, key: &PodKey) -> Option<Failure> {
        let mut inner = self.lock();
        let mut faults = inner.forward_faults.iter_mut().filter(|(of, _, _)| of == key);
        faults.find_map(|(_, failure, times)| times.take().then(|| failure.clone()))
    }

    /// Kills all processes of all pods.
    pub(crate) fn stop_all(&self) {
        let pods = std::mem::take(&mut self.lock().pods);
        for process in pods.values().flat_map(|record| record.running.values()) {
            self.node.stop(process);
        }
    }
}

impl Inner {
    /// Adds an object, or puts it in the place of the one with its name.
    pub(crate) fn put(&mut self, object: Object) {
        self.resource_version += 1;
        let key = (object.resource.plural, object.namespace.clone(), object.name.clone());
        self.objects.insert(key, object);
    }

    /// All objects of a resource as they are now.
    pub(crate) fn objects_of(&self, resource: &Resource) -> Vec<Value> {
        if *resource == PODS {
            return self.pods.values().map(Record::object).collect();
        }
        self.objects.values().filter(|object| object.resource == resource).map(Object::to_json).collect()
    }

    /// One object as it is now.
    pub(crate) fn object(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Value> {
        if *resource == PODS {
            return self.pods.get(&(namespace.to_owned(), name.to_owned())).map(Record::object);
        }
        let mut found = self.objects.values().filter(|object| object.resource == resource);
        found.find(|object| object.namespace == namespace && object.name == name).map(Object::to_json)
    }
}

impl Record {
    /// The pod's object as of now.
    pub(crate) fn object(&self) -> Value {
        let exits = |name: &str| self.running.get(name).and_then(|process| process.exit_code());
        let mut object = pod_object(
            &self.pod,
            &Facts {
                uid: &self.uid,
                resource_version: self.resource_version,
                created: self.created,
                exits: &exits,
            },
        );
        if !self.ephemeral.is_empty() {
            let specs: Vec<&Value> = self.ephemeral.iter().map(|added| &added.spec).collect();
            object["spec"]["ephemeralContainers"] = serde_json::json!(specs);
            let status = |added: &Ephemeral| added.status(exits(added.name()));
            object["status"]["ephemeralContainerStatuses"] = self.ephemeral.iter().map(status).collect();
        }
        object
    }
}

/// Pods whose processes have been started but which are not yet part of the cluster: stopped if they never will be.
struct Started<'a> {
    state: &'a State,
    pods: Vec<(Pod, BTreeMap<String, Arc<Running>>)>,
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        for process in self.pods.iter().flat_map(|(_, running)| running.values()) {
            self.state.node.stop(process);
        }
    }
}
