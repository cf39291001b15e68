//! An exec, and a connection to a port: containerd says where its streaming server waits for it, and from then on bytes pass as they come.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Answer, status};
use crate::cluster::{Progress, State, position};
use crate::cri::messages::Exec;

/// Answers with what containerd's streaming server answers, the upgraded stream included.
pub(super) async fn relay(state: &State, namespace: &str, pod: &str, request: Request<Incoming>) -> Answer {
    let exec = match question(state, namespace, pod, request.uri().query().unwrap_or_default()) {
        Ok(exec) => exec,
        Err(answer) => return *answer,
    };
    let url = match state.runtime.exec(&exec.question).await {
        Ok(url) => url,
        // A kubelet looks for a container that runs before it asks, and says so.
        Err(error) if error.to_string().contains("CONTAINER_EXITED") => {
            return internal(&format!("container not found ({:?})", exec.container));
        }
        Err(error) => return internal(&error.to_string()),
    };
    match pass(&url, request).await {
        Ok(answer) => answer,
        Err(error) => internal(&format!("error dialing backend: {error}")),
    }
}

/// Answers a port-forward in the same way.
pub(super) async fn relay_port(
    state: &State,
    namespace: &str,
    pod: &str,
    request: Request<Incoming>,
) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    let port = form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "ports")
        .and_then(|(_, value)| value.parse::<u16>().ok());
    let Some(port) = port else {
        return status(StatusCode::BAD_REQUEST, "BadRequest", "one port a request is served here");
    };
    let found =
        state.pods().get(&(namespace.to_owned(), pod.to_owned())).map(|running| running.sandbox.clone());
    let Some(sandbox) = found else {
        return status(StatusCode::NOT_FOUND, "NotFound", &format!("pods {pod:?} not found"));
    };
    let url = match state.runtime.forward(&sandbox, port).await {
        Ok(url) => url,
        Err(error) => return internal(&error.to_string()),
    };
    match pass(&url, request).await {
        Ok(answer) => answer,
        Err(error) => internal(&format!("error dialing backend: {error}")),
    }
}

fn internal(message: &str) -> Answer {
    let message = format!("Internal error occurred: {message}");
    status(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", &message)
}

struct Wanted {
    question: Exec,
    container: String,
}

/// Reads the request's query, as in k8s.io/api core/v1 `PodExecOptions`.
fn question(state: &State, namespace: &str, pod: &str, query: &str) -> Result<Wanted, Box<Answer>> {
    let mut container = None;
    let mut question = Exec::default();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let yes = matches!(value.as_ref(), "true" | "1");
        match key.as_ref() {
            "command" => question.cmd.push(value.into_owned()),
            "container" => container = Some(value.into_owned()),
            "stdin" => question.stdin = yes,
            "stdout" => question.stdout = yes,
            "stderr" => question.stderr = yes,
            "tty" => question.tty = yes,
            _ => {}
        }
    }
    let pods = state.pods();
    let Some(running) = pods.get(&(namespace.to_owned(), pod.to_owned())) else {
        let missing = status(StatusCode::NOT_FOUND, "NotFound", &format!("pods {pod:?} not found"));
        return Err(Box::new(missing));
    };
    let bad = |message: String| Box::new(status(StatusCode::BAD_REQUEST, "BadRequest", &message));
    let container = match (container, running.pod.containers.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => only.name.clone(),
        (None, _) => return Err(bad(format!("a container name must be specified for pod {pod}"))),
    };
    let invalid = |_| bad(format!("container {container} is not valid for pod {pod}"));
    if let Some(added) = running.ephemeral.iter().find(|added| added.name() == container) {
        let Progress::Started(id) = &added.progress else {
            return Err(Box::new(internal(&format!("container not found ({container:?})"))));
        };
        question.container_id.clone_from(id);
        return Ok(Wanted { question, container });
    }
    let (index, _) = position(running, &container).map_err(invalid)?;
    if let Some(started) = running.containers.get(index) {
        question.container_id.clone_from(&started.id);
    }
    Ok(Wanted { question, container })
}

/// Sends the same request to the URL. If that upgrades the connection, both become one.
async fn pass(
    url: &str,
    mut request: Request<Incoming>,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let url: http::Uri = url.parse()?;
    let authority = url.authority().ok_or("the URL has no host")?.as_str();
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (mut send, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());

    let mut onward = Request::builder()
        .method(request.method())
        .uri(url.path_and_query().ok_or("the URL has no path")?.as_str())
        .body(Empty::<Bytes>::new())?;
    onward.headers_mut().clone_from(request.headers());
    onward.headers_mut().insert("host", authority.parse()?);
    let mut response = send.send_request(onward).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (head, body) = response.into_parts();
        return Ok(Response::from_parts(head, Full::new(body.collect().await?.to_bytes())));
    }
    let (theirs, ours) = (hyper::upgrade::on(&mut response), hyper::upgrade::on(&mut request));
    tokio::spawn(async move {
        let (Ok(theirs), Ok(ours)) = (theirs.await, ours.await) else { return };
        // Either end may break it off; the other one learns of it.
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(theirs), &mut TokioIo::new(ours)).await;
    });
    let (head, _) = response.into_parts();
    Ok(Response::from_parts(head, Full::default()))
}
