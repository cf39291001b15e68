//! The one seam to the cluster: read and list objects, run a command in a container. Everything else is ours to test without one.

pub mod kube;
pub mod kubeconfig;
mod stream;

use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{EphemeralContainer, Pod};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{Failure, Kind, Retry};
use crate::escape::{one_line, one_line_bytes};
use crate::names::ContainerName;
use crate::resource::Resource;
use crate::rights::Right;
use crate::selection::PodQuery;

/// A cluster.
pub trait Cluster: Send + Sync {
    /// Lists every pod that a query matches, all pages.
    fn list_pods<'a>(&'a self, query: &'a PodQuery) -> BoxFuture<'a, Result<Vec<Pod>, RemoteError>>;

    /// Reads an object other than a pod by its name, which is checked.
    fn get<'a>(
        &'a self,
        resource: &'static Resource,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Value, RemoteError>>;

    /// Lists the objects of a namespace, all pages.
    fn list<'a>(
        &'a self,
        resource: &'static Resource,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Value>, RemoteError>>;

    /// Adds an ephemeral container to a pod. It cannot be changed or removed.
    fn add_ephemeral<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        container: &'a EphemeralContainer,
    ) -> BoxFuture<'a, Result<(), RemoteError>>;

    /// Connects to a port of the container's pod.
    fn connect<'a>(
        &'a self,
        container: &'a ContainerName,
        port: u16,
    ) -> BoxFuture<'a, Result<Connection, RemoteError>>;

    /// Makes a pod.
    fn create_pod<'a>(&'a self, namespace: &'a str, pod: &'a Pod) -> BoxFuture<'a, Result<(), RemoteError>>;

    /// Removes a pod.
    fn delete_pod<'a>(&'a self, namespace: &'a str, pod: &'a str) -> BoxFuture<'a, Result<(), RemoteError>>;

    /// Starts a command in a container.
    fn exec<'a>(
        &'a self,
        container: &'a ContainerName,
        command: &'a [String],
    ) -> BoxFuture<'a, Result<Execution, RemoteError>>;
}

/// A stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to a port of a pod. Dropping the stream closes it.
pub struct Connection {
    /// What the program at the port says and hears. It ends where the connection ends, for whatever reason.
    pub stream: Box<dyn Duplex>,
    /// What the pod's side said when the port could not be reached, one escaped line; `None` if it said nothing.
    pub error: BoxFuture<'static, Option<String>>,
}

/// A command that runs in a container.
pub struct Execution {
    /// Its standard output. It ends where the stream ends, for whatever reason; `end` says for which.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// How it ended; to be awaited after the end of `stdout`. Dropping it closes the stream.
    pub end: BoxFuture<'static, End>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// What the API server said.
    pub verdict: Verdict,
    /// The beginning of standard error, as one escaped line.
    pub stderr: String,
}

/// The status that ends a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The command ended with exit code 0.
    Success,
    /// The command ended with another exit code.
    ExitCode(i32),
    /// The command was not run, or not watched to its end. One escaped line.
    Failed(String),
    /// The stream ended without a status: nothing is known. The text says what the connection had to say, if anything.
    Missing(String),
}

/// Why a request to the API server failed. Texts are one escaped line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteError {
    /// No answer: name resolution, connection, TLS, time.
    Unreachable(String),
    /// 401.
    Unauthorized(String),
    /// 403.
    Forbidden(String),
    /// 404.
    NotFound(String),
    /// 429, with the pause that the server asks for.
    TooManyRequests(Option<Duration>, String),
    /// 5xx.
    Server(u16, String),
    /// Any other status, or an answer that cannot be understood.
    Refused(String),
}

/// What was tried, for the sentence about a missing right.
#[derive(Debug, Clone, Copy)]
pub enum Attempted<'a> {
    /// Listing pods in a namespace, or in all.
    List(Option<&'a str>),
    /// Reading an object of a namespace by its name.
    Get(&'static Resource, &'a str, &'a str),
    /// Listing objects of a namespace.
    ListOf(&'static Resource, &'a str),
    /// Running a command in a pod of a namespace.
    Exec(&'a str),
    /// Connecting to a port of a pod of a namespace.
    Forward(&'a str),
    /// Adding an ephemeral container to a pod of a namespace.
    Debug(&'a str),
    /// Making a pod in a namespace.
    Create(&'a str),
    /// Removing a pod of a namespace.
    Delete(&'a str),
}

impl Attempted<'_> {
    /// Whether it adds something to the cluster, which policies may refuse.
    fn adds(self) -> bool {
        matches!(self, Self::Debug(_) | Self::Create(_))
    }

    /// What one must be allowed to.
    fn right(self) -> Right {
        match self {
            Self::List(namespace) => Right::list_pods(namespace),
            Self::Get(resource, namespace, _) => Right::get(resource, namespace),
            Self::ListOf(resource, namespace) => Right::list(resource, namespace),
            Self::Exec(namespace) => Right::exec(Some(namespace)),
            Self::Forward(namespace) => Right::forward(Some(namespace)),
            Self::Debug(namespace) => Right::debug(Some(namespace)),
            Self::Create(namespace) => Right::pods(&["create"], namespace),
            Self::Delete(namespace) => Right::pods(&["delete"], namespace),
        }
    }
}

impl RemoteError {
    /// The failure for people, with what helps.
    pub fn failure(&self, attempted: Attempted<'_>) -> Failure {
        match self {
            Self::Unreachable(why) => {
                let failure =
                    Failure::new(Kind::Unreachable, format!("the API server does not answer: {why}"));
                // The first request fails at once, as kubectl's does: most often the address is wrong.
                let retry = match attempted {
                    Attempted::Exec(_) | Attempted::Forward(_) | Attempted::Delete(_) => Retry::Yes,
                    _ if attempted.adds() => Retry::Yes,
                    _ => Retry::No,
                };
                Failure { retry, ..failure }
            }
            Self::Unauthorized(why) => Failure::new(
                Kind::Unauthorized,
                format!(
                    "the API server refuses the credentials (401 {why}): log in again, or choose another --context"
                ),
            ),
            Self::Forbidden(why) if attempted.adds() && is_policy(why) => {
                Failure::new(Kind::Helper, format!("the cluster's policy refuses it (403 {why})"))
            }
            Self::Forbidden(why) => {
                let right = attempted.right();
                let why = why.trim_end_matches([':', ' ']);
                let message = format!("not allowed (403 {why}): needed is {right}");
                Failure { right: Some(Box::new(right)), ..Failure::new(Kind::Forbidden, message) }
            }
            Self::NotFound(why) => match attempted {
                Attempted::List(_) => Failure::new(
                    Kind::Unreachable,
                    format!("the server has no pods to list (404 {why}): is this a Kubernetes API server?"),
                ),
                Attempted::Get(resource, namespace, name) => Failure::new(
                    Kind::NotFound,
                    format!("there is no {} {name} in namespace {namespace} (404 {why})", resource.kind),
                ),
                Attempted::ListOf(resource, _) => Failure::new(
                    Kind::Unreachable,
                    format!("the server has no {} to list (404 {why})", resource.plural),
                ),
                Attempted::Create(_) => {
                    Failure::new(Kind::Helper, format!("there is no such namespace (404 {why})"))
                }
                Attempted::Exec(_) | Attempted::Forward(_) | Attempted::Debug(_) | Attempted::Delete(_) => {
                    Failure::new(
                        Kind::PodState,
                        format!(
                            "the pod or the container is gone (404 {why}): if another has taken its place, run it again"
                        ),
                    )
                }
            },
            Self::TooManyRequests(pause, why) => {
                let failure =
                    Failure::new(Kind::Unreachable, format!("the API server asks for patience (429 {why})"));
                Failure { retry: pause.map_or(Retry::Yes, Retry::After), ..failure }
            }
            Self::Server(_, why) if is_container_gone(why) => {
                Failure::new(Kind::PodState, format!("the container is not running any more ({why})"))
            }
            Self::Server(code, why) => Failure::passing(
                Kind::Unreachable,
                format!("the API server or the kubelet failed ({code} {why})"),
            ),
            Self::Refused(why) if attempted.adds() => {
                Failure::new(Kind::Helper, format!("the API server refuses it ({why})"))
            }
            Self::Refused(why) => {
                Failure::new(Kind::Unreachable, format!("the API server refused the request: {why}"))
            }
        }
    }
}

/// Whether a refusal is one of admission (Pod Security, a webhook, a policy), which comes after the check of rights.
fn is_policy(message: &str) -> bool {
    ["violates PodSecurity", "admission webhook", "ValidatingAdmissionPolicy", "denied request"]
        .iter()
        .any(|words| message.contains(words))
}

/// What a kubelet says of a container that has completed or crashed.
fn is_container_gone(message: &str) -> bool {
    message.contains("container not found") || message.contains("cannot exec in a stopped")
}

impl End {
    /// The failure that an end other than success is. `program` is what was run.
    pub fn failure(&self, program: &str) -> Option<Failure> {
        let stderr = if self.stderr.is_empty() { String::new() } else { format!(": {}", self.stderr) };
        Some(match &self.verdict {
            Verdict::Success => return None,
            // 128 + SIGKILL: what a deleted or killed container leaves.
            Verdict::ExitCode(137) => Failure::passing(
                Kind::Command,
                format!(
                    "{program} was killed (exit code 137): the pod was deleted, or ran out of memory{stderr}"
                ),
            ),
            Verdict::ExitCode(code) => {
                Failure::passing(Kind::Command, format!("{program} ended with exit code {code}{stderr}"))
            }
            Verdict::Failed(message) if is_container_gone(message) => {
                Failure::new(Kind::PodState, format!("the container is not running any more ({message})"))
            }
            Verdict::Failed(message) => {
                Failure::passing(Kind::Command, format!("{program} could not be run: {message}"))
            }
            Verdict::Missing(why) => {
                let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
                Failure::passing(
                    Kind::NoStatus,
                    format!(
                        "the stream ended without the API server's verdict{why}: what came may be incomplete"
                    ),
                )
            }
        })
    }

    /// Whether the image does not have the program at all.
    ///
    /// containerd and Docker report that as a failure before the start, others as exit code 126 or 127.
    pub fn lacks(&self, program: &str) -> bool {
        match &self.verdict {
            Verdict::Failed(message) => {
                let absent = message.contains("not found") || message.contains("no such file or directory");
                absent && message.contains("exec") && names(message, program) && !is_container_gone(message)
            }
            Verdict::ExitCode(126 | 127) => {
                let absent = self.stderr.contains("not found") || self.stderr.contains("no such file");
                absent && names(&self.stderr, program)
            }
            _ => false,
        }
    }
}

/// Whether a message has a program's name as a word of its own: `cat` is no part of `communication`.
fn names(message: &str, program: &str) -> bool {
    message
        .split(|character: char| !character.is_alphanumeric() && character != '-')
        .any(|word| word == program)
}

/// Makes text from the API server fit for a message.
fn said(text: &str) -> String {
    one_line(text)
}

/// Makes bytes from a container fit for a message.
fn written(bytes: &[u8]) -> String {
    one_line_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(verdict: Verdict, stderr: &str) -> End {
        End { verdict, stderr: stderr.to_owned() }
    }

    #[test]
    fn rights_that_are_missing_are_named() {
        let error = RemoteError::Forbidden("pods \"web\" is forbidden: ".into());
        let failure = error.failure(Attempted::Exec("shop"));
        assert_eq!(failure.kind, Kind::Forbidden);
        assert!(failure.message.contains("get and create on pods/exec in namespace shop"), "{failure}");
        assert!(error.failure(Attempted::List(None)).message.contains("list on pods in all namespaces"));
        assert_eq!(failure.retry, Retry::No);
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for (error, retry) in [
            (RemoteError::Unreachable("refused".into()), Retry::Yes),
            (RemoteError::Unauthorized("no".into()), Retry::No),
            (RemoteError::NotFound("no".into()), Retry::No),
            (
                RemoteError::TooManyRequests(Some(Duration::from_secs(3)), "x".into()),
                Retry::After(Duration::from_secs(3)),
            ),
            (RemoteError::TooManyRequests(None, "x".into()), Retry::Yes),
            (RemoteError::Server(500, "error dialing backend".into()), Retry::Yes),
            (RemoteError::Server(500, "container not found (\"main\")".into()), Retry::No),
            (RemoteError::Refused("400".into()), Retry::No),
        ] {
            assert_eq!(error.failure(Attempted::Exec("x")).retry, retry, "{error:?}");
        }
    }

    #[test]
    fn an_image_without_a_program_is_told_from_a_program_that_fails() {
        let absent = "Internal error occurred: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec \"1\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"tar\": executable file not found in $PATH";
        assert!(end(Verdict::Failed(absent.into()), "").lacks("tar"));
        assert!(!end(Verdict::Failed(absent.into()), "").lacks("sh"));
        assert!(end(Verdict::Failed("exec /bin/sh: no such file or directory".into()), "").lacks("sh"));
        let elsewhere = "exec: communication: endpoint not found";
        assert!(!end(Verdict::Failed(elsewhere.into()), "").lacks("cat"));
        assert!(end(Verdict::ExitCode(127), "executable file `sh` not found in $PATH").lacks("sh"));
        assert!(!end(Verdict::ExitCode(127), "").lacks("sh"));
        assert!(!end(Verdict::ExitCode(2), "tar: x: not found").lacks("tar"));
        assert!(!end(Verdict::Success, "").lacks("tar"));
        assert!(!end(Verdict::Failed("container not found (\"sh\")".into()), "").lacks("sh"));
    }

    #[test]
    fn every_end_but_success_is_a_failure() {
        assert_eq!(end(Verdict::Success, "warning").failure("tar"), None);
        for (verdict, kind, words) in [
            (Verdict::ExitCode(2), Kind::Command, "tar ended with exit code 2: no space"),
            (Verdict::ExitCode(137), Kind::Command, "was killed"),
            (Verdict::Failed("boom".into()), Kind::Command, "could not be run: boom"),
            (Verdict::Failed("container not found (\"main\")".into()), Kind::PodState, "not running"),
            (Verdict::Missing(String::new()), Kind::NoStatus, "without the API server's verdict"),
        ] {
            let failure = end(verdict, "no space").failure("tar").unwrap();
            assert_eq!(failure.kind, kind);
            assert!(failure.message.contains(words), "{failure}");
        }
    }
}
