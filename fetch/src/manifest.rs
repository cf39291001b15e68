//! `manifest.json`: what each run found, fetched and failed to fetch. The schema is docs/MANIFEST.md.

mod file;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::escape::one_line;
use crate::flush::{FlushRequest, Method};
use crate::selection::Selection;

pub use file::{FILE_NAME, ManifestError, record, set_aside, unended};

/// Name of the schema.
pub const SCHEMA: &str = "covfetch/manifest";

/// Version of the schema that is written, and the newest that is read.
pub const VERSION: u64 = 1;

/// One run of this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Unique in the manifest.
    pub id: String,
    /// The program.
    pub tool: Tool,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; `None` while it runs, or if it was killed.
    pub ended: Option<Timestamp>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why the run as a whole failed.
    pub failure: Option<Failure>,
    /// Where from.
    pub cluster: ClusterName,
    /// What was asked for.
    pub selection: Selection,
    /// Ordered by namespace, pod and container.
    pub containers: Vec<ContainerRecord>,
}

/// Files and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Their number.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a run has found, each file of the store once, however many containers have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// What the store did not have before.
    pub new: Amount,
    /// What it had.
    pub held: Amount,
}

impl Run {
    /// Sums its files up.
    pub fn totals(&self) -> Totals {
        let mut files: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
        for file in self.containers.iter().flat_map(|container| &container.files) {
            let (_, new) = files.entry(&file.path).or_insert((file.size, false));
            *new |= file.new;
        }
        let mut totals = Totals::default();
        for (size, new) in files.into_values() {
            let amount = if new { &mut totals.new } else { &mut totals.held };
            amount.files += 1;
            amount.bytes += size;
        }
        totals
    }
}

/// The program that wrote the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    pub fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME").to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// A cluster as people know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterName {
    /// URL of the API server, without user information.
    pub server: String,
    /// Name of the context; `None` inside a cluster.
    pub context: Option<String>,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It has not ended, or was killed.
    Running,
    /// Everything selected is here.
    Complete,
    /// Something failed.
    Partial,
    /// Nothing was selected, or nothing of it has coverage.
    Nothing,
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// No container was reached.
    Failed,
}

/// One container, or one pod of which no container was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// Namespace.
    pub namespace: String,
    /// Pod.
    pub pod: String,
    /// Container; `None` if the record is about the pod.
    pub container: Option<String>,
    /// What came of it.
    pub state: State,
    /// Set if and only if the state is [`State::Failed`].
    pub failure: Option<Failure>,
    /// One line for people.
    pub note: Option<String>,
    /// Uid of the pod.
    pub pod_uid: Option<String>,
    /// Node of the pod.
    pub node: Option<String>,
    /// Image.
    pub image: Option<String>,
    /// Image with digest.
    pub image_id: Option<String>,
    /// Restarts of the container.
    pub restart_count: Option<i32>,
    /// Coverage directory inside the container.
    pub source: Option<String>,
    /// Where the files are, relative to the manifest.
    pub directory: Option<String>,
    /// The ephemeral container that it was read through.
    #[serde(default)]
    pub debug_container: Option<String>,
    /// How many times the copy was begun.
    pub attempts: u32,
    /// The flush, if one was begun.
    pub flush: Option<FlushRecord>,
    /// Other files of the directory, escaped.
    pub ignored: Vec<String>,
    /// Every whole file, ordered by name.
    pub files: Vec<FileRecord>,
}

impl ContainerRecord {
    /// `namespace/pod/container`, or `namespace/pod`.
    pub fn full_name(&self) -> String {
        match &self.container {
            Some(container) => format!("{}/{}/{container}", self.namespace, self.pod),
            None => format!("{}/{}", self.namespace, self.pod),
        }
    }
}

/// What came of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All its files are here.
    Fetched,
    /// It was selected, and its files are not all here.
    Failed,
    /// It has nothing to give, which is no failure.
    Listed,
}

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Base name.
    pub name: String,
    /// Path relative to the manifest, with forward slashes.
    pub path: String,
    /// `meta` or `counters`.
    pub kind: FileKind,
    /// Hash that ties counter files to their meta file, 32 hex digits.
    pub hash: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, 64 hex digits.
    pub sha256: String,
    /// Counter mode of a meta file.
    pub mode: Option<String>,
    /// Process id of a counter file.
    pub pid: Option<u32>,
    /// Time of a counter file, nanoseconds since 1970.
    pub nanoseconds: Option<u64>,
    /// False if the store held it before the run.
    pub new: bool,
    /// The container that the bytes were copied from, `namespace/pod/container`, if another one holds the same.
    #[serde(default)]
    pub copied_from: Option<String>,
}

/// The two kinds of coverage files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// What can be counted.
    Meta,
    /// How often it was.
    Counters,
}

/// A flush.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlushRecord {
    /// `signal`, `command` or `request`.
    pub method: String,
    /// The command, or the request's method and URL; escaped.
    #[serde(default)]
    pub by: Option<String>,
    /// Name without `SIG`.
    pub signal: Option<String>,
    /// Process that was signalled.
    pub pid: Option<u32>,
    /// `flushed` or `failed`.
    pub outcome: String,
    /// Milliseconds until the new file was seen.
    pub waited_ms: Option<u64>,
    /// Counter files that the flush produced.
    pub files: Vec<String>,
}

impl FlushRecord {
    /// A flush that was asked for, of the process of this number if that is known.
    pub fn new(request: &FlushRequest, pid: Option<u32>, done: bool) -> Self {
        let (signal, by) = match &request.method {
            Method::Signal(signal, _) => (Some(signal.to_string()), None),
            Method::Command(words) => (None, Some(one_line(&Method::typed(words)))),
            Method::Request(url) => (None, Some(one_line(&url.to_string()))),
        };
        Self {
            method: request.word().to_owned(),
            by,
            signal,
            pid,
            outcome: if done { "flushed" } else { "failed" }.to_owned(),
            waited_ms: None,
            files: Vec::new(),
        }
    }
}

/// Makes the id of a run: its time, and the process for runs that begin in the same microsecond.
pub fn run_id(started: Timestamp) -> String {
    format!("{}-{}", started.strftime("%Y%m%dT%H%M%S-%6fZ"), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the documentation is what this program reads and writes.
    #[test]
    fn the_documented_example_is_the_schema() {
        let page = include_str!("../../docs/MANIFEST.md");
        let example = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        let json: serde_json::Value = serde_json::from_str(example).unwrap();
        assert_eq!((json["schema"].as_str(), json["version"].as_u64()), (Some(SCHEMA), Some(VERSION)));
        let run: Run = serde_json::from_value(json["runs"][0].clone()).unwrap();
        assert_eq!(run.outcome, Outcome::Partial);
        assert_eq!(serde_json::to_value(&run).unwrap(), json["runs"][0]);
    }

    #[test]
    fn ids_sort_by_time() {
        let at = |text: &str| run_id(text.parse().unwrap());
        let (first, second) = (at("2026-01-05T10:11:12.048213Z"), at("2026-01-05T10:11:12.5Z"));
        assert!(first < second, "{first} {second}");
        assert!(first.starts_with("20260105T101112-048213Z-"), "{first}");
        assert!(first.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }
}
