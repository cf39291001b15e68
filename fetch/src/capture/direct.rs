//! A container without a shell: one exec for each step, with tar or with `cat`. The client looks for the flushed file itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, BufReader};
use tokio::time::Instant;
use tokio_util::io::SyncIoBridge;

use super::bounds::{LISTING_BYTES, NAMES_PER_EXEC};
use super::verdict::{judge_stream, stream_failure};
use super::{Before, Captured, Job};
use crate::error::{Failure, Kind};
use crate::escape::one_line;
use crate::flush::{FlushRequest, FlushState, Method, Process, Signal};
use crate::guard::Guarded;
use crate::names::{CoverageName, Writer, quoted};
use crate::remote::{End, Verdict};
use crate::script::{directory, no_tar, zipped_archive};
use crate::unpack::{Form, Limits, Others, unpack};

/// Pauses between two looks at the directory: the first, and the longest. An exec costs a node some 35 ms of CPU.
const LOOKS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

impl Job<'_> {
    /// Copies what is there, flushes if asked to, copies what is new.
    pub(super) async fn without_shell(&self, captured: &mut Captured) -> Result<(), Failure> {
        captured.unzipped = self.collector.gzip;
        let first = self.list(captured).await?;
        self.obtain(&first, captured).await?;
        let Some(request) = self.wanted(captured) else { return Ok(()) };
        let (state, waited, stderr) = self.flush_directly(request, &first, captured).await?;
        if captured.refused.is_some() {
            return Ok(());
        }
        let now = self.list(captured).await?;
        let new: BTreeSet<CoverageName> = now.difference(&first).cloned().collect();
        self.obtain(&new, captured).await?;
        self.judge_flush(captured, state, waited, &stderr)
    }

    async fn flush_directly(
        &self,
        request: &FlushRequest,
        present: &BTreeSet<CoverageName>,
        captured: &mut Captured,
    ) -> Result<(FlushState, Option<Duration>, String), Failure> {
        let unsent = |state| Ok((state, None, String::new()));
        let modes = captured.modes();
        if modes.is_empty() {
            return unsent(FlushState::NoMeta);
        }
        let writes_at_once = request.ends_container() || matches!(request.method, Method::Command(_));
        if !writes_at_once && modes.iter().all(|mode| mode.as_str() == "set" || mode.as_str() == "count") {
            return unsent(FlushState::NotAtomic);
        }
        let of_process = |names: &BTreeSet<CoverageName>| -> BTreeSet<CoverageName> {
            let by = |writer: Writer| request.pid().is_none_or(|pid| pid == writer.pid);
            names.iter().filter(|name| name.writer().is_some_and(by)).cloned().collect()
        };
        let begun = Instant::now();
        // A flush that was asked for in an earlier attempt is not asked for again: its counters would count twice.
        if captured.before.is_none() {
            let names = of_process(present);
            captured.before = Some(Before { process: request.pid(), count: names.len() as u64, names });
            if let Method::Signal(signal, process) = &request.method {
                let end = self.kill(*signal, process).await.inspect_err(|failure| {
                    if failure.kind == Kind::NoKill {
                        captured.before = None;
                    }
                })?;
                if let Some(failure) = end.failure("kill") {
                    captured.before = None;
                    return Ok((FlushState::KillFailed, None, failure.message));
                }
            } else {
                self.trigger(request, captured).await?;
                if captured.refused.is_some() {
                    return unsent(FlushState::Done);
                }
            }
        }
        let before = captured.before.as_ref().map(|before| before.names.clone()).unwrap_or_default();
        let [mut pause, longest] = LOOKS;
        loop {
            let names = of_process(&self.list(captured).await?);
            if names.difference(&before).next().is_some() {
                return Ok((FlushState::Done, Some(begun.elapsed()), String::new()));
            }
            if begun.elapsed() >= request.timeout {
                return unsent(FlushState::Timeout);
            }
            self.patience.wait(tokio::time::sleep(pause)).await?;
            pause = (pause * 2).min(longest);
        }
    }

    async fn kill(&self, signal: Signal, process: &Process) -> Result<End, Failure> {
        let Process::Id(pid) = process else {
            let message = "the image has no shell to look for --process with: give its number, --pid";
            return Err(Failure::new(Kind::NoKill, message));
        };
        let command = ["kill".to_owned(), format!("-{signal}"), pid.to_string()];
        let (_, end) = self.run(&command, LISTING_BYTES).await?;
        if end.lacks("kill") {
            let message =
                format!("the image has neither a shell nor kill: signal {signal} cannot be sent from inside");
            return Err(Failure::new(Kind::NoKill, message));
        }
        Ok(end)
    }

    /// The names of the coverage files in the directory.
    async fn list(&self, captured: &mut Captured) -> Result<BTreeSet<CoverageName>, Failure> {
        // With the dot a file is no directory, where ls would list it.
        let inside = format!("{}/.", directory(self.source));
        let command = ["ls", "-1A", "--", &inside].map(str::to_owned);
        let (listing, end) = self.run(&command, LISTING_BYTES).await?;
        if end.lacks("ls") {
            return self.list_by_archive().await;
        }
        if let Some(failure) = end.failure("ls") {
            return Err(match end.verdict {
                Verdict::ExitCode(code) if code != 137 => Failure::new(
                    Kind::MissingDir,
                    format!(
                        "the coverage directory {} cannot be listed: {}; is it there, and the container's user's? --from names another one",
                        self.source, end.stderr
                    ),
                ),
                _ => failure,
            });
        }
        let mut names = BTreeSet::new();
        for line in listing.split(|byte| *byte == b'\n') {
            if let Some(name) = CoverageName::parse(line) {
                names.insert(name);
            } else if line.starts_with(b"tmp.cov") && captured.ignored.len() < 100 {
                captured.ignored.insert(one_line(&String::from_utf8_lossy(line)));
            } else if line.starts_with(b"cov") {
                captured.note = Some(format!("{} is not a name that Go writes", quoted(line)));
            }
        }
        self.check_count(&names)?;
        Ok(names)
    }

    /// Where there is no ls, the directory's archive tells what it holds.
    async fn list_by_archive(&self) -> Result<BTreeSet<CoverageName>, Failure> {
        let command = ["tar", "-cf", "-", "-C", &directory(self.source), "."].map(str::to_owned);
        let execution = self.exec(&command).await?;
        let stream = Guarded::new(execution.stdout, &self.patience, Arc::clone(&self.collector.bytes));
        let limits = self.collector.limits;
        let task = tokio::task::spawn_blocking(move || {
            let mut names = BTreeSet::new();
            let result = unpack(SyncIoBridge::new(stream), &limits, Others::Skip, &mut |name, _, content| {
                // A short file shows at the archive's end.
                if std::io::copy(content, &mut std::io::sink()).is_ok() {
                    names.insert(name.clone());
                }
                Ok(())
            });
            (names, result)
        });
        let (names, unpacked) =
            task.await.map_err(|error| Failure::new(Kind::Internal, format!("unpacking failed: {error}")))?;
        if matches!(&unpacked, Err(failure) if failure.kind != Kind::Truncated) {
            return unpacked.map(|()| names);
        }
        let end = self.patience.wait(execution.end).await?;
        if end.lacks("tar") {
            return Err(no_tar());
        }
        judge_stream(unpacked, &end, "tar", &BTreeSet::new(), &BTreeSet::new())?;
        self.check_count(&names)?;
        Ok(names)
    }

    fn check_count(&self, names: &BTreeSet<CoverageName>) -> Result<(), Failure> {
        let most = self.collector.limits.files;
        if names.len() as u64 > most {
            let message = format!("the directory holds more than {most} files (--max-files)");
            return Err(Failure::new(Kind::Limit, message));
        }
        Ok(())
    }

    /// Gets files by name, meta files from where they can be had.
    async fn obtain(&self, names: &BTreeSet<CoverageName>, captured: &mut Captured) -> Result<(), Failure> {
        captured.announced.extend(names.iter().cloned());
        self.resume_directly(names, captured).await?;
        let metas: Vec<&CoverageName> =
            names.iter().filter(|name| name.is_meta() && !captured.files.contains_key(name)).collect();
        if self.collector.shared.is_some() {
            for batch in metas.chunks(NAMES_PER_EXEC) {
                self.share(self.digests(batch).await?, captured).await?;
            }
        }
        self.copy(names, captured).await
    }

    /// Copies files by name, meta files first.
    pub(super) async fn copy(
        &self,
        names: impl IntoIterator<Item = &CoverageName>,
        captured: &mut Captured,
    ) -> Result<(), Failure> {
        let mut sorted: Vec<&CoverageName> =
            names.into_iter().filter(|name| !captured.files.contains_key(name)).collect();
        sorted.sort_by_key(|name| !name.is_meta());
        for batch in sorted.chunks(NAMES_PER_EXEC) {
            if captured.tar_less {
                self.cat(batch, captured).await?;
                continue;
            }
            let gzip = captured.zips;
            let command =
                if gzip { zipped_archive(self.source, batch.iter().copied()) } else { self.archive(batch) };
            let execution = self.exec(&command).await?;
            let stream = Guarded::new(execution.stdout, &self.patience, Arc::clone(&self.collector.bytes));
            let stream = BufReader::with_capacity(256 << 10, stream);
            let (came, unpacked) =
                self.receive(stream, (Form::Archives, gzip), self.left(captured), captured).await;
            if let Err(failure) = &unpacked
                && !matches!(failure.kind, Kind::Truncated | Kind::InvalidFile | Kind::Conflict)
            {
                return Err(failure.clone());
            }
            let end = self.patience.wait(execution.end).await?;
            if end.lacks("tar") {
                captured.tar_less = true;
                self.cat(batch, captured).await?;
                continue;
            }
            let announced = batch.iter().map(|name| (*name).clone()).collect();
            judge_stream(unpacked, &end, "tar", &announced, &came)?;
        }
        Ok(())
    }

    /// The command that sends files by name.
    fn archive(&self, names: &[&CoverageName]) -> Vec<String> {
        let mut command = ["tar", "-cf", "-", "-C", &directory(self.source)].map(str::to_owned).to_vec();
        command.extend(names.iter().map(|name| format!("./{name}")));
        command
    }

    /// What the container may still send.
    pub(super) fn left(&self, captured: &Captured) -> Limits {
        let limits = self.collector.limits;
        let held: u64 = captured.files.values().map(|held| held.stored.size).sum();
        Limits { container_bytes: limits.container_bytes.saturating_sub(held), ..limits }
    }

    /// Runs a command and takes its output, up to a limit in bytes.
    pub(super) async fn run(&self, command: &[String], limit: u64) -> Result<(Vec<u8>, End), Failure> {
        let execution = self.exec(command).await?;
        let stream = Guarded::new(execution.stdout, &self.patience, Arc::clone(&self.collector.bytes));
        let mut output = Vec::new();
        stream.take(limit + 1).read_to_end(&mut output).await.map_err(|error| stream_failure(&error))?;
        if output.len() as u64 > limit {
            return Err(Failure::new(
                Kind::Limit,
                format!(
                    "{} writes more than {limit} bytes",
                    command.first().map_or("a command", String::as_str)
                ),
            ));
        }
        let end = self.patience.wait(execution.end).await?;
        Ok((output, end))
    }
}
