//! The cluster through the kube library. What its exec does and does not promise is handled here and only here.

use std::collections::HashSet;
use std::fmt::Debug;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use k8s_openapi::api::core::v1::{EphemeralContainer, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{
    Api, ApiResource, AttachParams, AttachedProcess, DeleteParams, DynamicObject, ListParams, Patch,
    PatchParams, PostParams,
};
use kube::client::UpgradeConnectionError;
use kube::{Client, Error};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::kubeconfig::{Access, with_causes};
use super::stream::{StatusFuture, Stdout};
use super::{Cluster, Connection, End, Execution, RemoteError, Verdict, said, written};
use crate::error::Fatal;
use crate::names::ContainerName;
use crate::resource::Resource;
use crate::selection::PodQuery;

/// Objects of one page; what kubectl asks for.
const PAGE: u32 = 500;

/// Bytes that the stream's pipes hold; the library's default of 1024 makes each frame wait for its reader.
const PIPE_BYTES: usize = 256 << 10;

/// Bytes of standard error that are kept; the rest is read and dropped, because unread it would block the stream.
const STDERR_BYTES: usize = 4 << 10;

/// How long the API server may take to answer a list or to begin an exec.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the status may lag behind the end of standard output, and the end of the connection behind the status.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// A cluster behind an API server.
pub struct KubeCluster {
    client: Client,
}

impl KubeCluster {
    /// Prepares the connection; nothing is sent yet.
    pub fn new(access: &Access) -> Result<Self, Fatal> {
        let client = Client::try_from(access.config.clone()).map_err(|error| {
            Fatal::usage(format!("the kubeconfig cannot be used: {}", with_causes(&error)))
        })?;
        Ok(Self { client })
    }

    async fn pods(&self, query: &PodQuery) -> Result<Vec<Pod>, RemoteError> {
        let api: Api<Pod> = match &query.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let parameters = ListParams {
            label_selector: query.labels.clone(),
            field_selector: query.fields.clone(),
            ..ListParams::default()
        };
        let listed = all_pages(&api, parameters).await;
        let mut pods = listed.map_err(|error| blame_selectors(error, query))?;
        // Who set which field is often longer than the rest, and nobody asks.
        for pod in &mut pods {
            pod.metadata.managed_fields = None;
        }
        Ok(pods)
    }

    /// Access to objects that are taken as they come.
    fn objects(&self, resource: &Resource, namespace: &str) -> Api<DynamicObject> {
        let version =
            if resource.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", resource.group) };
        let resource = ApiResource {
            group: resource.group.to_owned(),
            version: "v1".to_owned(),
            api_version: version,
            kind: resource.kind.to_owned(),
            plural: resource.plural.to_owned(),
        };
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    async fn forward(&self, container: &ContainerName, port: u16) -> Result<Connection, RemoteError> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &container.namespace);
        let mut forwarder =
            answered(api.portforward(&container.pod, &[port])).await.map_err(|error| remote_error(&error))?;
        let (Some(stream), Some(error)) = (forwarder.take_stream(port), forwarder.take_error(port)) else {
            return Err(RemoteError::Refused("the connection has no stream".to_owned()));
        };
        let error = error.map(|word| word.map(|text| said(&text))).boxed();
        Ok(Connection { stream: Box::new(stream), error })
    }

    async fn start(&self, container: &ContainerName, command: &[String]) -> Result<Execution, RemoteError> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &container.namespace);
        // Standard input is asked for and never written: without it some runtimes report success after the first
        // flush of the output.
        let parameters = AttachParams::default()
            .container(&container.container)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .tty(false)
            .max_stdout_buf_size(PIPE_BYTES)
            .max_stderr_buf_size(PIPE_BYTES);
        let mut process = answered(api.exec(&container.pod, command, &parameters))
            .await
            .map_err(|error| remote_error(&error))?;
        let (Some(stdout), Some(stderr), Some(status)) =
            (process.stdout(), process.stderr(), process.take_status())
        else {
            return Err(RemoteError::Refused("the stream has no output".to_owned()));
        };
        let status: StatusFuture = status.boxed().shared();
        let stderr = Stdout::new(stderr, status.clone());
        let drained = tokio::spawn(drain(stderr));
        let end = finish(process, status.clone(), drained).boxed();
        Ok(Execution { stdout: Box::new(Stdout::new(stdout, status)), end })
    }
}

impl Cluster for KubeCluster {
    fn list_pods<'a>(&'a self, query: &'a PodQuery) -> BoxFuture<'a, Result<Vec<Pod>, RemoteError>> {
        self.pods(query).boxed()
    }

    fn get<'a>(
        &'a self,
        resource: &'static Resource,
        namespace: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Value, RemoteError>> {
        let api = self.objects(resource, namespace);
        async move {
            let object = answered(api.get(name)).await.map_err(|error| remote_error(&error))?;
            as_value(&object)
        }
        .boxed()
    }

    fn list<'a>(
        &'a self,
        resource: &'static Resource,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Value>, RemoteError>> {
        let api = self.objects(resource, namespace);
        async move {
            let objects = all_pages(&api, ListParams::default()).await?;
            objects.iter().map(as_value).collect()
        }
        .boxed()
    }

    fn add_ephemeral<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        container: &'a EphemeralContainer,
    ) -> BoxFuture<'a, Result<(), RemoteError>> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        async move {
            // Entries are told apart by their names, so that others stay as they are.
            let patch = Patch::Strategic(json!({"spec": {"ephemeralContainers": [container]}}));
            let parameters = PatchParams::default();
            let request = api.patch_ephemeral_containers(pod, &parameters, &patch);
            answered(request).await.map(|_| ()).map_err(|error| remote_error(&error))
        }
        .boxed()
    }

    fn connect<'a>(
        &'a self,
        container: &'a ContainerName,
        port: u16,
    ) -> BoxFuture<'a, Result<Connection, RemoteError>> {
        self.forward(container, port).boxed()
    }

    fn create_pod<'a>(&'a self, namespace: &'a str, pod: &'a Pod) -> BoxFuture<'a, Result<(), RemoteError>> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        async move {
            let made = answered(api.create(&PostParams::default(), pod)).await;
            made.map(|_| ()).map_err(|error| remote_error(&error))
        }
        .boxed()
    }

    fn delete_pod<'a>(&'a self, namespace: &'a str, pod: &'a str) -> BoxFuture<'a, Result<(), RemoteError>> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        async move {
            let deleted = answered(api.delete(pod, &DeleteParams::default())).await;
            deleted.map(|_| ()).map_err(|error| remote_error(&error))
        }
        .boxed()
    }

    fn exec<'a>(
        &'a self,
        container: &'a ContainerName,
        command: &'a [String],
    ) -> BoxFuture<'a, Result<Execution, RemoteError>> {
        self.start(container, command).boxed()
    }
}

/// Lists objects page by page.
async fn all_pages<K>(api: &Api<K>, mut parameters: ListParams) -> Result<Vec<K>, RemoteError>
where
    K: Clone + DeserializeOwned + Debug,
{
    parameters.limit = Some(PAGE);
    let mut objects = Vec::new();
    let mut tokens = HashSet::new();
    loop {
        match answered(api.list(&parameters)).await {
            Ok(page) => {
                objects.extend(page.items);
                match page.metadata.continue_.filter(|token| !token.is_empty()) {
                    // It would go on for ever.
                    Some(token) if !tokens.insert(token.clone()) => {
                        let text = "the API server gave a page of a list twice, which has no end so";
                        return Err(RemoteError::Refused(text.to_owned()));
                    }
                    Some(token) => parameters.continue_token = Some(token),
                    None => return Ok(objects),
                }
            }
            // The token is too old: as kubectl, start again and ask for everything at once.
            Err(Error::Api(status)) if status.code == 410 && parameters.limit.is_some() => {
                objects.clear();
                tokens.clear();
                parameters.limit = None;
                parameters.continue_token = None;
            }
            Err(error) => return Err(remote_error(&error)),
        }
    }
}

fn as_value(object: &DynamicObject) -> Result<Value, RemoteError> {
    serde_json::to_value(object).map_err(|error| RemoteError::Refused(said(&error.to_string())))
}

/// Waits for an answer, but not for ever.
async fn answered<T>(request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(ANSWER_TIMEOUT, request).await.unwrap_or_else(|_| {
        let text = format!("no answer within {} s", ANSWER_TIMEOUT.as_secs());
        Err(Error::Service(text.into()))
    })
}

/// Keeps the beginning of standard error and reads the rest.
async fn drain(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = vec![0_u8; 8 << 10];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let room = STDERR_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(buffer.get(..read.min(room)).unwrap_or_default());
    }
    kept
}

/// Awaits the status, then the connection's end. The order matters: joining earlier would drop the status.
async fn finish(
    process: AttachedProcess,
    status: StatusFuture,
    drained: tokio::task::JoinHandle<Vec<u8>>,
) -> End {
    let Ok(status) = timeout(END_TIMEOUT, status).await else {
        // Dropping the process closes the stream.
        let stderr = String::new();
        return End { verdict: Verdict::Missing("the stream stayed open".to_owned()), stderr };
    };
    let joined = timeout(END_TIMEOUT, process.join()).await;
    let stderr = match timeout(END_TIMEOUT, drained).await {
        Ok(Ok(bytes)) => written(&bytes),
        _ => String::new(),
    };
    let verdict = match status {
        Some(status) => verdict(&status),
        None => Verdict::Missing(match joined {
            Ok(Err(error)) => innermost(&error),
            _ => String::new(),
        }),
    };
    End { verdict, stderr }
}

/// What the system said; the layers above it only say that they were reading.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    said(&cause.to_string())
}

fn verdict(status: &Status) -> Verdict {
    if status.status.as_deref() == Some("Success") {
        return Verdict::Success;
    }
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    let code = causes
        .filter(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .find_map(|cause| cause.message.as_deref()?.parse().ok());
    match code {
        // A failure cannot have exit code 0, whatever it says.
        Some(code) if code != 0 => Verdict::ExitCode(code),
        _ => Verdict::Failed(said(status.message.as_deref().unwrap_or("the API server gave no reason"))),
    }
}

fn remote_error(error: &Error) -> RemoteError {
    match error {
        Error::Api(status) => {
            let text = said(if status.message.is_empty() { &status.reason } else { &status.message });
            let pause =
                status.details.as_ref().map(|details| details.retry_after_seconds).filter(|pause| *pause > 0);
            by_code(status.code, text, pause.map(|seconds| Duration::from_secs(seconds.into())))
        }
        Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code)) => {
            by_code(code.as_u16(), said(code.canonical_reason().unwrap_or_default()), None)
        }
        Error::SerdeError(_) | Error::FromUtf8(_) | Error::UpgradeConnection(_) | Error::BuildRequest(_) => {
            RemoteError::Refused(with_causes(error))
        }
        // A credential plugin that fails, or a token that cannot be read.
        Error::Auth(_) => RemoteError::Unauthorized(with_causes(error)),
        _ => RemoteError::Unreachable(without_labels(&with_causes(error))),
    }
}

/// A request to list that is refused as such most often has a selector that the server cannot read.
fn blame_selectors(error: RemoteError, query: &PodQuery) -> RemoteError {
    let RemoteError::Refused(why) = error else { return error };
    let given = [("-l", &query.labels), ("--field-selector", &query.fields)];
    let given: Vec<String> = given
        .into_iter()
        .filter_map(|(option, text)| Some(format!("{option} {}", said(text.as_deref()?))))
        .collect();
    if given.is_empty() || !why.starts_with("400 ") {
        return RemoteError::Refused(why);
    }
    RemoteError::Refused(format!("{why}; asked for with {}", given.join(" ")))
}

fn by_code(code: u16, text: String, pause: Option<Duration>) -> RemoteError {
    match code {
        401 => RemoteError::Unauthorized(text),
        403 => RemoteError::Forbidden(text),
        404 => RemoteError::NotFound(text),
        429 => RemoteError::TooManyRequests(pause, text),
        500..=599 => RemoteError::Server(code, text),
        _ => RemoteError::Refused(format!("{code} {text}")),
    }
}

/// The library puts the names of its variants first, which say nothing to people.
fn without_labels(text: &str) -> String {
    let text =
        text.strip_prefix("ServiceError: ").or_else(|| text.strip_prefix("HyperError: ")).unwrap_or(text);
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_becomes_a_verdict() {
        let of = |json: serde_json::Value| verdict(&serde_json::from_value(json).unwrap());
        assert_eq!(of(json!({"metadata": {}, "status": "Success"})), Verdict::Success);
        assert_eq!(of(json!({"status": "Success"})), Verdict::Success);
        let exit = |code: &str| {
            json!({"metadata": {}, "status": "Failure", "message": "command terminated with non-zero exit code",
                "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": code}]}})
        };
        assert_eq!(of(exit("137")), Verdict::ExitCode(137));
        for odd in ["0", "", "many"] {
            assert!(matches!(of(exit(odd)), Verdict::Failed(_)), "{odd}");
        }
        let failed = json!({"status": "Failure", "message": "no\u{1b}[2J tar", "reason": "InternalError", "code": 500});
        assert_eq!(of(failed), Verdict::Failed("no\\u{1b}[2J tar".into()));
        // Neither one nor the other is no success.
        assert!(matches!(of(json!({})), Verdict::Failed(_)));
    }

    #[test]
    fn a_selector_that_is_refused_is_named_with_its_option() {
        let query = |labels: Option<&str>, fields: Option<&str>| PodQuery {
            namespace: None,
            labels: labels.map(str::to_owned),
            fields: fields.map(str::to_owned),
        };
        let blamed = |why: &str, query: &PodQuery| {
            let RemoteError::Refused(why) = blame_selectors(RemoteError::Refused(why.into()), query) else {
                panic!("another error")
            };
            why
        };
        assert_eq!(blamed("400 bad", &query(Some("a=="), None)), "400 bad; asked for with -l a==");
        let both = query(Some("a"), Some("b=1"));
        assert_eq!(blamed("400 bad", &both), "400 bad; asked for with -l a --field-selector b=1");
        assert_eq!(blamed("409 bad", &both), "409 bad");
        assert_eq!(blamed("400 bad", &query(None, None)), "400 bad");
    }

    #[test]
    fn codes_become_errors() {
        let seconds = Some(Duration::from_secs(2));
        assert_eq!(by_code(401, "x".into(), None), RemoteError::Unauthorized("x".into()));
        assert_eq!(by_code(429, "x".into(), seconds), RemoteError::TooManyRequests(seconds, "x".into()));
        assert_eq!(by_code(503, "x".into(), None), RemoteError::Server(503, "x".into()));
        assert_eq!(by_code(400, "x".into(), None), RemoteError::Refused("400 x".into()));
    }
}
