//! One exec session over an upgraded connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdin;
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_util::task::AbortOnDropHandle;

use super::outcome::Outcome;
use super::process::Process;
use super::protocol::{Codec, Protocol};
use super::request::ExecRequest;
use super::{channel, refusal_text};
use crate::fault::Fault;
use crate::runtime::Running;
use crate::state::State;

/// How long the server waits for the client's close frame after its own.
const CLOSE_WAIT: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<TokioIo<Upgraded>>;
type Sink = futures::stream::SplitSink<Socket, Message>;
type Source = futures::stream::SplitStream<Socket>;

/// Everything that a session needs to know.
pub(super) struct Session {
    pub(super) state: Arc<State>,
    /// `None` if the container has no process.
    pub(super) running: Option<Arc<Running>>,
    pub(super) container: String,
    pub(super) exec: ExecRequest,
    pub(super) codec: Codec,
    pub(super) faults: Vec<Fault>,
    /// Set to make the connection end in a TCP reset.
    pub(super) reset: Arc<AtomicBool>,
}

/// How the copying of output ended.
enum Copied {
    /// With the end of all output.
    All,
    /// The client is gone, or a fault has cut the connection.
    Broken,
    /// A fault has ended the output early, and the session goes on to its Status.
    Truncated,
}

impl Session {
    pub(super) async fn run(self, upgraded: Upgraded) {
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let (mut sink, source) = socket.split();
        // An empty message on the lowest channel of output says that the session stands.
        let lowest = match (self.exec.stdout, self.exec.stderr) {
            (true, _) => channel::STDOUT,
            (false, true) => channel::STDERR,
            (false, false) => channel::ERROR,
        };
        if sink.send(self.codec.encode(lowest, &[])).await.is_err() {
            return;
        }
        let started = match &self.running {
            None => Err(Outcome::Refused(format!("container not found ({:?})", self.container))),
            Some(running) => Process::start(&self.state, running, &self.exec)
                .map_err(|refusal| Outcome::NotStarted(refusal_text(&refusal))),
        };
        match started {
            Err(outcome) => {
                let client = Client::read(source, None, self.codec);
                self.finish(sink, &outcome, client).await;
            }
            Ok(mut process) => {
                let client = Client::read(source, process.stdin.take(), self.codec);
                self.serve(sink, process, client).await;
            }
        }
    }

    /// Copies a process's output and reports its end.
    async fn serve(self, mut sink: Sink, mut process: Process, mut client: Client) {
        match self.copy_output(&mut sink, &mut process, &mut client).await {
            Copied::Broken => process.abandon(&self.state),
            Copied::Truncated => {
                process.abandon(&self.state);
                self.finish(sink, &Outcome::Exited(0), client).await;
            }
            Copied::All => {
                // A process may close its output and live on.
                let code = tokio::select! {
                    code = &mut process.exit => code.unwrap_or(255),
                    _ = &mut client.gone => return process.abandon(&self.state),
                };
                if self.faults.contains(&Fault::NoStatus) {
                    return;
                }
                let overridden = self.faults.iter().find_map(|fault| match fault {
                    Fault::ExitCode(code) => Some(i32::from(*code)),
                    _ => None,
                });
                self.finish(sink, &Outcome::Exited(overridden.unwrap_or(code)), client).await;
            }
        }
    }

    async fn copy_output(&self, sink: &mut Sink, process: &mut Process, client: &mut Client) -> Copied {
        let mut stdout = process.stdout.as_mut();
        let mut stderr = process.stderr.as_mut();
        let (mut out, mut err) = (vec![0; channel::MAX_DATA], vec![0; channel::MAX_DATA]);
        let mut sent = 0;
        while stdout.is_some() || stderr.is_some() {
            let (channel, data) = tokio::select! {
                read = read_some(&mut stdout, &mut out) => (channel::STDOUT, &out[..read]),
                read = read_some(&mut stderr, &mut err) => (channel::STDERR, &err[..read]),
                _ = &mut client.gone => return Copied::Broken,
            };
            match (channel, data) {
                (channel::STDOUT, []) => stdout = None,
                (_, []) => stderr = None,
                (channel::STDOUT, data) => match self.send_stdout(sink, data, &mut sent).await {
                    Some(Copied::All) | None => {}
                    Some(ended) => return ended,
                },
                (_, data) => {
                    if sink.send(self.codec.encode(channel, data)).await.is_err() {
                        return Copied::Broken;
                    }
                }
            }
        }
        Copied::All
    }

    /// Sends standard output, of which `sent` bytes are sent already, as far as the faults let it. `Some` ends it.
    async fn send_stdout(&self, sink: &mut Sink, mut data: &[u8], sent: &mut u64) -> Option<Copied> {
        let mut ended = None;
        for fault in &self.faults {
            match fault {
                Fault::Cut { after, .. } | Fault::TruncatedSuccess { after } => {
                    let left = usize::try_from(after.saturating_sub(*sent)).unwrap_or(usize::MAX);
                    if data.len() >= left {
                        data = &data[..left];
                        ended = Some(fault);
                    }
                }
                Fault::Kill { after } => {
                    let left = usize::try_from(after.saturating_sub(*sent)).unwrap_or(usize::MAX);
                    if data.len() >= left {
                        self.kill_container().await;
                    }
                }
                _ => {}
            }
        }
        let rate = self.faults.iter().find_map(|fault| match fault {
            Fault::Slow { bytes_per_second } => Some((*bytes_per_second).max(1)),
            _ => None,
        });
        // A slow stream trickles: some twenty frames a second, but no more than one for each byte.
        let slice = rate.map_or(usize::MAX, |rate| usize::try_from(rate.div_ceil(20)).unwrap_or(usize::MAX));
        for part in data.chunks(slice) {
            if let Some(rate) = rate {
                tokio::time::sleep(Duration::from_nanos(part.len() as u64 * 1_000_000_000 / rate)).await;
            }
            if sink.send(self.codec.encode(channel::STDOUT, part)).await.is_err() {
                return Some(Copied::Broken);
            }
        }
        *sent += data.len() as u64;
        match ended {
            Some(Fault::Cut { reset, .. }) => {
                self.reset.store(*reset, Ordering::Relaxed);
                Some(Copied::Broken)
            }
            Some(_) => Some(Copied::Truncated),
            None => None,
        }
    }

    async fn kill_container(&self) {
        let Some(running) = self.running.clone() else { return };
        // It waits for the process's end, a matter of milliseconds.
        let _ = tokio::task::spawn_blocking(move || running.kill()).await;
    }

    /// Sends the Status and closes the session.
    async fn finish(&self, mut sink: Sink, outcome: &Outcome, client: Client) {
        let payload = outcome.payload(self.codec.protocol, self.state.containerd, &self.exec.command);
        if let Some(payload) = payload
            && sink.send(self.codec.encode(channel::ERROR, &payload)).await.is_err()
        {
            return;
        }
        let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        if sink.send(Message::Close(Some(close))).await.is_ok() {
            let _ = tokio::time::timeout(CLOSE_WAIT, client.gone).await;
        }
    }
}

/// Reads from a stream that may have ended; never returns once it has.
async fn read_some<R: AsyncRead + Unpin>(stream: &mut Option<&mut R>, buffer: &mut [u8]) -> usize {
    match stream {
        // A read error on a pipe is the end of what can be had.
        Some(stream) => stream.read(buffer).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

/// The client's side of a session, read by a task of its own. Dropping this ends the reading and, with the sink gone
/// too, the connection.
struct Client {
    /// Answers when the client is gone or has said goodbye.
    gone: oneshot::Receiver<()>,
    _task: AbortOnDropHandle<()>,
}

impl Client {
    /// Starts to read messages, and to feed standard input with those that are meant for it.
    fn read(mut source: Source, stdin: Option<ChildStdin>, codec: Codec) -> Self {
        let (sender, gone) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut stdin = stdin;
            while let Some(message) = source.next().await {
                let data = match message {
                    Ok(Message::Binary(data)) => data.to_vec(),
                    Ok(Message::Text(text)) => text.as_bytes().to_vec(),
                    Ok(Message::Close(_)) | Err(_) => break,
                    Ok(_) => continue,
                };
                if codec.protocol == Protocol::V5 && data.first() == Some(&channel::CLOSE) {
                    match data[1..] {
                        [channel::STDIN] => stdin = None,
                        [channel] if channel <= 4 => {}
                        _ => break,
                    }
                    continue;
                }
                // A channel that the client may not write to is ignored.
                if let Some((channel::STDIN, data)) = codec.decode(&data)
                    && let Some(pipe) = &mut stdin
                    && pipe.write_all(&data).await.is_err()
                {
                    // The process has closed its input: what follows is thrown away.
                    stdin = None;
                }
            }
            let _ = sender.send(());
        });
        Self { gone, _task: AbortOnDropHandle::new(task) }
    }
}
