//! Fuzz targets: each takes any bytes, and panics where a promise is broken. `fuzz/README.md` says how to run them.
//!
//! The targets are plain functions, so that ordinary tests replay the seeds, and what fuzzing found, without libFuzzer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a panic is how a target reports")]

mod counter_files;
mod drop_in;
mod merging;
mod meta_files;
mod program;
mod seeds;
mod source;
mod stream;
mod texts;
mod writers;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use seeds::{Seed, seeds};

/// A target and its name.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name, which is also that of its binary and of its directories.
    pub name: &'static str,
    /// What is tried.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 15] = [
    Target { name: "meta", run: meta_files::meta },
    Target { name: "package", run: meta_files::package },
    Target { name: "function", run: meta_files::function },
    Target { name: "strings", run: meta_files::strings },
    Target { name: "counters", run: counter_files::counters },
    Target { name: "segment", run: counter_files::segment },
    Target { name: "roundtrip", run: merging::roundtrip },
    Target { name: "merge", run: merging::merge },
    Target { name: "writers", run: writers::writers },
    Target { name: "dropin", run: drop_in::drop_in },
    Target { name: "unpack", run: stream::unpack },
    Target { name: "scanner", run: source::scanner },
    Target { name: "modfile", run: texts::modfile },
    Target { name: "manifest", run: texts::manifest },
    Target { name: "names", run: texts::names },
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Tries some bytes on the target of this name.
///
/// # Panics
///
/// If there is no such target, or a promise is broken.
pub fn run(name: &str, data: &[u8]) {
    let target = target(name).unwrap_or_else(|| panic!("{name:?} is none of the targets"));
    (target.run)(data);
}

/// Tries some bytes on the target that the variable `FUZZ_TARGET` names: one binary for all of them.
pub fn run_from_environment(data: &[u8]) {
    static NAME: OnceLock<String> = OnceLock::new();
    run(NAME.get_or_init(named_target), data);
}

/// Writes seeds of that target to the directory that the variable `FUZZ_SEEDS` names, unless it holds something already.
pub fn write_seeds_if_asked() {
    let Some(directory) = std::env::var_os("FUZZ_SEEDS").map(PathBuf::from) else { return };
    if std::fs::read_dir(&directory).is_ok_and(|mut entries| entries.next().is_none()) {
        write_seeds(&named_target(), &directory);
    }
}

/// Writes the seeds of a target into a directory, which is made if need be.
///
/// # Panics
///
/// If that fails.
pub fn write_seeds(target: &str, directory: &Path) {
    std::fs::create_dir_all(directory).unwrap();
    for (index, seed) in seeds(target).iter().enumerate() {
        std::fs::write(directory.join(format!("seed-{index}")), &seed.bytes).unwrap();
    }
}

fn named_target() -> String {
    std::env::var("FUZZ_TARGET").unwrap_or_default()
}
