//! The kinds of namespaced objects that are served, and objects other than pods as a test describes them.
//!
//! Plural names, groups and versions as in the API reference (kubernetes.io/docs/reference/kubernetes-api).

use serde_json::{Value, json};

use crate::object::merge_patch;
use crate::selector::Fields;

/// A kind of object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// As in paths.
    pub(crate) plural: &'static str,
    /// As in objects.
    pub(crate) kind: &'static str,
    /// Empty for the core group.
    pub(crate) group: &'static str,
    /// What field selectors may name.
    pub(crate) fields: Fields,
}

const fn resource(plural: &'static str, kind: &'static str, group: &'static str) -> Resource {
    Resource { plural, kind, group, fields: Fields::Meta }
}

/// Pods, which are made from [`Pod`](crate::Pod).
pub(crate) static PODS: Resource = Resource { plural: "pods", kind: "Pod", group: "", fields: Fields::Pod };

/// The others, which are what a test says they are.
pub(crate) static OTHERS: [Resource; 9] = [
    resource("configmaps", "ConfigMap", ""),
    resource("services", "Service", ""),
    resource("persistentvolumeclaims", "PersistentVolumeClaim", ""),
    resource("daemonsets", "DaemonSet", "apps"),
    resource("deployments", "Deployment", "apps"),
    resource("replicasets", "ReplicaSet", "apps"),
    resource("statefulsets", "StatefulSet", "apps"),
    resource("cronjobs", "CronJob", "batch"),
    resource("jobs", "Job", "batch"),
];

impl Resource {
    /// The resource of a path; all of them are of version `v1`.
    pub(crate) fn of(group: &str, plural: &str) -> Option<&'static Self> {
        std::iter::once(&PODS).chain(&OTHERS).find(|known| known.group == group && known.plural == plural)
    }

    /// The resource of a kind.
    pub(crate) fn of_kind(kind: &str) -> Option<&'static Self> {
        OTHERS.iter().find(|known| known.kind == kind)
    }

    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", self.group) }
    }
}

/// An object other than a pod: a workload, a Service, a ConfigMap.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    pub(crate) resource: &'static Resource,
    pub(crate) namespace: String,
    pub(crate) name: String,
    body: Value,
}

impl Object {
    /// An object of a kind (`Deployment`, `StatefulSet`, `DaemonSet`, `ReplicaSet`, `Job`, `CronJob`, `Service`,
    /// `ConfigMap`, `PersistentVolumeClaim`) with the fields of `body` (`spec`, `data`, `metadata.ownerReferences`, ...). Nothing is made of it:
    /// no controller runs. `None` if the kind is not served.
    pub fn new(
        kind: &str,
        namespace: impl Into<String>,
        name: impl Into<String>,
        body: Value,
    ) -> Option<Self> {
        let resource = Resource::of_kind(kind)?;
        Some(Self { resource, namespace: namespace.into(), name: name.into(), body })
    }

    /// The uid that the object has unless its body gives another: what the `ownerReferences` of others name.
    pub fn uid(&self) -> String {
        format!("{}/{}/{}", self.resource.plural, self.namespace, self.name)
    }

    /// As the API shows it.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = json!({
            "kind": self.resource.kind, "apiVersion": self.resource.api_version(),
            "metadata": {
                "name": self.name, "namespace": self.namespace, "uid": self.uid(), "resourceVersion": "1",
            },
        });
        merge_patch(&mut object, &self.body);
        object
    }
}
