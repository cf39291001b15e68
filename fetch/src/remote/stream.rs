//! Standard output of an exec, with an end: if the connection breaks, the library's pipe would wait for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::{BoxFuture, FutureExt, Shared};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use tokio::io::{AsyncRead, ReadBuf};

/// The status of an exec; `None` if the stream ended without one. Can be awaited in several places.
pub(super) type StatusFuture = Shared<BoxFuture<'static, Option<Status>>>;

/// Reads standard output until its end, or until the loop that fills it has ended without a status.
pub(super) struct Stdout<R> {
    pipe: R,
    source: Source,
}

/// What is known of the loop that fills the pipe.
enum Source {
    /// It runs.
    Open(StatusFuture),
    /// It has passed on a status, and shuts the pipe down.
    Ending,
    /// It has ended without a status, and may have left the pipe open.
    Stopped,
}

impl<R> Stdout<R> {
    pub(super) fn new(pipe: R, status: StatusFuture) -> Self {
        Self { pipe, source: Source::Open(status) }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Stdout<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(result) = Pin::new(&mut self.pipe).poll_read(context, buffer) {
            return Poll::Ready(result);
        }
        if let Source::Open(status) = &mut self.source {
            let status = ready!(status.poll_unpin(context));
            self.source = if status.is_some() { Source::Ending } else { Source::Stopped };
        }
        // Between the two looks more may have come. Behind a loop that has stopped, nothing else will.
        match (Pin::new(&mut self.pipe).poll_read(context, buffer), &self.source) {
            (Poll::Pending, Source::Stopped) => Poll::Ready(Ok(())),
            (result, _) => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::channel::oneshot;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn status(receiver: oneshot::Receiver<Status>) -> StatusFuture {
        receiver.map(Result::ok).boxed().shared()
    }

    /// The pipe's writing half is dropped without being shut down, as the library does when the connection breaks.
    #[tokio::test]
    async fn a_broken_connection_ends_the_stream_behind_what_came() {
        let (reader, mut writer) = tokio::io::simplex(64);
        let (sender, receiver) = oneshot::channel();
        let mut stdout = Stdout::new(reader, status(receiver));
        let task = tokio::spawn(async move {
            writer.write_all(b"some bytes").await.unwrap();
            tokio::task::yield_now().await;
            drop(writer);
            drop(sender);
        });
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, b"some bytes");
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_status_does_not_cut_what_is_still_in_the_pipe() {
        let (reader, mut writer) = tokio::io::simplex(64);
        let (sender, receiver) = oneshot::channel();
        let mut stdout = Stdout::new(reader, status(receiver));
        let task = tokio::spawn(async move {
            sender.send(Status::default()).unwrap();
            tokio::task::yield_now().await;
            for _ in 0..100 {
                writer.write_all(&[7; 50]).await.unwrap();
            }
            writer.shutdown().await.unwrap();
        });
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes.len(), 5000);
        task.await.unwrap();
    }
}
