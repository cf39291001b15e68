//! A thin API server: lists pods, adds ephemeral containers, and hands an exec on to containerd's streaming server.

mod ephemeral;
mod exec;
mod list;
mod pods;
mod security;

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::cluster::State;

type Answer = Response<Full<Bytes>>;

/// Serves for as long as its runtime lives.
pub(crate) async fn serve(listener: StdListener, state: Arc<State>) {
    let listening = listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener));
    let Ok(listener) = listening else { return };
    loop {
        // A connection that was reset before it was accepted is the client's affair.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let state = Arc::clone(&state);
                async move { Ok::<_, Infallible>(answer(&state, request).await) }
            });
            let mut builder = http1::Builder::new();
            // Go's server takes 1 MiB of headers, the request line included.
            builder.max_buf_size(1 << 20);
            let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
        });
    }
}

async fn answer(state: &Arc<State>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (request.method(), words.as_slice()) {
        (&Method::GET, ["api", "v1", "pods"]) => list::pods(state, None, request.uri().query()).await,
        (&Method::GET, ["api", "v1", "namespaces", namespace, "pods"]) => {
            list::pods(state, Some(namespace), request.uri().query()).await
        }
        (&Method::GET, ["api", "v1", "namespaces", namespace, "pods", pod, "portforward"]) => {
            exec::relay_port(state, namespace, pod, request).await
        }
        (&Method::GET, ["api", "v1", "namespaces", namespace, "pods", pod, "exec"]) => {
            exec::relay(state, namespace, pod, request).await
        }
        (&Method::POST, ["api", "v1", "namespaces", namespace, "pods"]) => {
            pods::create(state, namespace, request).await
        }
        (&Method::DELETE, ["api", "v1", "namespaces", namespace, "pods", pod]) => {
            pods::delete(state, namespace, pod).await
        }
        (&Method::GET, ["api", "v1", "namespaces", namespace, "persistentvolumeclaims", claim]) => {
            pods::claim(state, namespace, claim)
        }
        (&Method::PATCH, ["api", "v1", "namespaces", namespace, "pods", pod, "ephemeralcontainers"]) => {
            ephemeral::patch(state, namespace, pod, request).await
        }
        _ => status(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource"),
    }
}

/// A `Status` object, as in k8s.io/apimachinery pkg/api/errors.
fn status(code: StatusCode, reason: &str, message: &str) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    });
    object(code, &body)
}

fn object(code: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = code;
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    answer
}
