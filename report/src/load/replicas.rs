//! Copies of one counter file: replicas that share a volume, or inputs that overlap. They are one run.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use covfmt::pod::{CounterRef, GoPod};
use covfmt::source::FileBytes;
use rayon::prelude::*;

use super::InputError;
use crate::notice::Notice;

/// Leaves one of the counter files that agree in name and bytes. Files of one name with other bytes are other runs: in a
/// container the process id is nearly always 1, and only the nanoseconds in the name tell runs apart.
///
/// A file that cannot be read is no copy: the error is that of whoever reads it next.
pub(super) fn drop_copies(pods: &mut [GoPod], notices: &mut Vec<Notice>) {
    let dropped: Vec<Vec<(PathBuf, PathBuf)>> = pods.par_iter_mut().map(drop_copies_in).collect();
    let dropped: Vec<(PathBuf, PathBuf)> = dropped.into_iter().flatten().collect();
    if let Some((copy, original)) = dropped.first() {
        let (copy, original) = (copy.display().to_string(), original.display().to_string());
        let example = if copy == original {
            format!("{copy} was given twice")
        } else {
            format!("{copy} is a copy of {original}")
        };
        notices.push(Notice::note(format!(
            "copies of counter files, counted once: {} ({example})",
            dropped.len()
        )));
    }
}

/// Gives each copy that was dropped with the file that it is a copy of.
fn drop_copies_in(pod: &mut GoPod) -> Vec<(PathBuf, PathBuf)> {
    let name = |index: &usize| pod.counters.get(*index).and_then(|counter| counter.path.file_name());
    let mut by_name: Vec<usize> = (0..pod.counters.len()).collect();
    by_name.sort_by_key(name);
    let mut originals: HashMap<usize, usize> = HashMap::new();
    for indices in by_name.chunk_by(|a, b| name(a) == name(b)).filter(|indices| indices.len() > 1) {
        let mut kept: Vec<usize> = Vec::new();
        for &index in indices {
            match kept.iter().find(|original| same_file(&pod.counters, **original, index)) {
                Some(original) => drop(originals.insert(index, *original)),
                None => kept.push(index),
            }
        }
    }
    let path =
        |index: &usize| pod.counters.get(*index).map(|counter| counter.path.clone()).unwrap_or_default();
    let mut dropped: Vec<(PathBuf, PathBuf)> =
        originals.iter().map(|(copy, original)| (path(copy), path(original))).collect();
    dropped.sort();
    let mut index = 0;
    pod.counters.retain(|_| {
        index += 1;
        !originals.contains_key(&(index - 1))
    });
    dropped
}

fn same_file(counters: &[CounterRef], a: usize, b: usize) -> bool {
    let (Some(a), Some(b)) = (counters.get(a), counters.get(b)) else { return false };
    same_bytes(&a.path, &b.path).unwrap_or(false)
}

/// Whether two files have the same bytes.
pub(super) fn same_bytes(a: &Path, b: &Path) -> Result<bool, InputError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| InputError::Io { path, source }
    };
    let (first, second) = (a.metadata().map_err(failed(a))?, b.metadata().map_err(failed(b))?);
    if (first.dev(), first.ino()) == (second.dev(), second.ino()) {
        return Ok(true);
    }
    if first.len() != second.len() {
        return Ok(false);
    }
    Ok(*FileBytes::open(a).map_err(failed(a))? == *FileBytes::open(b).map_err(failed(b))?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn copies_count_once_and_namesakes_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let mut pod = GoPod {
            tag: "x".into(),
            meta: PathBuf::new(),
            duplicate_metas: Vec::new(),
            counters: Vec::new(),
        };
        for (origin, (name, bytes)) in [
            ("a/covcounters.x.1.1", "one"),
            ("b/covcounters.x.1.1", "two"),
            ("c/covcounters.x.1.1", "one"),
            ("c/covcounters.x.1.2", "one"),
        ]
        .into_iter()
        .enumerate()
        {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            pod.counters.push(CounterRef { path, origin, pid: 1 });
        }
        let mut notices = Vec::new();
        drop_copies(std::slice::from_mut(&mut pod), &mut notices);
        let kept: Vec<usize> = pod.counters.iter().map(|counter| counter.origin).collect();
        assert_eq!(kept, [0, 1, 3]);
        assert!(
            notices[0].text().starts_with("copies of counter files, counted once: 1 ("),
            "{}",
            notices[0]
        );
    }
}
