//! The recorded HTTP service: built by Go, sent the recorded requests, compared with what was recorded of it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use covfmt::merge::{MergeOptions, ModePolicy};
use covfmt::pod::{Depth, group, scan};
use covfmt::profile::Profile;
use realcluster::{Container, Image};
use serde_json::Value;

/// Versions of Go that the service was recorded with, newest first.
const VERSIONS: [&str; 4] = ["1.27.3", "1.26.6", "1.24.11", "1.21.13"];

/// The service as it was built, and what was recorded of the same build.
pub(crate) struct Service {
    pub(crate) program: PathBuf,
    recorded: PathBuf,
}

/// Builds the service. `None`, with a word about it, without Go; where oracles are required that is a failure.
pub(crate) fn service() -> Option<&'static Service> {
    static BUILT: OnceLock<Option<Service>> = OnceLock::new();
    BUILT.get_or_init(build).as_ref()
}

fn build() -> Option<Service> {
    let (version, go) = newest_go()?;
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    let recorded = testdata.join(format!("recorded/{version}/server-atomic"));
    let program = built(&go, &testdata.join("src/server"), "./cmd/library", &format!("library-{version}"));
    Some(Service { program, recorded })
}

/// A service that is flushed by a request, see `flusher/main.go`; as [`service`].
pub(crate) fn flusher() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let (version, go) = newest_go()?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/containers/flusher");
        Some(built(&go, &source, ".", &format!("flusher-{version}")))
    };
    BUILT.get_or_init(build).as_deref()
}

/// The newest Go that there is.
fn newest_go() -> Option<(&'static str, PathBuf)> {
    let required = std::env::var("COVDATA_REQUIRE_ORACLES").as_deref() == Ok("1");
    let directory = std::env::var_os("COVDATA_GO_DIR").map(PathBuf::from);
    let found = directory.as_ref().and_then(|directory| {
        let go = |version: &&'static str| directory.join(format!("v{version}/bin/go"));
        VERSIONS.iter().map(|version| (*version, go(version))).find(|(_, go)| go.exists())
    });
    assert!(found.is_some() || !required, "Go is required here, and COVDATA_GO_DIR is {directory:?}");
    if found.is_none() {
        println!("skipped: no Go under COVDATA_GO_DIR");
    }
    found
}

/// Builds a package for coverage, as in the record; static, so that an image needs nothing else.
fn built(go: &Path, source: &Path, package: &str, name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new(go)
        .args(["build", "-cover", "-covermode=atomic", "-coverpkg=./...", "-o"])
        .arg(&program)
        .arg(package)
        .current_dir(source)
        .envs([("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=mod"), ("GOPROXY", "off")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

impl Service {
    /// The requests that a recorded pod got, and the statuses that it answered with: those before its first flush, those
    /// between that and its second, ...
    pub(crate) fn rounds(&self, pod: usize) -> Vec<Vec<Value>> {
        let case: Value =
            serde_json::from_slice(&std::fs::read(self.recorded.join("case.json")).unwrap()).unwrap();
        let run = &case["runs"][pod];
        assert_eq!(run["directory"], format!("pod-{pod}"));
        let rounds = run["rounds"].as_array().unwrap();
        rounds.iter().map(|round| round.as_array().unwrap().clone()).collect()
    }

    /// What was recorded of all pods together.
    pub(crate) fn recorded(&self) -> Profile {
        profile(&self.recorded.join("data"))
    }

    /// The meta file that was recorded.
    pub(crate) fn meta_file(&self) -> PathBuf {
        let mut files = std::fs::read_dir(self.recorded.join("data/pod-0")).unwrap();
        let meta = files.find_map(|entry| {
            let entry = entry.unwrap();
            entry.file_name().to_str().unwrap().starts_with("covmeta.").then(|| entry.path())
        });
        meta.unwrap()
    }

    /// The reference tool's percentages of the recorded data, a line for each package.
    pub(crate) fn percentages(&self) -> String {
        std::fs::read_to_string(self.recorded.join("golden/percent.txt")).unwrap()
    }
}

/// Reads and merges all coverage files below a directory.
pub(crate) fn profile(directory: &Path) -> Profile {
    let grouping = group(&scan(&[directory], Depth::Recursive).unwrap());
    let load = |pod| covfmt::load::load_pod(pod, MergeOptions::default()).unwrap();
    let builds: Vec<_> = grouping.pods.iter().map(load).collect();
    Profile::from_builds(&builds, ModePolicy::Strict).unwrap()
}

/// Percentages as the reference tool prints them.
pub(crate) fn percentages(profile: &Profile) -> String {
    let line = |package: &covfmt::profile::Package| {
        let units = || package.units().iter().zip(package.counts());
        let all: u32 = units().map(|(unit, _)| unit.statements).sum();
        let hit: u32 = units().filter(|(_, count)| **count > 0).map(|(unit, _)| unit.statements).sum();
        let percent = 100.0 * f64::from(hit) / f64::from(all);
        format!("\t{}\t\tcoverage: {percent:.1}% of statements\n", package.path())
    };
    profile.packages().iter().map(line).collect()
}

/// A port of loopback on which the service of one pod listens; pods share the host's network.
pub(crate) struct Port(u16);

impl Port {
    /// One that nobody else gets: below those that the system deals out for connections and to the other tests'
    /// servers, which could take it before the service listens.
    pub(crate) fn free() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(20_000);
        loop {
            let port = NEXT.fetch_add(1, Ordering::Relaxed);
            assert!(port < 32_000, "no port of loopback is free");
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return Self(port);
            }
        }
    }

    /// Its number.
    pub(crate) fn number(&self) -> u16 {
        self.0
    }

    /// What `-listen` takes.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.0)
    }

    /// A container `app` of the service, which writes its coverage to `/coverage`.
    pub(crate) fn container(&self, image: &Image) -> Container {
        Container::new("app", image)
            .command(["/app/library", "-listen", &self.address()])
            .env("GOCOVERDIR", "/coverage")
    }

    /// Waits until the service listens; by then it handles the signal, too.
    pub(crate) fn wait(&self) {
        let begun = Instant::now();
        while TcpStream::connect(self.address()).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the service does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends recorded requests and checks the statuses.
    pub(crate) fn send(&self, requests: &[Value]) {
        for request in requests {
            let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
            let body = request["body"].as_str().unwrap_or_default();
            assert_eq!(self.request(method, path, body), request["status"], "{method} {path}");
        }
    }

    /// Sends a request and gives the status.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> u16 {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: library\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}
