//! The main job on recorded data: a cluster on loopback serves the pods of a Go service, `covfetch` collects their
//! coverage, `covreport` shows it. Run it with `cargo demo`.

mod programs;
mod recording;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use testcluster::{Cluster, Fault, Times};

use crate::programs::Programs;
use crate::recording::Recording;

/// Shows the main job on recorded data: embedded cluster, covfetch, covreport.
#[derive(Debug, Parser)]
#[command(name = "cargo demo")]
struct Args {
    /// Where the results go [default: demo/ in cargo's target directory]; what an earlier demo left there is removed.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The Go version whose recorded data is served: 1.21.13, 1.24.11, 1.26.6 or 1.27.3.
    #[arg(long, value_name = "VERSION", default_value = "1.27.3")]
    go: String,
    /// Cuts the connection to one pod in mid-transfer, each time: shows how a part that failed is reported.
    #[arg(long)]
    broken: bool,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let programs = Programs::build()?;
    let out = args.out.clone().unwrap_or_else(|| programs.target().join("demo"));
    clear(&out)?;

    let recording = Recording::open(&args.go)?;
    let volumes = tempfile::tempdir().context("cannot make a temporary directory")?;
    let pods = recording.pods(volumes.path())?;
    let names: Vec<String> = pods.iter().map(|(name, _)| name.clone()).collect();
    let cluster = Cluster::builder()
        .tls(true)
        .token("demo-token")
        .context("demo", Some("shop"))
        .pods(pods.into_iter().map(|(_, pod)| pod))
        .start()?;
    let kubeconfig = out.join("kubeconfig");
    cluster.kubeconfig(&kubeconfig)?;
    println!(
        "A cluster at {} runs {} in namespace shop:\nreplicas of one HTTP server, recorded with Go {}.\n",
        cluster.url(),
        names.join(", "),
        args.go
    );
    if let Some(victim) = names.last().filter(|_| args.broken) {
        let cut = Fault::Cut { after: 3_000, reset: true };
        cluster.inject("shop", victim, None, cut, Times::Always);
        println!("The connection to {victim} will be cut in mid-transfer, each time.\n");
    }

    let coverage = out.join("coverage");
    let fetched = programs.run(
        "covfetch",
        &[("KUBECONFIG", &kubeconfig)],
        &[&"-l", &"app=library", &"--signal", &"USR1", &"--to", &coverage],
    )?;
    println!();
    let lcov = out.join("lcov.info");
    let reported = programs.run(
        "covreport",
        &[],
        &[
            &"--percent",
            &format!("--lcov={}", programs::shown(&lcov)),
            &"--root",
            &programs::shown(&recording::source()),
            &coverage,
        ],
    )?;
    if lcov.exists() {
        println!(
            "\nThe same in LCOV, with paths below {}: {}",
            programs::shown(&recording::source()),
            programs::shown(&lcov)
        );
    }
    let worst = fetched.max(reported);
    if args.broken {
        println!("\ncovfetch ended with exit code {fetched}, covreport with {reported}.");
    }
    Ok(ExitCode::from(worst))
}

/// Removes what an earlier demo made, and nothing else.
fn clear(out: &Path) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for name in ["coverage", "kubeconfig", "lcov.info"] {
        let path = out.join(name);
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
