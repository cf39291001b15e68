//! Counter files that one process wrote one after the other.
//!
//! A process that flushes its counters and clears them counts anew: its files add up. One that does not clear them writes
//! snapshots, each of which has in it what the one before had. From the files alone a process that was started again
//! with the same id, as in a container that was restarted, looks like either.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use bstr::BString;
use covfmt::merge::{BuildCounts, MergeOptions, merge_files};
use covfmt::mode::CounterMode;
use covfmt::pod::{CounterRef, FileName, GoPod};
use covfmt::source::{MAX_FILE_BYTES, read_regular};

use crate::notice::{Notice, some_of};

/// When a counter file was written, in an order that is that of the times.
type Time = (usize, BString);

/// The counter files of one process id and directory, the oldest first.
pub(super) type Sequence = Vec<CounterRef>;

/// The counter files of one process id and directory, in the order of their times; two or more.
fn sequences(pod: &GoPod) -> Vec<Vec<&CounterRef>> {
    let mut by_process: BTreeMap<(&Path, u64), Vec<(Time, &CounterRef)>> = BTreeMap::new();
    // Files that a tool merged have id 0, and nothing to do with each other.
    for counter in pod.counters.iter().filter(|counter| counter.pid != 0) {
        let directory = counter.path.parent().unwrap_or(Path::new(""));
        by_process.entry((directory, counter.pid)).or_default().push((time(&counter.path), counter));
    }
    let several = by_process.into_values().filter(|files| files.len() > 1);
    several
        .map(|mut files| {
            files.sort_by(|(a, _), (b, _)| a.cmp(b));
            files.into_iter().map(|(_, counter)| counter).collect()
        })
        .collect()
}

/// The nanoseconds in a counter file's name, as number of digits and digits: they are ordered as numbers are.
fn time(path: &Path) -> Time {
    use std::os::unix::ffi::OsStrExt as _;
    let name = path.file_name().unwrap_or_default().as_bytes();
    let Some(FileName::Counters { nanos, .. }) = FileName::parse(name) else {
        return (0, BString::default());
    };
    let zeros = nanos.iter().take_while(|digit| **digit == b'0').count();
    let digits = nanos.get(zeros..).unwrap_or_default();
    (digits.len(), BString::from(digits))
}

/// Leaves the last file of every process id and directory. Gives the sequences they are the last of, for each Go pod.
pub(super) fn keep_latest(pods: &mut [GoPod], notices: &mut Vec<Notice>) -> Vec<Vec<Sequence>> {
    let mut all = Vec::with_capacity(pods.len());
    let mut left_out = 0;
    for pod in pods {
        let found: Vec<Sequence> =
            sequences(pod).into_iter().map(|files| files.into_iter().cloned().collect()).collect();
        let older: HashSet<&Path> = found
            .iter()
            .filter_map(|files| files.split_last())
            .flat_map(|(_, older)| older.iter().map(|counter| counter.path.as_path()))
            .collect();
        left_out += older.len();
        pod.counters.retain(|counter| !older.contains(counter.path.as_path()));
        all.push(found);
    }
    if left_out != 0 {
        notices.push(Notice::note(format!(
            "left out counter files that are not the last of their process id and directory (--snapshots=latest): \
             {left_out}"
        )));
    }
    all
}

/// Warns of sequences of which only the last file was kept though counters fall in them: what only the files before it
/// counted is lost, in any mode. `sequences` are those of each build.
pub(super) fn were_cleared(sequences: &[Vec<Sequence>], builds: &[BuildCounts]) -> Option<Notice> {
    let mut found: Vec<String> = Vec::new();
    for (sequences, build) in sequences.iter().zip(builds) {
        for files in sequences {
            if falls(build, files)
                && let Some(last) = files.last()
            {
                found.push(format!("{} files up to {}", files.len(), last.path.display()));
            }
        }
    }
    (!found.is_empty()).then(|| {
        Notice::warning(format!(
            "counters of one process id fall from file to file, so its files are no snapshots of the same counters, but of \
             several runs or processes, or cleared in between: --snapshots=latest leaves out what only the older ones \
             counted (--snapshots=all adds all of them up): {} ({})",
            found.len(),
            some_of(&found)
        ))
    })
}

/// Warns of processes none of whose counters ever fell from one file to the next. In set mode it does not matter.
pub(super) fn never_cleared(pods: &[GoPod], builds: &[BuildCounts]) -> Option<Notice> {
    let mut found: Vec<String> = Vec::new();
    for (pod, build) in pods.iter().zip(builds) {
        if build.tables().mode() == CounterMode::Set {
            continue;
        }
        for files in sequences(pod) {
            if grows(build, &files)
                && let Some(last) = files.last()
            {
                found.push(format!("{} files up to {}", files.len(), last.path.display()));
            }
        }
    }
    (!found.is_empty()).then(|| {
        Notice::warning(format!(
            "no counter of one process id ever falls from file to file, as if counters were flushed and not cleared: hits \
             are then added up twice (--snapshots=latest takes the last file only; --snapshots=all says that they are \
             runs of their own): {}",
            some_of(&found)
        ))
    })
}

/// Whether the first file counts something, and every file at least what the one before it does.
fn grows(build: &BuildCounts, files: &[&CounterRef]) -> bool {
    let mut files = files.iter();
    let Some(mut before) = files.next().and_then(|first| read(build, first)) else { return false };
    if before.iter().all(|count| *count == 0) {
        return false;
    }
    for file in files {
        let Some(counts) = read(build, file) else { return false };
        if any_falls(&before, &counts) {
            return false;
        }
        before = counts;
    }
    true
}

/// Whether any counter of a file is less than in one before it. Older files that cannot be read were left out as wished.
fn falls(build: &BuildCounts, files: &[CounterRef]) -> bool {
    let mut before: Option<Vec<u32>> = None;
    for counts in files.iter().filter_map(|file| read(build, file)) {
        if before.is_some_and(|before| any_falls(&before, &counts)) {
            return true;
        }
        before = Some(counts);
    }
    false
}

fn any_falls(before: &[u32], now: &[u32]) -> bool {
    before.iter().zip(now).any(|(before, now)| now < before)
}

/// The counts of one file. Whatever could be wrong with a file that counts has been said: it has been merged.
fn read(build: &BuildCounts, counter: &CounterRef) -> Option<Vec<u32>> {
    let open =
        |counter: &CounterRef, buffer: &mut Vec<u8>| read_regular(&counter.path, MAX_FILE_BYTES, buffer);
    let one = std::slice::from_ref(counter);
    merge_files(build.tables(), one, MergeOptions::default(), open).map(|counts| counts.into_parts().0).ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn counter(path: &str, pid: u64) -> CounterRef {
        CounterRef { path: path.into(), origin: 0, pid }
    }

    #[test]
    fn the_last_of_each_process_and_directory_is_kept() {
        let counters = vec![
            counter("a/covcounters.x.1.999", 1),
            counter("a/covcounters.x.1.1000", 1),
            counter("a/covcounters.x.1.0998", 1),
            counter("b/covcounters.x.1.5", 1),
            counter("a/covcounters.x.2.7", 2),
            counter("a/covcounters.x.0.7", 0),
            counter("a/covcounters.x.0.8", 0),
        ];
        let mut pods =
            [GoPod { tag: "x".into(), meta: PathBuf::new(), duplicate_metas: Vec::new(), counters }];
        let mut notices = Vec::new();
        keep_latest(&mut pods, &mut notices);
        let kept: Vec<String> = pods[0].counters.iter().map(|c| c.path.display().to_string()).collect();
        let expected = ["a/covcounters.x.1.1000", "b/covcounters.x.1.5", "a/covcounters.x.2.7"];
        assert_eq!(kept[..3], expected);
        assert_eq!(kept.len(), 5);
        assert!(notices[0].text().ends_with(": 2"), "{}", notices[0]);
    }
}
