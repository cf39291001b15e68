//! A container with a shell: flush, wait and copy in one exec.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::time::Instant;

use super::bounds::LARGE_META;
use super::resume::Kept;
use super::verdict::{judge_stream, stream_failure};
use super::{Before as Known, Captured, Job};
use crate::error::{Failure, Kind};
use crate::escape::one_line;
use crate::guard::Guarded;
use crate::script::{Announcement, Before, LONGEST_LINE, Next, Sending, command};
use crate::unpack::Form;

/// Bytes of the buffer behind the stream's pipe.
const BUFFER_BYTES: usize = 256 << 10;

/// Whether the container could be read with a shell.
pub(super) enum Shell {
    /// It could, and was.
    Done,
    /// It has none.
    Absent,
}

impl Job<'_> {
    /// Runs the script and takes what it sends. A flush that is asked for from outside of it takes two runs: one that says
    /// what is there before, and one that waits for what is new.
    pub(super) async fn with_shell(&self, captured: &mut Captured) -> Result<Shell, Failure> {
        let Some(request) = self.wanted(captured) else {
            return self.converse(Before::Nothing, captured).await;
        };
        if let Some(known) = &captured.before {
            let (process, count) = (known.process, known.count);
            return self.converse(Before::Wait(request, process, count), captured).await;
        }
        let shell = match self.converse(Before::Flush(request), captured).await {
            // Nothing was signalled; what is there is copied all the same.
            Err(failure) if failure.kind == Kind::NoProcess => {
                captured.refused = Some(failure);
                return self.converse(Before::Nothing, captured).await;
            }
            result => result?,
        };
        // Without one it cannot be flushed, and that has been said.
        if !request.is_apart() || captured.before.is_none() {
            return Ok(shell);
        }
        self.trigger(request, captured).await?;
        let (process, count) =
            captured.before.as_ref().map_or((None, 0), |known| (known.process, known.count));
        let next = match self.wanted(captured) {
            Some(request) => Before::Wait(request, process, count),
            None => Before::Nothing,
        };
        self.converse(next, captured).await
    }

    async fn converse(&self, before: Before<'_>, captured: &mut Captured) -> Result<Shell, Failure> {
        let large = self.collector.shared.as_ref().map(|_| LARGE_META);
        let mark = self.mark(captured).await;
        let sending = Sending { large, mark, gzip: self.collector.gzip };
        let execution = self.exec(&command(self.source, before, sending)).await?;
        let guarded = Guarded::new(execution.stdout, &self.patience, Arc::clone(&self.collector.bytes));
        let mut stream = BufReader::with_capacity(BUFFER_BYTES, guarded);

        let mut said = Announcement::of(before);
        let mut waited = None;
        let next = self.listen(&mut stream, &mut said, &mut waited).await;
        remember(captured, &said);
        let next = match next {
            Ok(next) => {
                captured.unzipped = said.no_gzip;
                captured.zips = self.collector.gzip && !said.no_gzip;
                next
            }
            // The shell said why it stopped, or said something odd; how it ended matters less.
            Err(Heard::Failure(failure)) if failure.kind == Kind::MissingDir => {
                return Err(failure.followed_by(format_args!(" [{}]", self.source)));
            }
            Err(Heard::Failure(failure)) => return Err(failure),
            Err(Heard::End) => {
                let end = self.patience.wait(execution.end).await?;
                if end.lacks("sh") {
                    return Ok(Shell::Absent);
                }
                return Err(end.failure("the shell").unwrap_or_else(ended_early));
            }
        };
        captured.tar_less = matches!(next, Next::Files { form: Form::Plain, .. });
        let (names, unpacked) = match next {
            Next::Files { gzip: true, .. } if !sending.gzip => {
                let message = "the container's shell sends through gzip what it was not to";
                return Err(Failure::new(Kind::Rejected, message));
            }
            Next::Files { form, gzip } => {
                self.receive(stream, (form, gzip), self.collector.limits, captured).await
            }
            _ => (BTreeSet::new(), nothing_more(&mut stream).await),
        };
        let end = match &unpacked {
            // The container broke the rules: its stream is closed, not read to its end.
            Err(failure) if !matches!(failure.kind, Kind::Truncated | Kind::InvalidFile | Kind::Conflict) => {
                return Err(failure.clone());
            }
            _ => self.patience.wait(execution.end).await?,
        };
        judge_stream(unpacked, &end, "the script", &said.files, &names)?;
        let flush = said.flush;
        if let Kept::TooMany = self.settle(said, mark.is_some(), captured).await? {
            // The flush has been, and is judged by what comes now.
            Box::pin(self.converse(Before::Nothing, captured)).await?;
        }
        if let Some(state) = flush {
            self.judge_flush(captured, state, waited, &end.stderr)?;
        }
        Ok(Shell::Done)
    }

    /// Reads the lines before the files.
    async fn listen(
        &self,
        stream: &mut (impl AsyncBufRead + Unpin),
        said: &mut Announcement,
        waited: &mut Option<Duration>,
    ) -> Result<Next, Heard> {
        let mut since = None;
        loop {
            let mut line = Vec::new();
            let most = LONGEST_LINE as u64;
            stream
                .take(most)
                .read_until(b'\n', &mut line)
                .await
                .map_err(|error| Heard::Failure(stream_failure(&error)))?;
            if line.pop_if(|last| *last == b'\n').is_none() {
                if line.len() < LONGEST_LINE {
                    return Err(Heard::End);
                }
                let message = "the container's shell answered with a line that is too long";
                return Err(Heard::Failure(Failure::new(Kind::Rejected, message)));
            }
            let known = said.flush.is_some();
            match said.line(&line, self.collector.limits.files).map_err(Heard::Failure)? {
                Next::Line => {}
                Next::Wait => since = Some(Instant::now()),
                next => return Ok(next),
            }
            if !known && said.flush.is_some() {
                *waited = since.map(|since| since.elapsed());
            }
        }
    }
}

/// Why there are no more lines.
enum Heard {
    Failure(Failure),
    End,
}

/// Keeps what a later attempt must know even if this one fails.
fn remember(captured: &mut Captured, said: &Announcement) {
    if let Some(count) = said.signalled {
        captured.before = Some(Known { process: said.process, count, names: said.before.clone() });
    }
    captured.announced.extend(said.files.iter().chain(said.kept.keys()).cloned());
    captured.ignored.extend(said.ignored.iter().cloned());
    if said.odd > 0 {
        let files = if said.odd == 1 { "1 file" } else { &format!("{} files", said.odd) };
        captured.note =
            Some(one_line(&format!("{files} with a name like a coverage file's that Go does not write")));
    }
}

/// Reads on to the end of a stream that has nothing more to say.
async fn nothing_more(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<(), Failure> {
    let mut rest = Vec::new();
    let read = stream.take(1).read_to_end(&mut rest).await.map_err(|error| stream_failure(&error))?;
    if read == 0 {
        return Ok(());
    }
    Err(Failure::new(Kind::Rejected, "the container's shell sent more than it announced"))
}

fn ended_early() -> Failure {
    let message = "the API server reported success, but the stream ended before the archive began";
    Failure::passing(Kind::Truncated, message)
}
