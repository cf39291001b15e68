//! The recorded pods of testdata, set up to be played back.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use covfmt::pod::{Depth, group, scan};
use testcluster::{Container, Pod, Replay};

/// A recording of one service in several pods.
#[derive(Debug)]
pub(crate) struct Recording {
    directory: PathBuf,
}

fn testdata() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = here.ancestors().nth(2).unwrap_or(here);
    path.join("testdata")
}

/// The root of the recorded service's source.
pub(crate) fn source() -> PathBuf {
    testdata().join("src").join("server")
}

impl Recording {
    /// The recording made with a Go version.
    pub(crate) fn open(go_version: &str) -> Result<Self> {
        let recorded = testdata().join("recorded");
        let directory = recorded.join(go_version).join("server-atomic").join("data");
        if !directory.is_dir() {
            let known = std::fs::read_dir(&recorded)
                .with_context(|| format!("cannot read {}", recorded.display()))?
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let mut known: Vec<String> = known.collect();
            known.sort();
            bail!("nothing was recorded with Go {go_version}; there is {}", known.join(", "));
        }
        Ok(Self { directory })
    }

    /// The pods by name. Each has its volume below `volumes`; what a pod wrote before its last flush is there
    /// already, as after an earlier collection, and the last counter file is written when SIGUSR1 arrives.
    pub(crate) fn pods(&self, volumes: &Path) -> Result<Vec<(String, Pod)>> {
        let mut pods = Vec::new();
        let mut entries: Vec<PathBuf> = std::fs::read_dir(&self.directory)
            .with_context(|| format!("cannot read {}", self.directory.display()))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        entries.sort();
        for (recorded, suffix) in entries.iter().zip(["x4mvt", "b7q9z", "kk2dn", "p5wzc"]) {
            let name = format!("library-6d9c7f5b4-{suffix}");
            let volume = volumes.join(&name);
            std::fs::create_dir(&volume)?;
            let found = group(&scan(&[recorded], Depth::Shallow)?);
            let [go_pod] = found.pods.as_slice() else {
                bail!("{}: one Go pod expected, {} found", recorded.display(), found.pods.len());
            };
            let Some((last, earlier)) = go_pod.counters.split_last() else {
                bail!("{}: no counter files", recorded.display());
            };
            for counters in earlier {
                let base_name = counters.path.file_name().unwrap_or_default();
                std::fs::copy(&counters.path, volume.join(base_name))?;
            }
            let container = Container::new("app")
                .dir(&volume)
                .env("GOCOVERDIR", &volume)
                .programs(["sh", "tar", "kill", "cat", "ls", "sleep"])
                .main(Replay::new().meta(&go_pod.meta).counters(&last.path));
            let pod = Pod::new("shop", &name).label("app", "library").container(container);
            pods.push((name, pod));
        }
        Ok(pods)
    }
}
