//! Accepts connections on loopback and speaks HTTP/1.1 on them, over TLS if asked to.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::api::{Peer, handle};
use crate::link::Counted;
use crate::state::State;
use crate::tls::is_client_certificate;

/// Serves until the token is cancelled.
pub(crate) async fn serve(
    listener: StdListener,
    tls: Option<TlsAcceptor>,
    state: Arc<State>,
    stop: CancellationToken,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return Ok(()),
        };
        // A connection that was reset before it was accepted is the client's affair.
        let Ok((stream, _)) = accepted else { continue };
        let (tls, state, stop) = (tls.clone(), Arc::clone(&state), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = accept(stream, tls, state) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

async fn accept(stream: TcpStream, tls: Option<TlsAcceptor>, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let stream = Counted::new(stream, Arc::clone(&state.link), Arc::clone(&reset));
    let link = Arc::clone(&state.link);
    match link.delayed(stream) {
        Ok(stream) => serve_connection(stream, tls, state, reset).await,
        Err(stream) => serve_connection(stream, tls, state, reset).await,
    }
}

async fn serve_connection<S>(stream: S, tls: Option<TlsAcceptor>, state: Arc<State>, reset: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match tls {
        None => speak_http(stream, state, Peer { certificate: false, reset }).await,
        Some(acceptor) => {
            // A failed handshake is the client's to report.
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let certificate = certificates.first().is_some_and(|der| is_client_certificate(der, &state));
            speak_http(stream, state, Peer { certificate, reset }).await;
        }
    }
}

async fn speak_http<S>(stream: S, state: Arc<State>, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (state, peer) = (Arc::clone(&state), peer.clone());
        async move { Ok::<_, std::convert::Infallible>(handle(state, peer, request).await) }
    });
    // Go's server takes 1 MiB of headers, the request line included.
    let mut builder = http1::Builder::new();
    builder.max_buf_size(1 << 20);
    let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}
