//! The options of a command, read and vetted in the reference's order. `cmd/covdata/covdata.go`, `main`; `Setup` in
//! `dump.go`, `merge.go`, `subtractintersect.go`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::flags::{FlagError, Given};
use super::go_text::{quote, system_error};
use super::usage::flags;
use super::{Command, Stop};
use crate::view::PackagePatterns;

/// What a command is to do.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "they are the reference's flags")]
pub(super) struct Options {
    pub(super) command: Command,
    /// The directories as given; one may be empty.
    pub(super) directories: Vec<Vec<u8>>,
    /// Which packages; `None` means all.
    pub(super) packages: Option<PackagePatterns>,
    /// Where the result goes, if not to standard output.
    pub(super) output: Output,
    /// Whether `debugdump` shows only functions with counters.
    pub(super) live: bool,
    /// Whether `merge` makes one program of all.
    #[allow(dead_code, reason = "read by the command that follows")]
    pub(super) pcombine: bool,
    /// How much is traced: 0 or less means nothing.
    pub(super) verbosity: i64,
    /// Whether an error is to end in a panic.
    pub(super) panic_on_error: bool,
    /// Whether a warning is to end in a panic.
    pub(super) panic_on_warning: bool,
}

/// Where a result goes.
#[derive(Debug)]
pub(super) enum Output {
    Nowhere,
    /// The text profile's file, open and empty.
    Profile(PathBuf, File),
    /// The directory that the merged files go to, as given; not looked at yet.
    #[allow(dead_code, reason = "read by the commands that follow")]
    Directory(Vec<u8>),
}

impl Options {
    /// Reads the arguments behind the command's name.
    pub(super) fn parse(
        command: Command,
        program: &OsStr,
        arguments: &[OsString],
        out: &mut dyn Write,
        messages: &mut dyn Write,
    ) -> Result<Self, Stop> {
        let arguments: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_bytes()).collect();
        let given = match Given::parse(&flags(command), &arguments) {
            Ok(given) => given,
            Err(FlagError::Help) => return Err(Stop::Usage(None)),
            Err(FlagError::Wrong(message)) => {
                drop(messages.write_all(&[message.as_slice(), b"\n"].concat()));
                return Err(Stop::Usage(None));
            }
        };
        let pattern = given.text("pkg");
        let mut options = Self {
            command,
            directories: given.text("i").split(|byte| *byte == b',').map(<[u8]>::to_vec).collect(),
            packages: (!pattern.is_empty()).then(|| PackagePatterns::parse(pattern)),
            output: Output::Nowhere,
            live: given.is_on("live"),
            pcombine: given.is_on("pcombine"),
            verbosity: given.number("v"),
            panic_on_error: given.is_on("h"),
            panic_on_warning: given.is_on("hw"),
        };
        options.trace(1, format_args!("starting mode-independent setup"), out);
        if given.rest != 0 {
            return Err(Stop::Usage(Some("unknown extra arguments".into())));
        }
        for name in ["cpuprofile", "memprofile"] {
            options.make_empty_profile(name, given.text(name), messages)?;
        }
        options.output = match command {
            Command::Merge | Command::Subtract | Command::Intersect => options.vet_directories(&given)?,
            _ => vet_profile(command, &given)?,
        };
        if command == Command::Debugdump {
            let words = [&[program.as_bytes(), b"debugdump"], arguments.as_slice()].concat();
            drop(write_dump_head(&words.join(&b' '), out));
        }
        Ok(options)
    }

    /// The reference writes a profile of itself; its file is made here, too, and stays empty.
    fn make_empty_profile(&self, flag: &str, path: &[u8], messages: &mut dyn Write) -> Result<(), Stop> {
        if path.is_empty() {
            return Ok(());
        }
        let name = Path::new(OsStr::from_bytes(path));
        File::create(name).map_err(|error| {
            let why = system_error(&error);
            self.fatal([b"open ", path, b": ", why.as_bytes()].concat(), messages)
        })?;
        drop(writeln!(
            messages,
            "warning: covdata writes no profiles: -{flag} leaves {} empty",
            name.display()
        ));
        Ok(())
    }

    /// `Setup` of the commands that write directories.
    fn vet_directories(&self, given: &Given<'_>) -> Result<Output, Stop> {
        let usage = |message: &'static str| match self.command {
            Command::Merge => Stop::Usage(Some(message.into())),
            _ => Stop::GeneralUsage(message),
        };
        if given.text("i").is_empty() {
            return Err(usage("select input directories with '-i' option"));
        }
        if self.command == Command::Subtract && self.directories.len() != 2 {
            return Err(usage("supply exactly two input dirs for subtract operation"));
        }
        match given.text("o") {
            b"" => Err(usage("select output directory with '-o' option")),
            path => Ok(Output::Directory(path.to_vec())),
        }
    }

    /// Whether there are traces of what is read, file by file, so that files must be read one after the other.
    pub(super) fn traces_files(&self) -> bool {
        self.verbosity >= 2
    }

    /// Whether a package is one of those asked for.
    pub(super) fn wants(&self, package: &[u8]) -> bool {
        self.packages.as_ref().is_none_or(|patterns| patterns.matches(package))
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

    /// A warning that is due some times on end, where none of them may be the last word.
    pub(super) fn warn_times(message: &str, times: u64, messages: &mut dyn Write) {
        let line = format!("warning: {message}\n");
        // There can be millions of them.
        let mut messages = io::BufWriter::new(messages);
        for _ in 0..times {
            if messages.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
    }

    /// A warning, after which the work goes on.
    pub(super) fn warn(&self, message: &str, messages: &mut dyn Write) -> Result<(), Stop> {
        drop(writeln!(messages, "warning: {message}"));
        if self.panic_on_warning { Err(Stop::Panic("unexpected warning")) } else { Ok(()) }
    }
}

/// `Setup` of the commands that print.
fn vet_profile(command: Command, given: &Given<'_>) -> Result<Output, Stop> {
    let usage = |message: &str| Stop::Usage(Some(message.into()));
    if given.text("i").is_empty() {
        return Err(usage("select input directories with '-i' option"));
    }
    match given.text("o") {
        b"" if command == Command::Textfmt => Err(usage("select output file name with '-o' option")),
        b"" => Ok(Output::Nowhere),
        path => create(path),
    }
}

/// `os.Create`: at once, before anything is read, and an existing file is emptied.
fn create(path: &[u8]) -> Result<Output, Stop> {
    let name = PathBuf::from(OsStr::from_bytes(path));
    match File::create(&name) {
        Ok(file) => Ok(Output::Profile(name, file)),
        Err(error) => Err(Stop::Usage(Some(refused(path, &error)))),
    }
}

fn refused(path: &[u8], error: &io::Error) -> Vec<u8> {
    let start = format!("unable to open textfmt output file {}: open ", quote(path));
    [start.as_bytes(), path, b": ", system_error(error).as_bytes()].concat()
}

fn write_dump_head(command_line: &[u8], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(
        b"/* WARNING: the format of this dump is not stable and is\n \
          * expected to change from one Go release to the next.\n \
          *\n \
          * produced by:\n \
          *\t",
    )?;
    out.write_all(command_line)?;
    out.write_all(b"\n */\n")
}
