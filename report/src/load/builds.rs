//! Builds: their meta files checked against each other, their counters merged.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::{BStr, ByteSlice as _};
use covfmt::ids::MetaHash;
use covfmt::integrity::Integrity;
use covfmt::load::{check_counters, load_counters, load_meta, load_meta_header, verify_meta};
use covfmt::merge::{BuildCounts, Counts, MergeOptions};
use covfmt::meta::{MetaTables, PackageTable};
use covfmt::pod::GoPod;
use rayon::prelude::*;

use super::InputError;
use super::losses::Losses;
use super::replicas::same_bytes;
use crate::missing::MissingInput;
use crate::notice::{Notice, some_of};

/// Builds that were read from Go pods.
#[derive(Debug)]
pub(super) struct LoadedBuilds {
    /// The builds, each made of the Go pod at its place.
    pub(super) builds: Vec<BuildCounts>,
    /// For each of them, whether counter files of it were lost.
    pub(super) lossy: Vec<bool>,
}

/// Counter files of a build that is merged beside others. Those of larger builds are shared out among the threads, so that
/// there are never more sets of their counts than threads.
const FEW_COUNTERS: usize = 16;

/// Checks and merges every Go pod, in their order. Of several errors the first is returned, or all go to `losses`; then
/// only what was merged is left of `pods`.
pub(super) fn load_all(
    pods: &mut Vec<GoPod>,
    verify: bool,
    losses: &mut Losses,
) -> Result<LoadedBuilds, InputError> {
    let mut loaded = LoadedBuilds { builds: Vec::with_capacity(pods.len()), lossy: Vec::new() };
    let mut left = Vec::with_capacity(pods.len());
    let faultless: Vec<Option<BuildCounts>> = pods.par_iter().map(|pod| load_small(pod, verify)).collect();
    for (mut pod, faultless) in std::mem::take(pods).into_iter().zip(faultless) {
        if let Some(build) = faultless {
            loaded.builds.push(build);
            loaded.lossy.push(false);
            left.push(pod);
            continue;
        }
        let Some(tables) = load_tables(&mut pod, verify, losses)? else {
            pod.counters.into_iter().for_each(|counter| losses.note(MissingInput::no_meta(counter.path)));
            continue;
        };
        let before = pod.counters.len();
        let counts = match load_counters(&tables, &pod.counters, MergeOptions::default()) {
            Err(error) if !losses.keep_going() => return losses.bear(error.into()).map(|()| loaded),
            Err(_) => merge_the_good(&tables, &mut pod, losses)?,
            Ok(counts) => counts,
        };
        loaded.builds.push(BuildCounts::new(Arc::new(tables), counts));
        loaded.lossy.push(pod.counters.len() != before);
        left.push(pod);
    }
    *pods = left;
    Ok(loaded)
}

/// Loads a build of few files. `None` if there are many, or if there is anything to say of one of them: the way of large
/// builds finds it again and says it.
fn load_small(pod: &GoPod, verify: bool) -> Option<BuildCounts> {
    if pod.counters.len() > FEW_COUNTERS {
        return None;
    }
    let (tables, integrity) = load_sound_meta(pod.tag.as_ref(), &pod.meta, verify).ok()?;
    let is_same = |copy: &PathBuf| matches!(difference(pod, &tables, copy, verify), Ok(None));
    if integrity == Integrity::Unknown || !pod.duplicate_metas.iter().all(is_same) {
        return None;
    }
    let counts = load_counters(&tables, &pod.counters, MergeOptions::default()).ok()?;
    Some(BuildCounts::new(Arc::new(tables), counts))
}

/// Merges the counter files of a build that can be merged. Each is read twice, the first time by itself: counters that a
/// bad file had added cannot be taken out again.
fn merge_the_good(tables: &MetaTables, pod: &mut GoPod, losses: &mut Losses) -> Result<Counts, InputError> {
    let errors = check_counters(tables, &pod.counters, MergeOptions::default());
    let mut good = Vec::with_capacity(pod.counters.len());
    for (counter, error) in std::mem::take(&mut pod.counters).into_iter().zip(errors) {
        match error {
            None => good.push(counter),
            Some(error) => losses.bear(error.into())?,
        }
    }
    pod.counters = good;
    Ok(load_counters(tables, &pod.counters, MergeOptions::default())?)
}

/// Reads the meta file of a Go pod, or a copy of it. The copies must be the same file, or counters would be given to the
/// wrong functions; where two good ones are not, neither can be used, and there is none.
fn load_tables(pod: &mut GoPod, verify: bool, losses: &mut Losses) -> Result<Option<MetaTables>, InputError> {
    let metas = std::iter::once(pod.meta.clone()).chain(std::mem::take(&mut pod.duplicate_metas));
    let mut metas = metas.collect::<Vec<_>>().into_iter();
    let tables = loop {
        let Some(path) = metas.next() else { return Ok(None) };
        match load_sound_meta(pod.tag.as_ref(), &path, verify) {
            Ok((tables, integrity)) => {
                if integrity == Integrity::Unknown {
                    losses.note_unverified(path.clone());
                }
                pod.meta = path;
                break tables;
            }
            Err(error) => losses.bear(error)?,
        }
    };
    pod.duplicate_metas = metas.collect();
    let differing: Vec<Option<InputError>> = pod
        .duplicate_metas
        .par_iter()
        .map(|copy| difference(pod, &tables, copy, verify).unwrap_or_else(Some))
        .collect();
    let mut clash = false;
    for (copy, error) in pod.duplicate_metas.iter().zip(differing) {
        let Some(error) = error else { continue };
        // A copy that is damaged is no rival.
        if let Err(damage) = load_sound_meta(pod.tag.as_ref(), copy, verify) {
            losses.bear(damage)?;
        } else {
            losses.bear(error)?;
            clash = true;
        }
    }
    Ok((!clash).then_some(tables))
}

/// Reads a meta file. Its hashes would add a third to a short run, so they are compared if asked for.
fn load_sound_meta(tag: &BStr, path: &Path, verify: bool) -> Result<(MetaTables, Integrity), InputError> {
    let integrity = if verify { verify_meta(path)? } else { Integrity::Sound };
    let tables = load_meta(path)?;
    // Any tag will do in a name, but one that looks like a hash must be the build's.
    if MetaHash::from_hex(tag).is_some_and(|named| named != tables.hash()) {
        return Err(InputError::MetaName { path: path.into(), hash: tables.hash().to_string() });
    }
    Ok((tables, integrity))
}

/// Whether a copy is another file than the meta file of a pod.
fn difference(
    pod: &GoPod,
    tables: &MetaTables,
    copy: &Path,
    verify: bool,
) -> Result<Option<InputError>, InputError> {
    let clash = |difference: &str| {
        let difference = difference.to_owned();
        Ok(Some(InputError::MetaClash { first: pod.meta.clone(), second: copy.into(), difference }))
    };
    if load_meta_header(copy)? != *tables.header() {
        return clash("their headers differ");
    }
    if verify && !same_bytes(&pod.meta, copy)? {
        return clash("their contents differ");
    }
    Ok(None)
}

/// What is remarkable about the builds, each made of the Go pod at its place.
pub(super) fn remarks(pods: &[GoPod], LoadedBuilds { builds, lossy }: &LoadedBuilds) -> Vec<Notice> {
    let mut notices = Vec::new();
    for ((pod, build), lossy) in pods.iter().zip(builds).zip(lossy) {
        if is_silent(build) {
            let why = if *lossy {
                "none of its counter files can be used"
            } else {
                "it was killed, panicked or was never flushed"
            };
            notices.push(Notice::warning(format!(
                "no counters of build {} of {} ({}): {why}; its statements count as missed",
                build.tables().hash(),
                program(build.tables()),
                pod.meta.display()
            )));
        }
        if build.counts().saturated() {
            notices.push(Notice::warning(format!(
                "a counter of build {} of {} reached 4294967295 and stopped there: its true count is greater",
                build.tables().hash(),
                program(build.tables())
            )));
        }
    }
    notices
}

/// The names of the builds' modes, each once.
pub(super) fn modes(builds: &[BuildCounts]) -> Vec<&'static str> {
    let mut modes: Vec<&str> = builds.iter().map(|build| build.tables().mode().as_str()).collect();
    modes.sort_unstable();
    modes.dedup();
    modes
}

/// Who reads merged files with the reference tool, which stays strict in one of its commands, should know it before.
pub(super) fn refused_together(builds: &[BuildCounts]) -> Option<Notice> {
    let modes = modes(builds);
    (modes.len() > 1).then(|| {
        Notice::decision(format!(
            "the builds count in different modes ({}): go tool covdata textfmt, and covdata textfmt as it does, refuses merged files \
             of them together; covreport takes them",
            modes.join(", ")
        ))
    })
}

/// Whether no function of a build has counters: there is no counter file, or none in it.
pub(super) fn is_silent(build: &BuildCounts) -> bool {
    !build.counts().recorded().contains(&true)
}

/// The import path of the main package, else of the first.
fn program(tables: &MetaTables) -> &BStr {
    let packages = tables.packages();
    let main = packages.iter().find(|package| package.name() == "main").or(packages.first());
    main.map_or(BStr::new("a program without packages"), PackageTable::path)
}

/// A source file that two builds saw differently was changed between them, or compiled by another Go: its lines are
/// reported as both builds saw them. Files that are the same in all builds need no word.
pub(super) fn differing_sources(builds: &[BuildCounts]) -> Option<Notice> {
    // In the order of names: the same input says the same. Each file once, with the first two builds that differ.
    let mut seen: BTreeMap<(&BStr, &BStr), (u64, MetaHash, Option<MetaHash>)> = BTreeMap::new();
    let mut builds_with: HashMap<&BStr, usize> = HashMap::new();
    for package in builds.iter().flat_map(|build| build.tables().packages()) {
        *builds_with.entry(package.path()).or_default() += 1;
    }
    let hasher = foldhash::fast::RandomState::default();
    for build in builds {
        let tables = build.tables();
        let shared = |package: &&PackageTable| builds_with.get(package.path()).is_some_and(|many| *many > 1);
        for package in tables.packages().iter().filter(shared) {
            for (file, shape) in file_shapes(tables, package, &hasher) {
                let (known, _, other) =
                    seen.entry((package.path(), file)).or_insert((shape, tables.hash(), None));
                if *known != shape {
                    other.get_or_insert(tables.hash());
                }
            }
        }
    }
    let mut by_builds: BTreeMap<(MetaHash, MetaHash), Vec<&BStr>> = BTreeMap::new();
    for ((_, file), (_, first, other)) in seen {
        if let Some(other) = other {
            by_builds.entry((first, other)).or_default().push(file);
        }
    }
    let (first, _) = by_builds.keys().next()?;
    let files: usize = by_builds.values().map(Vec::len).sum();
    let differing: Vec<String> = by_builds
        .iter()
        .map(|((first, other), files)| format!("{} in builds {first} and {other}", some_of(files)))
        .collect();
    Some(Notice::warning(format!(
        "source files whose code two builds have in different places, changed between them or compiled by another \
         Go version, and reported as both saw them: totals of statements and functions count them for each of the builds and are \
         larger than either's, lines may be shown twice or in wrong places: {files} ({}); to avoid it, report one build at a \
         time, as with: covreport DIR/*{first}*",
        some_of(&differing)
    )))
}

/// For each source file of a package a number that stands for its functions and their units.
fn file_shapes<'t>(
    tables: &'t MetaTables,
    package: &'t PackageTable,
    hasher: &foldhash::fast::RandomState,
) -> HashMap<&'t BStr, u64> {
    let mut shapes: HashMap<&BStr, u64> = HashMap::new();
    for function in tables.functions_of(package) {
        let name = tables.name_of(function).as_bytes();
        let hash = hasher.hash_one((name, function.literal(), tables.units_of(function)));
        // Added up, so that the order of functions does not matter.
        let shape = shapes.entry(tables.file_of(function)).or_default();
        *shape = shape.wrapping_add(hash);
    }
    shapes
}
