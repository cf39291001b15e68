//! The API server's HTTP side: who is asking, for what, and which handler answers.

mod list;
mod resources;
pub(crate) mod status;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::{Method, Request, StatusCode, header};
use hyper::body::Incoming;
use serde_json::Value;

use crate::exec;
use crate::request_log::LoggedRequest;
use crate::state::State;
use status::{Answer, Failure, Status, json_answer, text_answer};

/// What is known of the connection that a request came by.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Whether the TLS client certificate is the cluster's own.
    pub(crate) certificate: bool,
    /// Set to make the connection end in a TCP reset.
    pub(crate) reset: Arc<AtomicBool>,
}

/// A request's path, understood.
#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    Health,
    Version,
    Discovery(&'static str),
    Namespaces,
    Namespace(&'a str),
    Pods(&'a str),
    Pod(&'a str, &'a str),
    Exec(&'a str, &'a str),
    ConfigMap(&'a str, &'a str),
    Unknown,
}

impl<'a> Target<'a> {
    fn of(path: &'a str) -> Self {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match segments[..] {
            ["healthz" | "livez" | "readyz"] => Self::Health,
            ["version"] => Self::Version,
            ["api"] => Self::Discovery("api"),
            ["apis"] => Self::Discovery("apis"),
            ["api", "v1"] => Self::Discovery("api/v1"),
            ["api", "v1", "pods"] => Self::Pods(""),
            ["api", "v1", "namespaces"] => Self::Namespaces,
            ["api", "v1", "namespaces", name] => Self::Namespace(name),
            ["api", "v1", "namespaces", namespace, "pods"] => Self::Pods(namespace),
            ["api", "v1", "namespaces", namespace, "pods", name] => Self::Pod(namespace, name),
            ["api", "v1", "namespaces", namespace, "pods", name, "exec"] => Self::Exec(namespace, name),
            ["api", "v1", "namespaces", namespace, "configmaps", name] => Self::ConfigMap(namespace, name),
            _ => Self::Unknown,
        }
    }
}

/// Answers one request and writes it into the log.
pub(crate) async fn handle(state: Arc<State>, peer: Peer, request: Request<Incoming>) -> Answer {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let answer = route(&state, &peer, request, &path, &query).await.unwrap_or_else(Failure::into_answer);
    let code = answer.status().as_u16();
    state.lock().log.push(LoggedRequest { method, path, query, code });
    answer
}

async fn route(
    state: &Arc<State>,
    peer: &Peer,
    request: Request<Incoming>,
    path: &str,
    query: &str,
) -> Result<Answer, Failure> {
    let target = Target::of(path);
    if target == Target::Health {
        return Ok(text_answer(StatusCode::OK, "ok"));
    }
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let user = state.access.user(peer.certificate, authorization).ok_or_else(Status::unauthorized)?;
    let permit = |verb: &str, resource: &str, namespace: &str, name: &str| {
        if state.access.allows(verb, resource, namespace) {
            return Ok(());
        }
        let scope = if namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {namespace:?}")
        };
        let why = format!("User {user:?} cannot {verb} resource {resource:?} in API group \"\" {scope}");
        Err(Status::forbidden(resource.split('/').next().unwrap_or(resource), name, &why))
    };
    if let Target::Exec(namespace, name) = target {
        // The verb that a method stands for: k8s.io/apiserver pkg/endpoints/request/requestinfo.go.
        let verb = if request.method() == Method::POST { "create" } else { "get" };
        permit(verb, "pods/exec", namespace, name)?;
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        return exec::serve(state, peer, request, namespace, name).await;
    }
    let get_only = |resource: &str| {
        if request.method() == Method::GET { Ok(()) } else { Err(Status::method_not_allowed(resource)) }
    };
    let body: Value = match target {
        Target::Version => resources::version(),
        Target::Discovery(what) => resources::discovery(what),
        Target::Namespaces => {
            permit("list", "namespaces", "", "")?;
            get_only("namespaces")?;
            resources::namespaces(state)
        }
        Target::Namespace(name) => {
            permit("get", "namespaces", name, name)?;
            get_only("namespaces")?;
            resources::namespace(state, name)?
        }
        Target::Pods(namespace) => {
            permit("list", "pods", namespace, "")?;
            get_only("pods")?;
            list::pods(state, namespace, query)?
        }
        Target::Pod(namespace, name) => {
            permit("get", "pods", namespace, name)?;
            get_only("pods")?;
            resources::pod(state, namespace, name)?
        }
        Target::ConfigMap(namespace, name) => {
            permit("get", "configmaps", namespace, name)?;
            get_only("configmaps")?;
            resources::config_map(state, namespace, name)?
        }
        Target::Health | Target::Exec(..) | Target::Unknown => {
            // Go's http.NotFound, which the API server answers outside its resources.
            return Ok(text_answer(StatusCode::NOT_FOUND, "404 page not found\n"));
        }
    };
    Ok(json_answer(StatusCode::OK, &body))
}
