//! `--signal TERM`: the program writes as it ends, and is read when its container has been started again; or is spared.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use testcluster::{Cluster, Container, Pod, Replay};

use crate::common::{Recorded, Site, USUAL, cluster, pod, recorded, testdata};
use crate::debug::{IMAGE, with_image};

/// A pod whose coverage directory is the mount of a volume, or not.
fn ending(site: &Site, main: Replay, programs: &[&str], policy: &str, on_volume: bool) -> Pod {
    let volume = site.volume("web-0");
    let container = Container::new("app")
        .dir(&volume)
        .env("GOCOVERDIR", &volume)
        .programs(programs.iter().copied())
        .main(main);
    let mounts = json!([{"name": "cov", "mountPath": volume}]);
    let container = if on_volume { container.overlay(json!({"volumeMounts": mounts})) } else { container };
    pod("web-0", container).overlay(json!({
        "spec": {"restartPolicy": policy, "volumes": [{"name": "cov", "emptyDir": {}}]},
    }))
}

/// Does what a kubelet does while something else is done: starts the container again when it has ended.
fn with_kubelet<T>(cluster: &Cluster, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                if cluster.exit_code("shop", "web-0", "app").unwrap_or_default().is_some() {
                    cluster.restart_container("shop", "web-0", "app").unwrap();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::SeqCst);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// Of a build that cannot be flushed in any other way, too.
#[test]
fn the_counters_of_a_program_that_ends_are_fetched_after_its_restart() {
    let set = || Recorded::open(&testdata().join("recorded/1.27.3/cases-set/data/all"));
    for programs in [&USUAL[..], &["ls", "tar", "kill"]] {
        for recorded in [recorded(0), set()] {
            let site = Site::new();
            let main = recorded.replay().flush_at_end().delay(Duration::from_millis(300));
            let pod = ending(&site, main, programs, "Always", true);
            let cluster = cluster().pod(pod).start().unwrap();
            site.admit(&cluster);
            with_kubelet(&cluster, || site.fetch(&["--signal", "TERM"])).expect(0);
            let record = site.record("web-0");
            assert_eq!(
                (&record["flush"]["signal"], &record["flush"]["outcome"]),
                (&"TERM".into(), &"flushed".into())
            );
            assert_eq!(record["flush"]["files"].as_array().unwrap().len(), 1, "{record:#}");
            assert_eq!(files(&site.volume("web-0")), 2, "it was ended once");
            site.check();
        }
    }
}

/// The debug container ends with its target, so one sends the signal and another one reads.
#[test]
fn an_image_with_nothing_in_it_is_ended_through_one_debug_container_and_read_through_another() {
    for programs in [&[][..], &["ls", "tar"]] {
        let site = Site::new();
        let main = recorded(0).replay().flush_at_end().delay(Duration::from_millis(300));
        let builder = with_image(cluster().pod(ending(&site, main, programs, "Always", true)));
        let cluster = builder.start().unwrap();
        if !cluster.has_namespaces() {
            println!("skipped: no PID namespaces");
            return;
        }
        site.admit(&cluster);
        let arguments = ["--signal", "TERM", "--debug-image", IMAGE];
        with_kubelet(&cluster, || site.fetch(&arguments)).expect(0);
        let record = site.record("web-0");
        assert_eq!(record["flush"]["outcome"], "flushed", "{record:#}");
        assert_eq!(record["flush"]["files"].as_array().unwrap().len(), 1, "{record:#}");
        assert_eq!(files(&site.volume("web-0")), 2, "it was ended once");
        let patches = cluster.requests().iter().filter(|request| request.method == "PATCH").count();
        assert_eq!(patches, 2);
        site.check();
    }
}

#[test]
fn what_would_lose_its_counters_is_not_ended_and_what_is_there_is_copied() {
    for (policy, on_volume, words) in [
        ("Always", false, "lies on no volume of the pod"),
        ("OnFailure", true, "the restart policy OnFailure does not start it again"),
        ("Never", true, "the restart policy Never"),
    ] {
        let site = Site::new();
        let pod = ending(&site, recorded(0).replay().flush_at_end(), &USUAL, policy, on_volume);
        // Of an earlier run of the program.
        recorded(0).copy_to(&site.volume("web-0"));
        let cluster = cluster().pod(pod).start().unwrap();
        site.admit(&cluster);
        let ran = site.fetch(&["--signal", "TERM", "--dry-run"]).expect(3);
        assert!(ran.stdout.contains(words), "{ran:#?}");
        assert!(!cluster.requests().iter().any(|request| request.path.ends_with("/exec")));
        site.fetch(&["--signal", "TERM"]).expect(3).says("nothing was signalled").says(words);
        let record = site.record("web-0");
        assert_eq!((&record["state"], &record["failure"]["kind"]), (&"failed".into(), &"restart".into()));
        assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
        assert!(record["flush"].is_null(), "{record:#}");
        assert_eq!(site.run()["outcome"], "partial");
        assert_eq!(cluster.exit_code("shop", "web-0", "app").unwrap(), None);
        site.check();
        // Where even that cannot be had, both are said.
        cluster.inject("shop", "web-0", None, testcluster::Fault::ExitCode(9), testcluster::Times::Always);
        let ran = site.fetch(&["--signal", "TERM", "--retries", "0"]).expect(3);
        ran.says(words).says("what is there could not be fetched").says("exit code 9");
    }
}

#[test]
fn a_program_that_ends_without_writing_is_told_from_one_that_does_not_come_back() {
    let site = Site::new();
    let pod = ending(&site, recorded(0).replay(), &USUAL, "Always", true);
    let cluster = cluster().pod(pod).start().unwrap();
    site.admit(&cluster);
    let ran = with_kubelet(&cluster, || site.fetch(&["--signal", "TERM"])).expect(3);
    ran.says("ended after signal TERM and wrote no counter file");
    assert_eq!(site.record("web-0")["failure"]["kind"], "process-ended");
    // Nobody starts it again.
    let ran = site.fetch(&["--signal", "TERM", "--flush-timeout", "2s"]).expect(3);
    ran.says("does not run again after 2 s (ended with exit code 143)");
    assert_eq!(site.record("web-0")["failure"]["kind"], Value::from("restart"));
    site.check();
}
