//! From paths to one merged profile, with everything that must be said about the input.
//!
//! inputs (paths, manifests) -> Go pods -> distinct files -> merged builds -> profile. Each step hands on values;
//! nothing is printed here.

mod builds;
mod inputs;
mod replicas;

use std::path::PathBuf;

use covfmt::load::LoadError;
use covfmt::merge::{BuildCounts, MergeError, ModePolicy, merge_modes};
use covfmt::pod::{ScanError, group};
use covfmt::profile::Profile;

use crate::manifest::ManifestError;
use crate::notice::{Notice, some_of};
use crate::plan::Plan;

pub use inputs::{Collected, collect};

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A directory could not be searched.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A coverage file could not be read, or is damaged.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file could not be compared with its copy.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A manifest cannot be used.
    #[error("{}: {source}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// A file is not what the manifest says, or is gone.
    #[error("{}: the manifest beside it says {expected}, but {found}: damaged or changed since it was fetched", path.display())]
    NotAsListed {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Two meta files of one name that are not the same.
    #[error("{} and {} have the same name, but {difference}", first.display(), second.display())]
    MetaClash {
        /// The first file.
        first: PathBuf,
        /// The other file.
        second: PathBuf,
        /// What differs.
        difference: String,
    },
    /// A meta file that was renamed.
    #[error("{}: the header says build {hash}, the name another: renamed or damaged", path.display())]
    MetaName {
        /// The file.
        path: PathBuf,
        /// The hash in the header.
        hash: String,
    },
    /// Builds that cannot be merged.
    #[error(transparent)]
    Builds(#[from] MergeError),
    /// An input that does not exist.
    #[error("{}: no such file or directory{}", path.display(), if *default { ": name the directory with the coverage files" } else { "" })]
    Missing {
        /// The input.
        path: PathBuf,
        /// Whether it was not named but taken by default.
        default: bool,
    },
    /// A file that was named and is no coverage file.
    #[error("{}: not named like a coverage file (covmeta.HASH, covcounters.HASH.PID.NANOSECONDS)", path.display())]
    NotCoverage {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to report.
    #[error("no coverage files in {}: was the program built with -cover, and GOCOVERDIR set?", some_of(.inputs))]
    Empty {
        /// The inputs.
        inputs: Vec<String>,
    },
    /// Meta files only.
    #[error(
        "no counter files, only the meta files of {}: the program wrote no counters. It writes them when it ends \
         (not if it is killed or panics), or when a signal handler in it flushes them",
        some_of(.builds)
    )]
    NoCounters {
        /// The builds.
        builds: Vec<String>,
    },
    /// Something is missing, and it was not asked to go on all the same.
    #[error("{}. With --keep-going the rest is reported", .what.join("; "))]
    Incomplete {
        /// What is missing.
        what: Vec<String>,
    },
}

impl InputError {
    /// Whether the input is incomplete or misnamed, rather than damaged or unreadable.
    pub fn is_unusable(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. }
                | Self::NotCoverage { .. }
                | Self::Empty { .. }
                | Self::NoCounters { .. }
                | Self::Incomplete { .. }
        )
    }
}

/// Reads and merges the inputs of a plan, on rayon's current thread pool.
pub fn load(plan: &Plan) -> Result<(Profile, Vec<Notice>), InputError> {
    let Collected { files, mut notices, mut missing } = collect(plan)?;
    let mut grouping = group(&files);
    if !grouping.temporaries.is_empty() {
        notices.push(Notice::warning(format!(
            "left out what a program was still writing, or could not finish on a full disk: {}",
            some_of(&shown(&grouping.temporaries))
        )));
    }
    if !grouping.orphans.is_empty() {
        missing.push(format!(
            "no meta file for {} of the counter files: {}",
            grouping.orphans.len(),
            some_of(&shown(&grouping.orphans))
        ));
    }
    if grouping.pods.is_empty() && grouping.orphans.is_empty() && missing.is_empty() {
        return Err(InputError::Empty { inputs: shown(&plan.inputs) });
    }
    if !missing.is_empty() {
        if !plan.keep_going || grouping.pods.is_empty() {
            return Err(InputError::Incomplete { what: missing });
        }
        notices.extend(missing.into_iter().map(Notice::warning));
    }

    replicas::drop_copies(&mut grouping.pods, &mut notices)?;
    let silent: Vec<String> = grouping
        .pods
        .iter()
        .filter(|pod| pod.counters.is_empty())
        .map(|pod| format!("build {} ({})", pod.tag, pod.meta.display()))
        .collect();
    if silent.len() == grouping.pods.len() {
        return Err(InputError::NoCounters { builds: silent });
    }
    notices.extend(silent.into_iter().map(|build| {
        Notice::warning(format!(
            "no counters of {build}: it was killed, panicked or was never flushed; its statements count as missed"
        ))
    }));

    let builds = builds::load_all(&grouping.pods, plan.verify)?;
    builds::remark(&builds, &mut notices);
    let profile = merge(&builds, plan, &mut notices)?;
    Ok((profile, notices))
}

fn merge(builds: &[BuildCounts], plan: &Plan, notices: &mut Vec<Notice>) -> Result<Profile, InputError> {
    let modes = merge_modes(builds, ModePolicy::HitOrNot)?;
    if modes.mixed {
        let mut names: Vec<&str> = builds.iter().map(|build| build.tables().mode().as_str()).collect();
        names.sort_unstable();
        names.dedup();
        notices.push(Notice::note(format!(
            "the builds count in different modes ({}): merged as hit or not hit",
            names.join(", ")
        )));
    }
    let Some(patterns) = &plan.packages else {
        return Ok(Profile::from_builds(builds, ModePolicy::HitOrNot)?);
    };
    let paths: Vec<&[u8]> = builds
        .iter()
        .flat_map(|build| build.tables().packages())
        .map(|package| package.path().as_ref())
        .collect();
    for idle in patterns.without_match(&paths) {
        let idle = String::from_utf8_lossy(idle);
        let hint = if idle.starts_with('.') {
            ": patterns are matched with import paths, not with directories"
        } else {
            ""
        };
        notices.push(Notice::warning(format!("--pkg {idle} matches no package{hint}")));
    }
    Ok(Profile::from_builds_filtered(builds, ModePolicy::HitOrNot, |path| patterns.matches(path))?)
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}
