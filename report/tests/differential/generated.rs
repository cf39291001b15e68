//! The generated cases: run, compared, counted; what fails is made small.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use bstr::ByteSlice as _;
use libtest_mimic::Failed;
use rayon::prelude::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::apart::{run_apart, together};
use crate::arguments::{Case, case};
use crate::distribution::Distribution;
use crate::pool::Pool;
use crate::reference::{Tool, ours, references};
use crate::reproduce::reproduce;
use crate::run::{Outcome, Stage, run as run_tool};
use crate::verdict::{Verdict, judge};

/// Cases of a run that nothing else is said about.
const CASES: u64 = 2_600;
/// Address space of a run in bytes: a case that the reference needs more for shows how it exhausts the machine.
const MEMORY: u64 = 4 << 30;
/// Failing cases that are made small.
const REPRODUCED: usize = 12;

/// The tools, and where they run.
pub(crate) struct Bench {
    pub(crate) ours: Tool,
    /// Oldest first.
    pub(crate) references: Vec<Tool>,
    /// The pool and the directories of the runs.
    pub(crate) work: PathBuf,
    pub(crate) seed: u64,
}

/// A case that went wrong.
pub(crate) struct Failure {
    pub(crate) case: Case,
    pub(crate) version: &'static str,
    pub(crate) what: String,
}

fn setting<T: FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// The whole comparison.
pub(crate) fn run() -> Result<(), Failed> {
    let Some(references) = references() else { return Ok(()) };
    let started = Instant::now();
    let limit = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some(MEMORY), ..limit }).unwrap();
    let seed = setting("COVDATA_DIFF_SEED").unwrap_or(1);
    let only: Option<u64> = setting("COVDATA_DIFF_CASE");
    let cases = setting("COVDATA_DIFF_CASES").unwrap_or(CASES);
    let work = tempfile::tempdir().unwrap();
    let pool_place = work.path().join("pool");
    fs::create_dir(&pool_place).unwrap();
    let pool = Pool::make(seed, &pool_place);
    let bench = Bench { ours: ours(), references, work: work.path().to_owned(), seed };

    let numbers: Vec<u64> = only.map_or_else(|| (0..cases).collect(), |number| vec![number]);
    let results: Vec<CaseResult> = numbers
        .into_par_iter()
        .map(|number| case(&pool, seed, number))
        .map(|case| bench.compare(case, only.is_some()))
        .collect();

    let mut distribution = Distribution::default();
    let mut failures = Vec::new();
    for result in results {
        distribution.count_case(&result.case, &result.newest, result.read_back);
        for (tool, verdict) in bench.references.iter().zip(result.verdicts) {
            distribution.count(&result.case, tool.name, &verdict);
            if let Verdict::Different(what) = verdict {
                failures.push(Failure { case: result.case.clone(), version: tool.name, what });
            }
        }
    }
    println!("seed {seed}, {:.0} s", started.elapsed().as_secs_f32());
    if only.is_none() {
        distribution.print();
    }
    let mut problems: Vec<String> = Vec::new();
    // Where the newest differs too, the older ones are no news.
    let newest = bench.references.last().unwrap().name;
    let decided: BTreeSet<u64> = failures
        .iter()
        .filter(|failure| failure.version == newest)
        .map(|failure| failure.case.number)
        .collect();
    failures.retain(|failure| failure.version == newest || !decided.contains(&failure.case.number));
    let reproduced = setting("COVDATA_DIFF_SMALL").unwrap_or(REPRODUCED);
    let mut kinds = BTreeSet::new();
    let mut others = Vec::new();
    for failure in &failures {
        // One of each kind is made small, told apart by what is said without names and numbers.
        let words = failure.what.split([' ', '"']).filter(|word| !word.contains(['/', '.']));
        let kind: String = words.flat_map(str::chars).filter(|c| c.is_alphabetic()).take(90).collect();
        if kinds.len() < reproduced && kinds.insert((failure.case.command(), failure.version, kind)) {
            problems.push(reproduce(&bench, failure));
        } else {
            let command = failure.case.command().unwrap_or_default();
            others.push(format!("{} {command} (Go {})", failure.case.number, failure.version));
        }
    }
    if !others.is_empty() {
        problems.push(format!("and {} more cases: {}", others.len(), others.join(", ")));
    }
    if only.is_none() && cases >= CASES {
        problems.extend(distribution.shortfalls());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n\n").into()) }
}

/// A command line as one reads it.
pub(crate) fn line(arguments: &[OsString]) -> String {
    arguments.iter().map(|argument| quote(argument)).collect::<Vec<_>>().join(" ")
}

/// An argument for a shell (bash, for bytes that are not text).
pub(crate) fn quote(argument: &OsStr) -> String {
    let bytes = argument.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=./,+:".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_str_lossy().into_owned();
    }
    let escaped: String = bytes
        .iter()
        .map(|byte| match byte {
            b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
            b' '..=b'~' => char::from(*byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("$'{escaped}'")
}

struct CaseResult {
    case: Case,
    newest: Outcome,
    /// One for each reference.
    verdicts: Vec<Verdict>,
    read_back: bool,
}

impl Bench {
    fn stage(&self, case: &Case) -> Stage {
        Stage { pool: self.work.join("pool"), copies: case.copies.clone() }
    }

    fn compare(&self, case: Case, show: bool) -> CaseResult {
        let stage = self.stage(&case);
        let place = self.work.join(format!("case-{}", case.number));
        let ours = run_tool(&self.ours, &case.arguments, &stage, &place.join("ours"));
        let mut verdicts = Vec::new();
        let mut newest = None;
        for reference in &self.references {
            let theirs = run_tool(reference, &case.arguments, &stage, &place.join(reference.name));
            let mut verdict = judge(&case, &ours, &theirs, (&self.ours, reference));
            if let Verdict::Better(breakdown, answer) = &mut verdict
                && breakdown.contains("decreasing dir index")
            {
                match self.check_apart(&case, &ours, &place) {
                    Ok(checked) => *answer = checked,
                    Err(what) => verdict = Verdict::Different(what),
                }
            }
            verdicts.push(verdict);
            newest = Some(theirs);
        }
        let newest = newest.unwrap();
        let mut read_back = false;
        if let Some(output) = case.output.as_ref().filter(|_| writes_data(&case) && ours.exit == Some(0)) {
            read_back = newest.exit == Some(0);
            read_back &= verdicts.last() == Some(&Verdict::Same);
            if read_back && let Err(what) = self.read_back(output, &place) {
                let last = verdicts.last_mut().unwrap();
                *last = Verdict::Different(what);
            }
        }
        if show {
            show_case(&case, &ours, &newest, &verdicts);
        } else {
            fs::remove_dir_all(&place).unwrap();
        }
        CaseResult { case, newest, verdicts, read_back }
    }

    /// Whether ours gives each build the result that the newest reference gives it alone.
    fn check_apart(&self, case: &Case, ours: &Outcome, place: &Path) -> Result<&'static str, String> {
        let reference = self.references.last().unwrap();
        match run_apart(case, reference, &self.stage(case), &place.join("apart")) {
            Some(files) if ours.exit != Some(0) => {
                Err(format!("each build alone has a result, {} files", files.len()))
            }
            Some(files) if files != together(&ours.files) => {
                Err("builds together have another result than each alone".to_owned())
            }
            Some(_) => Ok("the result of each build alone"),
            None if ours.exit == Some(0) => Err("a result, though a build alone has none".to_owned()),
            None => Ok("an error, as a build alone has"),
        }
    }

    /// What the newest reference says about both merged directories.
    fn read_back(&self, output: &OsStr, place: &Path) -> Result<(), String> {
        let reference = self.references.last().unwrap();
        let dump = |directory: &str| {
            let mut command = assert_cmd::Command::new(&reference.program);
            let argument = [OsStr::new("-i="), output].join(OsStr::new(""));
            command.env_clear().current_dir(place.join(directory)).arg("debugdump").arg(argument);
            let run = command.output().unwrap();
            // Behind it are addresses.
            let messages = run.stderr.find("\n\ngoroutine ").map_or(&run.stderr[..], |at| &run.stderr[..at]);
            let text = [&run.stdout, messages].concat();
            (run.status.code(), without_times(&text))
        };
        let (ours, theirs) = (dump("ours"), dump(reference.name));
        if ours == theirs {
            return Ok(());
        }
        Err(format!("read back:\n{:?}\n{:?}", ours.1.as_bstr(), theirs.1.as_bstr()))
    }
}

/// Prints a case that is run alone.
fn show_case(case: &Case, ours: &Outcome, newest: &Outcome, verdicts: &[Verdict]) {
    println!("{}\ntraits {:?}, copies {:?}", line(&case.arguments), case.traits, case.copies);
    for (who, outcome) in [("ours", ours), ("newest", newest)] {
        println!("--- {who}: exit {:?}", outcome.exit);
        println!("{}\n{}", outcome.stdout.to_str_lossy(), outcome.stderr.to_str_lossy());
        for (name, entry) in &outcome.files {
            println!("{name}: {entry:?}");
        }
    }
    println!("{verdicts:?}");
}

/// Whether the command writes a directory of coverage files.
fn writes_data(case: &Case) -> bool {
    matches!(case.command(), Some("merge" | "subtract" | "intersect"))
}

/// Names of merged counter files end in a time.
fn without_times(text: &[u8]) -> Vec<u8> {
    text.lines_with_terminator()
        .flat_map(|line| {
            let end = line.find(".0.1").filter(|_| line.starts_with(b"data file "));
            let (start, rest) = line.split_at(end.map_or(line.len(), |end| end + 3));
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            [start, &rest[digits..]].concat()
        })
        .collect()
}
