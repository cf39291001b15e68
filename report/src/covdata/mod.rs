//! `covdata`: a drop-in for `go tool covdata`, whose output, messages and exit codes scripts depend on.
//! `cmd/covdata` in the Go tree; the newest Go is the reference.
//!
//! So far the commands `percent` and `textfmt`. It departs from the reference only where that panics: there it gives
//! an error. The texts here are the reference's, its name for itself included, as they are part of the interface.

mod directories;
mod exact;
mod flags;
mod go_text;
mod options;
mod report;
mod usage;

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;

use options::Options;
use report::Outcome;

/// The commands of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Percent,
    Textfmt,
    /// One that is not supported yet.
    Other,
}

impl Command {
    fn parse(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"percent" => Self::Percent,
            b"textfmt" => Self::Textfmt,
            b"pkglist" | b"func" | b"merge" | b"subtract" | b"intersect" | b"debugdump" => Self::Other,
            _ => return None,
        })
    }
}

/// Why a command ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stop {
    /// Wrong usage: the message, then the command's usage; exit code 2.
    Usage(Option<Vec<u8>>),
    /// An error that the reference prints behind `error: `; exit code 1, or 2 if it panics under `-h` or `-hw`.
    Fatal(Vec<u8>),
    /// The reference's panic under `-h` or `-hw`, its message printed already; exit code 2.
    Panic(&'static str),
}

/// Runs a command line without the program's name; gives the exit code.
///
/// `out` and `messages` are standard output and standard error. What cannot be written to them is lost, as in the
/// reference.
pub fn main(arguments: &[OsString], out: &mut dyn Write, messages: &mut dyn Write) -> u8 {
    let Some((name, arguments)) = arguments.split_first() else {
        return general_usage(messages, "missing command selector");
    };
    match Command::parse(name.as_bytes()) {
        None => {
            general_usage(messages, &format!("unknown command selector {}", go_text::quote(name.as_bytes())))
        }
        Some(Command::Other) => {
            let name = name.to_string_lossy();
            drop(writeln!(messages, "error: covdata: command \"{name}\" is not supported yet"));
            2
        }
        Some(command) => run(command, arguments, out, messages),
    }
}

fn run(command: Command, arguments: &[OsString], out: &mut dyn Write, messages: &mut dyn Write) -> u8 {
    let done =
        Options::parse(command, arguments, messages).and_then(|options| report::run(&options, out, messages));
    match done {
        Ok(Outcome::Done) => 0,
        Err(Stop::Usage(message)) => {
            if let Some(message) = message {
                drop(messages.write_all(&[b"error: ", message.as_slice(), b"\n"].concat()));
            }
            drop(messages.write_all(usage::of(command).as_bytes()));
            2
        }
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

fn general_usage(messages: &mut dyn Write, message: &str) -> u8 {
    drop(write!(messages, "error: {message}\n{}", usage::GENERAL));
    2
}
