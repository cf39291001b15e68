//! `covdata`: a drop-in for `go tool covdata`, whose output, messages and exit codes scripts depend on.
//! `cmd/covdata` in the Go tree; the newest Go is the reference.
//!
//! It departs from the reference only where that panics: there it gives an error. The texts here are the
//! reference's, its name for itself included, as they are part of the interface.

mod debugdump;
mod directories;
mod exact;
mod flags;
mod func;
mod go_files;
mod go_text;
mod headings;
mod merge;
mod meta_merge;
mod options;
mod pod;
mod report;
mod subtract_intersect;
mod sums;
mod tabs;
mod trace;
mod usage;

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;

use options::Options;

/// The commands of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Percent,
    Pkglist,
    Func,
    Textfmt,
    Debugdump,
    Merge,
    Subtract,
    Intersect,
}

impl Command {
    const ALL: [Self; 8] = [
        Self::Percent,
        Self::Pkglist,
        Self::Func,
        Self::Textfmt,
        Self::Debugdump,
        Self::Merge,
        Self::Subtract,
        Self::Intersect,
    ];

    fn parse(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name().as_bytes() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Pkglist => "pkglist",
            Self::Func => "func",
            Self::Textfmt => "textfmt",
            Self::Debugdump => "debugdump",
            Self::Merge => "merge",
            Self::Subtract => "subtract",
            Self::Intersect => "intersect",
        }
    }
}

/// Whether this is the name of a command of `go tool covdata`.
pub fn is_command(name: &str) -> bool {
    Command::parse(name.as_bytes()).is_some()
}

/// Why a command ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stop {
    /// Wrong usage: the message, then the command's usage; exit code 2.
    Usage(Option<Vec<u8>>),
    /// Wrong usage, for which the reference shows the usage of the whole program; exit code 2.
    GeneralUsage(&'static str),
    /// An error that the reference prints behind `error: `; exit code 1, or 2 if it panics under `-h` or `-hw`.
    Fatal(Vec<u8>),
    /// The reference's panic under `-h` or `-hw`, its message printed already; exit code 2.
    Panic(&'static str),
}

/// Runs a command line, the program's name first; gives the exit code.
///
/// `out` and `messages` are standard output and standard error. What cannot be written to them is lost, as in the
/// reference.
pub fn main(arguments: &[OsString], out: &mut dyn Write, messages: &mut dyn Write) -> u8 {
    let Some((program, [name, arguments @ ..])) = arguments.split_first() else {
        return general_usage(messages, "missing command selector");
    };
    let Some(command) = Command::parse(name.as_bytes()) else {
        let message = format!("unknown command selector {}", go_text::quote(name.as_bytes()));
        return general_usage(messages, &message);
    };
    match run(command, program, arguments, out, messages) {
        Ok(()) => 0,
        Err(Stop::Usage(message)) => {
            if let Some(message) = message {
                drop(messages.write_all(&[b"error: ", message.as_slice(), b"\n"].concat()));
            }
            drop(messages.write_all(usage::of(command).as_bytes()));
            2
        }
        Err(Stop::GeneralUsage(message)) => general_usage(messages, message),
        Err(Stop::Fatal(message)) => {
            drop(messages.write_all(&[b"error: ", message.as_slice(), b"\n"].concat()));
            1
        }
        Err(Stop::Panic(message)) => {
            drop(writeln!(messages, "panic: {message}"));
            2
        }
    }
}

fn run(
    command: Command,
    program: &OsString,
    arguments: &[OsString],
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<(), Stop> {
    let options = Options::parse(command, program, arguments, out, messages)?;
    options.trace(1, format_args!("starting perform"), out);
    match command {
        Command::Merge => merge::run(&options, out, messages),
        Command::Subtract | Command::Intersect => subtract_intersect::run(&options, out, messages),
        _ => report::run(&options, out, messages),
    }?;
    options.trace(1, format_args!("leaving main"), out);
    Ok(())
}

fn general_usage(messages: &mut dyn Write, message: &str) -> u8 {
    drop(write!(messages, "error: {message}\n{}", usage::GENERAL));
    2
}
