//! A stream that ends: when the run is interrupted, when the time is up, when nothing has come for too long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::error::{Failure, Kind};

/// How long to wait, and when not to.
#[derive(Debug, Clone)]
pub struct Patience {
    /// When the container's time is up.
    pub deadline: Instant,
    /// The whole time that `deadline` ends, for the message.
    pub timeout: Duration,
    /// How long a stream may stand still.
    pub stall: Duration,
    /// Interrupts the run.
    pub cancel: CancellationToken,
}

impl Patience {
    /// Waits for something that is not a stream.
    pub async fn wait<T>(&self, task: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Failure::interrupted()),
            () = sleep_until(self.deadline) => Err(self.too_late()),
            result = task => Ok(result),
        }
    }

    fn too_late(&self) -> Failure {
        let seconds = self.timeout.as_secs();
        Failure::new(
            Kind::Truncated,
            format!("not done within {seconds} s (--timeout): raise it; on a slow line add --gzip"),
        )
    }
}

/// Wraps a stream; errors are [`Failure`]s inside [`io::Error`]s.
pub struct Guarded<R> {
    inner: R,
    patience: Patience,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    deadline: Pin<Box<Sleep>>,
    stalled: Pin<Box<Sleep>>,
    bytes: Arc<AtomicU64>,
}

impl<R> Guarded<R> {
    /// Guards a stream and counts its bytes.
    pub fn new(inner: R, patience: &Patience, bytes: Arc<AtomicU64>) -> Self {
        Self {
            inner,
            cancelled: Box::pin(patience.cancel.clone().cancelled_owned()),
            deadline: Box::pin(sleep_until(patience.deadline)),
            stalled: Box::pin(sleep_until(Instant::now() + patience.stall)),
            patience: patience.clone(),
            bytes,
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Guarded<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.cancelled.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::other(Failure::interrupted())));
        }
        if this.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::other(this.patience.too_late())));
        }
        let before = buffer.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut this.inner).poll_read(context, buffer) {
            let read = buffer.filled().len().saturating_sub(before);
            this.bytes.fetch_add(read as u64, Ordering::Relaxed);
            this.stalled.as_mut().reset(Instant::now() + this.patience.stall);
            return Poll::Ready(result);
        }
        if this.stalled.as_mut().poll(context).is_ready() {
            let seconds = this.patience.stall.as_secs();
            let failure = Failure::passing(
                Kind::Truncated,
                format!("nothing came for {seconds} s: the program, its node or the network hangs"),
            );
            return Poll::Ready(Err(io::Error::other(failure)));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    fn patience(deadline: u64, stall: u64) -> Patience {
        Patience {
            deadline: Instant::now() + Duration::from_secs(deadline),
            timeout: Duration::from_secs(deadline),
            stall: Duration::from_secs(stall),
            cancel: CancellationToken::new(),
        }
    }

    async fn failure_of(patience: &Patience, stream: impl AsyncRead + Unpin) -> Failure {
        let mut guarded = Guarded::new(stream, patience, Arc::default());
        let error = guarded.read_to_end(&mut Vec::new()).await.unwrap_err();
        error.get_ref().unwrap().downcast_ref::<Failure>().unwrap().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_and_an_endless_one_both_end() {
        let (silent, _writer) = tokio::io::simplex(8);
        let failure = failure_of(&patience(1000, 60), silent).await;
        assert!(failure.message.contains("nothing came for 60 s"), "{failure}");

        let (drip, mut writer) = tokio::io::simplex(8);
        tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            while writer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        });
        let failure = failure_of(&patience(300, 60), drip).await;
        assert!(failure.message.contains("not done within 300 s"), "{failure}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_interruption_ends_the_stream_at_once() {
        let (silent, _writer) = tokio::io::simplex(8);
        let patience = patience(1000, 1000);
        let cancel = patience.cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cancel.cancel();
        });
        assert_eq!(failure_of(&patience, silent).await.kind, Kind::Unfinished);
        assert_eq!(patience.wait(std::future::pending::<()>()).await.unwrap_err().kind, Kind::Unfinished);
    }

    #[tokio::test]
    async fn bytes_are_counted() {
        let bytes = Arc::default();
        let mut guarded = Guarded::new(&b"four"[..], &patience(10, 10), Arc::clone(&bytes));
        guarded.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(bytes.load(Ordering::Relaxed), 4);
    }
}
