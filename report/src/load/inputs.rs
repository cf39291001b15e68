//! Finds the coverage files under the inputs, and heeds the manifests that covfetch left there.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use covfmt::pod::{Depth, FileName, FoundFile, scan_with};
use covfmt::source::{FileBytes, read_regular};
use sha2::{Digest as _, Sha256};

use super::InputError;
use super::losses::Losses;
use crate::covdata::is_command;
use crate::manifest::{ListedFile, Manifest, Run};
use crate::missing::{MissingInput, MissingKind};
use crate::notice::Notice;
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
    let files = scan_with(&plan.inputs, Depth::Recursive, |error| losses.bear(error.into()))?;
    let mut collected = Collected { files, notices: Vec::new() };
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
    for (origin, input) in plan.inputs.iter().enumerate() {
        let Some(store) = StorePart::find(input) else { continue };
        let Some(newest) = store.manifest.runs.last() else { continue };
        let (path, below) = (store.directory.join(MANIFEST), store.below());
        note_failures(newest, &path, below, losses);
        collected.notices.extend(older_files(origin, input, &store, newest, &collected));
    }
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

const MANIFEST: &str = "manifest.json";

/// An input that lies within a store of covfetch, below its manifest.
struct StorePart {
    /// The input, links resolved.
    whole: PathBuf,
    directory: PathBuf,
    manifest: Manifest,
}

impl StorePart {
    fn find(input: &Path) -> Option<Self> {
        let whole = input.canonicalize().ok()?;
        let read =
            |directory: &Path| Manifest::parse(&manifest_bytes(&directory.join(MANIFEST)).ok()?).ok()?;
        let found = whole.ancestors().skip(1).find_map(|above| Some((above.to_path_buf(), read(above)?)));
        found.map(|(directory, manifest)| Self { whole, directory, manifest })
    }

    fn below(&self) -> &Path {
        self.whole.strip_prefix(&self.directory).unwrap_or(Path::new(""))
    }
}

/// Who names a directory within covfetch's store wants that directory, but should know if it holds files of older runs.
fn older_files(
    origin: usize,
    input: &Path,
    store: &StorePart,
    newest: &Run,
    collected: &Collected,
) -> Option<Notice> {
    let StorePart { whole, directory, .. } = store;
    let listed: BTreeSet<PathBuf> = newest.files.iter().map(|file| directory.join(&file.path)).collect();
    let is_older = |file: &&FoundFile| {
        let below = file.path.strip_prefix(input).unwrap_or(Path::new(""));
        let path = if below.as_os_str().is_empty() { whole.clone() } else { whole.join(below) };
        file.origin == origin && coverage_name(&file.path).is_some() && !listed.contains(&path)
    };
    let older = collected.files.iter().filter(is_older).count();
    (older != 0).then(|| {
        Notice::warning(format!(
            "{}: {older} of the coverage files are not of run {}, the newest in {}",
            input.display(),
            newest.id,
            directory.join(MANIFEST).display()
        ))
    })
}

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
        note_failures(run, path, Path::new(""), losses);
    }
    let listed: BTreeSet<&ListedFile> = chosen.iter().flat_map(|run| &run.files).collect();
    let (mut paths, mut refused): (BTreeSet<&Path>, BTreeSet<&Path>) = Default::default();
    for file in &listed {
        let whole = directory.join(&file.path);
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

fn note_failures(run: &Run, manifest: &Path, below: &Path, losses: &mut Losses) {
    for failure in run.missing_below(below) {
        losses.note(MissingInput::not_fetched(manifest, &run.id, &failure.place, &failure.why));
    }
}

fn read_manifest(path: &Path) -> Result<Option<Manifest>, InputError> {
    let bytes = manifest_bytes(path).map_err(|source| InputError::Io { path: path.into(), source })?;
    Manifest::parse(&bytes).map_err(|source| InputError::Manifest { path: path.into(), source })
}

fn check_listed(path: &Path, listed: &ListedFile, verify: bool) -> Result<(), InputError> {
    let differs =
        |expected: String, found: String| InputError::NotAsListed { path: path.into(), expected, found };
    let size = match path.metadata() {
        Ok(metadata) => metadata.len(),
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

fn coverage_name(path: &Path) -> Option<FileName<'_>> {
    FileName::parse(path.file_name()?.as_bytes())
}
