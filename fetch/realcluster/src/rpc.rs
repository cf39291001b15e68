//! gRPC's simplest call, one message each way, over HTTP/2 on a unix socket.
//!
//! As in gRPC's "PROTOCOL-HTTP2.md": a message is a zero byte (not compressed), its length in four bytes, big-endian,
//! and its protobuf encoding; the status comes in the trailers, or in the headers if nothing else comes. A
//! gRPC library would serve as well and add half as much again to the time that this crate takes to build.

use std::path::Path;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use prost::Message;
use tokio::net::UnixStream;

use crate::error::Error;

/// Bytes before a message.
const PREFIX: usize = 5;

/// A connection to a gRPC server, to be cloned for calls at the same time.
#[derive(Clone)]
pub(crate) struct Channel(SendRequest<Bytes>);

impl Channel {
    /// Connects. The connection is driven by a task of the current runtime.
    pub(crate) async fn connect(socket: &Path) -> Result<Self, Error> {
        let stream = UnixStream::connect(socket).await.map_err(Error::io("connect to containerd"))?;
        let (send, connection) =
            h2::client::handshake(stream).await.map_err(|error| no_answer("the handshake", &error))?;
        tokio::spawn(async move {
            // Its calls report that it broke.
            let _ = connection.await;
        });
        Ok(Self(send))
    }

    /// Calls a method, `package.Service/Method`.
    pub(crate) async fn call<Q: Message, A: Message + Default>(
        &self,
        method: &str,
        question: &Q,
    ) -> Result<A, Error> {
        let failed = |error: h2::Error| no_answer(method, &error);
        let request = Request::post(format!("http://localhost/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| no_answer(method, &error))?;
        let mut send = self.0.clone().ready().await.map_err(failed)?;
        let (response, mut body) = send.send_request(request, false).map_err(failed)?;
        body.send_data(frame(question), true).map_err(failed)?;
        let (head, mut body) = response.await.map_err(failed)?.into_parts();
        check_status(method, &head.headers)?;
        let mut answer = BytesMut::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk.map_err(failed)?;
            body.flow_control().release_capacity(chunk.len()).map_err(failed)?;
            answer.extend_from_slice(&chunk);
        }
        if let Some(trailers) = body.trailers().await.map_err(failed)? {
            check_status(method, &trailers)?;
        }
        let message = answer.get(PREFIX..).ok_or_else(|| no_answer(method, &"no message came"))?;
        A::decode(message).map_err(|error| no_answer(method, &error))
    }
}

fn frame(message: &impl Message) -> Bytes {
    let encoded = message.encode_to_vec();
    let mut frame = BytesMut::with_capacity(PREFIX + encoded.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(encoded.len()).unwrap_or(u32::MAX));
    frame.extend_from_slice(&encoded);
    frame.freeze()
}

fn check_status(method: &str, headers: &HeaderMap) -> Result<(), Error> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status").map(str::parse::<u32>) {
        None | Some(Ok(0)) => Ok(()),
        Some(code) => Err(Error::Refused {
            method: method.to_owned(),
            code: code.unwrap_or(2),
            message: unescaped(text("grpc-message").unwrap_or_default()),
        }),
    }
}

/// A status message travels percent-encoded, and `+` means itself.
fn unescaped(message: &str) -> String {
    let escaped = format!("m={}", message.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(escaped.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn no_answer(method: &str, why: &dyn std::fmt::Display) -> Error {
    Error::NoAnswer { method: method.to_owned(), message: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_length_before_it() {
        let message = crate::cri::messages::StopContainer { container_id: "abc".into(), timeout: 0 };
        assert_eq!(frame(&message)[..], *b"\0\0\0\0\x05\x0a\x03abc");
    }

    #[test]
    fn a_status_message_is_unescaped() {
        assert_eq!(unescaped("a%20b+c%25&d=e"), "a b+c%&d=e");
        let mut headers = HeaderMap::new();
        assert!(check_status("m", &headers).is_ok());
        headers.insert("grpc-status", "5".parse().unwrap());
        headers.insert("grpc-message", "not%20found".parse().unwrap());
        let error = check_status("m", &headers).unwrap_err();
        assert!(
            matches!(error, Error::Refused { code: 5, ref message, .. } if message == "not found"),
            "{error}"
        );
    }
}
