//! Flags and usage texts of the reference's commands. `cmd/covdata/covdata.go`, `dump.go`, `merge.go`,
//! `subtractintersect.go`; `flag/flag.go`, `PrintDefaults`.

use super::Command;
use super::flags::{Flag, Kind};

/// Without a command, with an unknown one, and where `subtract` and `intersect` find their flags wanting.
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

/// The flags that all commands have.
const COMMON: [Flag; 8] = [
    Flag { name: "cpuprofile", kind: Kind::Text, help: "Write CPU profile to specified file" },
    Flag { name: "h", kind: Kind::Bool, help: "Panic on fatal errors (for stack trace)" },
    Flag { name: "hw", kind: Kind::Bool, help: "Panic on warnings (for stack trace)" },
    Flag { name: "i", kind: Kind::Text, help: "Input dirs to examine (comma separated)" },
    Flag { name: "memprofile", kind: Kind::Text, help: "Write memory profile to specified file" },
    Flag { name: "memprofilerate", kind: Kind::Int, help: "Set memprofile sampling rate to value" },
    Flag {
        name: "pkg",
        kind: Kind::Text,
        help: "Restrict output to package(s) matching specified package pattern.",
    },
    Flag { name: "v", kind: Kind::Int, help: "Verbose trace output level" },
];

const PROFILE: Flag = Flag { name: "o", kind: Kind::Text, help: "Output text format to file" };
const DIRECTORY: Flag = Flag { name: "o", kind: Kind::Text, help: "Output directory to write" };
const LIVE: Flag =
    Flag { name: "live", kind: Kind::Bool, help: "Select only live (executed) functions for dump output." };
const PCOMBINE: Flag = Flag {
    name: "pcombine",
    kind: Kind::Bool,
    help: "Combine profiles derived from distinct program executables",
};

/// The flags of a command, sorted by name.
pub(super) fn flags(command: Command) -> Vec<Flag> {
    let own: &[Flag] = match command {
        Command::Percent | Command::Textfmt => &[PROFILE],
        Command::Func | Command::Pkglist => &[],
        Command::Debugdump => &[LIVE],
        Command::Merge => &[DIRECTORY, PCOMBINE],
        Command::Subtract | Command::Intersect => &[DIRECTORY],
    };
    let mut flags = [&COMMON[..], own].concat();
    flags.sort_unstable_by_key(|flag| flag.name);
    flags
}

/// The usage of a command.
pub(super) fn of(command: Command) -> String {
    let arguments = match command {
        Command::Merge => "-i=<directories> -o=<dir>",
        Command::Subtract | Command::Intersect => "-i=dir1,dir2 -o=<dir>",
        _ => "-i=<directories>",
    };
    let (example, explained): (&str, &[&str]) = match command {
        Command::Percent => (
            "-i=dir1,dir2",
            &["merges data from input directories dir1+dir2", "and emits percentage of statements covered"],
        ),
        Command::Textfmt => (
            "-i=dir1,dir2 -o=out.txt",
            &["merges data from input directories dir1+dir2", "and emits text format into file 'out.txt'"],
        ),
        Command::Func => (
            "-i=dir1,dir2",
            &[
                "reads coverage data files from dir1+dirs2",
                "and writes out coverage profile data for",
                "each function.",
            ],
        ),
        Command::Pkglist => (
            "-i=dir1,dir2",
            &[
                "reads coverage data files from dir1+dirs2",
                "and writes out a list of the import paths",
                "of all compiled packages.",
            ],
        ),
        Command::Debugdump => (
            "[flags] -i=dir1,dir2",
            &[
                "reads coverage data from dir1+dir2 and dumps",
                "contents in human-readable form to stdout, for",
                "debugging purposes.",
            ],
        ),
        Command::Merge => {
            ("-i=dir1,dir2,dir3 -o=outdir", &["merges all files in dir1/dir2/dir3", "into output dir outdir"])
        }
        Command::Subtract => (
            "-i=dir1,dir2 -o=outdir",
            &["subtracts dir2 from dir1, writing result", "into output dir outdir."],
        ),
        Command::Intersect => (
            "-i=dir1,dir2 -o=outdir",
            &["intersects dir2 with dir1, writing result", "into output dir outdir."],
        ),
    };
    let name = command.name();
    let defaults: String = flags(command).iter().map(defaults).collect();
    let explained: String = explained.iter().flat_map(|line| ["  \t", line, "\n"]).collect();
    // Only the usage of percent ends in an empty line.
    let end = if command == Command::Percent { "\n" } else { "" };
    format!(
        "usage: go tool covdata {name} {arguments}\n\n{defaults}\nExamples:\n\n  \
         go tool covdata {name} {example}\n\n{explained}{end}"
    )
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
