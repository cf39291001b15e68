//! What a debug container is asked about its target, by constant scripts, and what its shell may answer. Nothing in an answer
//! is more than a path.

use super::Target;
use crate::environment::COVERAGE_VARIABLE;
use crate::error::{Failure, Kind};
use crate::flush::Process;
use crate::remote::End;
use crate::script::{FIND_PROCESS, directory, without_comments};

/// The scripts as they stand in their files, comments included.
const PROCESS: &str = include_str!("process.sh");
const DIRECTORY: &str = include_str!("directory.sh");
const ENVIRONMENT: &str = include_str!("environment.sh");

/// Bytes of an answer: twice the longest path that there is.
pub const ANSWER_BYTES: u64 = 8 << 10;

/// Asks where a directory of the target is to be found; `process` is the one that was named for the flush.
pub fn where_is(source: &str, target: &Target, process: u32) -> Vec<String> {
    let process = target.process(process).map(|process| process.to_string()).unwrap_or_default();
    command(&[PROCESS, DIRECTORY], source, &process, target)
}

/// Asks a process of the target for its GOCOVERDIR.
pub fn variable_of(target: &Target, process: &Process) -> Vec<String> {
    let process = match process {
        Process::Id(pid) if pid.get() == 1 => {
            target.process(1).map(|process| process.to_string()).unwrap_or_default()
        }
        named => named.to_string(),
    };
    command(&[FIND_PROCESS, PROCESS, ENVIRONMENT], "", &process, target)
}

fn command(scripts: &[&str], source: &str, process: &str, target: &Target) -> Vec<String> {
    let script = without_comments(scripts);
    ["sh", "-c", &script, "covfetch", source, process, target.id()].map(str::to_owned).to_vec()
}

/// Whether there was a shell, and it came to its end.
pub fn judge(end: &End) -> Result<(), Failure> {
    if end.lacks("sh") {
        let message = "the image of the debug container has no shell (busybox will do)";
        return Err(Failure::new(Kind::Helper, message));
    }
    end.failure("the shell of the debug container").map_or(Ok(()), Err)
}

/// The directory, as seen from the debug container.
pub fn place(said: &[u8], target: &Target) -> Result<String, Failure> {
    match text(said) {
        Some(("covfetch 1", path)) if path.starts_with('/') => Ok(directory(path)),
        Some((stop, _)) => Err(stopped(stop, target)),
        None => Err(stopped("", target)),
    }
}

/// The process's GOCOVERDIR; `None` if it is not set, or to nothing.
pub fn value(said: &[u8], target: &Target) -> Result<Option<String>, Failure> {
    match text(said) {
        Some(("covfetch 1", "")) => Ok(None),
        // The script hands line ends on as another control byte.
        Some(("covfetch 1", value)) if value.contains(char::is_control) => Err(Failure::new(
            Kind::Rejected,
            format!(
                "the process's {COVERAGE_VARIABLE} holds control characters; name the directory with --from"
            ),
        )),
        Some(("covfetch 1", value)) if value.starts_with('/') => Ok(Some(value.to_owned())),
        Some((stop, _)) => Err(stopped(stop, target)),
        None => Err(stopped("", target)),
    }
}

/// A line that says how it went, and what follows it up to the end.
fn text(said: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(said).ok()?.split_once('\n')
}

fn stopped(line: &str, target: &Target) -> Failure {
    let why = match line.strip_prefix("covfetch 1 ") {
        Some("gone") => "sees no process of the container: name one with --pid".to_owned(),
        Some("denied") => format!(
            "may not look into the container: it runs as {}, and that is not who the container runs as",
            target.identity()
        ),
        Some("several") => {
            "sees several containers with this directory: name a process with --pid".to_owned()
        }
        Some("many") => "sees several processes of that name: name one with --pid".to_owned(),
        Some("loop") => "finds links in the directory's path that lead nowhere".to_owned(),
        Some("no-readlink") => "has no readlink (busybox will do)".to_owned(),
        Some("no-tr") => "has no tr (busybox will do)".to_owned(),
        _ => "answered something unexpected".to_owned(),
    };
    Failure::new(Kind::Helper, format!("the debug container {why}"))
}
