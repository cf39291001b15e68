//! Everything that is answered with one object: version, discovery, namespaces, a pod, a ConfigMap.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::status::Status;
use crate::state::{Inner, State};

/// The server's version, k8s.io/apimachinery pkg/version `Info`.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": "v1.36.2", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-06-10T00:00:00Z", "goVersion": "go1.26.4", "compiler": "gc", "platform": "linux/amd64",
    })
}

/// The discovery documents: the core group only.
pub(super) fn discovery(what: &str) -> Value {
    let resource = |name: &str, kind: &str, namespaced: bool, verbs: &[&str]| json!({"name": name, "singularName": kind.to_lowercase(), "namespaced": namespaced, "kind": kind, "verbs": verbs});
    match what {
        "api" => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
        }),
        "apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}),
        _ => json!({
            "kind": "APIResourceList", "groupVersion": "v1",
            "resources": [
                resource("configmaps", "ConfigMap", true, &["get"]),
                resource("namespaces", "Namespace", false, &["get", "list"]),
                resource("pods", "Pod", true, &["get", "list"]),
                resource("pods/exec", "PodExecOptions", true, &["create", "get"]),
            ],
        }),
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
    let used = inner.pods.keys().chain(inner.config_maps.keys()).map(|(namespace, _)| namespace.clone());
    used.chain(["default".to_owned()]).collect()
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

pub(super) fn pod(state: &State, namespace: &str, name: &str) -> Result<Value, Status> {
    let inner = state.lock();
    let record = inner.pods.get(&(namespace.to_owned(), name.to_owned()));
    record.map(crate::state::Record::object).ok_or_else(|| Status::not_found("pods", name))
}

pub(super) fn config_map(state: &State, namespace: &str, name: &str) -> Result<Value, Status> {
    let inner = state.lock();
    let data = inner.config_maps.get(&(namespace.to_owned(), name.to_owned()));
    let data = data.ok_or_else(|| Status::not_found("configmaps", name))?;
    Ok(json!({
        "kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "resourceVersion": "1"},
        "data": data,
    }))
}
