//! A temporary home for one test, and the program run in it. Shared by the test programs, whatever cluster they have.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// A temporary home with a kubeconfig and a store.
pub(crate) struct Site {
    pub(crate) home: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.home.path().join("kubeconfig")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    /// The program, with nothing of the caller's environment that could lead it elsewhere.
    pub(crate) fn covfetch(&self) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("covfetch"));
        for name in [
            "KUBERNETES_SERVICE_HOST",
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "NO_COLOR",
            "SKAFFOLD_KUBE_CONTEXT",
            "SKAFFOLD_NAMESPACES",
            "SKAFFOLD_RUN_ID",
            "SKAFFOLD_WORK_DIR",
        ] {
            command.env_remove(name);
        }
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .timeout(std::time::Duration::from_mins(2))
            .args(["--to", "store"]);
        command
    }

    pub(crate) fn manifest(&self) -> Value {
        let text = std::fs::read(self.store().join("manifest.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// The newest run.
    pub(crate) fn run(&self) -> Value {
        self.manifest()["runs"].as_array().unwrap().last().unwrap().clone()
    }

    /// The record of a pod's only container in the newest run.
    pub(crate) fn record(&self, pod: &str) -> Value {
        let run = self.run();
        let found = run["containers"].as_array().unwrap().iter().find(|record| record["pod"] == pod);
        found.unwrap_or_else(|| panic!("no pod {pod} in {run:#}")).clone()
    }

    /// Every file in the store, relative to it, but for the locks and what was set aside.
    pub(crate) fn stored(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        collect(&self.store(), &self.store(), &mut found);
        found.remove(".manifest.lock");
        found.remove(".runs.lock");
        found.retain(|path| !path.starts_with(".older/"));
        found
    }

    /// Checks what must hold after every run, however it ended: only whole files under final names, each of them in
    /// the manifest's newest run or an older one, and nothing else.
    pub(crate) fn check(&self) {
        let manifest = self.manifest();
        let mut known = BTreeSet::from(["manifest.json".to_owned()]);
        for run in manifest["runs"].as_array().unwrap() {
            for container in run["containers"].as_array().unwrap() {
                for file in container["files"].as_array().unwrap() {
                    let path = file["path"].as_str().unwrap();
                    known.insert(path.to_owned());
                    let bytes = std::fs::read(self.store().join(path)).unwrap();
                    assert_eq!(file["size"], bytes.len(), "{path}");
                    assert_eq!(file["sha256"], covfetch::store::hex_digest(&bytes), "{path}");
                }
            }
        }
        let unknown: Vec<_> = self.stored().difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "not in the manifest: {unknown:?}");
    }
}

fn collect(root: &Path, directory: &Path, found: &mut BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else {
            found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let ran = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        };
        let raw = |character: char| character.is_control() && character != '\n';
        assert!(!ran.stdout.contains(raw) && !ran.stderr.contains(raw), "raw control bytes: {ran:?}");
        ran
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "not on standard error: {words}\n{self:#?}");
        self
    }
}
