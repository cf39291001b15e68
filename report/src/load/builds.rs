//! Builds: their meta files checked against each other, their counters merged.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bstr::{BStr, ByteSlice as _};
use covfmt::ids::MetaHash;
use covfmt::load::{load_meta_header, load_pod};
use covfmt::merge::{BuildCounts, MergeOptions};
use covfmt::meta::{MetaTables, PackageTable};
use covfmt::pod::GoPod;
use rayon::prelude::*;

use super::InputError;
use super::replicas::same_bytes;
use crate::notice::{Notice, some_of};

/// Checks and merges every Go pod, in their order. Of several errors the first is returned.
pub(super) fn load_all(pods: &[GoPod], verify: bool) -> Result<Vec<BuildCounts>, InputError> {
    for pod in pods {
        check_metas(pod, verify)?;
    }
    // Within a pod the counter files are merged in parallel, and most inputs have few builds.
    pods.iter().map(|pod| Ok(load_pod(pod, MergeOptions::default())?)).collect()
}

/// The meta files of one name must be the same file, or the counters would be given to the wrong functions.
fn check_metas(pod: &GoPod, verify: bool) -> Result<(), InputError> {
    let header = load_meta_header(&pod.meta)?;
    // Any tag will do in a name, but one that looks like a hash must be the build's.
    if MetaHash::from_hex(&pod.tag).is_some_and(|named| named != header.hash) {
        return Err(InputError::MetaName { path: pod.meta.clone(), hash: header.hash.to_string() });
    }
    pod.duplicate_metas.par_iter().try_for_each(|duplicate| {
        let clash = |difference: &str| InputError::MetaClash {
            first: pod.meta.clone(),
            second: duplicate.clone(),
            difference: difference.to_owned(),
        };
        if load_meta_header(duplicate)? != header {
            return Err(clash("their headers differ"));
        }
        if verify && !same_bytes(&pod.meta, duplicate)? {
            return Err(clash("their contents differ"));
        }
        Ok(())
    })
}

/// What is remarkable about the builds, each made of the Go pod at its place.
pub(super) fn remarks(pods: &[GoPod], builds: &[BuildCounts]) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (pod, build) in pods.iter().zip(builds) {
        if is_silent(build) {
            notices.push(Notice::warning(format!(
                "no counters of build {} of {} ({}): it was killed, panicked or was never flushed; its statements \
                 count as missed",
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
    for build in builds {
        let tables = build.tables();
        for package in tables.packages() {
            for (file, shape) in file_shapes(tables, package) {
                let (known, _, other) =
                    seen.entry((package.path(), file)).or_insert((shape, tables.hash(), None));
                if *known != shape {
                    other.get_or_insert(tables.hash());
                }
            }
        }
    }
    let differing: Vec<String> = seen
        .iter()
        .filter_map(|((_, file), (_, first, other))| {
            Some(format!("{file} in builds {first} and {}", (*other)?))
        })
        .collect();
    (!differing.is_empty()).then(|| {
        Notice::warning(format!(
            "source files whose code two builds have in different places, changed between them or compiled by another \
             Go version, and reported as both saw them, which may show lines twice or in wrong places (report one build at a \
             time to avoid it): {} ({})",
            differing.len(),
            some_of(&differing)
        ))
    })
}

/// For each source file of a package a number that stands for its functions and their units.
fn file_shapes<'t>(tables: &'t MetaTables, package: &'t PackageTable) -> HashMap<&'t BStr, u64> {
    let mut shapes: HashMap<&BStr, u64> = HashMap::new();
    for function in tables.functions_of(package) {
        let mut hasher = DefaultHasher::new();
        tables.name_of(function).as_bytes().hash(&mut hasher);
        function.literal().hash(&mut hasher);
        tables.units_of(function).hash(&mut hasher);
        // Added up, so that the order of functions does not matter.
        let shape = shapes.entry(tables.file_of(function)).or_default();
        *shape = shape.wrapping_add(hasher.finish());
    }
    shapes
}
