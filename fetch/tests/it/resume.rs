//! A second run takes what is new and leaves the rest where it is, as far as the container's own sums say that it is the same.

use testcluster::{Cluster, Container};

use crate::common::{Site, base_name, cluster, pod, recorded};

/// Images with a shell and without, which can tell sums.
const IMAGES: [&[&str]; 2] = [&["sh", "tar", "wc", "sha256sum"], &["ls", "tar", "sha256sum"]];

/// Counter files that the pod has written.
const FILES: u64 = 300;

fn counters(site: &Site, time: u64) -> std::path::PathBuf {
    let hash = base_name(&recorded(0).meta).replace("covmeta.", "");
    site.volume("web-0").join(format!("covcounters.{hash}.1.{time}"))
}

fn write(site: &Site, times: std::ops::Range<u64>) {
    for time in times {
        std::fs::copy(&recorded(0).counters[0], counters(site, time)).unwrap();
    }
}

fn start(site: &Site, programs: &[&str]) -> Cluster {
    start_with(site, Container::new("app").programs(programs.iter().copied()))
}

fn start_with(site: &Site, container: Container) -> Cluster {
    let volume = site.volume("web-0");
    std::fs::copy(&recorded(0).meta, volume.join(base_name(&recorded(0).meta))).unwrap();
    let container = container.dir(&volume).env("GOCOVERDIR", &volume);
    let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
    site.admit(&cluster);
    cluster
}

/// Runs the program and gives the bytes that the server has sent.
fn fetch(site: &Site, cluster: &Cluster, code: i32) -> u64 {
    let before = cluster.traffic().sent;
    site.fetch(&[]).expect(code);
    site.check();
    cluster.traffic().sent - before
}

#[test]
fn a_second_run_takes_only_what_is_new_and_says_so() {
    for programs in IMAGES {
        let site = Site::new();
        let cluster = start(&site, programs);
        write(&site, 1000..1000 + FILES);
        let all = fetch(&site, &cluster, 0);
        write(&site, 5000..5002);
        let few = fetch(&site, &cluster, 0);
        eprintln!("{programs:?}: {all} bytes, then {few}");
        assert!(few * 4 < all, "{programs:?}: {few} bytes after {all}");
        let record = site.record("web-0");
        let note = record["note"].as_str().unwrap_or_default();
        assert!(note.starts_with("301 files (") && note.ends_with("here already, not sent again"), "{note}");
        let files = record["files"].as_array().unwrap();
        assert_eq!(files.len() as u64, FILES + 3);
        assert_eq!(files.iter().filter(|file| file["new"] == true).count(), 2);
        let ran = site.fetch(&["-o", "json"]).expect(0).says("0 files (0 B) new, 303 files (");
        let printed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let bytes: u64 = files.iter().map(|file| file["size"].as_u64().unwrap()).sum();
        let expected =
            serde_json::json!({"new": {"files": 0, "bytes": 0}, "held": {"files": 303, "bytes": bytes}});
        assert_eq!(printed["totals"], expected);
        // Asked for, everything is sent.
        let before = cluster.traffic().sent;
        site.fetch(&["--no-dedupe"]).expect(0);
        assert!(cluster.traffic().sent - before > all / 2);
    }
}

#[test]
fn what_is_missing_or_was_missed_is_sent() {
    for programs in IMAGES {
        let site = Site::new();
        let cluster = start(&site, programs);
        write(&site, 1000..1000 + FILES);
        fetch(&site, &cluster, 0);
        // Older than the newest that is here: lost here, and come late there.
        let stored = |time: u64| site.store().join("shop/web-0/app").join(base_name(&counters(&site, time)));
        std::fs::remove_file(stored(1007)).unwrap();
        std::fs::remove_file(site.store().join("shop/web-0/app").join(base_name(&recorded(0).meta))).unwrap();
        write(&site, 500..510);
        fetch(&site, &cluster, 0);
        assert!(stored(1007).exists() && stored(505).exists());
        let files = site.record("web-0")["files"].as_array().unwrap().clone();
        assert_eq!(files.len() as u64, FILES + 11);
        assert_eq!(files.iter().filter(|file| file["new"] == true).count(), 12, "{programs:?}");
        // More than one command has names for.
        write(&site, 10..10 + 600);
        fetch(&site, &cluster, 0);
        assert_eq!(site.record("web-0")["files"].as_array().unwrap().len() as u64, FILES + 11 + 600 - 10);
    }
}

/// A file that was written is not written again; whatever has changed is not taken for the same.
#[test]
fn a_file_that_is_another_now_is_a_conflict_on_either_side() {
    for programs in IMAGES {
        let site = Site::new();
        let cluster = start(&site, programs);
        write(&site, 1000..1000 + FILES);
        fetch(&site, &cluster, 0);
        let other = &recorded(3).counters[0];
        assert_ne!(std::fs::read(other).unwrap(), std::fs::read(&recorded(0).counters[0]).unwrap());
        std::fs::copy(other, counters(&site, 1003)).unwrap();
        site.fetch(&[]).expect(3).says("is there with other bytes and is not overwritten");
        assert_eq!(site.record("web-0")["failure"]["kind"], "conflict");
    }
}

/// A file whose sum is not told is neither here nor sent; that some are missing shows by their number.
#[test]
fn sums_that_are_lost_cost_no_file() {
    for programs in IMAGES {
        let site = Site::new();
        let others = programs.iter().copied().filter(|program| *program != "sha256sum");
        let careless = "sha256sum \"$@\" | sed '$d'";
        let cluster = start_with(&site, Container::new("app").programs(others).script("sha256sum", careless));
        write(&site, 1000..1000 + FILES);
        fetch(&site, &cluster, 0);
        // The last in the pod's order, and known to nobody here: its sum would not have helped.
        write(&site, 400..402);
        std::fs::remove_file(site.store().join("shop/web-0/app").join(base_name(&counters(&site, 1299))))
            .unwrap();
        fetch(&site, &cluster, 0);
        let files = site.record("web-0")["files"].as_array().unwrap().clone();
        assert_eq!(files.len() as u64, FILES + 3, "{programs:?}");
        assert_eq!(files.iter().filter(|file| file["new"] == true).count(), 3, "{programs:?}");
    }
}
