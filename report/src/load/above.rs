//! Manifests of covfetch above the inputs: who names a directory within its store wants that directory, but has to know
//! what the newest run failed to fetch there, and which of the files are older.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bstr::ByteSlice as _;
use covfmt::pod::FoundFile;
use covfmt::source::open_regular;

use super::InputError;
use super::inputs::{MANIFEST, coverage_name, note_failure, read_manifest};
use super::losses::Losses;
use crate::manifest::{Run, SCHEMA};
use crate::notice::Notice;

/// Says what the manifests above the inputs say about them. One that cannot be used is an error, or a loss: nobody can
/// tell whether what lies below it is all there is.
pub(super) fn heed(
    inputs: &[PathBuf],
    files: &[FoundFile],
    losses: &mut Losses,
    notices: &mut Vec<Notice>,
) -> Result<(), InputError> {
    let mut files_of: HashMap<usize, Vec<&Path>> = HashMap::new();
    for file in files.iter().filter(|file| coverage_name(&file.path).is_some()) {
        files_of.entry(file.origin).or_default().push(&file.path);
    }
    let mut stores = Stores::default();
    // By manifest and number: inputs may lie in each other.
    let mut noted: HashSet<(PathBuf, usize)> = HashSet::new();
    for (origin, input) in inputs.iter().enumerate() {
        // What is not there is somebody else's error.
        let Ok(whole) = input.canonicalize() else { continue };
        let Some(store) = whole.parent().map(|above| stores.of(above, losses)).transpose()?.flatten() else {
            continue;
        };
        let below = whole.strip_prefix(&store.directory).unwrap_or(Path::new(""));
        for (number, failure) in store.newest.missing_below(below) {
            if noted.insert((store.directory.clone(), number)) {
                note_failure(&store.newest, failure, &store.manifest, losses);
            }
        }
        let files = files_of.get(&origin).map(Vec::as_slice).unwrap_or_default();
        let is_older = |path: &&&Path| {
            let below = path.strip_prefix(input).unwrap_or(Path::new(""));
            let path = if below.as_os_str().is_empty() { whole.clone() } else { whole.join(below) };
            !store.listed.contains(&path)
        };
        let older = files.iter().filter(is_older).count();
        if older != 0 {
            notices.push(Notice::warning(format!(
                "{}: {older} of the coverage files are not of run {}, the newest in {}",
                input.display(),
                store.newest.id,
                store.manifest.display()
            )));
        }
    }
    Ok(())
}

/// A directory that covfetch filled.
struct Store {
    /// Links resolved.
    directory: PathBuf,
    manifest: PathBuf,
    newest: Run,
    /// The files of the newest run.
    listed: BTreeSet<PathBuf>,
}

/// The stores that directories lie in, or none: each manifest is read once, however many inputs lie below it.
#[derive(Default)]
struct Stores {
    by_directory: HashMap<PathBuf, Option<Rc<Store>>>,
}

impl Stores {
    /// The store of the manifest in this directory, or of the nearest above it.
    fn of(&mut self, directory: &Path, losses: &mut Losses) -> Result<Option<Rc<Store>>, InputError> {
        let (mut passed, mut found) = (Vec::new(), None);
        for above in directory.ancestors() {
            if let Some(known) = self.by_directory.get(above) {
                found.clone_from(known);
                break;
            }
            passed.push(above);
            let manifest = above.join(MANIFEST);
            let runs = match read_manifest(&manifest) {
                Ok(Some(read)) => read.runs,
                Ok(None) => continue,
                Err(InputError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
                // No program's manifest.
                Err(InputError::Io { .. }) if manifest.is_dir() => continue,
                // Other programs write comments into theirs, or templates.
                Err(InputError::Manifest { .. }) if is_of_another_program(&manifest) => continue,
                Err(error) => {
                    losses.bear(error)?;
                    break;
                }
            };
            found = runs.into_iter().next_back().map(|newest| {
                let listed = newest.files.iter().map(|file| above.join(&file.path)).collect();
                Rc::new(Store { directory: above.to_path_buf(), manifest, newest, listed })
            });
            break;
        }
        for directory in passed {
            self.by_directory.insert(directory.to_path_buf(), found.clone());
        }
        Ok(found)
    }
}

/// Whether a file that is no manifest that can be read is another program's: covfetch writes its schema first.
fn is_of_another_program(path: &Path) -> bool {
    const HEAD_BYTES: u64 = 4096;
    let mut head = Vec::new();
    let read = open_regular(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    read.is_ok() && !head.is_empty() && head.find(SCHEMA).is_none()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_manifest_is_read_once() {
        let here = tempfile::tempdir().unwrap();
        let store = here.path().canonicalize().unwrap();
        for pod in ["a", "b"] {
            fs::create_dir_all(store.join("shop").join(pod)).unwrap();
        }
        let run = r#"{"id":"r1","started":"","outcome":"complete","failure":null,"containers":[]}"#;
        let manifest = format!(r#"{{"schema":"covfetch/manifest","version":1,"runs":[{run}]}}"#);
        fs::write(store.join(MANIFEST), manifest).unwrap();
        let (mut stores, mut losses) = (Stores::default(), Losses::new(false));
        let mut of = |below: &str| {
            let found = stores.of(&store.join(below), &mut losses).unwrap();
            found.map(|found| (found.directory.clone(), found.newest.id.clone()))
        };
        let expected = Some((store.clone(), "r1".to_owned()));
        assert_eq!(of("shop/a"), expected);
        // Whoever reads it again finds nothing.
        fs::remove_file(store.join(MANIFEST)).unwrap();
        for below in ["shop/a", "shop/b", "shop", ""] {
            assert_eq!(of(below), expected, "{below}");
        }
    }
}
