//! From paths to one merged profile, with everything that must be said about the input.
//!
//! inputs (paths, manifests) -> Go pods -> distinct files -> merged builds -> profile. Each step hands on values;
//! nothing is printed here.

mod above;
mod builds;
mod error;
mod inputs;
mod losses;
mod replicas;
mod snapshots;

use std::path::PathBuf;

use covfmt::merge::{BuildCounts, ModePolicy, merge_modes};
use covfmt::mode::CounterMode;
use covfmt::pod::group;
use covfmt::profile::Profile;

use crate::cli::Snapshots;
use crate::merged::MergedBuild;
use crate::missing::{MissingInput, sentences};
use crate::notice::{Notice, some_of};
use crate::plan::Plan;

use inputs::Collected;
use losses::Losses;

pub use error::InputError;

/// What the inputs gave.
#[derive(Debug)]
pub struct Loaded {
    /// All builds together; `None` if there is no report to make of them.
    pub profile: Option<Profile>,
    /// Each build for itself, by path of the meta file; empty unless merged files are to be written.
    pub builds: Vec<MergedBuild>,
    /// What to say.
    pub notices: Vec<Notice>,
    /// What is not in all this though it should be; the notices name it, too.
    pub missing: Vec<MissingInput>,
}

/// Reads and merges the inputs of a plan, on rayon's current thread pool.
pub fn load(plan: &Plan) -> Result<Loaded, InputError> {
    let mut losses = Losses::new(plan.keep_going);
    let Collected { files, mut notices } = inputs::collect(plan, &mut losses)?;
    let mut grouping = group(&files);
    if !grouping.temporaries.is_empty() {
        notices.push(Notice::warning(format!(
            "left out files that a program was still writing, or could not finish on a full disk: {}",
            some_of(&shown(&grouping.temporaries))
        )));
    }
    if !grouping.misnamed.is_empty() {
        notices.push(Notice::warning(format!(
            "left out files that are named nearly like coverage files (covmeta.HASH, covcounters.HASH.PID.NANOSECONDS), renamed or \
             compressed: {}",
            some_of(&shown(&grouping.misnamed))
        )));
    }
    for orphan in grouping.orphans.drain(..) {
        losses.note(MissingInput::no_meta(orphan));
    }
    if grouping.pods.is_empty() && losses.missing().is_empty() {
        return Err(InputError::Empty { inputs: shown(&plan.inputs) });
    }
    let sizes = grouping.pods.iter().map(|pod| (pod.duplicate_metas.len() + 1, pod.counters.len()));
    losses.see(sizes);
    if !losses.missing().is_empty() && !plan.keep_going {
        let (what, rest) = (sentences(losses.missing()), losses.is_rest_behind(None));
        return Err(InputError::Incomplete { what, rest });
    }

    replicas::drop_copies(&mut grouping.pods, &mut notices);
    let sequences = match plan.snapshots {
        Some(Snapshots::Latest) => snapshots::keep_latest(&mut grouping.pods, &mut notices),
        Some(Snapshots::All) | None => Vec::new(),
    };
    let loaded = builds::load_all(&mut grouping.pods, plan.verify, &mut losses)?;
    if loaded.builds.iter().all(builds::is_silent) {
        if !losses.missing().is_empty() {
            return Err(InputError::NothingLeft { what: sentences(losses.missing()) });
        }
        let builds = grouping.pods.iter().map(|pod| format!("build {} ({})", pod.tag, pod.meta.display()));
        return Err(InputError::NoCounters { builds: builds.collect() });
    }
    notices.extend(sentences(losses.missing()).into_iter().map(Notice::warning));
    if !losses.unverified().is_empty() {
        notices.push(Notice::warning(format!(
            "meta files whose hashes follow no rule of Go 1.20 to 1.27, so that --verify could not compare them with their \
             contents: {}",
            some_of(&shown(losses.unverified()))
        )));
    }
    notices.extend(builds::remarks(&grouping.pods, &loaded));
    let builds = loaded.builds;
    if plan.covdata.is_some() {
        notices.extend(builds::refused_together(&builds));
    }
    notices.extend(snapshots::were_cleared(&sequences, &builds));
    if plan.snapshots.is_none() && plan.shows_counts() && !merged_as_hit_or_not(&builds, plan) {
        notices.extend(snapshots::never_cleared(&grouping.pods, &builds));
    }
    let profile = if plan.reports.is_empty() {
        None
    } else {
        notices.extend(builds::differing_sources(&builds));
        Some(merge(&builds, plan, &mut notices)?)
    };
    let mut kept = Vec::new();
    if plan.covdata.is_some() {
        let metas = grouping.pods.into_iter().map(|pod| pod.meta);
        kept.extend(metas.zip(builds).map(|(meta, build)| MergedBuild { meta, build }));
    }
    Ok(Loaded { profile, builds: kept, notices, missing: losses.into_missing() })
}

/// Whether nothing of how often code ran is left in what the plan writes.
fn merged_as_hit_or_not(builds: &[BuildCounts], plan: &Plan) -> bool {
    let merged = merge_modes(builds, ModePolicy::HitOrNot);
    plan.covdata.is_none() && merged.is_ok_and(|modes| modes.mode == CounterMode::Set)
}

fn merge(builds: &[BuildCounts], plan: &Plan, notices: &mut Vec<Notice>) -> Result<Profile, InputError> {
    let modes = merge_modes(builds, ModePolicy::HitOrNot)?;
    // Count and atomic mode count alike.
    if modes.mixed && modes.mode == CounterMode::Set {
        notices.push(Notice::decision(format!(
            "the builds count in different modes ({}): merged as hit or not hit, so that no count says how often",
            builds::modes(builds).join(", ")
        )));
    }
    let Some(patterns) = &plan.packages else {
        return Ok(Profile::from_builds(builds, ModePolicy::HitOrNot)?);
    };
    let mut paths: Vec<&[u8]> = builds
        .iter()
        .flat_map(|build| build.tables().packages())
        .map(|package| package.path().as_ref())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    let idle = patterns.without_match(&paths);
    let hint = if idle.iter().any(|pattern| pattern.starts_with(b".")) {
        ": patterns are matched with import paths, not with directories"
    } else {
        ""
    };
    let idle = String::from_utf8_lossy(&idle.join(&b","[..])).into_owned();
    if !paths.iter().any(|path| patterns.matches(path)) {
        return Err(InputError::NoPackage { patterns: idle, packages: paths.len(), hint });
    }
    if !idle.is_empty() {
        notices.push(Notice::warning(format!("--pkg {idle} matches no package{hint}")));
    }
    Ok(Profile::from_builds_filtered(builds, ModePolicy::HitOrNot, |path| patterns.matches(path))?)
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}
