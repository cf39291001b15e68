//! The Status that ends a session, in the words of whoever writes it.
//!
//! v4: containerd (cri-streaming remotecommand/exec.go and status.go; containerd internal/cri/server/streaming.go for
//! the inner message). v5: the API server, which has read containerd's Status over SPDY and words it anew
//! (k8s.io/apiserver pkg/util/proxy/streamtranslator.go, k8s.io/client-go tools/remotecommand/v4.go); so an inner
//! "Internal error occurred: " appears twice there.

use serde_json::{Map, Value, json};

use super::protocol::Protocol;

/// How an exec ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The process's exit code.
    Exited(i32),
    /// The process could not be started: the runtime's text.
    NotStarted(String),
    /// The kubelet refused the exec: its text. Only v5 sessions see it here.
    Refused(String),
}

impl Outcome {
    /// The payload of the error channel; `None` if the protocol sends nothing.
    pub(super) fn payload(&self, protocol: Protocol, containerd: u8, command: &[String]) -> Option<Vec<u8>> {
        let status = match protocol {
            Protocol::V5 => self.as_api_server(),
            Protocol::V4 | Protocol::V1 => self.as_containerd(containerd, command),
        };
        if protocol == Protocol::V1 {
            let message = status.get("message")?.as_str()?;
            return Some(message.as_bytes().to_vec());
        }
        Some(Value::Object(status).to_string().into_bytes())
    }

    fn as_api_server(&self) -> Map<String, Value> {
        let metadata = [("metadata", json!({}))];
        match self {
            Self::Exited(0) => object(metadata.into_iter().chain([("status", json!("Success"))])),
            Self::Exited(code) => {
                let inner = format!("command terminated with exit code {code}");
                object(metadata.into_iter().chain(exit_fields(*code, &inner)))
            }
            Self::NotStarted(why) => {
                let inner = format!("Internal error occurred: error executing command in container: {why}");
                object(metadata.into_iter().chain(internal_fields(&inner, true)))
            }
            Self::Refused(why) => {
                let inner = format!("unable to upgrade connection: {why}");
                object(metadata.into_iter().chain(internal_fields(&inner, true)))
            }
        }
    }

    fn as_containerd(&self, containerd: u8, command: &[String]) -> Map<String, Value> {
        // containerd 2 has its own type for the Status, without metadata and without details of internal errors.
        let old = containerd < 2;
        let metadata = old.then(|| ("metadata", json!({})));
        match self {
            Self::Exited(0) => object(metadata.into_iter().chain([("status", json!("Success"))])),
            Self::Exited(code) => {
                let inner = format!("error executing command [{}], exit code {code}", command.join(" "));
                object(metadata.into_iter().chain(exit_fields(*code, &inner)))
            }
            Self::NotStarted(why) | Self::Refused(why) => {
                let inner = format!("error executing command in container: {why}");
                object(metadata.into_iter().chain(internal_fields(&inner, old)))
            }
        }
    }
}

fn exit_fields(code: i32, inner: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("status", json!("Failure")),
        ("message", format!("command terminated with non-zero exit code: {inner}").into()),
        ("reason", json!("NonZeroExitCode")),
        ("details", json!({"causes": [{"reason": "ExitCode", "message": code.to_string()}]})),
    ]
}

fn internal_fields(inner: &str, details: bool) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("status", json!("Failure")),
        ("message", format!("Internal error occurred: {inner}").into()),
        ("reason", json!("InternalError")),
    ];
    if details {
        fields.push(("details", json!({"causes": [{"message": inner}]})));
    }
    fields.push(("code", json!(500)));
    fields
}

fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
