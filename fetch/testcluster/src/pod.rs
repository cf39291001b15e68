//! A pod as a test describes it. The Kubernetes object that clients see is made from it by `store`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::container::Container;

/// Where a pod stands in its life, as `status.phase` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Accepted but not yet scheduled: no node, no container has started.
    Pending,
    /// Bound to a node, its containers started.
    #[default]
    Running,
    /// All containers ended with exit code 0.
    Succeeded,
    /// All containers ended, at least one of them with another exit code.
    Failed,
}

impl Phase {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// A pod to be served: a builder with the fields that clients look at.
#[derive(Debug, Clone)]
pub struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) node: String,
    pub(crate) phase: Phase,
    pub(crate) restart_policy: String,
    pub(crate) service_account: String,
    pub(crate) deleting: bool,
    pub(crate) init_containers: Vec<Container>,
    /// Init containers that run on beside the others.
    pub(crate) sidecars: Vec<Container>,
    pub(crate) containers: Vec<Container>,
    pub(crate) overlay: Option<Value>,
}

impl Pod {
    /// A running pod without labels or containers, on the node `node-1`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            node: "node-1".into(),
            phase: Phase::Running,
            restart_policy: "Always".into(),
            service_account: "default".into(),
            deleting: false,
            init_containers: Vec::new(),
            sidecars: Vec::new(),
            containers: Vec::new(),
            overlay: None,
        }
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Adds an annotation.
    #[must_use]
    pub fn annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(key.into(), value.into());
        self
    }

    /// The node it runs on (`spec.nodeName`); a pending pod has none whatever is said here.
    #[must_use]
    pub fn node(mut self, node: impl Into<String>) -> Self {
        self.node = node.into();
        self
    }

    /// Its phase. Only a running pod has processes.
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// `spec.restartPolicy`: `Always` (the default), `OnFailure` or `Never`. Recorded only: see the crate's list of
    /// what is not modelled.
    #[must_use]
    pub fn restart_policy(mut self, policy: impl Into<String>) -> Self {
        self.restart_policy = policy.into();
        self
    }

    /// `spec.serviceAccountName`; `default` when not said.
    #[must_use]
    pub fn service_account(mut self, name: impl Into<String>) -> Self {
        self.service_account = name.into();
        self
    }

    /// Marks the pod as being deleted: it has a `metadata.deletionTimestamp` and still runs.
    #[must_use]
    pub fn deleting(mut self, deleting: bool) -> Self {
        self.deleting = deleting;
        self
    }

    /// Adds a container.
    #[must_use]
    pub fn container(mut self, container: Container) -> Self {
        self.containers.push(container);
        self
    }

    /// Adds an init container. It is shown as completed and has no process.
    #[must_use]
    pub fn init_container(mut self, container: Container) -> Self {
        self.init_containers.push(container);
        self
    }

    /// Adds a sidecar as Kubernetes itself knows it: an init container with the restart policy `Always`, which runs on beside
    /// the others.
    #[must_use]
    pub fn sidecar(mut self, container: Container) -> Self {
        self.sidecars.push(container);
        self
    }

    /// Fields laid over the pod object as a JSON merge patch (RFC 7386), for what has no method here: owner
    /// references, volumes, conditions.
    #[must_use]
    pub fn overlay(mut self, patch: Value) -> Self {
        self.overlay = Some(patch);
        self
    }

    /// The containers that have processes.
    pub(crate) fn with_processes(&self) -> impl Iterator<Item = &Container> {
        self.sidecars.iter().chain(&self.containers)
    }

    /// The same, to be changed.
    pub(crate) fn with_processes_mut(&mut self) -> impl Iterator<Item = &mut Container> {
        self.sidecars.iter_mut().chain(&mut self.containers)
    }

    /// All containers but ephemeral ones.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(self.with_processes())
    }

    /// `namespace/name`.
    pub(crate) fn key(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
}
