//! Claims of pods that have ended: a helper pod reads them, and is removed however that goes.

use std::time::{Duration, Instant};

use serde_json::json;
use testcluster::{Cluster, ClusterBuilder, Container, Fault, Main, Phase, Pod, Times};

use crate::common::{Ran, Site, USUAL, cluster, recorded};
use crate::interrupt::{send, start};

/// The image that helper pods are made of if nobody says.
pub(crate) const HELPER: &str = "busybox:1.37.0";

/// A claim `data` with the files of a pod in its directory `run`, and the pod, which has ended.
pub(crate) fn with_claim(site: &Site, builder: ClusterBuilder) -> ClusterBuilder {
    let volume = site.volume("data");
    std::fs::create_dir_all(volume.join("run")).unwrap();
    recorded(0).copy_to(&volume.join("run"));
    let writer = Pod::new("shop", "writer")
        .phase(Phase::Succeeded)
        .restart_policy("Never")
        .container(Container::new("app").overlay(json!({
            "securityContext": {"runAsUser": 1000, "runAsGroup": 1000},
            "volumeMounts": [{"name": "v", "mountPath": "/cov"}],
        })))
        .overlay(
            json!({"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}}),
        );
    builder.claim("shop", "data", "ReadWriteOnce", volume).pod(writer).image(HELPER, Some(USUAL))
}

fn started(site: &Site) -> Cluster {
    let cluster = with_claim(site, cluster()).start().unwrap();
    site.admit(&cluster);
    cluster
}

/// Methods and paths of what was changed, without names.
fn changes(cluster: &Cluster) -> String {
    let requests = cluster.requests();
    let changes =
        requests.iter().filter(|request| request.method != "GET").map(|request| request.method.as_str());
    changes.collect::<Vec<_>>().join(" ")
}

/// The helper pods that the cluster has.
fn helpers(site: &Site) -> usize {
    let ran = Ran::of(
        &site
            .covfetch()
            .args(["-n", "shop", "--dry-run", "-o", "json", "-l", "app.kubernetes.io/managed-by=covfetch"])
            .output()
            .unwrap(),
    );
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    plan["containers"].as_array().unwrap().len()
}

#[test]
fn a_claim_is_read_and_the_helper_removed() {
    let site = Site::new();
    let cluster = started(&site);
    site.fetch_only(&["pvc/data", "--from", "run"]).expect(0);
    assert_eq!((changes(&cluster).as_str(), helpers(&site)), ("POST DELETE", 0));
    let record = site.record("persistentvolumeclaim/data");
    assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
    assert_eq!((&record["directory"], &record["source"]), (&json!("shop/pvc.data/volume"), &json!("run")));
    site.check();
    // Again: nothing is new, and nothing is stored twice.
    site.fetch_only(&["pvc/data", "--from", "/run/", "pod/writer"]).expect(3).says("shop/writer/app: ");
    assert!(site.record("persistentvolumeclaim/data")["files"][0]["new"] == false);
    site.check();
}

#[test]
fn a_dry_run_says_what_would_be_made_and_makes_nothing() {
    let site = Site::new();
    let cluster = started(&site);
    let ran = site.fetch_only(&["pvc/data", "--from", "run", "--dry-run"]).expect(0);
    assert!(ran.stdout.contains("mount"), "{ran:#?}");
    assert!(
        ran.stdout
            .contains(&format!("a pod of {HELPER} would be made as user 1000, who wrote there, and removed")),
        "{ran:#?}"
    );
    assert_eq!(changes(&cluster), "");
}

/// Who asks for a pod that has ended is told the command that reads its files.
#[test]
fn an_ended_pod_names_the_claim_that_its_files_lie_on() {
    let site = Site::new();
    let ended = |name: &str, volume: serde_json::Value| {
        let container = Container::new("app").env("GOCOVERDIR", "/cov/run").main(Main::Exited(0));
        let container = container.overlay(json!({"volumeMounts": [{"name": "v", "mountPath": "/cov"}]}));
        let pod = Pod::new("shop", name).label("app", "library").phase(Phase::Succeeded);
        pod.restart_policy("Never").container(container).overlay(json!({"spec": {"volumes": [volume]}}))
    };
    let kept = ended("kept", json!({"name": "v", "persistentVolumeClaim": {"claimName": "data"}}));
    let lost = ended("lost", json!({"name": "v", "emptyDir": {}}));
    let cluster = with_claim(&site, cluster()).pods([kept, lost]).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch(&[]).expect(3);
    let ran = ran.says("shop/kept/app: ").says("its files lie on the claim data: read them with covfetch ");
    let text = ran.stderr.clone();
    let (_, after) = text.split_once("read them with covfetch ").unwrap();
    let words: Vec<&str> = after.lines().next().unwrap().split(' ').collect();
    assert_eq!(words, ["pvc/data", "--from", "run"]);
    let ran = ran.says("shop/lost/app: ").says("out of reach; to keep those of the next one");
    assert!(!ran.stderr.contains("lost/app: completed, its files lie on"), "{ran:#?}");
    site.fetch_only(&words).expect(0);
    assert_eq!(site.record("persistentvolumeclaim/data")["files"].as_array().unwrap().len(), 2);
}

/// Each is named, and the helper is removed.
#[test]
fn what_goes_wrong_is_named_and_the_helper_is_removed() {
    let site = Site::new();
    let slow = "registry.example/slow:1";
    let builder = with_claim(&site, cluster()).image(slow, None::<[&str; 0]>);
    let cluster = builder.image("registry.example/bare:1", Some(["sleep"])).start().unwrap();
    site.admit(&cluster);
    for (arguments, words) in [
        (&["--from", "nowhere"][..], "the coverage directory does not exist"),
        (&[], "no coverage file in .: "),
        (&[], "a directory below the volume's root is named by --from"),
        (&["--helper-image", "registry.example/nobody:1"], "cannot start (ImagePullBackOff: Back-off"),
        (&["--helper-image", slow, "--timeout", "1s"], "does not run within 1 s: pending (Unschedulable"),
        (&["--helper-image", "registry.example/bare:1"], "image registry.example/bare:1 has no tar"),
    ] {
        cluster.clear_requests();
        let ran = site.fetch_only(&[&["pvc/data"], arguments].concat()).expect(3);
        ran.says("shop/persistentvolumeclaim/data: ").says(words);
        assert_eq!((changes(&cluster).as_str(), helpers(&site)), ("POST DELETE", 0), "{arguments:?}");
    }
    site.fetch_only(&["pvc/data", "--from", "../x"]).expect(2).says("cannot lead out of it");
    site.fetch_only(&["pvc/other"]).expect(1).says("there is no PersistentVolumeClaim other");
}

/// A stream that breaks is made good through the same pod.
#[test]
fn a_broken_stream_is_made_good() {
    let site = Site::new();
    let cluster = started(&site);
    // The pod's name is not known before; an exec in any of this name is cut.
    cluster.inject_any(Fault::Cut { after: 700, reset: true }, Times::Next(2));
    site.fetch_only(&["pvc/data", "--from", "run"]).expect(0);
    assert_eq!(changes(&cluster), "POST DELETE");
    assert_eq!(site.record("persistentvolumeclaim/data")["attempts"], 3);
    site.check();
}

fn wait_for_helper(cluster: &Cluster) {
    let begun = Instant::now();
    // It is being read, or is about to be.
    while !cluster.requests().iter().any(|request| request.method == "POST") {
        assert!(begun.elapsed() < Duration::from_mins(1), "no helper pod");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_interrupted_run_removes_its_helper() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let site = Site::new();
        let cluster = started(&site);
        cluster.inject_any(Fault::Slow { bytes_per_second: 20 }, Times::Always);
        let child = start(&site, &["-n", "shop", "pvc/data", "--from", "run"]);
        wait_for_helper(&cluster);
        std::thread::sleep(Duration::from_millis(300));
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert_eq!((changes(&cluster).as_str(), helpers(&site)), ("POST DELETE", 0));
        assert_eq!(site.run()["outcome"], "interrupted");
    }
}

/// Nobody can clean up after himself when he is killed: the next run does, and the pod has an end of its own.
#[test]
fn what_a_killed_run_leaves_is_removed_by_the_next() {
    let site = Site::new();
    let cluster = started(&site);
    cluster.inject_any(Fault::Slow { bytes_per_second: 20 }, Times::Always);
    let mut child = start(&site, &["-n", "shop", "pvc/data", "--from", "run"]);
    wait_for_helper(&cluster);
    std::thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((changes(&cluster).as_str(), helpers(&site)), ("POST", 1));
    cluster.clear_faults();
    // A run that is at work is left alone by another one.
    cluster.inject_any(Fault::Slow { bytes_per_second: 400 }, Times::Next(1));
    let other = Site::new();
    other.admit(&cluster);
    let at_work = start(&other, &["-n", "shop", "pvc/data", "--from", "run"]);
    let begun = Instant::now();
    while changes(&cluster) != "POST DELETE POST" {
        assert!(begun.elapsed() < Duration::from_mins(1), "{}", changes(&cluster));
        std::thread::sleep(Duration::from_millis(10));
    }
    site.fetch_only(&["pvc/data", "--from", "run"]).expect(0);
    let output = at_work.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // The killed run's by the next one, and by each of the two its own: nobody removed the other's.
    assert_eq!(changes(&cluster).matches("DELETE").count(), 3, "{}", changes(&cluster));
    assert_eq!(helpers(&site), 0);
}

#[test]
fn nothing_is_signalled_through_a_claim_and_that_is_said() {
    let site = Site::new();
    let pod = site.pod("web-0", &recorded(0));
    let cluster = with_claim(&site, cluster()).pod(pod).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch_only(&["pvc/data", "--from", "run", "--signal", "USR1"]).expect(2);
    ran.says("--signal: nothing can be signalled through a claim");
    assert_eq!(changes(&cluster), "");
    assert!(!site.store().exists());
    // Beside a pod it is read as it is.
    let ran = site.fetch_only(&["pvc/data", "pod/web-0", "--signal", "USR1", "--dry-run"]).expect(0);
    assert!(
        ran.stdout.contains("not for it: --signal, as nothing can be signalled through a claim"),
        "{ran:#?}"
    );
}
