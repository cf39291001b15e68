//! A real instrumented Go program as a container's first process, where Go is at hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use testcluster::{Cluster, Container, Main, Pod};

use crate::support::{isolations, run, wait_until};

const PROGRAM: &str = r#"package main

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

/// The newest Go under `COVDATA_GO_DIR`: each of its entries is a version's tree with `bin/go`.
fn find_go() -> Option<PathBuf> {
    let required = std::env::var("COVDATA_REQUIRE_ORACLES").as_deref() == Ok("1");
    let dir = std::env::var_os("COVDATA_GO_DIR");
    let found = dir.as_ref().and_then(|dir| {
        let entries = std::fs::read_dir(dir).ok()?.filter_map(Result::ok);
        let go = entries.map(|entry| entry.path().join("bin/go")).filter(|path| path.exists());
        go.max()
    });
    assert!(found.is_some() || !required, "Go is required here, and COVDATA_GO_DIR is {dir:?}");
    if found.is_none() {
        println!("skipped: no Go under COVDATA_GO_DIR");
    }
    found
}

fn build(go: &Path, dir: &Path) -> PathBuf {
    std::fs::write(dir.join("main.go"), PROGRAM).unwrap();
    std::fs::write(dir.join("go.mod"), "module example.com/flusher\n\ngo 1.21\n").unwrap();
    let program = dir.join("flusher");
    let output = Command::new(go)
        .args(["build", "-cover", "-covermode=atomic", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(dir)
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

#[tokio::test]
async fn a_go_program_flushes_when_it_is_told_to() {
    let Some(go) = find_go() else { return };
    let home = tempfile::tempdir().unwrap();
    let program = build(&go, home.path());
    for isolation in isolations() {
        let dir = tempfile::tempdir().unwrap();
        let container = Container::new("app")
            .dir(dir.path())
            .env("GOCOVERDIR", dir.path())
            .programs(["sh", "kill"])
            .main(Main::Program(vec![program.display().to_string()]));
        let pod = Pod::new("ns", "web").container(container);
        let cluster = Cluster::builder().isolation(isolation).pod(pod).start().unwrap();
        // The handler stands once the program has said so.
        wait_until("the program", || cluster.container_log("ns", "web", "app").unwrap() == "up\n");
        let names = |prefix: &str| -> Vec<String> {
            std::fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.starts_with(prefix))
                .collect()
        };
        assert_eq!(names("covmeta.").len(), 1);
        assert_eq!(run(&cluster, &["sh", "-c", "kill -USR1 1"]).await.exit_code(), 0);
        wait_until("its counters", || names("covcounters.").len() == 1);
        if cluster.has_namespaces() {
            assert_eq!(names("covcounters.")[0].split('.').nth(2), Some("1"), "it knows itself as pid 1");
        }
        cluster.kill_container("ns", "web", "app").unwrap();
        assert_eq!(cluster.exit_code("ns", "web", "app").unwrap(), Some(137));
    }
}
