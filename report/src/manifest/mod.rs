//! Reads covfetch's `manifest.json`: which files belong to the newest run, and what that run failed to fetch.
//!
//! The schema is `docs/MANIFEST.md`; this program shares no code with the one that writes it. A manifest is input like
//! any other: no path in it may leave its directory.

mod head;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use head::{Head, Scalar};

/// The newest version of the schema that this reader knows.
const VERSION: u64 = 1;
/// What a manifest of covfetch calls itself.
pub const SCHEMA: &str = "covfetch/manifest";

/// What a manifest says about the files beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The runs, the newest last.
    pub runs: Vec<Run>,
}

/// One run of covfetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its name in the manifest.
    pub id: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// The files of its containers, each once, sorted by path.
    pub files: Vec<ListedFile>,
    /// What it failed to fetch; empty if it is complete.
    pub failures: Vec<Missing>,
}

/// Something that a run failed to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Where it would lie below the manifest: namespace, pod and mostly container. Empty for the run as a whole.
    pub place: PathBuf,
    /// The reason, a sentence.
    pub why: String,
}

/// A file of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedFile {
    /// Path relative to the manifest, checked to stay below it.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, lower-case hex digits.
    pub sha256: String,
}

/// Why a `manifest.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// No JSON, or not of the schema.
    #[error("not a readable manifest: {0}")]
    Json(#[from] serde_json::Error),
    /// From a newer covfetch.
    #[error("version {found} of the manifest is newer than version {VERSION}, which this program reads")]
    Version {
        /// The version found.
        found: u64,
    },
    /// No number of a version.
    #[error("the manifest's version is {found}, which is none")]
    NoVersion {
        /// What is there, as JSON or in words.
        found: String,
    },
    /// A field that says whose it is stands there twice, and readers would take one or the other.
    #[error("the manifest has more than one {name}")]
    Twice {
        /// The field.
        name: &'static str,
    },
    /// A path that leaves the directory.
    #[error("the manifest names {path:?}, which is no path below its directory")]
    Path {
        /// The path found.
        path: String,
    },
}

#[derive(Deserialize)]
struct Body {
    runs: Vec<RawRun>,
}

#[derive(Deserialize)]
struct RawRun {
    id: String,
    started: String,
    outcome: String,
    failure: Option<RawFailure>,
    containers: Vec<RawContainer>,
}

#[derive(Deserialize)]
struct RawContainer {
    namespace: String,
    pod: String,
    container: Option<String>,
    state: String,
    failure: Option<RawFailure>,
    files: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFailure {
    message: String,
}

#[derive(Deserialize)]
struct RawFile {
    path: String,
    size: u64,
    sha256: String,
}

impl Manifest {
    /// Reads a `manifest.json`; `None` if it is some other program's.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, ManifestError> {
        // A list or a number is JSON, too, and another program's.
        let head: Head = serde_json::from_slice(bytes)?;
        if !head.schema.contains(&Scalar::Text(SCHEMA.to_owned())) {
            return Ok(None);
        }
        for (name, values) in [("schema", &head.schema), ("version", &head.version)] {
            if values.len() > 1 {
                return Err(ManifestError::Twice { name });
            }
        }
        match head.version.first() {
            Some(Scalar::Number(1..=VERSION)) => {}
            Some(Scalar::Number(found)) if *found > VERSION => {
                return Err(ManifestError::Version { found: *found });
            }
            Some(found) => return Err(ManifestError::NoVersion { found: found.to_string() }),
            None => return Err(ManifestError::NoVersion { found: "missing".to_owned() }),
        }
        let body: Body = serde_json::from_slice(bytes)?;
        let runs = body.runs.into_iter().map(Run::from_raw).collect::<Result<_, _>>()?;
        Ok(Some(Self { runs }))
    }
}

impl Run {
    fn from_raw(raw: RawRun) -> Result<Self, ManifestError> {
        let mut failures = Vec::new();
        let whole = |why: String| Missing { place: PathBuf::new(), why };
        failures.extend(raw.failure.map(|failure| whole(failure.message)));
        let mut files = Vec::new();
        for container in raw.containers {
            // A state that this program does not know is no promise that everything is there.
            if !matches!(container.state.as_str(), "fetched" | "listed") {
                let parts = [Some(container.namespace), Some(container.pod), container.container];
                let place = parts.into_iter().flatten().collect();
                let why = container
                    .failure
                    .map_or(format!("state {:?}", container.state), |failure| failure.message);
                failures.push(Missing { place, why });
            }
            for file in container.files {
                let path = checked(&file.path).ok_or(ManifestError::Path { path: file.path })?;
                files.push(ListedFile { path, size: file.size, sha256: file.sha256 });
            }
        }
        files.sort();
        files.dedup();
        if failures.is_empty() && raw.outcome != "complete" {
            failures.push(whole(format!("the run's outcome is {:?}", raw.outcome)));
        }
        Ok(Self { id: raw.id, started: raw.started, files, failures })
    }

    /// What is missing below a place in the store, with its index. The empty place is the whole store.
    pub fn missing_below(&self, below: &Path) -> impl Iterator<Item = (usize, &Missing)> {
        let concerns =
            move |missing: &Missing| missing.place.starts_with(below) || below.starts_with(&missing.place);
        self.failures.iter().enumerate().filter(move |(_, missing)| concerns(missing))
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.as_os_str().is_empty() {
            write!(f, "{}: ", self.place.display())?;
        }
        f.write_str(&self.why)
    }
}

fn checked(path: &str) -> Option<PathBuf> {
    let odd = path.contains(['\\', '\0']) || path.split('/').any(|part| matches!(part, "" | "." | ".."));
    (!odd).then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(outcome: &str, containers: &str) -> String {
        format!(
            r#"{{"id":"r1","started":"2026-01-05T10:11:12Z","outcome":"{outcome}","failure":null,"new":1,"containers":[{containers}]}}"#
        )
    }

    fn manifest(runs: &str) -> String {
        format!(r#"{{"schema":"covfetch/manifest","version":1,"runs":[{runs}]}}"#)
    }

    fn parse(text: &str) -> Manifest {
        Manifest::parse(text.as_bytes()).unwrap().unwrap()
    }

    const FETCHED: &str = r#"{"namespace":"n","pod":"p","container":"c","state":"fetched","failure":null,
        "files":[{"path":"n/p/c/covmeta.x","size":3,"sha256":"00"},{"path":"n/p/c/covmeta.x","size":3,"sha256":"00"}]}"#;
    const FAILED: &str = r#"{"namespace":"n","pod":"q","container":null,"state":"failed",
        "failure":{"kind":"x","message":"gone"},"files":[]}"#;

    #[test]
    fn files_of_a_run_are_listed_once() {
        let manifest = parse(&manifest(&run("complete", FETCHED)));
        let file = ListedFile { path: "n/p/c/covmeta.x".into(), size: 3, sha256: "00".into() };
        assert_eq!(manifest.runs[0].files, [file]);
        assert_eq!(manifest.runs[0].missing_below(Path::new("")).count(), 0);
    }

    #[test]
    fn failures_are_named() {
        let manifest = parse(&manifest(&run("partial", &format!("{FETCHED},{FAILED}"))));
        let below = |place: &'static str| -> Vec<String> {
            manifest.runs[0].missing_below(Path::new(place)).map(|(_, missing)| missing.to_string()).collect()
        };
        for place in ["", "n", "n/q", "n/q/app"] {
            assert_eq!(below(place), ["n/q: gone"], "{place}");
        }
        assert_eq!(below("n/p"), [""; 0]);
    }

    #[test]
    fn an_unknown_state_is_a_failure() {
        let manifest = parse(&manifest(&run("complete", &FETCHED.replace("fetched", "exploded"))));
        assert_eq!(manifest.runs[0].failures[0].to_string(), "n/p/c: state \"exploded\"");
    }

    #[test]
    fn an_outcome_that_is_not_complete_is_a_failure() {
        for outcome in ["running", "interrupted", "nothing", "something new"] {
            let manifest = parse(&manifest(&run(outcome, FETCHED)));
            assert_eq!(manifest.runs[0].failures[0].to_string(), format!("the run's outcome is {outcome:?}"));
        }
    }

    #[test]
    fn other_manifests_are_none_of_ours() {
        for text in [
            "{}",
            "[1]",
            "3",
            r#"{"name":"app","version":"1.0"}"#,
            r#"{"schema":3,"version":9}"#,
            "null",
            "\"x\"",
            "-1.5",
            "[[[]]]",
            r#"{"version":1,"version":2,"schema":["covfetch/manifest"]}"#,
        ] {
            assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn broken_ones_are_errors() {
        let message = |text: &str| Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(message("{").starts_with("not a readable manifest: EOF"));
        assert!(
            message(r#"{"schema":"covfetch/manifest","version":2}"#).starts_with("version 2 of the manifest")
        );
        assert!(message(r#"{"schema":"covfetch/manifest","version":1}"#).contains("missing field `runs`"));
        for version in ["\"1\"", "-1", "0", "1.5", "null"] {
            let text = format!(r#"{{"schema":"covfetch/manifest","version":{version},"runs":[]}}"#);
            assert_eq!(message(&text), format!("the manifest's version is {version}, which is none"));
        }
        assert!(message(r#"{"schema":"covfetch/manifest","runs":[]}"#).contains("version is missing"));
        for twice in ["schema", "version"] {
            let value = if twice == "schema" { "\"other\"" } else { "7" };
            for text in [
                format!(r#"{{"{twice}":{value},"schema":"covfetch/manifest","version":1,"runs":[]}}"#),
                format!(r#"{{"schema":"covfetch/manifest","version":1,"{twice}":{value},"runs":[]}}"#),
            ] {
                assert_eq!(message(&text), format!("the manifest has more than one {twice}"), "{text}");
            }
        }
        for path in ["", "/etc/passwd", "a/../../b", "a//b", "./a", "a\\\\b", "a\\u0000b", "a/"] {
            let bad = FETCHED.replace("n/p/c/covmeta.x", path);
            assert!(message(&manifest(&run("complete", &bad))).contains("is no path below"), "{path}");
        }
    }
}
