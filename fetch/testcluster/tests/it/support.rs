//! What the tests share: small raw clients for HTTP and for exec sessions, and containers to try them on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use testcluster::{Cluster, ClusterBuilder, Container, Error, Isolation, Pod};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The kinds of isolation that this machine can test. Without namespaces it says so, or fails where every optional
/// check is required.
pub(crate) fn isolations() -> Vec<Isolation> {
    let namespaces = Cluster::builder().isolation(Isolation::Namespaces).start();
    match namespaces {
        Ok(_) => vec![Isolation::Namespaces, Isolation::Mapped],
        Err(Error::NoNamespaces(reason)) => {
            assert_ne!(
                std::env::var("COVDATA_REQUIRE_ORACLES").as_deref(),
                Ok("1"),
                "PID namespaces are required here: {reason}"
            );
            println!("skipped: PID namespaces: {reason}");
            vec![Isolation::Mapped]
        }
        Err(error) => panic!("{error}"),
    }
}

/// A cluster with one pod `ns/web` of one container `app` that can do the usual things.
pub(crate) fn one_pod() -> ClusterBuilder {
    Cluster::builder().pod(Pod::new("ns", "web").container(app()))
}

pub(crate) fn app() -> Container {
    Container::new("app").programs(["sh", "kill", "cat", "ls", "tar", "sleep", "head", "env"])
}

/// An answer to a plain HTTP request.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) code: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl HttpAnswer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The message of a Status.
    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The names of the items of a list, as `namespace/name`.
    pub(crate) fn names(&self) -> Vec<String> {
        let json = self.json();
        let items = json["items"].as_array().unwrap_or_else(|| panic!("no items in {json}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        items
            .iter()
            .map(|item| {
                format!("{}/{}", text(&item["metadata"]["namespace"]), text(&item["metadata"]["name"]))
            })
            .collect()
    }
}

/// One HTTP/1.1 request with `Connection: close` unless the headers say otherwise.
pub(crate) fn http(cluster: &Cluster, method: &str, target: &str, headers: &[(&str, &str)]) -> HttpAnswer {
    let address = cluster.url().strip_prefix("http://").expect("a plain cluster");
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("connection")) {
        request.push_str("Connection: close\r\n");
    }
    request.extend(headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).expect("send");
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    // To the end of the head, then as far as Content-Length says.
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let code =
                lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            let length = headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return HttpAnswer { code: code.expect("a status code"), headers, body: body.to_owned() };
            }
        }
        // Processes of pods that end interrupt it.
        let read = match stream.read(&mut chunk) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.expect("read"),
        };
        assert_ne!(read, 0, "the answer ends early: {text}");
        answer.extend_from_slice(&chunk[..read]);
    }
}

pub(crate) fn get(cluster: &Cluster, target: &str) -> HttpAnswer {
    http(cluster, "GET", target, &[])
}

/// Headers that ask for a WebSocket with these subprotocols.
pub(crate) fn upgrade_headers(protocols: &str) -> Vec<(&str, &str)> {
    let mut headers = vec![
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    if !protocols.is_empty() {
        headers.push(("Sec-WebSocket-Protocol", protocols));
    }
    headers
}

/// The target of an exec with standard output and error.
pub(crate) fn exec_target(namespace: &str, pod: &str, extra: &str, command: &[&str]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("stdout", "true").append_pair("stderr", "true");
    for word in command {
        query.append_pair("command", word);
    }
    format!("/api/v1/namespaces/{namespace}/pods/{pod}/exec?{}{extra}", query.finish())
}

/// An open exec session.
pub(crate) struct Session {
    pub(crate) protocol: Option<String>,
    pub(crate) socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
}

/// Everything that came until the end of a session.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    /// Channel and data of each message, in order.
    pub(crate) frames: Vec<(u8, Vec<u8>)>,
    /// The close frame's code; `None` if the connection ended without one.
    pub(crate) close: Option<u16>,
    /// Whether the connection ended in a TCP reset.
    pub(crate) reset: bool,
}

impl Transcript {
    pub(crate) fn channel(&self, channel: u8) -> Vec<u8> {
        self.frames.iter().filter(|(of, _)| *of == channel).flat_map(|(_, data)| data.clone()).collect()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.channel(1)).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.channel(2)).into_owned()
    }

    /// The Status; null if none came.
    pub(crate) fn status(&self) -> Value {
        serde_json::from_slice(&self.channel(3)).unwrap_or_default()
    }

    /// The exit code that the Status tells: 0 for Success, -1 for no exit code at all.
    pub(crate) fn exit_code(&self) -> i32 {
        let status = self.status();
        if status["status"] == "Success" {
            return 0;
        }
        let cause = &status["details"]["causes"][0];
        assert!(cause["reason"] == "ExitCode" || status["reason"] != "NonZeroExitCode", "{status}");
        cause["message"].as_str().and_then(|code| code.parse().ok()).unwrap_or(-1)
    }
}

pub(crate) fn ws_request(cluster: &Cluster, target: &str, protocols: &str) -> Request {
    let url = format!("{}{target}", cluster.url().replacen("http", "ws", 1));
    let mut request = url.into_client_request().expect("a request");
    if !protocols.is_empty() {
        let value = HeaderValue::from_str(protocols).expect("a header");
        request.headers_mut().insert("Sec-WebSocket-Protocol", value);
    }
    request
}

impl Session {
    pub(crate) async fn open(cluster: &Cluster, target: &str, protocols: &str) -> Result<Self, WsError> {
        let (socket, answer) =
            tokio_tungstenite::connect_async(ws_request(cluster, target, protocols)).await?;
        let protocol = answer.headers().get("sec-websocket-protocol");
        let protocol = protocol.map(|value| value.to_str().expect("text").to_owned());
        Ok(Self { protocol, socket })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.socket.send(Message::binary(bytes.to_vec())).await.expect("send");
    }

    /// Reads to the end of the session.
    pub(crate) async fn finish(mut self) -> Transcript {
        let mut transcript = Transcript::default();
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Some(message) =
            tokio::time::timeout_at(deadline.into(), self.socket.next()).await.expect("an end in time")
        {
            match message {
                Ok(Message::Binary(data)) => transcript.frames.push((data[0], data[1..].to_vec())),
                Ok(Message::Text(text)) => {
                    transcript.frames.push((text.as_bytes()[0] - b'0', text.as_bytes()[1..].to_vec()));
                }
                Ok(Message::Close(frame)) => transcript.close = frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(WsError::Io(error)) => {
                    transcript.reset = error.kind() == std::io::ErrorKind::ConnectionReset;
                    break;
                }
                Err(_) => break,
            }
        }
        transcript
    }
}

/// Runs a command in `ns/web` over v5 and reads all of it.
pub(crate) async fn run(cluster: &Cluster, command: &[&str]) -> Transcript {
    run_over(cluster, "v5.channel.k8s.io", command).await
}

pub(crate) async fn run_over(cluster: &Cluster, protocols: &str, command: &[&str]) -> Transcript {
    let target = exec_target("ns", "web", "", command);
    Session::open(cluster, &target, protocols).await.expect("a session").finish().await
}

/// Waits until a condition holds, for ten seconds at most.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
