//! The WebSocket handshake and the choice of subprotocol.
//!
//! From kubernetes staging/src/k8s.io/streaming/pkg/httpstream/wsstream/conn.go (`handshake`, `NewConn`): the first
//! protocol of the client's list that the server knows. A client that names v5 anywhere is served by the API server,
//! which knows only v5; any other by containerd, which knows v4, the one before, their base64 forms, and none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::api::status::{Answer, empty_answer};

/// What a session speaks, as far as the Status is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// v5.channel.k8s.io: standard input can be ended.
    V5,
    /// v4.channel.k8s.io: a Status in JSON.
    V4,
    /// channel.k8s.io: a message in case of failure, nothing otherwise.
    V1,
}

/// How messages are written and read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Codec {
    pub(crate) protocol: Protocol,
    /// Whether messages are text with base64 instead of bytes.
    base64: bool,
}

/// An accepted handshake.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub(crate) codec: Codec,
    name: Option<&'static str>,
    accept: String,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Negotiation {
    NotAnUpgrade,
    /// An HTTP error with an empty body.
    Refused(StatusCode),
    Accepted(Negotiated),
}

const CONTAINERD_PROTOCOLS: [(&str, Protocol, bool); 4] = [
    ("v4.channel.k8s.io", Protocol::V4, false),
    ("v4.base64.channel.k8s.io", Protocol::V4, true),
    ("channel.k8s.io", Protocol::V1, false),
    ("base64.channel.k8s.io", Protocol::V1, true),
];

/// Looks at the upgrade headers of an exec.
pub(super) fn negotiate(request: &Request<Incoming>) -> Negotiation {
    negotiate_for(request, choose)
}

/// Looks at the upgrade headers of a port-forward, which has the v4 forms only (kubernetes
/// staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go).
pub(crate) fn negotiate_forward(request: &Request<Incoming>) -> Negotiation {
    negotiate_for(request, |offered| {
        let known = |wanted: &String| {
            CONTAINERD_PROTOCOLS
                .iter()
                .filter(|(_, protocol, _)| *protocol == Protocol::V4)
                .find(|(name, ..)| name == wanted)
        };
        if offered.is_empty() {
            return Some((None, Protocol::V4, false));
        }
        offered.iter().find_map(known).map(|(name, protocol, base64)| (Some(*name), *protocol, *base64))
    })
}

fn negotiate_for(
    request: &Request<Incoming>,
    choose: impl FnOnce(&[String]) -> Option<Choice>,
) -> Negotiation {
    let headers = request.headers();
    if !has_token(headers, &header::CONNECTION, "upgrade")
        || !has_token(headers, &header::UPGRADE, "websocket")
    {
        return Negotiation::NotAnUpgrade;
    }
    // golang.org/x/net/websocket, hybi.go `ReadHandshake`.
    if request.method() != Method::GET {
        return Negotiation::Refused(StatusCode::METHOD_NOT_ALLOWED);
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Negotiation::Refused(StatusCode::BAD_REQUEST);
    }
    let Some(key) = headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| !key.is_empty()) else {
        return Negotiation::Refused(StatusCode::BAD_REQUEST);
    };
    let accept = derive_accept_key(key.as_bytes());
    let Some((name, protocol, base64)) = choose(&offered(headers)) else {
        return Negotiation::Refused(StatusCode::FORBIDDEN);
    };
    Negotiation::Accepted(Negotiated { codec: Codec { protocol, base64 }, name, accept })
}

/// The name for the answer, what it means for the Status, and whether messages are base64.
type Choice = (Option<&'static str>, Protocol, bool);

/// The subprotocol that a real cluster takes of those offered; no offer at all is the oldest form.
fn choose(offered: &[String]) -> Option<Choice> {
    if offered.iter().any(|name| name == "v5.channel.k8s.io") {
        return Some((Some("v5.channel.k8s.io"), Protocol::V5, false));
    }
    if offered.is_empty() {
        return Some((None, Protocol::V1, false));
    }
    let known = |wanted: &String| CONTAINERD_PROTOCOLS.iter().find(|(name, ..)| name == wanted);
    offered.iter().find_map(known).map(|(name, protocol, base64)| (Some(*name), *protocol, *base64))
}

fn offered(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}

impl Negotiated {
    /// The 101 answer.
    pub(crate) fn answer(&self) -> Answer {
        let mut answer = empty_answer(StatusCode::SWITCHING_PROTOCOLS);
        let headers = answer.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        if let Some(name) = self.name {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
        }
        answer
    }
}

impl Codec {
    /// One message on a channel, in this protocol's form.
    pub(crate) fn encode(self, channel: u8, data: &[u8]) -> tokio_tungstenite::tungstenite::Message {
        use tokio_tungstenite::tungstenite::Message;
        if self.base64 {
            return Message::text(format!("{channel}{}", STANDARD.encode(data)));
        }
        let mut frame = Vec::with_capacity(data.len() + 1);
        frame.push(channel);
        frame.extend_from_slice(data);
        Message::binary(frame)
    }

    /// A message of the client as channel and data; `None` if it is empty or no valid base64.
    pub(crate) fn decode(self, message: &[u8]) -> Option<(u8, Vec<u8>)> {
        let (first, rest) = message.split_first()?;
        if self.base64 {
            return Some((first.wrapping_sub(b'0'), STANDARD.decode(rest).ok()?));
        }
        Some((*first, rest.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Protocol, choose};

    #[test]
    fn choice_of_subprotocol() {
        let cases: [(&[&str], Option<Choice>); 8] = [
            (
                &["v5.channel.k8s.io", "v4.channel.k8s.io"],
                Some((Some("v5.channel.k8s.io"), Protocol::V5, false)),
            ),
            (
                &["v4.channel.k8s.io", "v5.channel.k8s.io"],
                Some((Some("v5.channel.k8s.io"), Protocol::V5, false)),
            ),
            (&["v4.channel.k8s.io"], Some((Some("v4.channel.k8s.io"), Protocol::V4, false))),
            (&["v9.channel.k8s.io", "channel.k8s.io"], Some((Some("channel.k8s.io"), Protocol::V1, false))),
            (&["v4.base64.channel.k8s.io"], Some((Some("v4.base64.channel.k8s.io"), Protocol::V4, true))),
            (&[], Some((None, Protocol::V1, false))),
            (&["v2.channel.k8s.io"], None),
            (&["v3.channel.k8s.io", "nonsense"], None),
        ];
        for (offered, expected) in cases {
            let offered: Vec<String> = offered.iter().map(ToString::to_string).collect();
            assert_eq!(choose(&offered), expected, "{offered:?}");
        }
    }
}
