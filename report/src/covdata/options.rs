//! The options of a command, read and vetted in the reference's order. `cmd/covdata/covdata.go`, `main`; `dump.go`,
//! `Setup`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::flags::{FlagError, Given};
use super::go_text::{quote, system_error};
use super::usage::FLAGS;
use super::{Command, Stop};
use crate::view::PackagePatterns;

/// What a command is to do.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) command: Command,
    /// The directories as given; one may be empty.
    pub(super) directories: Vec<Vec<u8>>,
    /// Which packages; `None` means all.
    pub(super) packages: Option<PackagePatterns>,
    /// The text profile's file, open and empty.
    pub(super) textfmt: Option<(PathBuf, File)>,
    /// Whether an error is to end in a panic.
    pub(super) panic_on_error: bool,
    /// Whether a warning is to end in a panic.
    pub(super) panic_on_warning: bool,
}

impl Options {
    pub(super) fn parse(
        command: Command,
        arguments: &[OsString],
        messages: &mut dyn Write,
    ) -> Result<Self, Stop> {
        let arguments: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_bytes()).collect();
        let given = match Given::parse(&FLAGS, &arguments) {
            Ok(given) => given,
            Err(FlagError::Help) => return Err(Stop::Usage(None)),
            Err(FlagError::Wrong(message)) => {
                drop(messages.write_all(&[message.as_slice(), b"\n"].concat()));
                return Err(Stop::Usage(None));
            }
        };
        let usage = |message: &str| Stop::Usage(Some(message.into()));
        if given.rest != 0 {
            return Err(usage("unknown extra arguments"));
        }
        for name in ["cpuprofile", "memprofile"] {
            if !given.text(name).is_empty() {
                drop(writeln!(messages, "warning: covdata writes no profiles: -{name} is ignored"));
            }
        }
        if given.text("i").is_empty() {
            return Err(usage("select input directories with '-i' option"));
        }
        let path = given.text("o");
        if command == Command::Textfmt && path.is_empty() {
            return Err(usage("select output file name with '-o' option"));
        }
        let textfmt = if path.is_empty() { None } else { Some(create(path)?) };
        let pattern = given.text("pkg");
        Ok(Self {
            command,
            directories: given.text("i").split(|byte| *byte == b',').map(<[u8]>::to_vec).collect(),
            packages: (!pattern.is_empty()).then(|| PackagePatterns::parse(pattern)),
            textfmt,
            panic_on_error: given.is_on("h"),
            panic_on_warning: given.is_on("hw"),
        })
    }

    /// An error found by `cmd/covdata` itself: `fatal`.
    pub(super) fn fatal(&self, message: impl Into<Vec<u8>>, messages: &mut dyn Write) -> Stop {
        let message = message.into();
        if !self.panic_on_error {
            return Stop::Fatal(message);
        }
        drop(messages.write_all(&[b"error: ", message.as_slice(), b"\n"].concat()));
        Stop::Panic("fatal error")
    }

    /// An error found by the reference's reader, which puts `error: ` and a line end around it, and the program once
    /// more.
    pub(super) fn unreadable(&self, message: &[u8], messages: &mut dyn Write) -> Stop {
        let line = [b"error: ", message, b"\n"].concat();
        if !self.panic_on_error {
            return Stop::Fatal(line);
        }
        drop(messages.write_all(&line));
        Stop::Panic("fatal error")
    }

    /// A warning, after which the work goes on.
    pub(super) fn warn(&self, message: &str, messages: &mut dyn Write) -> Result<(), Stop> {
        drop(writeln!(messages, "warning: {message}"));
        if self.panic_on_warning { Err(Stop::Panic("unexpected warning")) } else { Ok(()) }
    }
}

/// `os.Create`: at once, before anything is read, and an existing file is emptied.
fn create(path: &[u8]) -> Result<(PathBuf, File), Stop> {
    let name = PathBuf::from(OsStr::from_bytes(path));
    match File::create(&name) {
        Ok(file) => Ok((name, file)),
        Err(error) => Err(Stop::Usage(Some(refused(path, &error)))),
    }
}

fn refused(path: &[u8], error: &io::Error) -> Vec<u8> {
    let start = format!("unable to open textfmt output file {}: open ", quote(path));
    [start.as_bytes(), path, b": ", system_error(error).as_bytes()].concat()
}
