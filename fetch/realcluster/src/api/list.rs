//! Pods as the API lists them; how their containers do is asked of containerd each time.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, object, status};
use crate::cluster::{Ephemeral, Progress, Running, Started, State};
use crate::cri::messages::{ContainerState, ContainerStatus};
use crate::error::Error;
use crate::pod::{Container, Pod, Rights, Stage};

/// Answers a list of one namespace or of all.
pub(super) async fn pods(state: &State, namespace: Option<&str>, query: Option<&str>) -> Answer {
    let (mut wanted, mut name) = (Vec::new(), None);
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let labels = || value.split(',').map(|pair| pair.split_once('=')).collect::<Option<Vec<_>>>();
        match (key.as_ref(), value.split_once('=')) {
            ("labelSelector", Some(_)) if labels().is_some_and(|all| all.iter().all(is_plain_pair)) => {
                let pairs = labels().unwrap_or_default();
                wanted.extend(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            ("fieldSelector", Some(("metadata.name", value))) if is_plain(value) => {
                name = Some(value.to_owned());
            }
            ("limit", _) => {}
            _ => {
                let message = format!(
                    "only labelSelector=NAME=VALUE,... and fieldSelector=metadata.name=NAME are served here, not {key}={value}"
                );
                return status(StatusCode::BAD_REQUEST, "BadRequest", &message);
            }
        }
    }
    let matching: Vec<Running> = state
        .pods()
        .values()
        .filter(|running| namespace.is_none_or(|namespace| running.pod.namespace == namespace))
        .filter(|running| name.as_ref().is_none_or(|name| running.pod.name == *name))
        .filter(|running| wanted.iter().all(|(name, value)| running.pod.labels.get(name) == Some(value)))
        .cloned()
        .collect();
    let mut items = Vec::new();
    for running in &matching {
        match pod(state, running).await {
            Ok(item) => items.push(item),
            Err(error) => {
                return status(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &error.to_string());
            }
        }
    }
    let list =
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items});
    object(StatusCode::OK, &list)
}

/// Answers with one pod.
pub(super) async fn one(state: &State, namespace: &str, name: &str) -> Answer {
    let running = state.pods().get(&(namespace.to_owned(), name.to_owned())).cloned();
    let Some(running) = running else {
        return status(StatusCode::NOT_FOUND, "NotFound", &format!("pods {name:?} not found"));
    };
    match pod(state, &running).await {
        Ok(mut item) => {
            item["kind"] = "Pod".into();
            item["apiVersion"] = "v1".into();
            object(StatusCode::OK, &item)
        }
        Err(error) => status(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &error.to_string()),
    }
}

fn is_plain_pair((name, value): &(&str, &str)) -> bool {
    is_plain(name) && is_plain(value)
}

/// Whether a part of a selector is a name or a value rather than an operator.
fn is_plain(text: &str) -> bool {
    !text.contains(['=', '!', ',', '(', ' '])
}

async fn pod(state: &State, running: &Running) -> Result<Value, Error> {
    let pod = &running.pod;
    if let (Some(made), Some(container)) = (&running.made, running.ephemeral.first()) {
        let mut item = made.clone();
        item["metadata"]["namespace"] = pod.namespace.clone().into();
        item["metadata"]["uid"] = running.uid.clone().into();
        let status = ephemeral_status(state, container).await?;
        let phase = if status["state"]["running"].is_null() { "Pending" } else { "Running" };
        item["status"] = json!({"phase": phase, "containerStatuses": [status]});
        return Ok(item);
    }
    let (mut statuses, mut init_statuses) = (Vec::new(), Vec::new());
    let mut ends = Vec::new();
    for (container, started) in pod.containers.iter().zip(&running.containers) {
        let status = state.runtime.status(&started.id).await?;
        let shown = container_status(pod, container, started, &status);
        if container.stage != Stage::Beside {
            init_statuses.push(shown);
            continue;
        }
        statuses.push(shown);
        ends.push((status.state(), status.exit_code));
    }
    let mut ephemeral = Vec::new();
    for added in &running.ephemeral {
        ephemeral.push(ephemeral_status(state, added).await?);
    }
    let ended = |(state, _): &(ContainerState, i32)| *state == ContainerState::Exited;
    let phase = match ends.iter().all(ended) {
        true if ends.iter().all(|(_, code)| *code == 0) => "Succeeded",
        true => "Failed",
        false => "Running",
    };
    let volumes: std::collections::BTreeSet<&String> =
        pod.containers.iter().flat_map(|container| container.volumes.keys()).collect();
    let specs = |beside: bool| {
        let of = pod.containers.iter().filter(|container| (container.stage == Stage::Beside) == beside);
        of.map(spec).collect::<Vec<_>>()
    };
    Ok(json!({
        "metadata": {
            "name": pod.name, "namespace": pod.namespace, "uid": running.uid, "labels": pod.labels,
        },
        "spec": {
            "nodeName": "node-0",
            "hostNetwork": true,
            "shareProcessNamespace": pod.shared_processes,
            "volumes": volumes.iter().map(|name| volume(pod, name)).collect::<Vec<_>>(),
            "initContainers": specs(false),
            "containers": specs(true),
            "ephemeralContainers": running.ephemeral.iter().map(|added| &added.spec).collect::<Vec<_>>(),
        },
        "status": {
            "phase": phase, "containerStatuses": statuses, "initContainerStatuses": init_statuses,
            "ephemeralContainerStatuses": ephemeral,
        },
    }))
}

fn volume(pod: &Pod, name: &str) -> Value {
    match pod.claims.get(name) {
        Some(claim) => json!({"name": name, "persistentVolumeClaim": {"claimName": claim}}),
        None => json!({"name": name, "emptyDir": {}}),
    }
}

fn spec(container: &Container) -> Value {
    let env = container.environment.iter().map(|(name, value)| json!({"name": name, "value": value}));
    let mounts = container.volumes.iter().map(|(name, path)| json!({"name": name, "mountPath": path}));
    let security = match container.rights {
        Rights::Root | Rights::OfImage(_) => json!({}),
        Rights::Nonroot(id) => json!({"runAsUser": id, "runAsGroup": id, "runAsNonRoot": true}),
        Rights::Restricted(id) => json!({
            "runAsUser": id, "runAsGroup": id, "runAsNonRoot": true, "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }),
    };
    let policy = if container.stage == Stage::Sidecar { "Always".into() } else { Value::Null };
    json!({
        "name": container.name,
        "restartPolicy": policy,
        "image": container.image,
        "command": container.command,
        "env": env.collect::<Vec<_>>(),
        "volumeMounts": mounts.collect::<Vec<_>>(),
        "securityContext": security,
    })
}

/// The state of a container that was started.
fn state_of(status: &ContainerStatus) -> Value {
    match status.state() {
        ContainerState::Running => {
            let since = jiff::Timestamp::from_nanosecond(status.started_at.into());
            json!({"running": {"startedAt": since.map(|since| since.to_string()).ok()}})
        }
        ContainerState::Exited => {
            json!({"terminated": {"exitCode": status.exit_code, "reason": status.reason}})
        }
        _ => json!({"waiting": {"reason": "ContainerCreating"}}),
    }
}

async fn ephemeral_status(state: &State, added: &Ephemeral) -> Result<Value, Error> {
    let (id, state) = match &added.progress {
        Progress::Creating => ("", json!({"waiting": {"reason": "ContainerCreating"}})),
        Progress::Stuck(reason, message) => ("", json!({"waiting": {"reason": reason, "message": message}})),
        Progress::Started(id) => (id.as_str(), state_of(&state.runtime.status(id).await?)),
    };
    Ok(json!({
        "name": added.name(),
        "image": added.spec["image"],
        "imageID": "",
        "containerID": format!("containerd://{id}"),
        "restartCount": 0,
        "ready": false,
        "state": state,
    }))
}

fn container_status(pod: &Pod, container: &Container, started: &Started, status: &ContainerStatus) -> Value {
    let user = match (pod.tells_users, container.rights) {
        (false, _) => Value::Null,
        (true, Rights::Root) => json!({"linux": {"uid": 0, "gid": 0}}),
        (true, Rights::Nonroot(id) | Rights::Restricted(id) | Rights::OfImage(id)) => {
            json!({"linux": {"uid": id, "gid": id}})
        }
    };
    let state = state_of(status);
    let running = status.state() == ContainerState::Running;
    json!({
        "name": container.name,
        "image": container.image,
        "imageID": status.image_ref,
        "containerID": format!("containerd://{}", started.id),
        "restartCount": started.restarts,
        "ready": running,
        "started": running,
        "state": state,
        "user": user,
    })
}
