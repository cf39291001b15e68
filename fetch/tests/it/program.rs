//! Real Go programs as first processes, where Go is at hand.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use testcluster::{Cluster, Main};

use crate::common::{Site, cluster, pod};

/// Writes its counters when SIGUSR1 comes, and says when it is ready for that.
const FLUSHES: &str = r#"package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/coverage"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	fmt.Println("up")
	for range signals {
		if err := coverage.WriteCountersDir(os.Getenv("GOCOVERDIR")); err != nil {
			fmt.Println(err)
		}
	}
}
"#;

/// Knows nothing of signals.
const SLEEPS: &str = r#"package main

import (
	"fmt"
	"time"
)

func main() {
	fmt.Println("up")
	time.Sleep(time.Hour)
}
"#;

/// The newest Go under `COVDATA_GO_DIR`: each of its entries is a version's tree with `bin/go`.
fn find_go() -> Option<PathBuf> {
    let required = std::env::var("COVDATA_REQUIRE_ORACLES").as_deref() == Ok("1");
    let directory = std::env::var_os("COVDATA_GO_DIR");
    let found = directory.as_ref().and_then(|directory| {
        let entries = std::fs::read_dir(directory).ok()?.filter_map(Result::ok);
        entries.map(|entry| entry.path().join("bin/go")).filter(|path| path.exists()).max()
    });
    assert!(found.is_some() || !required, "Go is required here, and COVDATA_GO_DIR is {directory:?}");
    if found.is_none() {
        println!("skipped: no Go under COVDATA_GO_DIR");
    }
    found
}

fn build(go: &Path, directory: &Path, source: &str, mode: &str) -> PathBuf {
    std::fs::write(directory.join("main.go"), source).unwrap();
    std::fs::write(directory.join("go.mod"), "module example.com/program\n\ngo 1.21\n").unwrap();
    let program = directory.join(format!("program-{mode}"));
    let output = Command::new(go)
        .args(["build", "-cover", &format!("-covermode={mode}"), "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(directory)
        .envs([("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=mod"), ("GOPROXY", "off")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

/// A pod `web-0` that runs a program and has said that it is up. `None`: this machine has no PID namespaces, so that the
/// program would not be process 1.
fn started(site: &Site, program: &Path) -> Option<Cluster> {
    let main = Main::Program(vec![program.display().to_string()]);
    let cluster = cluster().pod(pod("web-0", site.app("web-0").main(main))).start().unwrap();
    if !cluster.has_namespaces() {
        println!("skipped: no PID namespaces");
        return None;
    }
    let begun = Instant::now();
    while cluster.container_log("shop", "web-0", "app").unwrap() != "up\n" {
        assert!(begun.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(10));
    }
    site.admit(&cluster);
    Some(cluster)
}

#[test]
fn a_go_program_is_flushed_as_often_as_it_is_asked() {
    let Some(go) = find_go() else { return };
    let site = Site::new();
    let program = build(&go, site.home.path(), FLUSHES, "atomic");
    let Some(_cluster) = started(&site, &program) else { return };
    for files in 2..5 {
        site.fetch(&["--signal", "USR1"]).expect(0);
        let record = site.record("web-0");
        assert_eq!(record["files"].as_array().unwrap().len(), files);
        assert_eq!(record["flush"]["pid"], 1);
        site.check();
    }
}

/// The Go runtime catches the signal and does nothing.
#[test]
fn a_go_program_without_a_handler_is_explained() {
    let Some(go) = find_go() else { return };
    let site = Site::new();
    let program = build(&go, site.home.path(), SLEEPS, "atomic");
    let Some(_cluster) = started(&site, &program) else { return };
    site.fetch(&["--signal", "USR1", "--flush-timeout", "1s"]).expect(3).says("no handler for the signal");
}

#[test]
fn a_go_program_in_set_mode_is_left_alone() {
    let Some(go) = find_go() else { return };
    let site = Site::new();
    let program = build(&go, site.home.path(), FLUSHES, "set");
    let Some(_cluster) = started(&site, &program) else { return };
    let begun = Instant::now();
    site.fetch(&["--signal", "USR1"]).expect(3).says("counts in set mode");
    assert!(begun.elapsed() < Duration::from_secs(10));
}
