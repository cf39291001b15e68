//! Kubernetes `Status` objects as HTTP answers, with the messages of a real API server.
//!
//! From k8s.io/apimachinery pkg/api/errors/errors.go (`NewBadRequest`, `NewNotFound`, ...), and from
//! k8s.io/apiserver pkg/endpoints/handlers/responsewriters/errors.go (`ForbiddenStatusError`).

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Map, Value, json};

/// An answer of the API server.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A failure as the API describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Status {
    /// The HTTP status code.
    pub(crate) code: u16,
    /// The machine-readable reason; empty for none.
    pub(crate) reason: &'static str,
    /// The text for people.
    pub(crate) message: String,
    /// `details`, or null.
    pub(crate) details: Value,
    /// `metadata.continue`: a token that goes on where an expired one ended.
    pub(crate) go_on: Option<String>,
    /// Seconds for the `Retry-After` header.
    pub(crate) retry_after: Option<u32>,
}

/// An answer other than the one that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    /// A Status object.
    Status(Status),
    /// The overload filter's plain text, with the seconds for `Retry-After`.
    Overloaded(u32),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl Failure {
    pub(crate) fn into_answer(self) -> Answer {
        match self {
            Self::Status(status) => status.into_answer(),
            Self::Overloaded(seconds) => {
                let text = "Too many requests, please try again later.\n";
                let mut answer = text_answer(StatusCode::TOO_MANY_REQUESTS, text);
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                answer
            }
        }
    }
}

impl Status {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Value::Null, go_on: None, retry_after: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// The authorizer's refusal, before the request reaches the resource.
    pub(crate) fn forbidden(resource: &str, name: &str, why: &str) -> Self {
        Self::forbidden_in("", resource, name, why)
    }

    /// The same for a resource of a group.
    pub(crate) fn forbidden_in(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let named = if name.is_empty() { String::new() } else { format!(" {name:?}") };
        let what = qualified(group, resource);
        Self {
            details: details_in(group, resource, name),
            ..Self::new(403, "Forbidden", format!("{what}{named} is forbidden: {why}"))
        }
    }

    pub(crate) fn not_found(resource: &str, name: &str) -> Self {
        Self::not_found_in("", resource, name)
    }

    /// The same for a resource of a group.
    pub(crate) fn not_found_in(group: &str, resource: &str, name: &str) -> Self {
        Self {
            details: details_in(group, resource, name),
            ..Self::new(404, "NotFound", format!("{} {name:?} not found", qualified(group, resource)))
        }
    }

    pub(crate) fn method_not_allowed(resource: &str) -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self { details: details(resource, ""), ..Self::new(405, "MethodNotAllowed", message) }
    }

    /// A continue token whose snapshot is gone, with one that goes on from there in the newest state
    /// (k8s.io/apiserver pkg/storage/etcd3/errors.go, `handleCompactedErrorForPaging`).
    pub(crate) fn expired(message: &str, go_on: String) -> Self {
        Self { go_on: Some(go_on), ..Self::new(410, "Expired", message) }
    }

    /// An answer that a test asks for, with the message given.
    pub(crate) fn chosen(code: u16, message: impl Into<String>, retry_after: Option<u32>) -> Self {
        let reason = match code {
            400 => "BadRequest",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            405 => "MethodNotAllowed",
            409 => "Conflict",
            410 => "Expired",
            422 => "Invalid",
            429 => "TooManyRequests",
            500 => "InternalError",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "",
        };
        let details = retry_after.map_or(Value::Null, |seconds| json!({"retryAfterSeconds": seconds}));
        Self { details, retry_after, ..Self::new(code, reason, message) }
    }

    /// The object, with the fields in the order of Go's struct and empty ones left out.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("kind".into(), "Status".into());
        object.insert("apiVersion".into(), "v1".into());
        let metadata = self.go_on.as_ref().map_or(json!({}), |token| json!({"continue": token}));
        object.insert("metadata".into(), metadata);
        object.insert("status".into(), "Failure".into());
        object.insert("message".into(), self.message.clone().into());
        if !self.reason.is_empty() {
            object.insert("reason".into(), self.reason.into());
        }
        if !self.details.is_null() {
            object.insert("details".into(), self.details.clone());
        }
        object.insert("code".into(), self.code.into());
        Value::Object(object)
    }

    fn into_answer(self) -> Answer {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = json_answer(code, &self.to_json());
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

/// `pods`, `deployments.apps`: `GroupResource.String` of k8s.io/apimachinery `pkg/runtime/schema/group_version.go`.
fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

fn details(resource: &str, name: &str) -> Value {
    details_in("", resource, name)
}

fn details_in(group: &str, resource: &str, name: &str) -> Value {
    let mut object = Map::new();
    if !name.is_empty() {
        object.insert("name".into(), name.into());
    }
    if !group.is_empty() {
        object.insert("group".into(), group.into());
    }
    if !resource.is_empty() {
        object.insert("kind".into(), resource.into());
    }
    Value::Object(object)
}

/// An answer with a JSON body.
pub(crate) fn json_answer(code: StatusCode, body: &Value) -> Answer {
    with_type(code, "application/json", body.to_string())
}

/// An answer of plain text, as the kubelet and Go's own HTTP server give it.
pub(crate) fn text_answer(code: StatusCode, body: impl Into<String>) -> Answer {
    with_type(code, "text/plain; charset=utf-8", body.into())
}

/// An answer without a body.
pub(crate) fn empty_answer(code: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = code;
    answer
}

fn with_type(code: StatusCode, kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = code;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
