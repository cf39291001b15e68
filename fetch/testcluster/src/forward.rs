//! The portforward subresource: bytes to and from ports of a pod, over WebSocket.
//!
//! As in kubernetes staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go: for the i-th port channel 2i
//! carries data and channel 2i+1 an error, each after a message with the port's number, two bytes, little-endian. The
//! message for a port that nobody listens on is containerd's (`sandbox_portforward_linux.go`). One port
//! a request is served, which is what clients of this form ask for.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use http::{Method, Request};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::api::status::{Answer, Failure, Status, empty_answer};
use crate::exec::protocol::{Codec, Negotiation, negotiate_forward};
use crate::pod::Phase;
use crate::state::{PodKey, State};

/// Channels of the only port.
const DATA: u8 = 0;
const ERROR: u8 = 1;

/// Answers a request to `/api/v1/namespaces/NAMESPACE/pods/NAME/portforward`.
pub(crate) fn serve(
    state: &Arc<State>,
    mut request: Request<Incoming>,
    namespace: String,
    name: String,
) -> Result<Answer, Failure> {
    // As for an exec, `create` on top of what the method means.
    if !state.access.allows("create", "pods/portforward", &namespace) {
        return Err(Status::forbidden("pods", &name, "").into());
    }
    let key = (namespace, name);
    if !matches!(*request.method(), Method::GET | Method::POST) {
        return Err(Status::method_not_allowed("pods").into());
    }
    if let Some(failure) = state.take_forward_fault(&key) {
        return Err(failure);
    }
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let ports: Vec<String> = form_urlencoded::parse(query)
        .filter(|(key, _)| key == "ports")
        .flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let [port] = &ports[..] else {
        return Err(Status::bad_request("one port a request is served here").into());
    };
    let Some(port) = port.parse::<u16>().ok().filter(|port| *port != 0) else {
        return Err(Status::bad_request(format!("invalid port {port:?}")).into());
    };
    let listener = listener(state, &key, port)?;
    let negotiated = match negotiate_forward(&request) {
        Negotiation::NotAnUpgrade => return Err(Status::bad_request("Upgrade request required").into()),
        Negotiation::Refused(code) => return Ok(empty_answer(code)),
        Negotiation::Accepted(negotiated) => negotiated,
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let (answer, codec) = (negotiated.answer(), negotiated.codec);
    tokio::spawn(async move {
        // A client that went away before the upgrade gets no session.
        if let Ok(upgraded) = upgrade.await {
            session(upgraded, codec, &key, port, listener).await;
        }
    });
    Ok(answer)
}

/// Who listens on the port, if anybody does.
fn listener(state: &State, key: &PodKey, port: u16) -> Result<Option<SocketAddr>, Status> {
    let inner = state.lock();
    let record = inner.pods.get(key).ok_or_else(|| Status::not_found("pods", &key.1))?;
    if record.pod.phase == Phase::Pending {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", key.1)));
    }
    let live = record.pod.with_processes().filter(|container| record.running.contains_key(&container.name));
    let mut ports = live.flat_map(|container| &container.ports);
    Ok(ports.find(|(listened, _)| *listened == port).map(|(_, address)| *address))
}

async fn session(upgraded: Upgraded, codec: Codec, key: &PodKey, port: u16, listener: Option<SocketAddr>) {
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let (mut sink, mut source) = socket.split();
    for channel in [DATA, ERROR] {
        if sink.send(codec.encode(channel, &port.to_le_bytes())).await.is_err() {
            return;
        }
    }
    let connected = match listener {
        Some(address) => TcpStream::connect(address).await.map_err(|error| error.to_string()),
        None => Err(format!("IPv4: dial tcp4 127.0.0.1:{port}: connect: connection refused")),
    };
    let stream = match connected {
        Ok(stream) => stream,
        Err(why) => {
            let text = format!(
                "error forwarding port {port} to pod {}, uid : failed to execute portforward in network namespace \"/var/run/netns/cni-1\": failed to connect to localhost:{port} inside namespace \"1\", {why}",
                key.1
            );
            // A client that is gone already does not want to know.
            let _ = sink.send(codec.encode(ERROR, text.as_bytes())).await;
            let _ = sink.close().await;
            return;
        }
    };
    let (mut reader, mut writer) = stream.into_split();
    let to_pod = async {
        while let Some(Ok(message)) = source.next().await {
            if message.is_close() {
                return;
            }
            if let Some((DATA, data)) = codec.decode(&message.into_data())
                && writer.write_all(&data).await.is_err()
            {
                return;
            }
        }
    };
    let from_pod = async {
        let mut buffer = vec![0; 32 * 1024];
        while let Ok(read @ 1..) = reader.read(&mut buffer).await {
            if sink.send(codec.encode(DATA, &buffer[..read])).await.is_err() {
                return;
            }
        }
        let _ = sink.close().await;
    };
    tokio::select! {
        () = to_pod => {}
        () = from_pod => {}
    }
}
