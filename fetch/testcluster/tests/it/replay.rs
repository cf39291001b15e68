//! Replayers and other first processes, and what a signal makes of them.

use std::path::PathBuf;
use std::time::Duration;

use testcluster::{Cluster, Container, Isolation, OnSignal, Pod, Replay};

use crate::support::{app, get, isolations, one_pod, run, wait_until};

const HASH: &str = "0123456789abcdef0123456789abcdef";

/// Recorded files, and a directory for a container with a `cov` directory in it.
struct Recorded {
    home: tempfile::TempDir,
}

impl Recorded {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("container/cov")).unwrap();
        std::fs::write(home.path().join(format!("covmeta.{HASH}")), vec![1; 5000]).unwrap();
        for number in 1..=2_u8 {
            std::fs::write(home.path().join(counter_name(number)), vec![number; 3000]).unwrap();
        }
        Self { home }
    }

    fn replay(&self) -> Replay {
        Replay::new()
            .meta(self.home.path().join(format!("covmeta.{HASH}")))
            .counters(self.home.path().join(counter_name(1)))
            .counters(self.home.path().join(counter_name(2)))
    }

    fn container(&self, replay: Replay) -> Container {
        app().dir(self.home.path().join("container")).env("GOCOVERDIR", self.cov()).main(replay)
    }

    fn cluster(&self, isolation: Isolation, replay: Replay) -> Cluster {
        let pod = Pod::new("ns", "web").container(self.container(replay));
        Cluster::builder().isolation(isolation).pod(pod).start().unwrap()
    }

    fn cov(&self) -> PathBuf {
        self.home.path().join("container/cov")
    }

    /// The names under GOCOVERDIR that start like this, sorted.
    fn names(&self, prefix: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.cov()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort();
        names
    }
}

fn counter_name(number: u8) -> String {
    format!("covcounters.{HASH}.77.{number}")
}

#[tokio::test]
async fn a_replayer_flushes_as_a_go_program_does() {
    for isolation in isolations() {
        let recorded = Recorded::new();
        let cluster = recorded.cluster(isolation, recorded.replay());
        assert_eq!(cluster.has_namespaces(), isolation == Isolation::Namespaces);
        assert_eq!(recorded.names(""), [format!("covmeta.{HASH}")], "the meta file is there from the start");
        for (signals, command) in [
            (1, &["kill", "-USR1", "1"][..]),
            (2, &["kill", "-s", "USR1", "1"]),
            (3, &["sh", "-c", "kill -USR1 1"]),
            (4, &["sh", "-c", "kill -s \"$1\" -- \"$2\"", "name", "USR1", "1"]),
            (5, &["/bin/sh", "-ec", "kill -10 1"]),
            (6, &["sh", "-c", "sh -c 'kill -s USR1 1'"]),
        ] {
            let transcript = run(&cluster, command).await;
            assert_eq!(transcript.exit_code(), 0, "{isolation:?} {command:?}: {}", transcript.stderr());
            wait_until("a new counter file", || recorded.names("covcounters.").len() == signals);
        }
        let names = recorded.names("covcounters.");
        let contents: Vec<u8> =
            names.iter().map(|name| std::fs::read(recorded.cov().join(name)).unwrap()[0]).collect();
        assert_eq!(contents[..4], [1, 2, 2, 2], "one recorded file after the other, then the last again");
        for name in names {
            let parts: Vec<&str> = name.split('.').collect();
            assert_eq!((parts[1], parts[2], parts[3].len()), (HASH, "1", 19), "{name}");
        }
        wait_until("no temporary files", || recorded.names("tmp.").is_empty());
    }
}

#[tokio::test]
async fn a_flush_can_take_its_time() {
    for isolation in isolations() {
        let recorded = Recorded::new();
        let replay =
            recorded.replay().delay(Duration::from_millis(200)).write_time(Duration::from_millis(400));
        let cluster = recorded.cluster(isolation, replay);
        assert_eq!(run(&cluster, &["kill", "-USR1", "1"]).await.exit_code(), 0);
        assert_eq!(recorded.names("tmp."), [""; 0]);
        wait_until("a temporary file", || !recorded.names("tmp.covcounters.").is_empty());
        let half = &recorded.names("tmp.covcounters.")[0];
        wait_until("half of it", || {
            std::fs::metadata(recorded.cov().join(half)).is_ok_and(|meta| meta.len() == 1500)
        });
        assert_eq!(recorded.names("covcounters."), [""; 0]);
        wait_until("the counter file", || recorded.names("covcounters.").len() == 1);
        assert_eq!(recorded.names("tmp."), [""; 0]);
    }
}

#[tokio::test]
async fn what_a_signal_may_do_instead() {
    for isolation in isolations() {
        let recorded = Recorded::new();
        let cluster = recorded.cluster(isolation, recorded.replay().on_signal(OnSignal::Ignore));
        assert_eq!(run(&cluster, &["kill", "-USR1", "1"]).await.exit_code(), 0);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(recorded.names("covcounters."), [""; 0]);
        assert_eq!(run(&cluster, &["kill", "-0", "1"]).await.exit_code(), 0);

        let recorded = Recorded::new();
        let cluster = recorded.cluster(isolation, recorded.replay().on_signal(OnSignal::Die));
        // The exec that sends the signal may itself be killed with the container.
        let code = run(&cluster, &["kill", "-USR1", "1"]).await.exit_code();
        assert!([0, 137].contains(&code), "{code}");
        wait_until("the end", || cluster.exit_code("ns", "web", "app").unwrap() == Some(138));
    }
}

#[tokio::test]
async fn an_idle_container_is_deaf_and_alive() {
    for isolation in isolations() {
        let cluster = one_pod().isolation(isolation).start().unwrap();
        let script = "kill -USR1 1; kill 1; kill -0 1";
        assert_eq!(run(&cluster, &["sh", "-c", script]).await.exit_code(), 0, "{isolation:?}");
        assert_eq!(cluster.exit_code("ns", "web", "app").unwrap(), None);
    }
}

#[tokio::test]
async fn a_container_can_be_started_again() {
    for isolation in isolations() {
        let recorded = Recorded::new();
        let cluster = recorded.cluster(isolation, recorded.replay());
        let status = || {
            let pod = get(&cluster, "/api/v1/namespaces/ns/pods/web").json();
            pod["status"]["containerStatuses"][0].clone()
        };
        cluster.kill_container("ns", "web", "app").unwrap();
        assert_eq!(status()["state"]["terminated"]["exitCode"], 137);
        assert_eq!(status()["ready"], false);
        cluster.restart_container("ns", "web", "app").unwrap();
        assert!(status()["state"]["running"].is_object());
        assert_eq!(status()["restartCount"], 1);
        assert_eq!(run(&cluster, &["kill", "-USR1", "1"]).await.exit_code(), 0, "{isolation:?}");
        wait_until("a flush", || recorded.names("covcounters.").len() == 1);
        assert!(cluster.restart_container("ns", "web", "none").is_err());
    }
}

#[tokio::test]
async fn containers_do_not_reach_each_other() {
    for isolation in isolations() {
        let (one, two) = (Recorded::new(), Recorded::new());
        let cluster = Cluster::builder()
            .isolation(isolation)
            .pod(Pod::new("ns", "web").container(one.container(one.replay())))
            .pod(Pod::new("ns", "other").container(two.container(two.replay())))
            .start()
            .unwrap();
        assert_eq!(run(&cluster, &["kill", "-USR1", "1"]).await.exit_code(), 0);
        wait_until("a flush", || one.names("covcounters.").len() == 1);
        assert_eq!(two.names("covcounters."), [""; 0]);
    }
}
