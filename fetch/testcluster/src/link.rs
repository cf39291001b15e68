//! The way between a client and the server: how long bytes are under way, and how many have come and gone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Bytes of one piece under way.
const PIECE_BYTES: usize = 64 << 10;

/// Pieces under way in one direction: with [`PIECE_BYTES`] 16 MiB, so that latency costs time and no bandwidth.
const PIECES: usize = 256;

/// Bytes that have passed between all clients and the server, whatever they were: TLS and HTTP included, TCP and IP not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// From clients to the server.
    pub received: u64,
    /// From the server to clients.
    pub sent: u64,
}

/// What all connections have in common.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// How long a byte is under way, in each direction.
    latency: Duration,
    received: AtomicU64,
    sent: AtomicU64,
}

impl Link {
    pub(crate) fn new(latency: Duration) -> Self {
        Self { latency, ..Self::default() }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        let bytes = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic { received: bytes(&self.received), sent: bytes(&self.sent) }
    }

    /// The server's end of an accepted connection, if bytes take time: a task carries them from here on.
    pub(crate) fn delayed(&self, stream: Counted) -> Result<DuplexStream, Counted> {
        if self.latency.is_zero() {
            return Err(stream);
        }
        let (near, far) = tokio::io::duplex(PIECE_BYTES);
        tokio::spawn(carry(stream, far, self.latency));
        Ok(near)
    }
}

/// A TCP stream that counts its bytes, and ends with a reset if it is told to.
pub(crate) struct Counted {
    stream: TcpStream,
    link: Arc<Link>,
    reset: Arc<AtomicBool>,
}

impl Counted {
    pub(crate) fn new(stream: TcpStream, link: Arc<Link>, reset: Arc<AtomicBool>) -> Self {
        Self { stream, link, reset }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.link.received.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, data);
        if let Poll::Ready(Ok(written)) = polled {
            self.link.sent.fetch_add(written as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Carries bytes both ways until the server has closed its end.
async fn carry(stream: Counted, far: DuplexStream, latency: Duration) {
    // The client's first bytes come behind the three steps of TCP's handshake, of which loopback shows nothing.
    let shaken = Instant::now() + 2 * latency;
    let (from_client, to_client) = tokio::io::split(stream);
    let (from_server, to_server) = tokio::io::split(far);
    let inbound = async {
        let _ = convey(from_client, to_server, latency, shaken).await.shutdown().await;
        // A client that has closed its half may still be answered.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = inbound => {}
        // The connection ends as the stream does when it is dropped: it may be told to end with a reset.
        _ = convey(from_server, to_client, latency, shaken) => {}
    }
}

/// Carries bytes one way, each `latency` after it was sent and none before the handshake is over. Gives the writing end
/// back, open, once the end of the stream has come to it.
async fn convey<W: AsyncWrite + Unpin>(
    mut from: impl AsyncRead + Unpin,
    mut to: W,
    latency: Duration,
    shaken: Instant,
) -> W {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let send = async move {
        let mut buffer = vec![0; PIECE_BYTES];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let due = Instant::now().max(shaken) + latency;
            if sender.send((due, buffer[..read].to_vec())).await.is_err() {
                return;
            }
        }
        // The end of the stream takes its time, too.
        let _ = sender.send((Instant::now().max(shaken) + latency, Vec::new())).await;
    };
    let deliver = async move {
        while let Some((due, piece)) = receiver.recv().await {
            sleep_until(due).await;
            if piece.is_empty() || to.write_all(&piece).await.is_err() || to.flush().await.is_err() {
                break;
            }
        }
        to
    };
    tokio::join!(send, deliver).1
}
