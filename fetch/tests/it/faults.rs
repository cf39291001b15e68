//! Streams that break: named, retried where that helps, and never taken for success.

use std::time::Duration;

use testcluster::{Cluster, Container, Fault, Times};

use crate::common::{Site, USUAL, cluster, pod, recorded};

/// Two pods of which the second gets the faults.
fn two_pods(site: &Site) -> Cluster {
    let pods = (0..2).map(|index| site.pod(&format!("web-{index}"), &recorded(index)));
    let cluster = cluster().tls(true).token("secret").pods(pods).start().unwrap();
    site.admit(&cluster);
    cluster
}

#[test]
fn a_stream_that_is_cut_fails_the_pod_and_leaves_whole_files() {
    for after in [0, 1, 40, 300, 1_000, 2_000, 2_600, 4_000, 6_000] {
        for reset in [false, true] {
            let site = Site::new();
            let cluster = two_pods(&site);
            cluster.inject("shop", "web-1", None, Fault::Cut { after, reset }, Times::Always);
            let ran = site.fetch(&["--signal", "USR1", "--retries", "1"]).expect(3).says("shop/web-1/app");
            assert!(ran.stdout.contains("web-1") && ran.stdout.contains("failed"), "{ran:#?}");
            let run = site.run();
            assert_eq!(run["outcome"], "partial");
            let record = site.record("web-1");
            assert_eq!(record["attempts"], 2, "{record:#}");
            let kind = record["failure"]["kind"].as_str().unwrap();
            assert!(["truncated", "no-status"].contains(&kind), "cut after {after}: {record:#}");
            assert_eq!(site.record("web-0")["state"], "fetched");
            site.check();
        }
    }
}

#[test]
fn a_cut_that_passes_is_made_good_and_the_program_is_signalled_once() {
    let site = Site::new();
    let cluster = two_pods(&site);
    cluster.inject("shop", "web-1", None, Fault::Cut { after: 3_000, reset: true }, Times::Next(2));
    site.fetch(&["--signal", "USR1"]).expect(0);
    let record = site.record("web-1");
    assert_eq!(record["attempts"], 3);
    assert_eq!(record["flush"]["outcome"], "flushed");
    // A second signal would have made a second snapshot, and everything would count twice.
    assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
    site.check();
}

/// GNU tar's word for a file that grew or shrank while it was read; it ends with exit code 1 then, behind a whole archive.
#[test]
fn a_file_that_changed_as_tar_read_it_is_read_again() {
    for (times, code, outcome, attempts) in [("1", 0, "web-0:fetched", 2), ("9", 3, "web-0:failed", 3)] {
        let site = Site::new();
        let told = site.home.path().join("told");
        let tar = format!(
            "command -p tar \"$@\" || exit\n\
             n=$(wc -l 2>&- <'{told}' || echo 0)\n\
             [ \"$n\" -ge {times} ] && exit\n\
             echo x >>'{told}'\n\
             echo 'tar: ./covcounters: file changed as we read it' >&2\n\
             exit 1\n",
            told = told.display()
        );
        std::fs::write(&told, "").unwrap();
        let app = site.app("web-0").script("tar", tar).main(recorded(0).replay());
        let cluster = cluster().pod(pod("web-0", app)).start().unwrap();
        site.admit(&cluster);
        let ran = site.fetch(&["--signal", "USR1", "--retries", "2"]).expect(code);
        assert_eq!(site.states(), outcome, "{ran:#?}");
        let record = site.record("web-0");
        assert_eq!(record["attempts"], attempts, "{record:#}");
        // Signalled once: a second snapshot would count twice.
        assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
        if code != 0 {
            ran.says("file changed as we read it");
        }
        site.check();
    }
}

#[test]
fn output_without_a_verdict_is_a_failure() {
    let site = Site::new();
    let cluster = two_pods(&site);
    cluster.inject("shop", "web-1", None, Fault::NoStatus, Times::Always);
    site.fetch(&["--signal", "USR1", "--retries", "0"]).expect(3).says("verdict");
    let record = site.record("web-1");
    assert_eq!(
        (record["failure"]["kind"].as_str(), record["attempts"].as_u64()),
        (Some("no-status"), Some(1))
    );
    // All of it came, and is kept; only nobody vouches for it.
    assert_eq!(record["files"].as_array().unwrap().len(), 2);
    site.check();
}

#[test]
fn a_success_that_is_none_is_seen_through() {
    for after in [10, 400, 2_000, 3_000, 4_096, 5_000, 6_000] {
        let site = Site::new();
        let cluster = two_pods(&site);
        cluster.inject("shop", "web-1", None, Fault::TruncatedSuccess { after }, Times::Always);
        site.fetch(&["--signal", "USR1", "--retries", "0"]).expect(3).says("shop/web-1/app");
        let record = site.record("web-1");
        assert_eq!(record["failure"]["kind"], "truncated", "after {after}: {record:#}");
        assert!(record["failure"]["message"].as_str().unwrap().contains("reported success"), "{record:#}");
        site.check();
    }
}

#[test]
fn a_command_that_fails_fails_the_pod() {
    let site = Site::new();
    let cluster = two_pods(&site);
    cluster.inject("shop", "web-1", None, Fault::ExitCode(2), Times::Always);
    site.fetch(&["--signal", "USR1", "--retries", "0"]).expect(3).says("exit code 2");
    assert_eq!(site.record("web-1")["failure"]["kind"], "command");
    site.check();
}

/// The pod is deleted while its flush is waited for.
#[test]
fn a_container_that_is_killed_is_said_to_be() {
    let with_tar = [&crate::common::USUAL[..], &["tar", "ls", "kill"]];
    for programs in with_tar.into_iter().chain(crate::tarless::IMAGES) {
        let site = Site::new();
        let main = recorded(0).replay().delay(Duration::from_secs(20));
        let container = Container::new("app")
            .dir(site.volume("web-0"))
            .env("GOCOVERDIR", site.volume("web-0"))
            .programs(programs.iter().copied())
            .main(main);
        let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
        site.admit(&cluster);
        let ran = std::thread::scope(|scope| {
            let run = scope.spawn(|| site.fetch(&["--signal", "USR1", "--retries", "0"]));
            std::thread::sleep(Duration::from_millis(1500));
            cluster.delete_pod("shop", "web-0").unwrap();
            run.join().unwrap()
        });
        ran.expect(3);
        let kind = site.record("web-0")["failure"]["kind"].clone();
        assert!(kind == "command" || kind == "pod-state", "{kind} with {programs:?}");
        site.check();
    }
}

#[test]
fn the_server_asks_for_patience_and_gets_it() {
    let site = Site::new();
    let cluster = two_pods(&site);
    let busy = Fault::Refuse { code: 429, message: "too many requests".into(), retry_after: Some(1) };
    cluster.inject("shop", "web-1", None, busy, Times::Next(1));
    cluster.inject("shop", "web-0", None, Fault::refuse(500, "error dialing backend: EOF"), Times::Next(2));
    site.fetch(&["--signal", "USR1"]).expect(0);
    assert_eq!(site.record("web-1")["attempts"], 2);
    assert_eq!(site.record("web-0")["attempts"], 3);
    site.check();
}

#[test]
fn what_will_not_change_is_not_tried_again() {
    for (code, message, kind) in [
        (403, "pods \"web-1\" is forbidden: ", "forbidden"),
        (404, "pods \"web-1\" not found", "pod-state"),
        (400, "pod web-1 does not have a host assigned", "unreachable"),
        (500, "container not found (\"app\")", "pod-state"),
    ] {
        let site = Site::new();
        let cluster = two_pods(&site);
        cluster.inject("shop", "web-1", None, Fault::refuse(code, message), Times::Always);
        let ran = site.fetch(&["--signal", "USR1"]).expect(3);
        let record = site.record("web-1");
        assert_eq!(record["failure"]["kind"], kind, "{ran:#?}");
        assert_eq!(record["attempts"], 1, "{kind}");
    }
}

#[test]
fn a_slow_stream_is_no_failure_and_an_endless_wait_is() {
    let site = Site::new();
    let cluster = two_pods(&site);
    cluster.inject("shop", "web-1", None, Fault::Slow { bytes_per_second: 8_000 }, Times::Next(1));
    site.fetch(&["--signal", "USR1"]).expect(0);
    cluster.inject("shop", "web-1", None, Fault::Slow { bytes_per_second: 100 }, Times::Always);
    site.fetch(&["--timeout", "2s"]).expect(3).says("not done within 2 s (--timeout)");
    site.check();
}

#[test]
fn an_image_without_tar_is_named() {
    for programs in [&["sh", "kill", "ls"][..], &["kill", "ls"], &[]] {
        let site = Site::new();
        let container = Container::new("app")
            .dir(site.volume("web-0"))
            .env("GOCOVERDIR", site.volume("web-0"))
            .programs(programs.iter().copied())
            .main(recorded(0).replay());
        let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
        site.admit(&cluster);
        site.fetch(&["--signal", "USR1"]).expect(3).says("the image has no tar");
        assert_eq!(site.record("web-0")["failure"]["kind"], "no-tar", "{programs:?}");
        // Nothing was signalled that could not be fetched.
        assert_eq!(std::fs::read_dir(site.volume("web-0")).unwrap().count(), 1);
    }
}

#[test]
fn an_image_without_kill_is_named() {
    let site = Site::new();
    let container = Container::new("app")
        .dir(site.volume("web-0"))
        .env("GOCOVERDIR", site.volume("web-0"))
        .programs(["tar", "ls"])
        .main(recorded(0).replay());
    let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
    site.admit(&cluster);
    site.fetch(&["--signal", "USR1"]).expect(3).says("neither a shell nor kill");
    assert_eq!(site.record("web-0")["failure"]["kind"], "no-kill");
}

#[test]
fn a_directory_that_is_missing_is_named() {
    for programs in [&crate::common::USUAL[..], &["tar", "ls"], &["tar"]] {
        let site = Site::new();
        let container = Container::new("app")
            .dir(site.volume("web-0"))
            .env("GOCOVERDIR", site.volume("web-0").join("missing"))
            .programs(programs.iter().copied());
        let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
        site.admit(&cluster);
        let ran = site.fetch(&["--retries", "0"]).expect(3);
        let kind = site.record("web-0")["failure"]["kind"].clone();
        assert!(kind == "missing-dir" || (programs == ["tar"] && kind == "command"), "{kind} {ran:#?}");
    }
}

/// Kata's runtime reports success as soon as the first output has come if nobody asks for standard input
/// (kata-containers/kata-containers#13640).
#[test]
fn standard_input_is_asked_for_in_every_exec() {
    for programs in [&USUAL[..], &["ls", "tar", "kill"]] {
        let site = Site::new();
        let volume = site.volume("web-0");
        let container = Container::new("app").dir(&volume).env("GOCOVERDIR", &volume);
        let container = container.programs(programs.iter().copied()).main(recorded(0).replay());
        let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
        site.admit(&cluster);
        site.fetch(&["--signal", "USR1"]).expect(0);
        let requests = cluster.requests();
        let mut execs = requests.iter().filter(|request| request.path.ends_with("/exec")).peekable();
        assert!(execs.peek().is_some());
        assert!(
            execs.all(|request| request.query_value("stdin").as_deref() == Some("true")),
            "{requests:#?}"
        );
    }
}
