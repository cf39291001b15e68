//! Finds the coverage files under the inputs, and heeds the manifests that covfetch left there.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use covfmt::pod::{Depth, FileName, FoundFile, scan_with};
use covfmt::source::{FileBytes, read_regular};
use sha2::{Digest as _, Sha256};

use super::InputError;
use super::above;
use super::losses::Losses;
use super::shown;
use crate::covdata::is_command;
use crate::manifest::{ListedFile, Manifest, Missing, Run};
use crate::missing::{MissingInput, MissingKind};
use crate::notice::{Notice, some_of};
use crate::plan::Plan;
use crate::sink::Target;

/// What is to be read.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// The files, by input and path.
    pub(super) files: Vec<FoundFile>,
    /// What to say.
    pub(super) notices: Vec<Notice>,
}

/// Lists the files under the inputs of a plan. What is missing goes to `losses`.
pub(super) fn collect(plan: &Plan, losses: &mut Losses) -> Result<Collected, InputError> {
    for path in &plan.inputs {
        match path.metadata() {
            Ok(metadata) if !metadata.is_dir() && coverage_name(path).is_none() => {
                return Err(InputError::NotCoverage { path: path.clone(), advice: advice(path, plan) });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !losses.keep_going() => {
                return Err(InputError::Missing { path: path.clone(), advice: advice(path, plan) });
            }
            // Whatever else is wrong shows when it is read.
            _ => {}
        }
    }
    let scanned = scan_with(&plan.inputs, Depth::Recursive, |error| losses.bear(error.into()))?;
    let mut collected = Collected { files: scanned.files, notices: Vec::new() };
    if !scanned.misnamed_directories.is_empty() {
        collected.notices.push(Notice::warning(format!(
            "directories that are named like coverage files, and are none: {}",
            some_of(&shown(&scanned.misnamed_directories))
        )));
    }
    let mut manifests: Vec<PathBuf> = collected
        .files
        .iter()
        .filter(|file| file.path.file_name().is_some_and(|name| name == MANIFEST))
        .map(|file| file.path.clone())
        .collect();
    // The outermost manifest speaks for everything below it.
    manifests.sort_by_key(|path| path.components().count());
    let mut governed: Vec<PathBuf> = Vec::new();
    for path in manifests {
        let Some(directory) = path.parent().map(Path::to_path_buf) else { continue };
        if governed.iter().any(|outer| directory.starts_with(outer)) {
            continue;
        }
        match read_manifest(&path) {
            Ok(None) => {}
            Ok(Some(manifest)) => {
                obey(&manifest, &path, &directory, plan, &mut collected, losses)?;
                governed.push(directory);
            }
            Err(error) => {
                losses.bear(error)?;
                // Which of the files below are of the newest run, nobody can tell.
                collected.files.retain(|file| !file.path.starts_with(&directory));
                governed.push(directory);
            }
        }
    }
    above::heed(&plan.inputs, &collected.files, losses, &mut collected.notices)?;
    Ok(collected)
}

/// What was probably meant by an input that is none, with the habits of other tools in mind.
fn advice(path: &Path, plan: &Plan) -> String {
    let on_stdout = plan.reports.iter().find(|report| report.target == Target::Stdout);
    // Percentages go there unasked.
    let asked = on_stdout.map(|report| report.format.name()).filter(|name| *name != "percent");
    if plan.default_input {
        ": name the directory with the coverage files".to_owned()
    } else if let Some(name) = asked {
        format!(" (if this is the file for the report, write --{name}={})", path.display())
    } else if path.as_os_str().as_bytes().contains(&b',') {
        " (inputs are separated by spaces)".to_owned()
    } else if path.to_str().is_some_and(is_command) {
        format!(
            " (reports are options, such as --percent; `covdata {} -i=DIR` takes the words of go tool covdata)",
            path.display()
        )
    } else {
        String::new()
    }
}

/// The name of the file that covfetch leaves.
pub(super) const MANIFEST: &str = "manifest.json";

/// Leaves only what the manifest says, and checks that it is there.
fn obey(
    manifest: &Manifest,
    path: &Path,
    directory: &Path,
    plan: &Plan,
    collected: &mut Collected,
    losses: &mut Losses,
) -> Result<(), InputError> {
    let Some((newest, older)) = manifest.runs.split_last() else {
        let reason = "no run of covfetch has fetched anything".to_owned();
        losses.note(MissingInput { kind: MissingKind::Gone, path: path.into(), reason });
        collected.files.retain(|file| !file.path.starts_with(directory));
        return Ok(());
    };
    let chosen: &[Run] = if plan.all_runs { &manifest.runs } else { std::slice::from_ref(newest) };
    for run in chosen {
        for failure in &run.failures {
            note_failure(run, failure, path, losses);
        }
    }
    let listed: BTreeSet<&ListedFile> = chosen.iter().flat_map(|run| &run.files).collect();
    let (mut paths, mut refused): (BTreeSet<&Path>, BTreeSet<&Path>) = Default::default();
    let mut misnamed = Vec::new();
    for file in &listed {
        let whole = directory.join(&file.path);
        if !coverage_name(&file.path).is_some_and(|name| name != FileName::Temporary) {
            misnamed.push(whole.display().to_string());
        }
        if whole.try_exists().is_ok_and(|exists| !exists) {
            let reason = "the manifest lists it, but it is gone".to_owned();
            losses.note(MissingInput { kind: MissingKind::Gone, path: whole, reason });
            continue;
        }
        match check_listed(&whole, file, plan.verify) {
            Ok(()) => drop(paths.insert(&file.path)),
            Err(error) => {
                losses.bear(error)?;
                refused.insert(&file.path);
            }
        }
    }
    if !misnamed.is_empty() {
        collected.notices.push(Notice::warning(format!(
            "{}: lists files that are not named like coverage files, and are not read: {}",
            path.display(),
            some_of(&misnamed)
        )));
    }

    let origin = collected.files.iter().find(|file| file.path == *path).map_or(0, |file| file.origin);
    let (mut left_out, mut unseen) = (0_usize, paths.clone());
    collected.files.retain(|file| {
        let Ok(below) = file.path.strip_prefix(directory) else { return true };
        let hidden = below.as_os_str().as_bytes().starts_with(b".");
        unseen.remove(below);
        if refused.contains(below) {
            return false;
        }
        let kept = paths.contains(below) || (plan.all_runs && !hidden);
        left_out += usize::from(!kept && coverage_name(below).is_some());
        kept
    });
    // Whatever the search may pass over, what is listed is read.
    let unseen = unseen.into_iter().map(|below| FoundFile { path: directory.join(below), origin });
    collected.files.extend(unseen);
    if left_out != 0 {
        let text = if plan.all_runs {
            format!("{}: left out {left_out} coverage files that were set aside", directory.display())
        } else {
            format!(
                "{}: read run {} of {} only, the newest; left out {left_out} coverage files that it does not list{}",
                directory.display(),
                newest.id,
                newest.started,
                if older.is_empty() { "" } else { " (--all-runs takes those of older runs)" },
            )
        };
        collected.notices.push(Notice::note(text));
    }
    Ok(())
}

/// Notes something that a run failed to fetch.
pub(super) fn note_failure(run: &Run, failure: &Missing, manifest: &Path, losses: &mut Losses) {
    losses.note(MissingInput::not_fetched(manifest, &run.id, &failure.place, &failure.why));
}

/// Reads a manifest; `None` if it is some other program's.
pub(super) fn read_manifest(path: &Path) -> Result<Option<Manifest>, InputError> {
    let bytes = manifest_bytes(path).map_err(|source| InputError::Io { path: path.into(), source })?;
    Manifest::parse(&bytes).map_err(|source| InputError::Manifest { path: path.into(), source })
}

fn check_listed(path: &Path, listed: &ListedFile, verify: bool) -> Result<(), InputError> {
    let differs =
        |expected: String, found: String| InputError::NotAsListed { path: path.into(), expected, found };
    let size = match path.metadata() {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(differs("it is a file".into(), "it is none".into())),
        Err(error) => return Err(differs("it was fetched".into(), format!("it cannot be read: {error}"))),
    };
    if size != listed.size {
        return Err(differs(format!("{} bytes", listed.size), format!("it has {size}")));
    }
    if verify {
        let bytes = FileBytes::open(path).map_err(|source| InputError::Io { path: path.into(), source })?;
        let found = hexadecimal(&Sha256::digest(&*bytes));
        if found != listed.sha256 {
            return Err(differs(format!("SHA-256 {}", listed.sha256), format!("it is {found}")));
        }
    }
    Ok(())
}

/// The most bytes that a manifest may have; a run of ten thousand containers takes some 10 MiB.
const MAX_MANIFEST_BYTES: u64 = 256 << 20;

fn manifest_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_regular(path, MAX_MANIFEST_BYTES, &mut bytes)?;
    Ok(bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a path's name says; `None` if it is no coverage file's.
pub(super) fn coverage_name(path: &Path) -> Option<FileName<'_>> {
    FileName::parse(path.file_name()?.as_bytes())
}
