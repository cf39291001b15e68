//! Asks a running process for its GOCOVERDIR, where the pod's spec does not tell: the image may set it, or a wrapper. Where the
//! image has no shell to ask with, a debug container can ask from beside.
//!
//! One exec of a constant script. The answer is data from the container: bounded, and no more than a directory's name.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::debug::attach::Attachment;
use crate::debug::question::{ANSWER_BYTES, judge, value, variable_of};
use crate::environment::COVERAGE_VARIABLE;
use crate::error::{Failure, Kind};
use crate::flush::Process;
use crate::guard::{Guarded, Patience};
use crate::names::ContainerName;
use crate::remote::{Attempted, Cluster, End};
use crate::retry::Pauses;
use crate::script::{FIND_PROCESS, without_comments};

/// The script as it stands in its file, comments included.
const SOURCE: &str = include_str!("probe.sh");

/// Why a process may have to be asked from beside.
pub const NO_SHELL: &str = "the image has no shell to ask its process with";

/// What a process said of its GOCOVERDIR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is set to this directory; a relative one is given by way of the process's working directory.
    Directory(String),
    /// It is not set, or to nothing.
    Unset,
    /// The same, as the debug container of this name saw.
    UnsetSeenBy(String),
    /// The image has no shell to ask with.
    NoShell,
    /// The process cannot be asked; the text says why.
    Mute(String),
    /// Asking failed.
    Failed(Failure),
}

/// How to ask.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Process whose environment counts.
    pub process: Process,
    /// Attempts beyond the first.
    pub retries: usize,
    /// Time for one container, all attempts together.
    pub timeout: Duration,
    /// Interrupts the run.
    pub cancel: CancellationToken,
}

/// Asks one container.
pub async fn ask(cluster: &dyn Cluster, name: &ContainerName, asking: &Asking) -> Answer {
    let patience = asking.patience();
    let once = async || attempt(cluster, name, &asking.process, &patience).await;
    persist(asking, &patience, once).await
}

/// Asks one container through a debug container of `image`, which is found or added, and will live on for as long as `needed`.
pub async fn ask_beside(
    cluster: &dyn Cluster,
    name: &ContainerName,
    image: &str,
    needed: Duration,
    asking: &Asking,
) -> Answer {
    let patience = asking.patience();
    let attachment = Attachment { cluster, name, patience: &patience, needed };
    let once = async || {
        let (container, target) = attachment.attach(image).await?;
        let (said, end) = run(cluster, &container, &variable_of(&target, &asking.process), &patience).await?;
        judge(&end)?;
        Ok(match value(&said, &target)? {
            Some(directory) => Answer::Directory(directory),
            None => Answer::UnsetSeenBy(container.container),
        })
    };
    match persist(asking, &patience, once).await {
        // Why it had to be asked from beside belongs to the story.
        Answer::Failed(failure) if failure.kind != Kind::Unfinished => {
            let message = format!("{NO_SHELL}; tried then: {}", failure.message);
            Answer::Failed(Failure { message, ..failure })
        }
        answer => answer,
    }
}

impl Asking {
    fn patience(&self) -> Patience {
        Patience {
            deadline: Instant::now() + self.timeout,
            timeout: self.timeout,
            stall: self.timeout,
            cancel: self.cancel.clone(),
        }
    }
}

/// Tries again where that may help.
async fn persist(
    asking: &Asking,
    patience: &Patience,
    once: impl AsyncFn() -> Result<Answer, Failure>,
) -> Answer {
    let mut pauses = Pauses::new(asking.retries);
    loop {
        let failure = match once().await {
            Ok(answer) => return answer,
            Err(failure) => failure,
        };
        let Some(pause) = pauses.next(&failure) else { return Answer::Failed(failure) };
        if let Err(failure) = patience.wait(tokio::time::sleep(pause)).await {
            return Answer::Failed(failure);
        }
    }
}

async fn attempt(
    cluster: &dyn Cluster,
    name: &ContainerName,
    process: &Process,
    patience: &Patience,
) -> Result<Answer, Failure> {
    let (said, end) = run(cluster, name, &command(process), patience).await?;
    if end.lacks("sh") {
        return Ok(Answer::NoShell);
    }
    if let Some(failure) = end.failure("the shell") {
        return Err(failure);
    }
    answer(&said, process)
}

/// Runs a command and takes what it writes.
async fn run(
    cluster: &dyn Cluster,
    name: &ContainerName,
    command: &[String],
    patience: &Patience,
) -> Result<(Vec<u8>, End), Failure> {
    let started = patience.wait(cluster.exec(name, command)).await?;
    let execution = started.map_err(|error| error.failure(Attempted::Exec(&name.namespace)))?;
    let stream = Guarded::new(execution.stdout, patience, Arc::new(AtomicU64::new(0)));
    let mut said = Vec::new();
    stream.take(ANSWER_BYTES + 1).read_to_end(&mut said).await.map_err(|error| failed(&error))?;
    if said.len() as u64 > ANSWER_BYTES {
        let message = format!("the process's {COVERAGE_VARIABLE} is longer than any path");
        return Err(Failure::new(Kind::Rejected, message));
    }
    Ok((said, patience.wait(execution.end).await?))
}

fn command(process: &Process) -> Vec<String> {
    let script = without_comments(&[FIND_PROCESS, SOURCE]);
    vec!["sh".to_owned(), "-c".to_owned(), script, "covfetch".to_owned(), process.to_string()]
}

/// What the script wrote: a line that says how it went, then the value and a last line.
fn answer(said: &[u8], process: &Process) -> Result<Answer, Failure> {
    let text = std::str::from_utf8(said).ok().and_then(|text| text.split_once('\n'));
    match text {
        Some(("covfetch 1 gone", _)) => Ok(Answer::Mute(format!("it has no process {process}"))),
        Some(("covfetch 1 several", _)) => {
            Ok(Answer::Mute(format!("it has several processes {process}: name one with --pid")))
        }
        Some(("covfetch 1", value)) => match value.strip_suffix("\nend\n") {
            None => {
                let message = format!("the answer was cut off when asked for {COVERAGE_VARIABLE}");
                Err(Failure::passing(Kind::Truncated, message))
            }
            Some("") => Ok(Answer::Unset),
            // The script hands line ends on as another control byte.
            Some(directory) if directory.contains(char::is_control) => Err(Failure::new(
                Kind::Rejected,
                format!(
                    "the process's {COVERAGE_VARIABLE} holds control characters; name the directory with --from"
                ),
            )),
            Some(directory) => Ok(Answer::Directory(directory.to_owned())),
        },
        _ => {
            let message = format!(
                "the container's shell answered something unexpected when asked for {COVERAGE_VARIABLE}"
            );
            Err(Failure::new(Kind::Rejected, message))
        }
    }
}

fn failed(error: &std::io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>());
    inner
        .cloned()
        .unwrap_or_else(|| Failure::passing(Kind::Truncated, format!("the stream broke off: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Retry;

    fn process(pid: u32) -> Process {
        Process::Id(pid.try_into().unwrap())
    }

    #[test]
    fn answers_are_read_and_nothing_else_is() {
        let of = |text: &str| answer(text.as_bytes(), &process(1));
        assert_eq!(of("covfetch 1\n/cov\nend\n"), Ok(Answer::Directory("/cov".into())));
        assert_eq!(of("covfetch 1\n\nend\n"), Ok(Answer::Unset));
        // Streams end early without an error.
        for cut in ["covfetch 1\n", "covfetch 1\n/co", "covfetch 1\n/cov\nen"] {
            let failure = of(cut).unwrap_err();
            assert_eq!((failure.kind, failure.retry), (Kind::Truncated, Retry::Yes), "{cut:?}");
        }
        assert_eq!(of("covfetch 1 gone\n"), Ok(Answer::Mute("it has no process 1".into())));
        for odd in [
            "",
            "covfetch 1",
            "hello\n/cov",
            "covfetch 2\n/cov",
            "covfetch 1\n/a\u{1}b\nend\n",
            "covfetch 1\n\u{1b}[2J\nend\n",
        ] {
            assert_eq!(of(odd).unwrap_err().kind, Kind::Rejected, "{odd:?}");
        }
        assert!(answer(b"covfetch 1\n\xff", &process(1)).is_err());
    }

    #[test]
    fn the_command_is_constant() {
        let [shell, option, script, _, pid] = &command(&process(7))[..] else { panic!("five words") };
        assert_eq!((shell.as_str(), option.as_str(), pid.as_str()), ("sh", "-c", "7"));
        assert!(script.len() < 1400, "{} bytes travel in every URL", script.len());
    }

    /// The script under this machine's shell, asking this very process.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_script_reads_the_environment_of_a_process() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .env(COVERAGE_VARIABLE, "cov \"$(x)\" dir")
            .current_dir("/tmp")
            .spawn()
            .unwrap();
        let pid = child.id();
        let run = |of: &Process, own: &str| {
            let words = command(of);
            let output = std::process::Command::new("sh")
                .args(&words[1..])
                .env(COVERAGE_VARIABLE, own)
                .output()
                .unwrap();
            answer(&output.stdout, of)
        };
        let found = run(&process(pid), "/own");
        let gone = run(&process(u32::MAX), "/own");
        let nobody = run(&Process::Name("nobody-has-this".parse().unwrap()), "/own");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, Ok(Answer::Directory(format!("/proc/{pid}/cwd/cov \"$(x)\" dir"))));
        assert_eq!(gone, Ok(Answer::Mute(format!("it has no process {}", u32::MAX))));
        assert_eq!(nobody, Ok(Answer::Mute("it has no process nobody-has-this".to_owned())));
    }
}
