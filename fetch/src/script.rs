//! Flush and copy in one command: the constant shell script that runs in the container, and the text it answers with.
//!
//! The text comes first and is bounded; the files follow it on the same stream, as archives or plain, through gzip or not. Nothing in it is believed further
//! than this: a name that was announced must arrive, and whatever arrives is checked for what it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Failure, Kind};
use crate::flush::{FlushRequest, FlushState, Method, Process};
use crate::names::{CoverageName, quoted};
use crate::store::Digest;
use crate::unpack::Form;

/// The script as it stands in its file, comments included.
const SOURCE: &str = include_str!("capture.sh");

/// Longest line of the script's text, bytes; Go's longest file name is shorter than 100.
pub const LONGEST_LINE: usize = 200;

/// Lines that the script writes for a file at most, and for everything else.
const LINES_PER_FILE: u64 = 3;
const MOST_OTHER_LINES: u64 = 1_000;

/// A shell function for scripts that take a process's name.
pub const FIND_PROCESS: &str = include_str!("process.sh");

/// A shell function for scripts that send through gzip.
const ZIPPED: &str = include_str!("gzip.sh");

/// How the files are to be sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sending {
    /// Size, bytes, from which on a meta file is not sent, but its SHA-256 told; `None` = however large.
    pub large: Option<u64>,
    /// Time, nanoseconds since 1970, up to which the same goes for counter files, and for all meta files.
    pub mark: Option<u64>,
    /// Through gzip, if the image has it.
    pub gzip: bool,
}

/// What is done before the copy.
#[derive(Debug, Clone, Copy)]
pub enum Before<'a> {
    /// Nothing.
    Nothing,
    /// The signal is sent and its file waited for. For a request or a command: what is there is told, and no file is sent,
    /// if the build can be flushed.
    Flush(&'a FlushRequest),
    /// The flush was asked for in an earlier attempt, when the process of this number (if it is known) had so many counter
    /// files: it is waited for and not asked for again, because a second snapshot would be counted twice.
    Wait(&'a FlushRequest, Option<u32>, u64),
}

impl Before<'_> {
    /// The process that is signalled, if by its name.
    fn process_name(self) -> Option<String> {
        match self {
            Self::Flush(FlushRequest { method: Method::Signal(_, process @ Process::Name(_)), .. }) => {
                Some(process.to_string())
            }
            _ => None,
        }
    }
}

/// The command for one container.
pub fn command(source: &str, before: Before<'_>, sending: Sending) -> Vec<String> {
    let seconds = |flush: &FlushRequest| flush.timeout.as_secs().max(1).to_string();
    let any = || "*".to_owned();
    let (how, process, seconds, count) = match before {
        Before::Nothing => ("", any(), "1".to_owned(), String::new()),
        Before::Flush(flush) => match &flush.method {
            Method::Signal(signal, process) => {
                (signal.as_str(), process.to_string(), seconds(flush), String::new())
            }
            Method::Request(_) => ("look", any(), seconds(flush), String::new()),
            Method::Command(_) => ("any", any(), seconds(flush), String::new()),
        },
        Before::Wait(flush, pid, count) => {
            let how = match &flush.method {
                Method::Signal(signal, _) => signal.as_str(),
                _ => "any",
            };
            (how, pid.map_or_else(any, |pid| pid.to_string()), seconds(flush), count.to_string())
        }
    };
    vec![
        "sh".to_owned(),
        "-c".to_owned(),
        without_comments(&[FIND_PROCESS, ZIPPED, SOURCE]),
        "covfetch".to_owned(),
        directory(source),
        how.to_owned(),
        process,
        seconds,
        count,
        sending.large.map(|bytes| bytes.to_string()).unwrap_or_default(),
        sending.mark.map(|time| time.to_string()).unwrap_or_default(),
        if sending.gzip { "gzip" } else { "" }.to_owned(),
    ]
}

/// The command that sends files by name in an archive through gzip, where a shell, tar and gzip are known to be.
pub fn zipped_archive<'a>(source: &str, names: impl IntoIterator<Item = &'a CoverageName>) -> Vec<String> {
    let script = without_comments(&[ZIPPED, "cd -- \"$1\" && shift && zipped tar -cf - \"$@\""]);
    let mut command = ["sh", "-c", &script, "covfetch", &directory(source)].map(str::to_owned).to_vec();
    command.extend(names.into_iter().map(|name| format!("./{name}")));
    command
}

/// Scripts behind each other, as they travel in every URL.
pub fn without_comments(sources: &[&str]) -> String {
    let lines = sources.iter().flat_map(|source| source.lines());
    let script: Vec<&str> = lines.map(str::trim_start).filter(|line| !line.starts_with('#')).collect();
    script.join("\n")
}

/// A directory as an operand that no program takes for an option or for `cd -`.
pub fn directory(source: &str) -> String {
    if source.starts_with('/') { source.to_owned() } else { format!("./{source}") }
}

/// What the script said before the files.
#[derive(Debug, Default)]
pub struct Announcement {
    /// The process that is to write, as numbered in the container; `None` if any may.
    pub process: Option<u32>,
    /// The name of the process that was to be signalled, if by its name.
    name: Option<String>,
    /// Processes of that name, if there are several.
    several: Vec<u32>,
    /// Counter files of the process before the flush.
    pub before: BTreeSet<CoverageName>,
    /// Their number; set if and only if the signal was about to be sent, or the flush may be asked for.
    pub signalled: Option<u64>,
    /// What came of the flush.
    pub flush: Option<FlushState>,
    /// Files that will come.
    pub files: BTreeSet<CoverageName>,
    /// How many of those below are kept back because they are old; `None` if none is. A program that sums some of them only
    /// shows by it.
    pub old: Option<u64>,
    /// Files that will not come, with the SHA-256 that the container's own program gives them.
    pub kept: BTreeMap<CoverageName, Digest>,
    /// Gzip was asked for, and the image has none.
    pub no_gzip: bool,
    /// Temporary files in the directory.
    pub ignored: Vec<String>,
    /// Number of files whose names begin like a coverage file's and are none.
    pub odd: u64,
    started: bool,
    lines: u64,
}

/// What follows a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Another line.
    Line,
    /// The wait for the flush begins now, and then another line.
    Wait,
    /// The files.
    Files {
        /// How they travel.
        form: Form,
        /// Through gzip.
        gzip: bool,
    },
    /// The end of the stream: there is nothing to copy.
    End,
}

impl Announcement {
    /// Nothing is said yet. `before` is what was asked for.
    pub fn of(before: Before<'_>) -> Self {
        Self { name: before.process_name(), ..Self::default() }
    }

    /// Takes one line, without its end. `limit` bounds the number of files.
    pub fn line(&mut self, line: &[u8], limit: u64) -> Result<Next, Failure> {
        let text = std::str::from_utf8(line).map_err(|_| unexpected(line))?;
        self.lines += 1;
        if self.lines > limit.saturating_mul(LINES_PER_FILE).saturating_add(MOST_OTHER_LINES) {
            let message =
                "the container's shell goes on with text before the files: more than --max-files explains";
            return Err(Failure::new(Kind::Limit, message));
        }
        if !self.started {
            self.started = text == "covfetch 1";
            return if self.started { Ok(Next::Line) } else { Err(unexpected(line)) };
        }
        let (word, value) = text.split_once(' ').unwrap_or((text, ""));
        let name = || CoverageName::parse(value.as_bytes()).ok_or_else(|| unexpected(line));
        let number = || value.parse::<u64>().map_err(|_| unexpected(line));
        match word {
            "stop" if value == "several" => return Err(several(self.name(), &self.several)),
            "stop" if value == "no-process" => return Err(no_process(self.name())),
            "stop" => return Err(stopped(value).unwrap_or_else(|| unexpected(line))),
            "process" if value == "*" => {}
            "process" => self.process = Some(value.parse().map_err(|_| unexpected(line))?),
            "processes" => {
                let numbers: Result<_, _> = value.split(' ').take(20).map(str::parse).collect();
                self.several = numbers.map_err(|_| unexpected(line))?;
            }
            "before" => {
                self.before.insert(name()?);
            }
            "signal" => self.signalled = Some(number()?),
            "waiting" => return Ok(Next::Wait),
            "flush" => {
                self.flush = Some(FlushState::from_word(value).ok_or_else(|| unexpected(line))?);
            }
            "file" => {
                self.files.insert(name()?);
            }
            "kept" => {
                let (digest, name) = value.split_once(' ').ok_or_else(|| unexpected(line))?;
                let name = CoverageName::parse(name.as_bytes());
                let (name, digest) = name.zip(Digest::parse(digest)).ok_or_else(|| unexpected(line))?;
                self.kept.insert(name, digest);
            }
            "ignored" if self.ignored.len() < 100 => self.ignored.push(crate::escape::one_line(value)),
            "ignored" => {}
            "old" => self.old = Some(number()?),
            "odd" => self.odd = number()?,
            "no-gzip" => self.no_gzip = true,
            "archive" | "plain" => {
                let form = if word == "archive" { Form::Archives } else { Form::Plain };
                let gzip = match value {
                    "" => false,
                    "gzip" => true,
                    _ => return Err(unexpected(line)),
                };
                return Ok(Next::Files { form, gzip });
            }
            "end" => return Ok(Next::End),
            _ => return Err(unexpected(line)),
        }
        let announced = (self.files.len() + self.kept.len()).max(self.before.len()) as u64;
        if announced > limit {
            let message = format!("the directory holds more than {limit} files (--max-files)");
            return Err(Failure::new(Kind::Limit, message));
        }
        Ok(Next::Line)
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("as asked")
    }
}

fn stopped(why: &str) -> Option<Failure> {
    Some(match why {
        "no-tar" => no_tar(),
        "no-dir" => Failure::new(
            Kind::MissingDir,
            "the coverage directory does not exist in the container, or may not be entered: a Go program does not create GOCOVERDIR; mount a volume there, or name another one with --from",
        ),
        "unreadable" => Failure::new(
            Kind::MissingDir,
            "the coverage directory may not be read by the container's user: make it that user's (for a volume, with securityContext.fsGroup)",
        ),
        _ => return None,
    })
}

fn no_process(name: &str) -> Failure {
    let message = format!(
        "the container has no process named {name} (--process; ps -o comm shows the names), so nothing was signalled"
    );
    Failure::new(Kind::NoProcess, message)
}

fn several(name: &str, pids: &[u32]) -> Failure {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let message = format!(
        "several processes are named {name} (--process), so nothing was signalled: choose one, --pid {}",
        pids.join(" or --pid ")
    );
    Failure::new(Kind::NoProcess, message)
}

/// The failure of an image without tar and without what could stand in for it.
pub fn no_tar() -> Failure {
    Failure::new(
        Kind::NoTar,
        "the image has no tar, and no cat and wc in its place: add one or the others to it (busybox has all three)",
    )
}

fn unexpected(line: &[u8]) -> Failure {
    let message = format!(
        "the container's shell answered something unexpected: {}; its sh must be a POSIX shell that says nothing of its own",
        quoted(line)
    );
    Failure::new(Kind::Rejected, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";

    fn run(lines: &[&str]) -> (Announcement, Result<Next, Failure>) {
        let mut announcement = Announcement::default();
        let mut last = Ok(Next::Line);
        for line in lines {
            last = announcement.line(line.as_bytes(), 3);
            if last.is_err() {
                break;
            }
        }
        (announcement, last)
    }

    #[test]
    fn the_text_of_a_flush() {
        let old = format!("before covcounters.{HASH}.1.5");
        let (meta, counters) = (format!("file covmeta.{HASH}"), format!("file covcounters.{HASH}.1.6"));
        let lines = [
            "covfetch 1",
            &old,
            "signal 1",
            "waiting",
            "flush done",
            &meta,
            &counters,
            "ignored tmp.covmeta.x",
            "odd 2",
            "archive",
        ];
        let (said, next) = run(&lines);
        assert_eq!(next, Ok(Next::Files { form: Form::Archives, gzip: false }));
        assert_eq!((said.before.len(), said.signalled, said.flush), (1, Some(1), Some(FlushState::Done)));
        assert_eq!((said.files.len(), said.ignored.len(), said.odd), (2, 1, 2));
    }

    #[test]
    fn what_does_not_belong_is_refused() {
        for (lines, kind) in [
            (&["hello"][..], Kind::Rejected),
            (&["covfetch 1", "stop no-tar"], Kind::NoTar),
            (&["covfetch 1", "stop no-dir"], Kind::MissingDir),
            (&["covfetch 1", "stop \u{1b}[2J"], Kind::Rejected),
            (&["covfetch 1", "file ../../etc/passwd"], Kind::Rejected),
            (&["covfetch 1", "before x"], Kind::Rejected),
            (&["covfetch 1", "flush maybe"], Kind::Rejected),
            (&["covfetch 1", "odd many"], Kind::Rejected),
            (&["covfetch 1", "process \u{1b}[2J"], Kind::Rejected),
            (&["covfetch 1", "stop no-process"], Kind::NoProcess),
            (&["covfetch 1", "processes 7 9", "stop several"], Kind::NoProcess),
            (&["covfetch 1", "archive bzip2"], Kind::Rejected),
            (&["covfetch 1", "kept"], Kind::Rejected),
            (&["covfetch 1", "kept 00 covmeta.0123456789abcdef0123456789abcdef"], Kind::Rejected),
            (&["covfetch 1", "gibberish"], Kind::Rejected),
        ] {
            let failure = run(lines).1.unwrap_err();
            assert_eq!(failure.kind, kind, "{failure}");
            assert!(!failure.message.contains(char::is_control), "{failure}");
        }
        let names: Vec<String> = (0..5).map(|n| format!("file covcounters.{HASH}.1.{n}")).collect();
        let mut lines = vec!["covfetch 1"];
        lines.extend(names.iter().map(String::as_str));
        assert_eq!(run(&lines).1.unwrap_err().kind, Kind::Limit);
        // Lines that say nothing new.
        for line in ["ignored tmp.covmeta.x", "odd 1", "waiting", &names[0]] {
            let lines = [vec!["covfetch 1"], vec![line; 2_000]].concat();
            assert_eq!(run(&lines).1.unwrap_err().kind, Kind::Limit, "{line}");
        }
    }

    #[test]
    fn the_command_is_constant_and_values_are_arguments() {
        let hostile = "$(touch /tmp/x); `id` '\"\n";
        let command = command(hostile, Before::Nothing, Sending::default());
        assert_eq!(command[..2], ["sh", "-c"]);
        assert!(!command[2].contains("touch"));
        assert_eq!(command[4], format!("./{hostile}"));
        assert!(!command[2].contains('#') || !command[2].lines().any(|line| line.starts_with('#')));
        assert!(command[2].len() < 5000, "{} bytes travel in every URL", command[2].len());
    }
}
