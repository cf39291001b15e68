//! The program: parses the command line and gives the exit code. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use covfetch::cli::Cli;

fn main() -> ExitCode {
    covfetch::run::main(Cli::parse()).into()
}
