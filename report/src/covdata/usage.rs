//! Usage texts of the reference. `cmd/covdata/covdata.go`, `dump.go`; `flag/flag.go`, `PrintDefaults`.

use super::Command;
use super::flags::{Flag, Kind};

/// Without a command, or with an unknown one.
pub(super) const GENERAL: &str = "\
usage: go tool covdata [command]

Commands are:

textfmt     convert coverage data to textual format
percent     output total percentage of statements covered
pkglist     output list of package import paths
func        output coverage profile information for each function
merge       merge data files together
subtract    subtract one set of data files from another set
intersect   generate intersection of two sets of data files
debugdump   dump data in human-readable format for debugging purposes

For help on a specific subcommand, try:

go tool covdata <cmd> -help
";

/// The flags of `percent` and `textfmt`, sorted by name.
pub(super) const FLAGS: [Flag; 9] = [
    Flag { name: "cpuprofile", kind: Kind::Text, help: "Write CPU profile to specified file" },
    Flag { name: "h", kind: Kind::Bool, help: "Panic on fatal errors (for stack trace)" },
    Flag { name: "hw", kind: Kind::Bool, help: "Panic on warnings (for stack trace)" },
    Flag { name: "i", kind: Kind::Text, help: "Input dirs to examine (comma separated)" },
    Flag { name: "memprofile", kind: Kind::Text, help: "Write memory profile to specified file" },
    Flag { name: "memprofilerate", kind: Kind::Int, help: "Set memprofile sampling rate to value" },
    Flag { name: "o", kind: Kind::Text, help: "Output text format to file" },
    Flag {
        name: "pkg",
        kind: Kind::Text,
        help: "Restrict output to package(s) matching specified package pattern.",
    },
    Flag { name: "v", kind: Kind::Int, help: "Verbose trace output level" },
];

const PERCENT_EXAMPLE: &str = "  go tool covdata percent -i=dir1,dir2

  \tmerges data from input directories dir1+dir2
  \tand emits percentage of statements covered

";

const TEXTFMT_EXAMPLE: &str = "  go tool covdata textfmt -i=dir1,dir2 -o=out.txt

  \tmerges data from input directories dir1+dir2
  \tand emits text format into file 'out.txt'
";

/// The usage of a command.
pub(super) fn of(command: Command) -> String {
    let (name, example) = match command {
        Command::Percent => ("percent", PERCENT_EXAMPLE),
        Command::Textfmt => ("textfmt", TEXTFMT_EXAMPLE),
        Command::Other => return GENERAL.to_owned(),
    };
    let flags: String = FLAGS.iter().map(defaults).collect();
    format!("usage: go tool covdata {name} -i=<directories>\n\n{flags}\nExamples:\n\n{example}")
}

/// A flag of one letter without value has its help on the same line.
fn defaults(flag: &Flag) -> String {
    let kind = match flag.kind {
        Kind::Bool if flag.name.len() == 1 => return format!("  -{}\t{}\n", flag.name, flag.help),
        Kind::Bool => "",
        Kind::Int => " int",
        Kind::Text => " string",
    };
    format!("  -{}{kind}\n    \t{}\n", flag.name, flag.help)
}
