//! Replicas with one directory on a volume: its files are stored once, and every pod that has it is named with them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use testcluster::{Cluster, Container, Fault, Pod, Times};

use crate::common::{Site, USUAL, cluster, pod, recorded};

/// What the images have.
const PROGRAMS: [&str; 9] = ["sh", "tar", "kill", "ls", "cat", "sleep", "date", "dd", "sha256sum"];

fn directory(site: &Site) -> PathBuf {
    site.volume("shared")
}

/// A container whose coverage directory is the mount of the volume `cov`.
fn container(site: &Site, name: &str, programs: &[&str]) -> Container {
    let directory = directory(site);
    Container::new(name)
        .dir(&directory)
        .env("GOCOVERDIR", &directory)
        .programs(programs.iter().copied())
        .overlay(json!({"volumeMounts": [{"name": "cov", "mountPath": directory}]}))
}

/// The volume of this name is that of a claim.
fn on_claim(pod: Pod) -> Pod {
    pod.overlay(json!({"spec": {"volumes": [
        {"name": "cov", "persistentVolumeClaim": {"claimName": "cov"}},
    ]}}))
}

/// Three replicas on one claim; each writes a counter file when it is told to.
fn replicas(site: &Site) -> Cluster {
    let replica = |index: usize| {
        let container = container(site, "app", &PROGRAMS).main(recorded(index).replay());
        on_claim(pod(&format!("web-{index}"), container))
    };
    let cluster = cluster().pods((0..3).map(replica)).start().unwrap();
    site.admit(&cluster);
    cluster
}

/// The paths of a pod's files, and how many of them are new.
fn paths(record: &Value) -> (BTreeSet<String>, usize) {
    let files = record["files"].as_array().unwrap();
    let path = |file: &Value| file["path"].as_str().unwrap().to_owned();
    (files.iter().map(path).collect(), files.iter().filter(|file| file["new"] == true).count())
}

fn execs(cluster: &Cluster) -> usize {
    cluster.requests().iter().filter(|request| request.path.ends_with("/exec")).count()
}

/// A claim may be another directory on each node, as one of a hostPath volume is: nobody speaks for a pod of another node.
#[test]
fn a_pod_on_another_node_is_read_itself() {
    let site = Site::new();
    let replica = |index: usize| {
        let directory = site.volume(&format!("node-{index}"));
        recorded(index).copy_to(&directory);
        let container = Container::new("app")
            .dir(&directory)
            .env("GOCOVERDIR", &directory)
            .programs(PROGRAMS)
            .overlay(json!({"volumeMounts": [{"name": "cov", "mountPath": directory}]}));
        let pod = on_claim(pod(&format!("web-{index}"), container));
        pod.overlay(json!({"spec": {"nodeName": format!("n{index}")}}))
    };
    let cluster = cluster().pods((0..2).map(replica)).start().unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(0);
    site.check();
    let all = |index: usize| -> BTreeSet<String> {
        let files = recorded(index);
        let names = files.counters.iter().chain([&files.meta]);
        names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    for index in 0..2 {
        let (paths, _) = paths(&site.record(&format!("web-{index}")));
        let names: BTreeSet<String> =
            paths.iter().map(|path| path.rsplit('/').next().unwrap().to_owned()).collect();
        assert_eq!(names, all(index), "web-{index}");
    }
    assert_ne!(all(0), all(1));
}

#[test]
fn they_are_read_through_one_of_them_and_stored_once() {
    let site = Site::new();
    let cluster = replicas(&site);
    for index in 0..3 {
        recorded(index).copy_to(&directory(&site));
    }
    let ran = site.fetch(&["-o", "json"]).expect(0);
    site.check();
    assert_eq!(execs(&cluster), 1);
    let stored: BTreeSet<String> = site.stored().into_iter().filter(|path| path != "manifest.json").collect();
    assert!(stored.len() >= 4 && stored.iter().all(|path| path.starts_with("shop/web-0/app/")), "{stored:?}");
    for (pod, new) in [("web-0", stored.len()), ("web-1", 0), ("web-2", 0)] {
        let record = site.record(pod);
        assert_eq!(
            (record["state"].as_str(), &record["directory"]),
            (Some("fetched"), &json!("shop/web-0/app"))
        );
        assert_eq!(paths(&record), (stored.clone(), new), "{pod}");
        let own = pod == "web-0";
        let from = if own { Value::Null } else { json!("shop/web-0/app") };
        assert!(
            record["files"].as_array().unwrap().iter().all(|file| file["copied_from"] == from),
            "{record:#}"
        );
        let note = record["note"].as_str().unwrap_or_default();
        assert_eq!(note.contains("has one directory with shop/web-0/app"), !own, "{note}");
    }
    // Each file once, though three containers have it.
    let totals = &serde_json::from_str::<Value>(&ran.stdout).unwrap()["totals"];
    assert_eq!((&totals["new"]["files"], &totals["held"]["files"]), (&json!(stored.len()), &json!(0)));
    // Asked for, each of them sends all, and it is stored once all the same.
    site.fetch(&["--no-dedupe"]).expect(0);
    site.check();
    assert_eq!((execs(&cluster), site.stored().len()), (1 + 3, stored.len() + 1));
    // The same, asked for in a plan.
    let plan = site.fetch(&["--dry-run"]).expect(0).stdout;
    assert_eq!(plan.matches("has one directory with shop/web-0/app").count(), 2, "{plan}");
}

#[test]
fn each_is_flushed_and_what_it_writes_is_stored_once() {
    let site = Site::new();
    let cluster = replicas(&site);
    site.fetch(&["--signal", "USR1"]).expect(0);
    site.check();
    assert_eq!(execs(&cluster), 3);
    let mut flushed = BTreeSet::new();
    for (index, held) in [1, 2, 3].into_iter().enumerate() {
        let record = site.record(&format!("web-{index}"));
        // The meta file came with the first.
        assert_eq!(paths(&record).0.len(), held + 1, "{record:#}");
        assert_eq!(paths(&record).1, 1 + usize::from(index == 0), "{record:#}");
        flushed.insert(record["flush"]["files"][0].as_str().unwrap().to_owned());
    }
    assert_eq!(flushed.len(), 3, "{flushed:?}");
    let stored = site.stored();
    assert_eq!(stored.iter().filter(|path| path.starts_with("shop/web-0/app/")).count(), 4, "{stored:?}");
    assert_eq!(stored.len(), 5);
}

/// The next one reads for all of them; the one that failed is named all the same.
#[test]
fn one_that_cannot_be_read_costs_the_others_nothing() {
    let site = Site::new();
    let cluster = replicas(&site);
    recorded(0).copy_to(&directory(&site));
    cluster.inject("shop", "web-0", None, Fault::refuse(500, "no such node"), Times::Always);
    site.fetch(&["--retries", "0"]).expect(3).says("error: 1 of 3 containers failed: shop/web-0/app");
    site.check();
    assert_eq!(site.states(), "web-0:failed web-1:fetched web-2:fetched");
    assert_eq!(execs(&cluster), 2);
    let found = paths(&site.record("web-1"));
    assert_eq!((found.0.len(), found.1), (2, 2));
    assert_eq!(paths(&site.record("web-2")), (found.0, 0));
}

/// Two containers of one pod, and pods that have each their own.
#[test]
fn who_shares_nothing_is_read_alone() {
    let site = Site::new();
    recorded(0).copy_to(&directory(&site));
    let two = pod("web-0", container(&site, "app", &USUAL))
        .container(container(&site, "beside", &USUAL))
        .overlay(json!({"spec": {"volumes": [{"name": "cov", "emptyDir": {}}]}}));
    let other = pod("web-1", container(&site, "app", &USUAL))
        .overlay(json!({"spec": {"volumes": [{"name": "cov", "emptyDir": {}}]}}));
    let cluster = cluster().pods([two, other]).start().unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(0);
    site.check();
    assert_eq!(execs(&cluster), 2);
    let directories: Vec<String> = site.run()["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["directory"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(directories, ["shop/web-0/app", "shop/web-0/app", "shop/web-1/app"]);
    // Two pods have written what the recorded one wrote, and each of them counts.
    assert_eq!(site.stored().len(), 1 + 2 * 2);
}
