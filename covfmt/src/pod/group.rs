//! Groups files into Go pods by the tag in their names. Pure: only names and paths, no files.
//!
//! `internal/coverage/pods/pods.go`, `collectPodsImpl`. What the reference drops without a word (orphans,
//! second copies of a meta file, temporary files) is handed to the caller.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bstr::{BStr, BString};

use super::name::FileName;
use super::scan::FoundFile;

/// A meta file and the counter files with its tag: Go's "pod", not Kubernetes'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoPod {
    /// The tag in the file names.
    pub tag: BString,
    /// The meta file: the first found with this tag.
    pub meta: PathBuf,
    /// Further meta files with this tag, in the order found. Their bytes should be the same.
    pub duplicate_metas: Vec<PathBuf>,
    /// The counter files, by input, then by path.
    pub counters: Vec<CounterRef>,
}

/// A counter file of a [`GoPod`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterRef {
    /// Where it is.
    pub path: PathBuf,
    /// Position of the input it was found under.
    pub origin: usize,
    /// Id of the process that wrote it, from the name.
    pub pid: u64,
}

/// Files grouped into Go pods, and what belongs to none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grouping {
    /// The Go pods, by path of the meta file.
    pub pods: Vec<GoPod>,
    /// Counter files without a meta file, in the order found.
    pub orphans: Vec<PathBuf>,
    /// Files that a program was still writing or left behind, in the order found.
    pub temporaries: Vec<PathBuf>,
    /// Files whose names begin like those of coverage files, but are none, in the order found: renamed or compressed.
    pub misnamed: Vec<PathBuf>,
}

/// Groups files by the tag in their names; files of other names are passed over.
pub fn group(files: &[FoundFile]) -> Grouping {
    let mut grouping = Grouping::default();
    let mut by_tag: HashMap<BString, usize> = HashMap::new();
    let mut pods: Vec<GoPod> = Vec::new();
    for file in files {
        match FileName::parse(base_name(&file.path)) {
            Some(FileName::Meta { tag }) => {
                if let Some(pod) = by_tag.get(tag).and_then(|slot| pods.get_mut(*slot)) {
                    pod.duplicate_metas.push(file.path.clone());
                    continue;
                }
                by_tag.insert(tag.to_owned(), pods.len());
                pods.push(GoPod {
                    tag: tag.to_owned(),
                    meta: file.path.clone(),
                    duplicate_metas: Vec::new(),
                    counters: Vec::new(),
                });
            }
            Some(FileName::Temporary) => grouping.temporaries.push(file.path.clone()),
            None if FileName::begins_like_one(base_name(&file.path)) => {
                grouping.misnamed.push(file.path.clone());
            }
            Some(FileName::Counters { .. }) | None => {}
        }
    }
    for file in files {
        let Some(FileName::Counters { tag, pid, .. }) = FileName::parse(base_name(&file.path)) else {
            continue;
        };
        match by_tag.get(tag).and_then(|slot| pods.get_mut(*slot)) {
            Some(pod) => {
                pod.counters.push(CounterRef { path: file.path.clone(), origin: file.origin, pid });
            }
            None => grouping.orphans.push(file.path.clone()),
        }
    }
    for pod in &mut pods {
        pod.counters.sort_by(|a, b| (a.origin, path_bytes(&a.path)).cmp(&(b.origin, path_bytes(&b.path))));
    }
    pods.sort_by(|a, b| path_bytes(&a.meta).cmp(path_bytes(&b.meta)));
    grouping.pods = pods;
    grouping
}

/// Paths are ordered as the strings they are, not by components: `a-b/x` before `a/x`.
fn path_bytes(path: &Path) -> &BStr {
    BStr::new(path.as_os_str().as_bytes())
}

fn base_name(path: &Path) -> &[u8] {
    path.file_name().map(std::ffi::OsStr::as_bytes).unwrap_or_default()
}
