//! Ctrl-C, SIGTERM and SIGKILL: whole files, and a manifest that does not lie.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use testcluster::{Cluster, Container, Fault, Times};

use crate::common::{Site, USUAL, cluster, pod, recorded};

/// Four pods of which two stream so slowly that they are never done.
fn slow_cluster(site: &Site) -> Cluster {
    let pods = (0..4).map(|index| site.pod(&format!("web-{index}"), &recorded(index)));
    let cluster = cluster().pods(pods).start().unwrap();
    site.admit(&cluster);
    for pod in ["web-2", "web-3"] {
        cluster.inject("shop", pod, None, Fault::Slow { bytes_per_second: 300 }, Times::Always);
    }
    cluster
}

fn flush(site: &Site, more: &[&str]) -> Child {
    start(site, &[&["-l", "app=library", "--signal", "USR1"], more].concat())
}

/// Starts the program, to do something while it runs.
pub(crate) fn start(site: &Site, arguments: &[&str]) -> Child {
    let command = site.covfetch();
    let mut child = std::process::Command::new(command.get_program());
    child.args(command.get_args()).args(arguments);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => child.env(name, value),
            None => child.env_remove(name),
        };
    }
    child.current_dir(site.home.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn send(child: &Child, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits until the fast pods are in the store.
fn wait_for_two(site: &Site) {
    let begun = Instant::now();
    while site.stored().iter().filter(|path| path.contains("covcounters")).count() < 2 {
        assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", site.stored());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_run_keeps_what_it_has_and_says_what_is_missing() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let site = Site::new();
        let _cluster = slow_cluster(&site);
        let child = flush(&site, &[]);
        wait_for_two(&site);
        std::thread::sleep(Duration::from_millis(100));
        let begun = Instant::now();
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let run = site.run();
        assert_eq!(run["outcome"], "interrupted");
        assert!(!run["ended"].is_null());
        assert_eq!(site.record("web-0")["state"], "fetched");
        assert_eq!(site.record("web-3")["failure"]["kind"], "unfinished");
        site.check();
    }
}

/// A container that is being asked for its directory when the run is interrupted is not done.
#[test]
fn a_run_is_interrupted_while_a_process_is_asked() {
    let site = Site::new();
    let silent = Container::new("app").programs(USUAL);
    let cluster = cluster().pod(pod("silent", silent)).start().unwrap();
    site.admit(&cluster);
    cluster.inject("shop", "silent", None, Fault::Delay(Duration::from_secs(50)), Times::Always);
    let child = flush(&site, &[]);
    let begun = Instant::now();
    while !site.store().join("manifest.json").exists() {
        assert!(begun.elapsed() < Duration::from_mins(1), "no manifest");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Recorded before it was asked, so that a killed run does not look like one that had nothing to do.
    assert_eq!(site.run()["outcome"], "running");
    assert_eq!(site.record("silent")["failure"]["kind"], "unfinished");
    std::thread::sleep(Duration::from_millis(100));
    send(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(site.run()["outcome"], "interrupted");
    assert_eq!(site.record("silent")["failure"]["kind"], "unfinished");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

#[test]
fn a_killed_run_leaves_only_whole_files_and_a_manifest_that_calls_it_unfinished() {
    for delay in [0, 30, 60, 90, 120, 160, 200, 300, 500, 900] {
        let site = Site::new();
        let _cluster = slow_cluster(&site);
        let mut child = flush(&site, &[]);
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        for path in site.stored() {
            let name = path.rsplit('/').next().unwrap().to_owned();
            if name.starts_with(".covfetch-") || name == "manifest.json" {
                continue;
            }
            let name = covfetch::names::CoverageName::parse(name.as_bytes()).expect(&path);
            let bytes = std::fs::read(site.store().join(&path)).unwrap();
            covfetch::validate::validate(&name, &bytes).unwrap();
        }
        if site.store().join("manifest.json").exists() {
            let run = site.run();
            assert_eq!((run["outcome"].as_str(), run["ended"].is_null()), (Some("running"), true));
            assert_eq!(site.record("web-3")["failure"]["kind"], "unfinished");
        }
        // The next run is not disturbed by what the killed one left.
        site.fetch(&["--signal", "USR1", "--flush-timeout", "1s", "--timeout", "1s", "--retries", "0"])
            .expect(3);
        assert_eq!(site.record("web-0")["state"], "fetched");
    }
}

/// Whoever reads the summary may stop reading.
#[test]
fn a_closed_pipe_is_no_failure() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(crate::common::pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    let mut child = flush(&site, &["--flush-timeout", "1s"]);
    drop(child.stdout.take());
    drop(child.stderr.take());
    let status = child.wait().unwrap();
    // The pod idles and does not flush; what matters is that the run ended in order.
    assert_eq!(status.code(), Some(3));
    assert_eq!(site.run()["outcome"], "partial");
}
