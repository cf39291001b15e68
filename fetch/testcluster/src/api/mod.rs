//! The API server's HTTP side: who is asking, for what, and which handler answers.

mod list;
mod resources;
pub(crate) mod status;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use crate::exec;
use crate::forward;
use crate::request_log::LoggedRequest;
use crate::resource::{PODS, Resource};
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
    List(&'static Resource, &'a str),
    Object(&'static Resource, &'a str, &'a str),
    Exec(&'a str, &'a str),
    Forward(&'a str, &'a str),
    Ephemeral(&'a str, &'a str),
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
            ["api", "v1"] => Self::Discovery(""),
            ["apis", "apps", "v1"] => Self::Discovery("apps"),
            ["apis", "batch", "v1"] => Self::Discovery("batch"),
            ["api", "v1", "namespaces"] => Self::Namespaces,
            ["api", "v1", "namespaces", name] => Self::Namespace(name),
            ["api", "v1", "namespaces", namespace, "pods", name, "exec"] => Self::Exec(namespace, name),
            ["api", "v1", "namespaces", namespace, "pods", name, "portforward"] => {
                Self::Forward(namespace, name)
            }
            ["api", "v1", "namespaces", namespace, "pods", name, "ephemeralcontainers"] => {
                Self::Ephemeral(namespace, name)
            }
            ["api", "v1", ref rest @ ..] => Self::of_group("", rest),
            ["apis", group, "v1", ref rest @ ..] if !group.is_empty() => Self::of_group(group, rest),
            _ => Self::Unknown,
        }
    }

    /// The rest of a path below the group's version.
    fn of_group(group: &str, rest: &[&'a str]) -> Self {
        let (namespace, plural, name) = match *rest {
            [plural] => ("", plural, None),
            ["namespaces", namespace, plural] => (namespace, plural, None),
            ["namespaces", namespace, plural, name] => (namespace, plural, Some(name)),
            _ => return Self::Unknown,
        };
        match (Resource::of(group, plural), name) {
            (Some(resource), Some(name)) => Self::Object(resource, namespace, name),
            (Some(resource), None) => Self::List(resource, namespace),
            (None, _) => Self::Unknown,
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
    let permit_in = |group: &str, verb: &str, resource: &str, namespace: &str, name: &str| {
        let qualified = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        if state.access.allows(verb, &qualified, namespace) {
            return Ok(());
        }
        let scope = if namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {namespace:?}")
        };
        let why = format!("User {user:?} cannot {verb} resource {resource:?} in API group {group:?} {scope}");
        Err(Status::forbidden_in(group, resource.split('/').next().unwrap_or(resource), name, &why))
    };
    let permit = |verb: &str, resource: &str, namespace: &str, name: &str| {
        permit_in("", verb, resource, namespace, name)
    };
    if let Target::Exec(namespace, name) = target {
        // The verb that a method stands for: k8s.io/apiserver pkg/endpoints/request/requestinfo.go.
        let verb = if request.method() == Method::POST { "create" } else { "get" };
        permit(verb, "pods/exec", namespace, name)?;
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        return exec::serve(state, peer, request, namespace, name).await;
    }
    if let Target::Forward(namespace, name) = target {
        let verb = if request.method() == Method::POST { "create" } else { "get" };
        permit(verb, "pods/portforward", namespace, name)?;
        return forward::serve(state, request, namespace.to_owned(), name.to_owned());
    }
    if let Target::Ephemeral(namespace, name) = target {
        if request.method() != Method::PATCH {
            return Err(Status::method_not_allowed("pods").into());
        }
        permit("patch", "pods/ephemeralcontainers", namespace, name)?;
        let key = (namespace.to_owned(), name.to_owned());
        let body = read_body(request, "application/strategic-merge-patch+json").await?;
        return Ok(json_answer(StatusCode::OK, &state.add_ephemeral(&key, &body)?));
    }
    if let (Target::List(resource, namespace), &Method::POST) = (&target, request.method())
        && **resource == PODS
    {
        permit("create", "pods", namespace, "")?;
        let (state, namespace) = (Arc::clone(state), (*namespace).to_owned());
        let body = read_body(request, "application/json").await?;
        // A pod is made when its processes are up.
        let made = tokio::task::spawn_blocking(move || state.make_pod(&namespace, &body)).await;
        let made = made.map_err(|error| Status::chosen(500, error.to_string(), None))??;
        return Ok(json_answer(StatusCode::CREATED, &made));
    }
    if let (Target::Object(resource, namespace, name), &Method::DELETE) = (&target, request.method())
        && **resource == PODS
    {
        permit("delete", "pods", namespace, name)?;
        let key = ((*namespace).to_owned(), (*name).to_owned());
        let object = resources::object(state, resource, namespace, name)?;
        let state = Arc::clone(state);
        let removed = tokio::task::spawn_blocking(move || state.remove_pod(&key)).await;
        removed
            .map_err(|error| error.to_string())
            .and_then(|removed| removed.map_err(|error| error.to_string()))
            .map_err(|error| Status::chosen(500, error, None))?;
        return Ok(json_answer(StatusCode::OK, &object));
    }
    let get_only = |resource: &str| {
        if request.method() == Method::GET { Ok(()) } else { Err(Status::method_not_allowed(resource)) }
    };
    let object: Value = match target {
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
        Target::List(resource, namespace) => {
            permit_in(resource.group, "list", resource.plural, namespace, "")?;
            get_only(resource.plural)?;
            list::objects(state, resource, namespace, query)?
        }
        Target::Object(resource, namespace, name) => {
            permit_in(resource.group, "get", resource.plural, namespace, name)?;
            get_only(resource.plural)?;
            resources::object(state, resource, namespace, name)?
        }
        Target::Health | Target::Exec(..) | Target::Forward(..) | Target::Ephemeral(..) | Target::Unknown => {
            // Go's http.NotFound, which the API server answers outside its resources.
            return Ok(text_answer(StatusCode::NOT_FOUND, "404 page not found\n"));
        }
    };
    Ok(json_answer(StatusCode::OK, &object))
}

/// The body of a request, which is JSON of this content type.
async fn read_body(request: Request<Incoming>, kind: &str) -> Result<Value, Status> {
    const MOST: usize = 1 << 20;
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if given != Some(kind) {
        return Err(Status::chosen(415, format!("the body must be {kind}"), None));
    }
    let body = Limited::new(request.into_body(), MOST).collect().await;
    let body = body.map_err(|error| Status::bad_request(error.to_string()))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| Status::bad_request(error.to_string()))
}
