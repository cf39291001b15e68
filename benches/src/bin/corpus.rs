//! Writes the corpora that `benches/compare` measures with: a directory for each Kubernetes pod, named 00000 and on.
//!
//! Recorded runs become pods by copying their counters under the name that another process would give them; the meta file,
//! the same in all pods, is linked, as covfetch links it. Generated corpora are the same bytes each time.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use benches::{Corpus, Size};
use clap::Parser;
use covfmt::mode::CounterMode;
use covfmt::pod::{Depth, FileName, group, scan};

/// Writes a corpus of coverage files.
#[derive(Parser)]
enum Arguments {
    /// Pods that hold copies of recorded runs of one program
    Multiply {
        /// Directory with the recorded files
        recorded: PathBuf,
        /// Number of pods
        pods: usize,
        /// The corpus's directory
        to: PathBuf,
    },
    /// One program of 1,200 packages and some 550,000 units: three pods
    Giant {
        /// The corpus's directory
        to: PathBuf,
    },
    /// 200 programs that share half of their packages: three pods each
    Builds {
        /// The corpus's directory
        to: PathBuf,
    },
    /// One small program: 100 pods
    Small {
        /// The corpus's directory
        to: PathBuf,
    },
}

/// When the first of the pods wrote its counters, in nanoseconds since 1970.
const FIRST_NANOS: u64 = 1_700_000_000_000_000_000;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let to = match &arguments {
        Arguments::Multiply { to, .. }
        | Arguments::Giant { to }
        | Arguments::Builds { to }
        | Arguments::Small { to } => to.clone(),
    };
    // Under its final name a corpus is whole.
    let part = to.with_extension("part");
    if part.exists() {
        fs::remove_dir_all(&part)?;
    }
    fs::create_dir_all(&part).with_context(|| part.display().to_string())?;
    match arguments {
        Arguments::Multiply { recorded, pods, .. } => multiply(&recorded, pods, &part)?,
        Arguments::Giant { .. } => {
            let size = Size { packages: 1200, functions: 70, runs: 3 };
            write(&Corpus::generate(size, CounterMode::Atomic, 1)?, 0, &part)?;
        }
        Arguments::Builds { .. } => {
            let size = Size { packages: 30, functions: 40, runs: 3 };
            for build in 0..200 {
                let corpus = Corpus::generate_sharing(size, 15, CounterMode::Atomic, 1000 + build)?;
                write(&corpus, usize::try_from(build)? * corpus.counters.len(), &part)?;
            }
        }
        Arguments::Small { .. } => {
            let size = Size { packages: 20, functions: 50, runs: 100 };
            write(&Corpus::generate(size, CounterMode::Atomic, 1)?, 0, &part)?;
        }
    }
    fs::rename(&part, &to).with_context(|| to.display().to_string())
}

fn multiply(recorded: &Path, pods: usize, to: &Path) -> anyhow::Result<()> {
    let grouping = group(&scan(&[recorded], Depth::Recursive)?);
    let [build] = grouping.pods.as_slice() else {
        bail!("{}: runs of {} programs, not of one", recorded.display(), grouping.pods.len());
    };
    if build.counters.is_empty() {
        bail!("{}: no counter files", recorded.display());
    }
    let mut meta: Option<PathBuf> = None;
    for (pod, counters) in build.counters.iter().cycle().take(pods).enumerate() {
        let directory = make_pod(to, pod)?;
        let new = directory.join(build.meta.file_name().context("a meta file has a name")?);
        match &meta {
            None => {
                fs::copy(&build.meta, &new)?;
                meta = Some(new);
            }
            Some(first) => fs::hard_link(first, new)?,
        }
        let Some(FileName::Counters { tag, .. }) =
            FileName::parse(counters.path.file_name().unwrap_or_default().as_bytes())
        else {
            bail!("{}: no counter file", counters.path.display());
        };
        fs::copy(&counters.path, directory.join(counters_name(&tag.to_string(), pod)))?;
    }
    Ok(())
}

fn write(corpus: &Corpus, first_pod: usize, to: &Path) -> anyhow::Result<()> {
    for (pod, counters) in (first_pod..).zip(&corpus.counters) {
        let directory = make_pod(to, pod)?;
        fs::write(directory.join(format!("covmeta.{}", corpus.hash)), &corpus.meta)?;
        fs::write(directory.join(counters_name(&corpus.hash.to_string(), pod)), counters)?;
    }
    Ok(())
}

fn make_pod(to: &Path, pod: usize) -> anyhow::Result<PathBuf> {
    let directory = to.join(format!("{pod:05}"));
    fs::create_dir(&directory)?;
    Ok(directory)
}

/// In a container the process id is nearly always 1, and only the nanoseconds tell pods apart.
fn counters_name(tag: &str, pod: usize) -> String {
    format!("covcounters.{tag}.1.{}", FIRST_NANOS + 1_000_003 * pod as u64)
}
