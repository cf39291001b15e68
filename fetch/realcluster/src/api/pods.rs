//! Pods made and deleted by clients, and the claims that they may mount.

use std::sync::Arc;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Answer, list, object, status};
use crate::cluster::{State, make, remove};
use crate::error::Error;

/// Bytes of a pod's object.
const MOST: usize = 1 << 20;

/// Makes a pod.
pub(super) async fn create(state: &Arc<State>, namespace: &str, request: Request<Incoming>) -> Answer {
    let bad = |message: &str| status(StatusCode::BAD_REQUEST, "BadRequest", message);
    let Ok(body) = Limited::new(request.into_body(), MOST).collect().await else { return bad("no body") };
    let Ok(pod) = serde_json::from_slice::<Value>(&body.to_bytes()) else { return bad("no JSON") };
    let Some(name) = pod["metadata"]["name"].as_str().map(str::to_owned) else { return bad("no name") };
    match make(state, namespace, pod) {
        Ok(()) => list::one(state, namespace, &name).await,
        Err(error) => status(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &error.to_string()),
    }
}

/// Deletes a pod; a real one would be listed until it is dead.
pub(super) async fn delete(state: &State, namespace: &str, name: &str) -> Answer {
    let answer = list::one(state, namespace, name).await;
    match remove(state, namespace, name).await {
        // Who is not there has been answered by then: not found.
        Ok(()) | Err(Error::Unknown(_)) => answer,
        Err(error) => status(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &error.to_string()),
    }
}

/// A claim, which is bound if it has a volume.
pub(super) fn claim(state: &State, namespace: &str, name: &str) -> Answer {
    if !state.claims(namespace).join(name).is_dir() {
        let message = format!("persistentvolumeclaims {name:?} not found");
        return status(StatusCode::NOT_FOUND, "NotFound", &message);
    }
    let claim = json!({
        "kind": "PersistentVolumeClaim", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"},
        "status": {"phase": "Bound"},
    });
    object(StatusCode::OK, &claim)
}
