//! The options that ask for reports, made from the table of formats, and those that change single formats.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, ValueEnum};

use crate::format::{FunctionRecords, Kind, MarkdownFor};

/// The heading of reports in `--help`.
pub(super) const HEADING: &str = "Reports (to FILE, or to standard output if none is given: one at most)";
const OPTIONS: &str = "Options of reports";

/// The reports asked for: a format and its file as typed, `-` where none was, in the order of [`Kind::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reports(pub Vec<(Kind, OsString)>);

/// An option `--FORMAT[=FILE]` for every format of the table.
impl Args for Reports {
    fn augment_args(command: Command) -> Command {
        let option = |kind: Kind| {
            Arg::new(kind.name())
                .long(kind.name())
                .help(kind.help())
                .help_heading(HEADING)
                .value_name("FILE")
                .value_parser(ValueParser::os_string())
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("-")
        };
        command.args(Kind::ALL.map(option))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Reports {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let asked = |kind: Kind| Some((kind, matches.get_one::<OsString>(kind.name())?.clone()));
        Ok(Self(Kind::ALL.into_iter().filter_map(asked).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Options of reports, as typed.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ReportOptions {
    /// Which branches the reports show: the parts of a line that are counted apart, or none, for consumers that
    /// misread them (LCOV in Jenkins)
    #[arg(long, value_enum, value_name = "WHICH", default_value_t, help_heading = OPTIONS)]
    pub branches: Branches,

    /// Show counts above 2147483647 as this in textfmt and LCOV, too; other formats for 32-bit consumers always do
    #[arg(long, help_heading = OPTIONS)]
    pub clamp_counts: bool,

    /// Cobertura on one line and without what GitLab does not read, for its limit of 10 MiB
    #[arg(long, requires = "cobertura", help_heading = OPTIONS)]
    pub cobertura_compact: bool,

    /// Records of functions in LCOV: those that every lcov reads, or those with end lines for lcov 2.2 and later
    #[arg(long, value_enum, value_name = "RECORDS", default_value_t, requires = "lcov", help_heading = OPTIONS)]
    pub lcov_functions: FunctionRecords,

    /// Name of the test in LCOV; letters, digits and underscores
    #[arg(long, value_name = "NAME", requires = "lcov", value_parser = test_name, help_heading = OPTIONS)]
    pub test_name: Option<String>,

    /// What the Markdown is for, which limits its length: a comment, 65,536 characters, or a step summary, 1 MiB
    #[arg(long, value_enum, value_name = "WHAT", default_value_t, requires = "markdown", help_heading = OPTIONS)]
    pub markdown_for: MarkdownFor,
}

/// Which branches reports show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Branches {
    /// The units of a line with two or more of them.
    #[default]
    Units,
    /// None.
    None,
}

/// lcov takes other characters out of a test's name, or refuses it. geninfo(1), `--test-name`.
fn test_name(name: &str) -> Result<String, String> {
    if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(name.to_owned());
    }
    Err("a test's name is made of letters, digits and underscores".to_owned())
}
