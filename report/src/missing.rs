//! What the input lacks, where a report is made all the same.
//!
//! A report of a part must not pass for one of the whole: what is missing stands on standard error, in the reports that
//! have a place for it, and in the exit code.

use std::path::{Path, PathBuf};

use crate::notice::some_of;

/// A file or a container that is not in the reports though it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingInput {
    /// What is the matter.
    pub kind: MissingKind,
    /// The file; of what covfetch failed to fetch, the place where it would lie.
    pub path: PathBuf,
    /// Why, without the path.
    pub reason: String,
}

/// What is the matter with a [`MissingInput`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingKind {
    /// It cannot be read, or is damaged, or does not fit the others.
    Unusable,
    /// A counter file whose meta file is not there, or unusable.
    NoMeta,
    /// covfetch's manifest lists it, and it is not there.
    Gone,
    /// covfetch failed to fetch it.
    NotFetched {
        /// The manifest that says so.
        manifest: PathBuf,
        /// The run of covfetch, by its name there.
        run: String,
    },
}

impl MissingKind {
    /// The word for it in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unusable => "unusable",
            Self::NoMeta => "no_meta_file",
            Self::Gone => "gone",
            Self::NotFetched { .. } => "not_fetched",
        }
    }
}

impl MissingInput {
    /// A counter file without its meta file.
    pub fn no_meta(path: PathBuf) -> Self {
        Self { kind: MissingKind::NoMeta, path, reason: "its meta file is missing".to_owned() }
    }

    /// Something that a run of covfetch failed to fetch; `place` is relative to the manifest.
    pub fn not_fetched(manifest: &Path, run: &str, place: &Path, reason: &str) -> Self {
        let directory = manifest.parent().unwrap_or(Path::new(""));
        Self {
            kind: MissingKind::NotFetched { manifest: manifest.into(), run: run.into() },
            path: if place.as_os_str().is_empty() { directory.into() } else { directory.join(place) },
            reason: reason.into(),
        }
    }
}

/// What is missing in sentences: each damaged file has one, others share theirs.
pub fn sentences(missing: &[MissingInput]) -> Vec<String> {
    let mut said = Vec::new();
    let mut runs: Vec<(&Path, &str, Vec<String>)> = Vec::new();
    let mut orphans = Vec::new();
    for MissingInput { kind, path, reason } in missing {
        match kind {
            MissingKind::Unusable | MissingKind::Gone => said.push(format!("{}: {reason}", path.display())),
            MissingKind::NoMeta => orphans.push(path.display().to_string()),
            MissingKind::NotFetched { manifest, run } => {
                let place = path.strip_prefix(manifest.parent().unwrap_or(Path::new(""))).unwrap_or(path);
                let what = if place.as_os_str().is_empty() {
                    reason.clone()
                } else {
                    format!("{}: {reason}", place.display())
                };
                match runs.iter_mut().find(|(m, r, _)| *m == manifest.as_path() && r == run) {
                    Some((_, _, failures)) => failures.push(what),
                    None => runs.push((manifest, run, vec![what])),
                }
            }
        }
    }
    said.extend(runs.into_iter().map(|(manifest, run, failures)| {
        format!("{}: run {run} is not complete: {}", manifest.display(), failures.join("; "))
    }));
    if !orphans.is_empty() {
        said.push(format!(
            "no meta file for {} of the counter files (the covmeta file of the same build, which has its hash in its name, has \
             to be among the inputs): {}",
            orphans.len(),
            some_of(&orphans)
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_have_a_sentence_each_and_others_share_theirs() {
        let unusable = |path: &str| MissingInput {
            kind: MissingKind::Unusable,
            path: path.into(),
            reason: "cut off".into(),
        };
        let manifest = Path::new("d/manifest.json");
        let failed = |place: &str| MissingInput::not_fetched(manifest, "r1", Path::new(place), "gone");
        let missing = [
            failed("n/p/c"),
            unusable("a"),
            MissingInput::no_meta("x".into()),
            failed(""),
            unusable("b"),
            MissingInput::no_meta("y".into()),
        ];
        assert_eq!(missing[0].path, Path::new("d/n/p/c"));
        assert_eq!(missing[3].path, Path::new("d"));
        assert_eq!(
            sentences(&missing),
            [
                "a: cut off",
                "b: cut off",
                "d/manifest.json: run r1 is not complete: n/p/c: gone; gone",
                "no meta file for 2 of the counter files (the covmeta file of the same build, which has its hash in its name, has \
                 to be among the inputs): x, y"
            ]
        );
    }
}
