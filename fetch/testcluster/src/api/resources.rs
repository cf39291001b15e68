//! Everything that is answered with one object: version, discovery, namespaces, objects by name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::status::Status;
use crate::resource::{OTHERS, PODS, Resource};
use crate::state::{Inner, State};

/// The server's version, k8s.io/apimachinery pkg/version `Info`.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.2", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-06-10T00:00:00Z", "goVersion": "go1.26.4", "compiler": "gc", "platform": "linux/amd64",
    })
}

/// The discovery documents.
pub(super) fn discovery(what: &str) -> Value {
    let resource = |name: &str, kind: &str, namespaced: bool, verbs: &[&str]| json!({"name": name, "singularName": kind.to_lowercase(), "namespaced": namespaced, "kind": kind, "verbs": verbs});
    match what {
        "api" => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
        }),
        "apis" => {
            let groups = ["apps", "batch"].map(|group| {
                let version = json!({"groupVersion": format!("{group}/v1"), "version": "v1"});
                json!({"name": group, "versions": [version], "preferredVersion": version})
            });
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        group => {
            let mut resources: Vec<Value> = std::iter::once(&PODS)
                .chain(&OTHERS)
                .filter(|known| known.group == group)
                .map(|known| resource(known.plural, known.kind, true, &["get", "list"]))
                .collect();
            if group.is_empty() {
                resources.push(resource("namespaces", "Namespace", false, &["get", "list"]));
                resources.push(resource("pods/exec", "PodExecOptions", true, &["create", "get"]));
            }
            let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
            json!({"kind": "APIResourceList", "groupVersion": version, "resources": resources})
        }
    }
}

fn namespace_object(name: &str) -> Value {
    json!({
        "kind": "Namespace", "apiVersion": "v1",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}, "resourceVersion": "1"},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    })
}

/// `default`, and each namespace that holds something.
fn namespace_names(inner: &Inner) -> BTreeSet<String> {
    let of_pods = inner.pods.keys().map(|(namespace, _)| namespace.clone());
    let of_objects = inner.objects.keys().map(|(_, namespace, _)| namespace.clone());
    of_pods.chain(of_objects).chain(["default".to_owned()]).collect()
}

pub(super) fn namespaces(state: &State) -> Value {
    let inner = state.lock();
    let items: Vec<Value> = namespace_names(&inner).iter().map(|name| namespace_object(name)).collect();
    json!({
        "kind": "NamespaceList", "apiVersion": "v1",
        "metadata": {"resourceVersion": inner.resource_version.to_string()}, "items": items,
    })
}

pub(super) fn namespace(state: &State, name: &str) -> Result<Value, Status> {
    if namespace_names(&state.lock()).contains(name) {
        Ok(namespace_object(name))
    } else {
        Err(Status::not_found("namespaces", name))
    }
}

pub(super) fn object(
    state: &State,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<Value, Status> {
    let object = state.lock().object(resource, namespace, name);
    object.ok_or_else(|| Status::not_found_in(resource.group, resource.plural, name))
}
