//! The Kubernetes objects made from what a test described. Field names and types follow the API reference for
//! core/v1 Pod, as documented at kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::container::{Container, Main};
use crate::pod::{Phase, Pod};

/// What the API server adds to a pod, and what its containers are doing.
pub(crate) struct Facts<'a> {
    /// `metadata.uid`.
    pub(crate) uid: &'a str,
    /// `metadata.resourceVersion`.
    pub(crate) resource_version: u64,
    /// When it was created, and started if it has.
    pub(crate) created: Timestamp,
    /// For each container, the exit code of its first process if that has ended.
    pub(crate) exits: &'a dyn Fn(&str) -> Option<i32>,
}

/// The pod as the API shows it.
pub(crate) fn pod_object(pod: &Pod, facts: &Facts<'_>) -> Value {
    let created = timestamp(facts.created);
    let phase = phase_of(pod, facts);
    let mut metadata = json!({
        "name": pod.name,
        "namespace": pod.namespace,
        "uid": facts.uid,
        "resourceVersion": facts.resource_version.to_string(),
        "creationTimestamp": created,
    });
    if !pod.labels.is_empty() {
        metadata["labels"] = json!(pod.labels);
    }
    if !pod.annotations.is_empty() {
        metadata["annotations"] = json!(pod.annotations);
    }
    if pod.deleting {
        metadata["deletionTimestamp"] = created.clone().into();
        metadata["deletionGracePeriodSeconds"] = 30.into();
    }
    let mut spec = json!({
        "containers": pod.containers.iter().map(container_spec).collect::<Vec<_>>(),
        "restartPolicy": pod.restart_policy,
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": pod.service_account,
        "serviceAccount": pod.service_account,
        "securityContext": {},
        "schedulerName": "default-scheduler",
    });
    let sidecar = |container| {
        let mut spec = container_spec(container);
        spec["restartPolicy"] = "Always".into();
        spec
    };
    let first: Vec<Value> =
        pod.init_containers.iter().map(container_spec).chain(pod.sidecars.iter().map(sidecar)).collect();
    let has_first = !first.is_empty();
    if has_first {
        spec["initContainers"] = first.into();
    }
    let scheduled = pod.phase != Phase::Pending;
    let mut status = json!({"phase": phase.as_str(), "qosClass": "BestEffort"});
    if scheduled {
        spec["nodeName"] = pod.node.clone().into();
        status["hostIP"] = "192.0.2.1".into();
        status["podIP"] = "192.0.2.10".into();
        status["podIPs"] = json!([{"ip": "192.0.2.10"}]);
        status["startTime"] = created.clone().into();
        let ready = phase == Phase::Running
            && pod.containers.iter().all(|container| exit_of(container, facts).is_none());
        status["conditions"] = json!([
            {"type": "Initialized", "status": "True", "lastTransitionTime": created},
            {"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": created},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": created},
        ]);
        if has_first {
            let ended = |container| container_status(container, Some(0), &created);
            let running = |container| container_status(container, exit_of(container, facts), &created);
            status["initContainerStatuses"] =
                pod.init_containers.iter().map(ended).chain(pod.sidecars.iter().map(running)).collect();
        }
        status["containerStatuses"] = pod
            .containers
            .iter()
            .map(|container| container_status(container, exit_of(container, facts), &created))
            .collect();
    } else {
        status["conditions"] = json!([{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": created,
            "message": "0/1 nodes are available: 1 Insufficient cpu.",
        }]);
    }
    let mut object = json!({
        "kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": status,
    });
    if let Some(patch) = &pod.overlay {
        merge_patch(&mut object, patch);
    }
    object
}

/// The phase that the kubelet would report: what the test said, until all containers have ended for good.
fn phase_of(pod: &Pod, facts: &Facts<'_>) -> Phase {
    if pod.phase != Phase::Running || pod.restart_policy == "Always" || pod.containers.is_empty() {
        return pod.phase;
    }
    let exits: Option<Vec<i32>> = pod.containers.iter().map(|container| exit_of(container, facts)).collect();
    match exits {
        Some(codes) if codes.iter().all(|code| *code == 0) => Phase::Succeeded,
        Some(_) if pod.restart_policy == "Never" => Phase::Failed,
        _ => Phase::Running,
    }
}

fn exit_of(container: &Container, facts: &Facts<'_>) -> Option<i32> {
    match container.main {
        Main::Exited(code) => Some(code.into()),
        _ => (facts.exits)(&container.name),
    }
}

fn container_spec(container: &Container) -> Value {
    let mut spec = json!({
        "name": container.name,
        "image": container.image,
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    });
    if !container.env.is_empty() {
        spec["env"] =
            container.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    }
    if let Some(patch) = &container.overlay {
        merge_patch(&mut spec, patch);
    }
    spec
}

fn container_status(container: &Container, exit: Option<i32>, since: &str) -> Value {
    // Made from the name, in the form of a real one: 64 hexadecimal digits.
    let mut hasher = DefaultHasher::new();
    container.name.hash(&mut hasher);
    let id = format!("containerd://{}", format!("{:016x}", hasher.finish()).repeat(4));
    let state = match exit {
        None => json!({"running": {"startedAt": since}}),
        Some(code) => json!({"terminated": {
            "exitCode": code,
            "reason": if code == 0 { "Completed" } else { "Error" },
            "startedAt": since, "finishedAt": since, "containerID": id,
        }}),
    };
    json!({
        "name": container.name,
        "image": container.image,
        "imageID": format!("{}@sha256:{:0>64}", container.image, ""),
        "containerID": id,
        "ready": exit.is_none(),
        "started": exit.is_none(),
        "restartCount": container.restart_count,
        "state": state,
        "lastState": {},
    })
}

/// A time as `metav1.Time` is written: whole seconds, UTC.
pub(crate) fn timestamp(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).map_or_else(|_| time.to_string(), |whole| whole.to_string())
}

/// Applies a JSON merge patch (RFC 7386).
pub(crate) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(fields) = target {
        for (key, change) in changes {
            if change.is_null() {
                fields.remove(key);
            } else {
                merge_patch(fields.entry(key.clone()).or_insert(Value::Null), change);
            }
        }
    }
}
