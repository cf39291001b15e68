//! The right answer where the reference has none: `subtract` and `intersect` of several builds, by giving the reference
//! one build at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice as _};

use crate::arguments::Case;
use crate::reference::Tool;
use crate::run::{Stage, run, set};
use crate::snapshot::{Entry, Snapshot};

/// Files of several runs by their name.
pub(crate) type Together = BTreeMap<BString, Vec<Entry>>;

/// What the runs write together; `None` if one of them fails.
pub(crate) fn run_apart(case: &Case, reference: &Tool, stage: &Stage, place: &Path) -> Option<Together> {
    if place.exists() {
        fs::remove_dir_all(place).unwrap();
    }
    let original = place.join("original");
    set(stage, &original);
    let files: Vec<Vec<PathBuf>> = case.inputs.iter().map(|input| list(&original.join(input))).collect();
    let mut together = Together::new();
    for (number, tag) in tags(&files).into_iter().enumerate() {
        let mut inputs = Vec::new();
        for (index, files) in files.iter().enumerate() {
            let input = place.join(format!("build-{number}-{index}"));
            fs::create_dir_all(&input).unwrap();
            for file in files.iter().filter(|file| belongs(file, tag)) {
                // Also what cannot be read.
                symlink(file, input.join(file.file_name()?)).unwrap();
            }
            inputs.push(input.into_os_string());
        }
        let mut arguments =
            vec![case.arguments[0].clone(), OsString::from("-i"), inputs.join(OsStr::new(","))];
        for (flag, value) in [("-o", &case.output), ("-pkg", &case.pattern)] {
            if let Some(value) = value {
                arguments.extend([OsString::from(flag), value.clone()]);
            }
        }
        let panics = |argument: &&OsString| {
            let name = argument.to_string_lossy().trim_start_matches('-').to_owned();
            name != argument.to_string_lossy()
                && ["h", "hw", "h=", "hw="]
                    .iter()
                    .any(|flag| name == *flag || flag.ends_with('=') && name.starts_with(flag))
        };
        arguments.extend(case.arguments.iter().filter(panics).cloned());
        let outcome = run(reference, &arguments, stage, &place.join(format!("run-{number}")));
        if outcome.exit != Some(0) {
            return None;
        }
        for (name, entry) in coverage_files(&outcome.files) {
            let entries = together.entry(name).or_default();
            // Two builds without a package that was asked for have the same hash: the later meta file stays, and both
            // counter files.
            if matches!(entry, Entry::File(..)) {
                entries.clear();
            }
            entries.push(entry);
        }
    }
    Some(together)
}

/// The tags of the builds, in the order of the paths of their meta files.
fn tags(files: &[Vec<PathBuf>]) -> Vec<&[u8]> {
    let mut known = BTreeSet::new();
    let mut metas: Vec<(&[u8], &[u8])> = files
        .iter()
        .flatten()
        .filter_map(|path| Some((path.as_os_str().as_bytes(), meta_tag(path)?)))
        .filter(|(_, tag)| known.insert(*tag))
        .collect();
    metas.sort_unstable();
    metas.into_iter().map(|(_, tag)| tag).collect()
}

fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let files = entries.map(Result::unwrap).filter(|entry| !entry.file_type().unwrap().is_dir());
    files.map(|entry| entry.path()).collect()
}

fn meta_tag(path: &Path) -> Option<&[u8]> {
    let tag = path.file_name()?.as_bytes().strip_prefix(b"covmeta.")?;
    // Other names are not those of meta files.
    (!tag.is_empty() && !tag.contains(&b' ')).then_some(tag)
}

/// Whether a file is the meta file or a counter file of a build.
fn belongs(path: &Path, tag: &[u8]) -> bool {
    let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
    let mut parts = name.rsplitn(3, |byte| *byte == b'.');
    let mut counters = || parts.nth(2).is_some_and(|start| start == [b"covcounters.", tag].concat());
    meta_tag(path) == Some(tag) || counters()
}

/// The coverage files among the files that a run left, without what tells two of one name apart.
pub(crate) fn coverage_files(files: &Snapshot) -> Vec<(BString, Entry)> {
    files
        .iter()
        .filter(|(name, _)| name.rsplit_str("/").next().is_some_and(|base| base.starts_with(b"cov")))
        .map(|(name, entry)| (name.trim_end_with(|letter| letter == '+').into(), entry.clone()))
        .collect()
}

/// The same for the files of one run.
pub(crate) fn together(files: &Snapshot) -> Together {
    let mut all = Together::new();
    for (name, entry) in coverage_files(files) {
        all.entry(name).or_default().push(entry);
    }
    all
}
