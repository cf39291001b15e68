//! The exec subresource, in the order in which a real cluster looks at a request.
//!
//! The API server checks rights, pod and container (kubernetes pkg/registry/core/pod/strategy.go `streamLocation`,
//! `validateContainer`). A client that offers v5 is then served by the API server itself, which upgrades first and
//! reports everything that goes wrong behind it in the session's Status (k8s.io/apiserver
//! pkg/util/proxy/streamtranslator.go). For any other the request goes on to the kubelet, whose refusals are plain HTTP
//! errors, and to containerd's streaming server (kubernetes staging/src/k8s.io/cri-streaming).

mod channel;
mod outcome;
mod process;
pub(crate) mod protocol;
mod request;
mod session;

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;

use crate::api::Peer;
use crate::api::status::{Answer, Failure, Status, empty_answer, text_answer};
use crate::ephemeral::Ephemeral;
use crate::fault::Fault;
use crate::runtime::{ExecRefusal, Running};
use crate::state::{PodKey, State};
use protocol::{Negotiation, Protocol};
use request::ExecRequest;

/// Answers a request to `/api/v1/namespaces/NAMESPACE/pods/NAME/exec`.
pub(crate) async fn serve(
    state: &Arc<State>,
    peer: &Peer,
    mut request: Request<Incoming>,
    namespace: String,
    name: String,
) -> Result<Answer, Failure> {
    // Since Kubernetes 1.35 the exec needs `create` even where the method means `get`; the authorizer's reason is
    // empty (pkg/registry/core/pod/rest/authorize.go).
    if !state.access.allows("create", "pods/exec", &namespace) {
        return Err(Status::forbidden("pods", &name, "").into());
    }
    let key = (namespace, name);
    if !matches!(*request.method(), Method::GET | Method::POST) {
        return Err(Status::method_not_allowed("pods").into());
    }
    let exec = ExecRequest::parse(request.uri().query().unwrap_or_default());
    let (container, running) = locate(state, &key, &exec.container)?;

    let faults = state.take_faults(&key, &container);
    for fault in &faults {
        match fault {
            Fault::Delay(delay) => tokio::time::sleep(*delay).await,
            Fault::Refuse { code, message, retry_after } => {
                return Err(Status::chosen(*code, message.clone(), *retry_after).into());
            }
            Fault::Overloaded { retry_after } => return Err(Failure::Overloaded(*retry_after)),
            _ => {}
        }
    }
    // What a kubelet says of a request whose options could not be read, too many of them included.
    if !exec.has_stream() {
        return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr").into());
    }
    let negotiated = match protocol::negotiate(&request) {
        Negotiation::NotAnUpgrade => return Err(Status::bad_request("Upgrade request required").into()),
        Negotiation::Refused(code) => return Ok(empty_answer(code)),
        Negotiation::Accepted(negotiated) => negotiated,
    };
    if negotiated.codec.protocol != Protocol::V5 && running.is_none() {
        let text = format!("container not found ({container:?})");
        return Ok(text_answer(StatusCode::INTERNAL_SERVER_ERROR, text));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let answer = negotiated.answer();
    let session = session::Session {
        state: Arc::clone(state),
        running,
        container,
        exec,
        codec: negotiated.codec,
        faults,
        reset: Arc::clone(&peer.reset),
    };
    tokio::spawn(async move {
        // A client that went away before the upgrade gets no session.
        if let Ok(upgraded) = upgrade.await {
            session.run(upgraded).await;
        }
    });
    Ok(answer)
}

/// The container that is meant, and its process if it has one.
fn locate(state: &State, key: &PodKey, container: &str) -> Result<(String, Option<Arc<Running>>), Status> {
    let inner = state.lock();
    let record = inner.pods.get(key).ok_or_else(|| Status::not_found("pods", &key.1))?;
    let pod = &record.pod;
    let specs = pod.all().map(|container| container.name.as_str());
    let all: Vec<&str> = specs.chain(record.ephemeral.iter().map(Ephemeral::name)).collect();
    let container = match (container, &pod.containers[..]) {
        ("", [only]) => only.name.clone(),
        ("", []) => {
            let message = format!("a container name must be specified for pod {}", key.1);
            return Err(Status::bad_request(message));
        }
        ("", _) => {
            let names = all.join(" ");
            let message =
                format!("a container name must be specified for pod {}, choose one of: [{names}]", key.1);
            return Err(Status::bad_request(message));
        }
        (named, _) if all.contains(&named) => named.to_owned(),
        (named, _) => {
            return Err(Status::bad_request(format!("container {named} is not valid for pod {}", key.1)));
        }
    };
    if pod.phase == crate::pod::Phase::Pending {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", key.1)));
    }
    let running = record.running.get(&container).filter(|running| running.exit_code().is_none()).cloned();
    Ok((container, running))
}

/// The text in which the container runtime wraps a refusal.
fn refusal_text(refusal: &ExecRefusal) -> String {
    match refusal {
        ExecRefusal::NotRunning => {
            "failed to exec in container: container is in CONTAINER_EXITED state".into()
        }
        ExecRefusal::CannotStart(why) => format!(
            "failed to exec in container: failed to start exec \"{:0>64}\": OCI runtime exec failed: exec failed: \
             unable to start container process: {why}: unknown",
            "e"
        ),
    }
}
