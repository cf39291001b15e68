//! The recorded answers of the reference, of every kind and data set: compared whether Go is at hand or not.

use std::fs;
use std::path::Path;

use crate::arguments::COMMANDS;
use crate::reference::ours;
use crate::snapshot::{Entry, Snapshot, snapshot};
use crate::support::answers::{Answer, answers, recorded};
use crate::support::{VERSIONS, data_sets, text};

/// Answers that are recorded, at least.
const ANSWERS: usize = 716;

/// Compares all of them.
pub(crate) fn run() {
    let place = tempfile::tempdir().unwrap();
    let mut counts = Vec::new();
    for command in COMMANDS {
        let mut compared = 0;
        for set in VERSIONS.iter().flat_map(|version| data_sets(version)) {
            for answer in answers(&set, command) {
                compare(&set, &answer, &place.path().join(format!("{command}-{compared}")));
                compared += 1;
            }
        }
        counts.push((command, compared));
    }
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    println!("{total} recorded answers are the same: {counts:?}");
    assert!(total >= ANSWERS, "only {total} answers");
}

fn compare(set: &Path, answer: &Answer, out: &Path) {
    let what = format!("{} {}", set.display(), answer.name);
    let golden = answer.output.as_ref().map(|output| set.join(output));
    let directory = ["merge", "subtract", "intersect"].contains(&answer.arguments[0].as_str());
    if directory {
        fs::create_dir(out).unwrap();
    }
    let arguments = answer.arguments.iter().map(|argument| argument.replace("{out}", out.to_str().unwrap()));
    let program = ours().program;
    let run = assert_cmd::Command::new(&program).current_dir(set).args(arguments).output().unwrap();
    assert_eq!(run.status.code(), Some(answer.exit), "{what}");
    // The reference was called as `covdata` when its answers were recorded.
    let printed = text(&run.stdout).replace(program.to_str().unwrap(), "covdata");
    let printed = printed.replace(out.to_str().unwrap(), "{out}");
    assert_eq!(printed, text(&recorded(set, answer.stdout.as_ref())), "{what}");
    assert_eq!(text(&run.stderr), text(&recorded(set, answer.stderr.as_ref())), "{what}");
    match golden {
        Some(golden) if directory => {
            assert_eq!(without_modes(snapshot(out)), without_modes(snapshot(&golden)), "{what}");
        }
        Some(golden) => {
            assert_eq!(text(&fs::read(out).unwrap()), text(&fs::read(golden).unwrap()), "{what}");
        }
        None => assert!(!directory || snapshot(out).is_empty(), "{what}"),
    }
}

/// Permissions are those of the checkout.
fn without_modes(files: Snapshot) -> Snapshot {
    files
        .into_iter()
        .map(|(name, entry)| {
            let entry = match entry {
                Entry::File(_, bytes) => Entry::File(0, bytes),
                Entry::Counters(_, counters) => Entry::Counters(0, counters),
                other => other,
            };
            (name, entry)
        })
        .collect()
}
