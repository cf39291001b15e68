//! `PATCH pods/NAME/ephemeralcontainers`, as `kubectl debug` and others send it: a strategic merge patch that adds some.

use std::sync::Arc;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::{Answer, list, security, status};
use crate::cluster::{Ephemeral, Progress, State, position, start_ephemeral};

/// Bytes of a patch.
const MOST: usize = 1 << 20;

/// Adds what the patch names; an entry that is there already must be the same.
pub(super) async fn patch(
    state: &Arc<State>,
    namespace: &str,
    pod: &str,
    request: Request<Incoming>,
) -> Answer {
    let bad = |message: &str| status(StatusCode::BAD_REQUEST, "BadRequest", message);
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    if kind != Some("application/strategic-merge-patch+json") {
        return status(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", "a strategic merge patch");
    }
    let Ok(body) = Limited::new(request.into_body(), MOST).collect().await else { return bad("no body") };
    let Ok(patch) = serde_json::from_slice::<Value>(&body.to_bytes()) else { return bad("no JSON") };
    let Some(wanted) = patch.pointer("/spec/ephemeralContainers").and_then(Value::as_array) else {
        return bad("nothing but spec.ephemeralContainers is served here");
    };
    let key = (namespace.to_owned(), pod.to_owned());
    let mut added = Vec::new();
    {
        let mut pods = state.pods();
        let Some(running) = pods.get_mut(&key) else {
            return status(StatusCode::NOT_FOUND, "NotFound", &format!("pods {pod:?} not found"));
        };
        for spec in wanted {
            let invalid = |why: &str| {
                let message = format!("Pod {pod:?} is invalid: spec.ephemeralContainers: {why}");
                status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", &message)
            };
            let fresh = Ephemeral { spec: spec.clone(), progress: Progress::Creating };
            if fresh.name().is_empty() || position(running, fresh.name()).is_ok() {
                return invalid("a name of its own is required");
            }
            if let Some(held) = running.ephemeral.iter().find(|held| held.name() == fresh.name()) {
                if held.spec == fresh.spec {
                    continue;
                }
                return invalid("Forbidden: existing ephemeral containers may not be changed");
            }
            if let Some(target) = spec["targetContainerName"].as_str()
                && position(running, target).is_err()
            {
                return invalid("targetContainerName: Not found");
            }
            if let Some(why) = security::violation(running.pod.standard, spec) {
                let message = format!("pods {pod:?} is forbidden: {why}");
                return status(StatusCode::FORBIDDEN, "Forbidden", &message);
            }
            added.push(fresh.name().to_owned());
            running.ephemeral.push(fresh);
        }
    }
    // The answer does not wait for the kubelet.
    for name in added {
        tokio::spawn(start_ephemeral(Arc::clone(state), key.clone(), name));
    }
    list::one(state, namespace, pod).await
}
