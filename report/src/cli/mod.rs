//! The command line of `covreport`, as typed. [`crate::plan`] makes decisions of it.

mod reports;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, ValueEnum};

use crate::checkout::PathMap;
use crate::select::FileGlob;
use crate::threads::MOST_THREADS;

pub use reports::{Branches, ReportOptions, Reports};

/// Reports from Go coverage files, without a Go toolchain.
///
/// Reads the covmeta and covcounters files that programs built with `go build -cover` leave in GOCOVERDIR, merges them
/// and writes any number of reports. A directory that covfetch filled is read by its manifest: the newest run only.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[command(name = "covreport", version, after_long_help = EXIT_CODES)]
pub struct Arguments {
    /// Directories, searched recursively, and coverage files; all are merged [default: reports/coverage]
    pub inputs: Vec<PathBuf>,

    /// A habit from `go tool covdata`, answered with what to write here.
    #[arg(short = 'i', value_name = "DIR", hide = true, value_parser = no_input_flag)]
    pub input_flag: Option<String>,

    /// Another one.
    #[arg(short = 'o', value_name = "FILE", hide = true, value_parser = no_output_flag)]
    pub output_flag: Option<String>,

    /// The reports.
    #[command(flatten)]
    pub reports: Reports,

    /// Write merged coverage files to DIR, as `go tool covdata merge` does: a meta file and one counter file for each
    /// build. DIR is new, empty, or holds the result of an earlier run, which is replaced
    #[arg(long, value_name = "DIR", require_equals = true, help_heading = reports::HEADING)]
    pub covdata: Option<PathBuf>,

    /// Their options.
    #[command(flatten)]
    pub report_options: ReportOptions,

    /// Root of the repository that paths of files are relative to, and where sources are read
    /// [default: the nearest directory upwards with .git, else with go.work, else with go.mod]
    #[arg(long, value_name = "DIR", conflicts_with = "no_checkout")]
    pub root: Option<PathBuf>,

    /// Take no notice of any repository: paths are import paths without the module's, lines those of whole blocks
    #[arg(long)]
    pub no_checkout: bool,

    /// Where files are whose names in the data start with FROM, an import path or an absolute path up to the end of a
    /// component: below TO, a directory relative to the root (a file, if FROM is all of its name); the longest FROM wins;
    /// repeatable
    #[arg(long, value_name = "FROM=TO")]
    pub map: Vec<PathMap>,

    /// Show files by their absolute paths
    #[arg(long, conflicts_with = "no_checkout")]
    pub absolute_paths: bool,

    /// Show lines of files outside the repository, too: dependencies, the standard library, modules replaced by
    /// directories elsewhere
    #[arg(long)]
    pub include_external: bool,

    /// Only packages whose import path matches one of these; `...` stands for any string, `net/...` matches `net`, too
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', value_parser = OsStringValueParser::new().try_map(pattern))]
    pub pkg: Vec<OsString>,

    /// Only files whose path below the root matches; repeatable. `*` stays within a directory, `**` does not; without a
    /// slash but at its end, GLOB is a name at any depth; what matches a directory matches all files in it
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<FileGlob>,

    /// No files whose path below the root matches; repeatable
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<FileGlob>,

    /// No files with a comment `// Code generated ... DO NOT EDIT.` above their package clause
    #[arg(long)]
    pub exclude_generated: bool,

    /// Count code, too, that comments exclude: `//coverage:ignore`, `// coverage-ignore` and those of lcov
    #[arg(long)]
    pub count_ignored: bool,

    /// Of a directory with covfetch's manifest, read the files of all runs and not of the newest only
    #[arg(long)]
    pub all_runs: bool,

    /// What several counter files of one process are; unless given, they are added up, with a warning if they look like
    /// snapshots [default: all]
    #[arg(long, value_name = "WHICH")]
    pub snapshots: Option<Snapshots>,

    /// Make reports of what is there and good although something is missing or damaged; it is named on standard error and
    /// in --json and --markdown, and the exit code is 2
    #[arg(long)]
    pub keep_going: bool,

    /// Take every warning for an error, and modes that clash, too: no report is written, and the exit code is 2
    #[arg(long)]
    pub strict: bool,

    /// Compare all bytes of files that should be equal, checksums of the manifest, and hashes in meta files with their
    /// contents
    #[arg(long)]
    pub verify: bool,

    /// Number of threads, 256 at most [default: one per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_THREADS)))]
    pub threads: Option<u16>,
}

/// Refuses `-i`.
fn no_input_flag(_: &str) -> Result<String, &'static str> {
    Err("covreport takes its inputs without -i, separated by spaces: covreport DIR DIR")
}

/// Refuses `-o`.
fn no_output_flag(file: &str) -> Result<String, String> {
    Err(format!(
        "every report has its file behind its name: --lcov={0}, --textfmt={0}",
        file.trim_start_matches('=')
    ))
}

impl Arguments {
    /// Parses the command line of this process, or ends it with the reason why not.
    pub fn of_process() -> Self {
        let typed: Vec<OsString> = std::env::args_os().collect();
        if let Some(option) = with_one_dash(&typed) {
            let answer = format!(
                "-{option}: options have two dashes here, --{option}; covdata takes those of go tool covdata"
            );
            Self::command().error(ErrorKind::UnknownArgument, answer).exit()
        }
        Self::parse_from(typed)
    }
}

/// The first option that is typed as the go command has them, `-percent`.
fn with_one_dash(typed: &[OsString]) -> Option<&str> {
    let command = Arguments::command();
    let is_long = |name: &&str| command.get_arguments().any(|argument| argument.get_long() == Some(*name));
    let before_files = typed.iter().take_while(|argument| *argument != "--");
    let names = before_files.filter_map(|argument| argument.to_str()?.strip_prefix('-')?.split('=').next());
    names.into_iter().find(is_long)
}

/// What to make of several counter files of one build, process id and directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Snapshots {
    /// Runs, or flushes after which the counters were cleared: all are added up
    All,
    /// Snapshots of counters that were never cleared: only the last counts
    Latest,
}

/// A package pattern that holds anything.
fn pattern(typed: OsString) -> Result<OsString, &'static str> {
    if typed.is_empty() { Err("it matches no package; `...` matches all of them") } else { Ok(typed) }
}

const EXIT_CODES: &str = "\
Exit codes:
  0  every report was written
  1  a file could not be read or written, or is damaged
  2  wrong usage, or incomplete input: no coverage files, no counters at all, no package that
     --pkg matches, counter files without their meta file, a run of covfetch that failed to
     fetch something, none of the files in the repository or left by --include and --exclude;
     a directory for --covdata that is an input or holds other coverage files; with --strict
     also a warning
With 1 and 2 no report is written, and files that were there stay as they were; only with
--keep-going 2 can mean that reports were written, of a part of the input.

Environment:
  SOURCE_DATE_EPOCH  time stamp of Cobertura reports, in seconds since 1970, instead of now";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Kind;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_of_the_go_command_are_known() {
        let first = |typed: &[&str]| {
            with_one_dash(&typed.iter().map(OsString::from).collect::<Vec<_>>()).map(str::to_owned)
        };
        assert_eq!(first(&["covreport", "dir", "-pkg=x", "-percent"]).as_deref(), Some("pkg"));
        assert_eq!(first(&["covreport", "--percent", "-h", "-", "--root", "-x", "--", "-percent"]), None);
    }

    #[test]
    fn a_report_takes_its_file_behind_an_equals_sign_only() {
        let arguments = Arguments::try_parse_from(["covreport", "--lcov", "dir", "--percent=a"]).unwrap();
        assert_eq!(arguments.reports.0, [(Kind::Percent, "a".into()), (Kind::Lcov, "-".into())]);
        assert_eq!(arguments.inputs, [PathBuf::from("dir")]);
    }
}
