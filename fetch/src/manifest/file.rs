//! The manifest on disk: read, changed and replaced under a lock. Runs of others are kept as they stand.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tempfile::Builder;

use super::{Run, SCHEMA, VERSION};
use crate::dns::is_dns_label;
use crate::escape::one_line;
use crate::locking;
use crate::names::ContainerName;
use crate::store::{TEMPORARY_PREFIX, TEMPORARY_SUFFIX, sync_directory};

/// Name of the manifest in the store.
pub const FILE_NAME: &str = "manifest.json";

/// Held while the manifest is read, changed and replaced.
const LOCK_NAME: &str = ".manifest.lock";

/// Where the files of older runs go.
const ASIDE_NAME: &str = ".older";

/// Why the manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The disk failed.
    #[error("{path}: {source}")]
    Disk {
        /// The path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is there and is no manifest that this version can extend.
    #[error("{path}: {why}; move it away, or use --fresh to set it aside")]
    Unusable {
        /// The path.
        path: String,
        /// What is wrong.
        why: String,
    },
}

/// The file; runs are not interpreted, so that fields of a later program survive, and held as their text, which is a
/// fraction of what they would take as trees.
#[derive(Debug, Deserialize)]
struct Manifest {
    schema: String,
    version: u64,
    runs: Vec<Box<RawValue>>,
}

/// The file as it is written.
#[derive(Serialize)]
struct Written<'a> {
    schema: &'a str,
    version: u64,
    runs: Vec<WrittenRun<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WrittenRun<'a> {
    Held(&'a RawValue),
    New(&'a Run),
}

/// As much of a run as tells it from others.
#[derive(Deserialize)]
struct Identified {
    id: String,
}

/// Adds a run as the newest, or replaces the run of the same id where it stands.
pub fn record(root: &Path, run: &Run) -> Result<(), ManifestError> {
    let path = root.join(FILE_NAME);
    let failed = |source| ManifestError::Disk { path: path.display().to_string(), source };
    let _lock = lock(root)?;
    let manifest = read(&path)?;
    let same = |held: &RawValue| {
        serde_json::from_str::<Identified>(held.get()).is_ok_and(|identified| identified.id == run.id)
    };
    let mut runs: Vec<WrittenRun<'_>> = manifest.runs.iter().map(|held| WrittenRun::Held(held)).collect();
    match manifest.runs.iter().position(|held| same(held)).and_then(|index| runs.get_mut(index)) {
        Some(held) => *held = WrittenRun::New(run),
        None => runs.push(WrittenRun::New(run)),
    }
    replace(root, &path, &Written { schema: &manifest.schema, version: manifest.version, runs })
        .map_err(failed)
}

/// Moves the manifest and the files of all its runs to a directory of their own.
///
/// Only what the manifest names is moved: the directories of namespaces that its runs stored files under.
pub fn set_aside(root: &Path, run_id: &str) -> Result<(), ManifestError> {
    let path = root.join(FILE_NAME);
    let _lock = lock(root)?;
    let failed = |source| ManifestError::Disk { path: path.display().to_string(), source };
    if !path.try_exists().map_err(failed)? {
        return Ok(());
    }
    let aside = root.join(ASIDE_NAME).join(run_id);
    fs::create_dir_all(&aside).map_err(failed)?;
    // A manifest that cannot be read names nothing; it is set aside all the same.
    if let Ok(manifest) = read(&path) {
        for namespace in namespaces(&trees(&manifest)) {
            match fs::rename(root.join(&namespace), aside.join(&namespace)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
    }
    fs::rename(&path, aside.join(FILE_NAME)).map_err(failed)
}

/// The directories of the containers of runs that have not ended: a killed run may have left something there. They are
/// relative to the store. A manifest that cannot be read names none.
pub fn unended(root: &Path) -> Vec<PathBuf> {
    let runs = read(&root.join(FILE_NAME)).map(|manifest| trees(&manifest)).unwrap_or_default();
    let mut found = BTreeSet::new();
    for run in runs.iter().filter(|run| run.get("ended").is_none_or(Value::is_null)) {
        for container in list(run, "containers") {
            let path = container.get("directory").and_then(Value::as_str).unwrap_or_default();
            let parts: Vec<&str> = path.split('/').collect();
            // Data from a file: only what this program makes itself.
            if let [namespace, pod, container] = parts[..]
                && ContainerName::new(namespace, pod, container).is_ok()
            {
                found.insert(PathBuf::from(path));
            }
        }
    }
    found.into_iter().collect()
}

fn lock(root: &Path) -> Result<File, ManifestError> {
    let path = root.join(LOCK_NAME);
    let failed = |source| ManifestError::Disk { path: path.display().to_string(), source };
    let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
    locking::lock(&file).map_err(failed)?;
    Ok(file)
}

fn read(path: &Path) -> Result<Manifest, ManifestError> {
    let shown = path.display().to_string();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Manifest { schema: SCHEMA.to_owned(), version: VERSION, runs: Vec::new() });
        }
        Err(source) => return Err(ManifestError::Disk { path: shown, source }),
    };
    let unusable = |why: String| ManifestError::Unusable { path: shown.clone(), why };
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| unusable(one_line(&format!("not a manifest of covfetch: {error}"))))?;
    if manifest.schema != SCHEMA {
        return Err(unusable("not a manifest of covfetch".to_owned()));
    }
    if manifest.version > VERSION {
        return Err(unusable(format!(
            "version {} of the manifest is newer than this program knows ({VERSION})",
            manifest.version
        )));
    }
    Ok(manifest)
}

fn replace(root: &Path, path: &Path, manifest: &Written<'_>) -> io::Result<()> {
    let mut file = Builder::new().prefix(TEMPORARY_PREFIX).suffix(TEMPORARY_SUFFIX).tempfile_in(root)?;
    let mut out = io::BufWriter::new(&mut file);
    serde_json::to_writer_pretty(&mut out, manifest)?;
    out.write_all(b"\n")?;
    out.flush()?;
    drop(out);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_directory(root)
}

/// The first component of every path in the runs; only names that a namespace can have.
fn namespaces(runs: &[Value]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for run in runs {
        for container in list(run, "containers") {
            for file in list(&container, "files") {
                let path = file.get("path").and_then(Value::as_str).unwrap_or_default();
                let first = path.split('/').next().unwrap_or_default();
                if is_dns_label(first) {
                    found.insert(first.to_owned());
                }
            }
        }
    }
    found
}

/// The runs, to look into.
fn trees(manifest: &Manifest) -> Vec<Value> {
    let tree = |run: &RawValue| serde_json::from_str(run.get()).unwrap_or_default();
    manifest.runs.iter().map(|run| tree(run)).collect()
}

fn list(value: &Value, key: &str) -> Vec<Value> {
    value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{ClusterName, Outcome, Tool};
    use crate::selection::Selection;
    use serde_json::json;

    fn run(id: &str) -> Run {
        Run {
            id: id.to_owned(),
            tool: Tool::this(),
            started: "2026-01-05T10:11:12Z".parse().unwrap(),
            ended: None,
            outcome: Outcome::Running,
            failure: None,
            cluster: ClusterName { server: "https://x".into(), context: None },
            selection: Selection::default(),
            containers: Vec::new(),
        }
    }

    fn load(root: &Path) -> Value {
        serde_json::from_slice(&fs::read(root.join(FILE_NAME)).unwrap()).unwrap()
    }

    #[test]
    fn runs_are_added_and_replaced_in_order_and_strangers_are_kept() {
        let root = tempfile::tempdir().unwrap();
        record(root.path(), &run("a")).unwrap();
        let mut manifest = load(root.path());
        manifest["runs"][0]["later_field"] = json!({"kept": true});
        fs::write(root.path().join(FILE_NAME), manifest.to_string()).unwrap();
        record(root.path(), &run("b")).unwrap();
        record(root.path(), &Run { outcome: Outcome::Complete, ..run("b") }).unwrap();
        let manifest = load(root.path());
        assert_eq!(manifest["runs"].as_array().unwrap().len(), 2);
        assert_eq!(manifest["runs"][0]["later_field"], json!({"kept": true}));
        assert_eq!(manifest["runs"][1]["outcome"], "complete");
        assert_eq!(serde_json::from_value::<Run>(manifest["runs"][1].clone()).unwrap().id, "b");
        let mut names: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [LOCK_NAME, FILE_NAME]);
    }

    #[test]
    fn what_is_no_manifest_is_not_overwritten() {
        for (text, words) in [
            ("not json", "not a manifest"),
            ("{}", "not a manifest"),
            (r#"{"schema": "other", "version": 1, "runs": []}"#, "not a manifest"),
            (r#"{"schema": "covfetch/manifest", "version": 2, "runs": []}"#, "newer"),
        ] {
            let root = tempfile::tempdir().unwrap();
            fs::write(root.path().join(FILE_NAME), text).unwrap();
            let error = record(root.path(), &run("a")).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("--fresh"), "{error}");
            assert_eq!(fs::read_to_string(root.path().join(FILE_NAME)).unwrap(), text);
            set_aside(root.path(), "r").unwrap();
            record(root.path(), &run("a")).unwrap();
            assert_eq!(fs::read_to_string(root.path().join(".older/r").join(FILE_NAME)).unwrap(), text);
        }
    }

    #[test]
    fn older_runs_are_set_aside_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for path in ["shop/web/main", "mine"] {
            fs::create_dir_all(at(path)).unwrap();
            fs::write(at(path).join("file"), b"x").unwrap();
        }
        let files = |path: &str| json!([{"files": [{"path": path}]}]);
        let manifest = json!({"schema": SCHEMA, "version": 1, "runs": [
            {"id": "a", "containers": files("shop/web/main/file")},
            {"id": "b", "containers": files("../mine/file")},
            {"id": "c", "containers": files("gone/web/main/file")},
        ]});
        fs::write(at(FILE_NAME), manifest.to_string()).unwrap();
        set_aside(root.path(), "r").unwrap();
        assert!(at("mine/file").exists() && !at("shop").exists() && !at(FILE_NAME).exists());
        assert!(at(".older/r/shop/web/main/file").exists() && at(".older/r").join(FILE_NAME).exists());
        set_aside(root.path(), "s").unwrap();
        assert!(!at(".older/s").exists());
    }

    #[test]
    fn directories_of_runs_that_have_not_ended_are_known() {
        let root = tempfile::tempdir().unwrap();
        assert!(unended(root.path()).is_empty());
        let container = |directory: &str| json!([{"directory": directory}, {"directory": null}]);
        let manifest = json!({"schema": SCHEMA, "version": 1, "runs": [
            {"id": "a", "ended": "2026-01-05T10:11:12Z", "containers": container("shop/web-0/app")},
            {"id": "b", "ended": null, "containers": container("shop/web-1/app")},
            {"id": "c", "ended": null, "containers": container("../../etc")},
            {"id": "d", "ended": null, "containers": container("shop/../..")},
            {"id": "e", "ended": null, "containers": container("shop/web-1/app")},
        ]});
        fs::write(root.path().join(FILE_NAME), manifest.to_string()).unwrap();
        assert_eq!(unended(root.path()), [PathBuf::from("shop/web-1/app")]);
    }

    #[test]
    fn writers_at_the_same_time_lose_nothing() {
        let root = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for index in 0..8 {
                let root = root.path();
                scope.spawn(move || record(root, &run(&format!("run-{index}"))).unwrap());
            }
        });
        assert_eq!(load(root.path())["runs"].as_array().unwrap().len(), 8);
    }
}
