//! A flush that is asked for from outside: by a command in the container, or by an HTTP request to the pod.
//!
//! What the other side says is data: bounded, escaped, and never followed to anywhere else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;

use super::{Captured, Job};
use crate::error::{Failure, Kind, Retry};
use crate::escape::one_line_bytes;
use crate::flush::{FlushRequest, FlushUrl, HttpMethod, Method};
use crate::guard::Guarded;
use crate::manifest::FlushRecord;
use crate::remote::{Attempted, Verdict};

/// Bytes of an answer or of a command's output that are shown.
const SHOWN: usize = 400;

/// Bytes of a command's output that are read before it counts as endless.
const OUTPUT_BYTES: u64 = 16 << 20;

/// How long the pod's own word about a broken connection may lag behind its end.
const WORD_TIMEOUT: Duration = Duration::from_secs(1);

/// What is known of a flush that was asked for.
enum Asked {
    /// The other side says that it has done it.
    Done,
    /// It was reached, and nobody knows what it did.
    Unanswered(String),
}

impl Job<'_> {
    /// Asks for the flush. That it was refused for good is remembered: the files are copied all the same.
    pub(super) async fn trigger(
        &self,
        request: &FlushRequest,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        let asked = match &request.method {
            Method::Signal(..) => return Ok(()),
            Method::Command(words) => self.run_command(words).await,
            Method::Request(url) => self.send(url, request.timeout).await,
        };
        match asked {
            Ok(Asked::Done) => {}
            Ok(Asked::Unanswered(why)) => captured.unanswered = Some(why),
            Err(failure) if failure.retry != Retry::No || failure.kind == Kind::Unfinished => {
                // Nobody was reached: it can be asked for again.
                captured.before = None;
                return Err(failure);
            }
            Err(failure) => {
                captured.flush = Some(FlushRecord::new(request, None, false));
                captured.refused = Some(failure);
            }
        }
        Ok(())
    }

    async fn run_command(&self, words: &[String]) -> Result<Asked, Failure> {
        let shown = format!("the flush command \"{}\"", Method::typed(words));
        let execution = self.exec(words).await?;
        let mut stream = Guarded::new(execution.stdout, &self.patience, Arc::clone(&self.collector.bytes));
        let mut output = Vec::new();
        let mut rest = (&mut stream).take(SHOWN as u64);
        let read = rest.read_to_end(&mut output).await;
        let mut sink = tokio::io::sink();
        let more = match read {
            Ok(_) => tokio::io::copy(&mut stream.take(OUTPUT_BYTES), &mut sink).await,
            Err(error) => Err(error),
        };
        match more {
            Ok(more) if more >= OUTPUT_BYTES => {
                let message = format!("{shown} writes more than {OUTPUT_BYTES} bytes");
                return Err(Failure::new(Kind::FlushFailed, message));
            }
            Ok(_) => {}
            Err(error) => return unanswered(super::verdict::stream_failure(&error)),
        }
        let end = self.patience.wait(execution.end).await?;
        let program = words.first().map(String::as_str).unwrap_or_default();
        if end.lacks(program) {
            return Err(Failure::new(Kind::FlushFailed, format!("{shown}: the image has no {program}")));
        }
        match (&end.verdict, end.failure(&shown)) {
            (_, None) => Ok(Asked::Done),
            (Verdict::Missing(_), Some(failure)) => unanswered(failure),
            (_, Some(failure)) => {
                let said = said(&output);
                Err(Failure::new(Kind::FlushFailed, format!("{failure}{said}")))
            }
        }
    }

    async fn send(&self, url: &FlushUrl, timeout: Duration) -> Result<Asked, Failure> {
        let connected = self.patience.wait(self.collector.cluster.connect(self.name, url.port)).await?;
        let connection =
            connected.map_err(|error| error.failure(Attempted::Forward(&self.name.namespace)))?;
        let exchanged = tokio::time::timeout(timeout, exchange(connection.stream, url));
        let answer = match self.patience.wait(exchanged).await? {
            Ok(Ok(answer)) => answer,
            Ok(Err(broken)) => {
                // The pod's side says why, if it was not reached at all.
                return match tokio::time::timeout(WORD_TIMEOUT, connection.error).await {
                    Ok(Some(why)) => {
                        let message = format!(
                            "port {} of the pod cannot be reached for {url}: {why}; is it the port of --flush-url?",
                            url.port
                        );
                        Err(Failure::new(Kind::FlushFailed, message))
                    }
                    _ => Ok(Asked::Unanswered(format!("no answer came to {url}: {broken}"))),
                };
            }
            Err(_) => {
                let message = format!("no answer to {url} within {} s (--flush-timeout)", timeout.as_secs());
                return Err(Failure::new(Kind::FlushFailed, message));
            }
        };
        answer.judge(url)
    }
}

/// A stream that broke, so that nobody knows whether the program was reached. Interruption and lack of time stay what they
/// are.
fn unanswered(failure: Failure) -> Result<Asked, Failure> {
    if failure.retry == Retry::No { Err(failure) } else { Ok(Asked::Unanswered(failure.message)) }
}

/// What the program answered.
struct Answer {
    status: http::StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

async fn exchange(stream: Box<dyn crate::remote::Duplex>, url: &FlushUrl) -> Result<Answer, String> {
    let failed = |error: hyper::Error| crate::escape::one_line(&error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // It ends when the answer has been read, or dropped.
    let driver = tokio::spawn(connection);
    let request = http::Request::builder()
        .method(url.method.as_str())
        .uri(&url.path)
        .header("host", format!("localhost:{}", url.port))
        .header("user-agent", concat!("covfetch/", env!("CARGO_PKG_VERSION")))
        .header("content-length", "0")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(failed)?;
    let (head, mut body) = response.into_parts();
    let location = head.headers.get("location").map(|value| one_line_bytes(value.as_bytes()));
    let mut kept = Vec::new();
    // What does not come is not missed: the status says how it went.
    while kept.len() < SHOWN
        && let Some(Ok(frame)) = body.frame().await
    {
        kept.extend(frame.data_ref().into_iter().flatten().take(SHOWN - kept.len()));
    }
    driver.abort();
    Ok(Answer { status: head.status, location, body: kept })
}

impl Answer {
    fn judge(&self, url: &FlushUrl) -> Result<Asked, Failure> {
        if self.status.is_success() {
            return Ok(Asked::Done);
        }
        let said = said(&self.body);
        let status = self.status;
        let more = match (&self.location, status.as_u16()) {
            (Some(location), 300..=399) => format!(" to {location}, and redirects are not followed"),
            (_, 405) if url.method == HttpMethod::Post => ": try --flush-method GET".to_owned(),
            (_, 404) => ": is it the path of --flush-url?".to_owned(),
            _ => String::new(),
        };
        Err(Failure::new(Kind::FlushFailed, format!("{url} was answered with {status}{more}{said}")))
    }
}

/// The beginning of what somebody wrote, fit for a message.
fn said(bytes: &[u8]) -> String {
    let text = one_line_bytes(bytes.get(..bytes.len().min(SHOWN)).unwrap_or(bytes));
    if text.is_empty() { String::new() } else { format!(" (it says: {text})") }
}
