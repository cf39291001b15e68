//! Nothing that a cluster has started is left when the cluster is gone, and nothing of the machine is changed by it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the report")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use realcluster::{Cluster, Container, Error, Image, Pod, Rights, busybox};

fn required() -> bool {
    std::env::var("COVDATA_REQUIRE_ORACLES").as_deref() == Ok("1")
}

/// `None`, with a word about it, if this machine cannot run containers; in CI that is a failure.
fn start() -> Option<Cluster> {
    match Cluster::start() {
        Ok(cluster) => Some(cluster),
        Err(error @ Error::Unavailable(_)) => {
            assert!(!required(), "containers are required here: {error}");
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Starts three pods, one of which has ended and one of which writes to its volume without pause.
fn fill(cluster: &Cluster) {
    let image = Image::new("leftovers").busybox(&busybox().unwrap(), &["sh", "sleep"]);
    cluster.import(&image).unwrap();
    let marker = cluster.home().display().to_string();
    for (name, script) in [
        ("web-0", "while :; do echo x >>/volume/beats; sleep 0.01; done"),
        ("web-1", "sleep 1000 & sleep 1000; :"),
        ("web-2", "exit 3"),
    ] {
        let container = Container::new("main", &image)
            .command(["/bin/sh", "-c", script, "sh", &marker])
            .volume("volume", "/volume")
            .rights(Rights::Restricted(1000));
        cluster.run(Pod::new("shop", name).container(container)).unwrap();
    }
    assert_eq!(cluster.wait("shop", "web-2", "main").unwrap(), 3);
}

/// What the machine shows of a cluster, by the name of its directory: processes, mounts, control groups, the directory.
fn traces(home: &Path) -> Vec<String> {
    let name = home.file_name().unwrap().to_str().unwrap();
    let ps = Command::new("ps").args(["-A", "-ww", "-o", "pid=,args="]).output().unwrap();
    let find = Command::new("find").args(["/sys/fs/cgroup", "-type", "d"]).output().unwrap();
    let mounts = std::fs::read("/proc/self/mounts").unwrap();
    let lines = [ps.stdout, find.stdout, mounts].concat();
    let lines = String::from_utf8_lossy(&lines).into_owned();
    let mut found: Vec<String> =
        lines.lines().filter(|line| line.contains(name)).map(str::to_owned).collect();
    if home.exists() {
        found.push(home.display().to_string());
    }
    found
}

/// What lies where a containerd of the machine's own would keep its things.
fn host() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        ["/run/containerd", "/run/containerd/s", "/opt", "/opt/containerd", "/var/lib/containerd"]
            .iter()
            .filter_map(|directory| std::fs::read_dir(directory).ok())
            .flat_map(|entries| entries.map(|entry| entry.unwrap().path()))
            .collect();
    paths.sort();
    paths
}

#[test]
fn nothing_is_left_after_a_drop() {
    let before = host();
    let Some(cluster) = start() else { return };
    fill(&cluster);
    let home = cluster.home().to_owned();
    let seen = traces(&home);
    assert!(seen.len() > 5, "{seen:#?}");
    assert!(seen.iter().all(|line| !line.contains(" overlay ") && !line.contains(" tmpfs ")), "{seen:#?}");
    drop(cluster);
    assert_eq!(traces(&home), Vec::<String>::new());
    assert_eq!(host(), before);
}

/// The child of the next test: a cluster that nobody drops.
#[test]
#[ignore = "started by another test"]
fn abandoned() {
    let Some(cluster) = start() else { return };
    fill(&cluster);
    println!("home {}", cluster.home().display());
    std::thread::sleep(Duration::from_mins(1));
}

#[test]
fn nothing_is_left_when_the_test_is_killed() {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "abandoned", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let home = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("home ").map(PathBuf::from));
    child.kill().unwrap();
    child.wait().unwrap();
    let Some(home) = home else {
        assert!(!required(), "containers are required here, and the other process had none");
        println!("skipped: this machine cannot run containers");
        return;
    };
    let begun = Instant::now();
    while !traces(&home).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:#?}", traces(&home));
        std::thread::sleep(Duration::from_millis(20));
    }
}
