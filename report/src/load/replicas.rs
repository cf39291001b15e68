//! Copies of one counter file: replicas that share a volume, or inputs that overlap. They are one run.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use covfmt::pod::GoPod;
use covfmt::source::FileBytes;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

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
        let counters: Vec<(usize, &Path)> = indices
            .iter()
            .filter_map(|index| Some((*index, pod.counters.get(*index)?.path.as_path())))
            .collect();
        originals.extend(copies(&counters));
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

/// Each copy with the first file that has its bytes. Files are read once at most, and only where sizes agree.
fn copies(files: &[(usize, &Path)]) -> Vec<(usize, usize)> {
    let mut copies = Vec::new();
    let mut by_inode: HashMap<(u64, u64), usize> = HashMap::new();
    let mut by_size: HashMap<u64, Vec<(usize, &Path)>> = HashMap::new();
    for &(index, path) in files {
        let Ok(metadata) = path.metadata() else { continue };
        let first = *by_inode.entry((metadata.dev(), metadata.ino())).or_insert(index);
        if first == index {
            by_size.entry(metadata.len()).or_default().push((index, path));
        } else {
            copies.push((index, first));
        }
    }
    for files in by_size.values().filter(|files| files.len() > 1) {
        let digests: Vec<Option<[u8; 32]>> = files.par_iter().map(|(_, path)| digest(path)).collect();
        let mut by_digest: HashMap<[u8; 32], usize> = HashMap::new();
        for (&(index, _), digest) in files.iter().zip(digests) {
            let Some(digest) = digest else { continue };
            let first = *by_digest.entry(digest).or_insert(index);
            if first != index {
                copies.push((index, first));
            }
        }
    }
    // A link to a copy is one of the same file.
    let further: HashMap<usize, usize> = copies.iter().copied().collect();
    copies.into_iter().map(|(copy, first)| (copy, further.get(&first).copied().unwrap_or(first))).collect()
}

/// SHA-256 of a file's bytes; `None` if it cannot be read.
fn digest(path: &Path) -> Option<[u8; 32]> {
    Some(Sha256::digest(&*FileBytes::open(path).ok()?).into())
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

    use covfmt::pod::CounterRef;

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
    #[test]
    fn links_are_copies_too_and_what_cannot_be_read_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("a"), "one").unwrap();
        fs::write(path("b"), "one").unwrap();
        fs::hard_link(path("b"), path("c")).unwrap();
        std::os::unix::fs::symlink("b", path("d")).unwrap();
        fs::write(path("e"), "two").unwrap();
        let paths: Vec<PathBuf> = ["nowhere", "a", "b", "c", "d", "e", "nowhere"].map(path).into();
        let files: Vec<(usize, &Path)> = paths.iter().map(PathBuf::as_path).enumerate().collect();
        let mut copies = copies(&files);
        copies.sort_unstable();
        assert_eq!(copies, [(2, 1), (3, 1), (4, 1)]);
    }

    /// Comparing each with each takes minutes.
    #[test]
    fn many_namesakes_are_read_once_each() {
        let directory = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (10_000..15_000)
            .map(|number: u32| {
                let path = directory.path().join(number.to_string());
                fs::write(&path, (number - number % 2).to_string()).unwrap();
                path
            })
            .collect();
        let files: Vec<(usize, &Path)> = paths.iter().map(PathBuf::as_path).enumerate().collect();
        let start = std::time::Instant::now();
        assert_eq!(copies(&files).len(), 2_500);
        assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    }
}
