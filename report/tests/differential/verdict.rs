//! Whether two runs of a command line are the same to a script, and what counts as an answer where the reference has
//! none.

use std::ffi::OsString;

use bstr::{BString, ByteSlice as _};

use crate::arguments::Case;
use crate::known_differences::KNOWN;
use crate::reference::Tool;
use crate::run::Outcome;
use crate::snapshot::Entry;

/// What a comparison says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing a script could tell apart.
    Same,
    /// A difference to an older version, with its place in the table.
    Known(usize),
    /// The reference ended in a panic or at its limits, ours with an answer: the panic, and what ours did.
    Better(String, &'static str),
    /// The output is an input, whose meta file the reference empties before it copies it, and ours keeps.
    KeepsInput,
    /// What differs.
    Different(String),
}

/// What differs in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aspect {
    Exit,
    Stdout,
    Stderr,
    File,
}

/// A comparison with its differences, for the table of those that are known.
#[derive(Debug)]
pub(crate) struct Compared<'c> {
    pub(crate) arguments: &'c [OsString],
    /// What differs, at least one.
    pub(crate) aspects: &'c [Aspect],
    pub(crate) ours: &'c Outcome,
    pub(crate) theirs: &'c Outcome,
    /// What is on standard error of ours and of theirs, without traces.
    pub(crate) messages: [&'c [u8]; 2],
}

/// Compares our run with one of the reference.
pub(crate) fn judge(case: &Case, ours: &Outcome, theirs: &Outcome, tools: (&Tool, &Tool)) -> Verdict {
    if let Some(breakdown) = breakdown(theirs) {
        return match answer(ours) {
            Ok(answer) => Verdict::Better(breakdown, answer),
            Err(why) => {
                Verdict::Different(format!("the reference breaks down ({breakdown}), and ours {why}"))
            }
        };
    }
    let differences = differences(case, ours, theirs, tools);
    if differences.is_empty() {
        return Verdict::Same;
    }
    if keeps_input(case, ours, theirs) {
        return Verdict::KeepsInput;
    }
    let aspects: Vec<Aspect> = differences.iter().map(|(aspect, _)| *aspect).collect();
    let messages = [stderr(case, &ours.stderr), stderr(case, &theirs.stderr)];
    let messages = [messages[0].as_slice(), messages[1].as_slice()];
    let compared = Compared { messages, arguments: &case.arguments, aspects: &aspects, ours, theirs };
    let known =
        KNOWN.iter().position(|known| known.versions.contains(&tools.1.name) && (known.applies)(&compared));
    let texts: Vec<String> = differences.into_iter().map(|(_, text)| text).collect();
    known.map_or_else(|| Verdict::Different(texts.join("\n")), Verdict::Known)
}

/// What `-h` and `-hw` ask for.
const PANICS: [&str; 2] = ["panic: fatal error", "panic: unexpected warning"];

/// How the reference broke down, if it did: a panic that no flag asked for, too much memory, no end.
fn breakdown(theirs: &Outcome) -> Option<String> {
    if theirs.hangs {
        return Some("hangs".to_owned());
    }
    let line = theirs
        .stderr
        .lines()
        .find(|line| {
            let log = line.len() > 5 && line[..4].iter().all(u8::is_ascii_digit) && line[4] == b'/';
            line.starts_with(b"panic: ") || line.starts_with(b"fatal error: ") || log
        })?
        .to_str_lossy()
        .into_owned();
    if PANICS.contains(&line.as_str()) {
        return None;
    }
    // Numbers and paths are the case's own.
    Some(
        line.split(' ')
            .filter(|word| !word.contains('/'))
            .collect::<Vec<_>>()
            .join(" ")
            .replace(|character: char| character.is_ascii_digit(), "N"),
    )
}

/// What ours does where the reference breaks down.
fn answer(ours: &Outcome) -> Result<&'static str, String> {
    let asked_for = |line: &[u8]| PANICS.iter().any(|panic| panic.as_bytes() == line);
    let message = ours.stderr.lines().any(|line| line.starts_with(b"error: ") || asked_for(line));
    match ours.exit {
        Some(0) => Ok("a result"),
        Some(1 | 2) if message => Ok("an error"),
        exit => Err(format!("ends with {exit:?}: {}", ours.stderr.to_str_lossy())),
    }
}

/// Whether all that differs is meta files in the output that the reference emptied, as it was an input too.
fn keeps_input(case: &Case, ours: &Outcome, theirs: &Outcome) -> bool {
    let own = case.output.as_ref().is_some_and(|output| output == "own" && case.inputs.contains(output));
    let emptied = |(name, entry): (&BString, &Entry)| {
        let empty = matches!(entry, Entry::File(_, bytes) if bytes.is_empty());
        theirs.files.get(name) == Some(entry) || (name.starts_with(b"own/covmeta.") && !empty)
    };
    let kept = ours.files.iter().all(emptied)
        && theirs.files.iter().all(|(name, entry)| {
            let empty = matches!(entry, Entry::File(_, bytes) if bytes.is_empty());
            ours.files.get(name) == Some(entry) || empty
        });
    own && ours.exit == theirs.exit && kept && stderr(case, &ours.stderr) == stderr(case, &theirs.stderr)
}

/// In the path of every damaged file.
const DAMAGED: &[u8] = b"/damaged/";

fn differences(
    case: &Case,
    ours: &Outcome,
    theirs: &Outcome,
    tools: (&Tool, &Tool),
) -> Vec<(Aspect, String)> {
    let mut found = Vec::new();
    if ours.exit != theirs.exit {
        found.push((Aspect::Exit, format!("exit code: ours {:?}, theirs {:?}", ours.exit, theirs.exit)));
    }
    let pairs = [
        (Aspect::Stdout, stdout(case, &ours.stdout, tools.0), stdout(case, &theirs.stdout, tools.1)),
        (Aspect::Stderr, stderr(case, &ours.stderr), stderr(case, &theirs.stderr)),
    ];
    for (what, ours, theirs) in pairs {
        if ours != theirs {
            found.push((what, format!("{what:?}: {}", first_difference(&ours, &theirs))));
        }
    }
    let names = ours.files.keys().chain(theirs.files.keys()).collect::<std::collections::BTreeSet<_>>();
    for name in names {
        let (ours, theirs) = (ours.files.get(name), theirs.files.get(name));
        if ours != theirs {
            let shown = |entry| {
                let text = format!("{entry:?}");
                text.chars().take(600).collect::<String>()
            };
            let text = format!("file {name}:\n  ours   {}\n  theirs {}", shown(ours), shown(theirs));
            found.push((Aspect::File, text));
        }
    }
    found
}

/// Lines of the reference that `-v` asks for, by their start. They need not be ours.
const TRACES: [&[u8]; 21] = [
    b"starting mode-independent setup",
    b"starting perform",
    b"leaving main",
    b"visit counter data file ",
    b"visiting counter data file ",
    b"visitMetaDataFile(",
    b"VisitPackage(",
    b"VisitMetaDataFile(",
    b"ctr visit ",
    b"meta visit ",
    b"visit pk=",
    b"counterVisitor invoked",
    b"fids for pk=",
    b"counter write for ",
    b"counter merge for ",
    b"null merge for ",
    b"install new pkm entry ",
    b"new meta entry for ",
    b"visiting pod: metafile ",
    b"fileView for pod is length ",
    b"visit meta data file ",
];

fn stdout(case: &Case, output: &[u8], tool: &Tool) -> BString {
    let mut output = without_traces(case, output);
    if case.command() == Some("debugdump") {
        // The line that names the program.
        let program = format!(" *\t{}", tool.program.display());
        output = output.replacen(program, b" *\tcovdata", 1);
    }
    output.into()
}

fn stderr(case: &Case, messages: &[u8]) -> BString {
    let mut messages = without_traces(case, messages);
    if let Some(at) = messages.find(b"\n\ngoroutine ") {
        messages.truncate(at + 1);
    }
    let profile: &[u8] = b"warning: covdata writes no profiles: ";
    let lines = messages.lines_with_terminator().filter(|line| !line.starts_with(profile));
    lines.map(without_damage).collect::<Vec<_>>().concat().into()
}

/// An error without what is said about the damage: each reader finds another rule broken first.
fn without_damage(line: &[u8]) -> &[u8] {
    let end = line.find(DAMAGED).filter(|_| line.starts_with(b"error: "));
    end.and_then(|at| line[at..].find(": ").map(|end| &line[..at + end])).unwrap_or(line)
}

fn without_traces(case: &Case, text: &[u8]) -> Vec<u8> {
    let verbose = case.arguments.iter().any(|argument| argument.to_string_lossy().contains("-v"));
    if !verbose {
        return text.to_vec();
    }
    let keep = |line: &&[u8]| !TRACES.iter().any(|trace| line.starts_with(trace));
    let kept = text.lines_with_terminator().filter(keep).collect::<Vec<_>>().concat();
    // A package without statements has no line end.
    kept.strip_suffix(b"leaving main\n").map(<[u8]>::to_vec).unwrap_or(kept)
}

fn first_difference(ours: &[u8], theirs: &[u8]) -> String {
    let (a, b): (Vec<&[u8]>, Vec<&[u8]>) =
        (ours.lines_with_terminator().collect(), theirs.lines_with_terminator().collect());
    let at = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let shown = |lines: &[&[u8]]| {
        let line: Option<String> = lines.get(at).map(|line| format!("{:?}", BString::from(*line)));
        line.map_or_else(|| "the end".to_owned(), |line| line.chars().take(600).collect())
    };
    format!(
        "{} and {} lines, first difference in line {}:\n  ours   {}\n  theirs {}",
        a.len(),
        b.len(),
        at + 1,
        shown(&a),
        shown(&b)
    )
}
