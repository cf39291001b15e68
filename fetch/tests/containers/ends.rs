//! Containers that end: before they are read, while they wait for their flush, while they are copied, and once before.

use std::fs;
use std::path::PathBuf;

use realcluster::{Container, Pod, Rights};

use crate::cluster::{Place, wait_until};
use crate::images;
use crate::service::{Port, Service, service};
use crate::signals::{never_flushes, script_waits};

/// Files of a pod that is killed while it is copied.
const FILES: usize = 2000;

#[test]
fn a_pod_that_is_killed_while_it_waits_for_its_flush_is_named() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("killed-waiting") else { return };
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    never_flushes(&place, &image);
    let child = place.begin(&["--signal", "USR1", "--retries", "1"]);
    wait_until("the script", || script_waits(&place));
    place.cluster.remove(place.namespace, "library-0").unwrap();
    place.end(child).expect(3).says("killed-waiting/library-0/app: the pod or the container is gone");
}

/// A pod with so many files that it takes a while to copy them, of which two are in the store already.
fn with_many_files(place: &Place, service: &Service) -> PathBuf {
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    let port = Port::free();
    let container = port.container(&image).rights(Rights::Nonroot(1000)).volume("coverage", "/coverage");
    let pod = Pod::new(place.namespace, "library-0").label("app", "library").container(container);
    place.cluster.run(pod).unwrap();
    port.wait();
    place.fetch(&["--signal", "USR1"]).expect(0);
    // As if the process had been flushed some thousand times before.
    let stored = place.site.store().join(place.namespace).join("library-0/app");
    let volume = place.cluster.volume(place.namespace, "library-0", "coverage").unwrap();
    let counters: PathBuf = fs::read_dir(&stored)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains("covcounters"))
        .unwrap();
    let name = counters.file_name().unwrap().to_str().unwrap().to_owned();
    let stem = name.rsplit_once('.').unwrap().0;
    for number in 1..=FILES {
        fs::copy(&counters, volume.join(format!("{stem}.{number}"))).unwrap();
    }
    stored
}

#[test]
fn a_pod_that_is_killed_while_it_is_copied_is_named_and_whole_files_are_kept() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("killed-copying") else { return };
    let stored = with_many_files(&place, service);
    let child = place.begin(&["--retries", "1"]);
    wait_until("the first of the copied files", || fs::read_dir(&stored).unwrap().count() > 50);
    place.cluster.kill(place.namespace, "library-0", "app").unwrap();
    let ran = place.end(child).expect(3).says("killed-copying/library-0/app: the container is not running");
    let kept = fs::read_dir(&stored).unwrap().count();
    assert!((50..FILES).contains(&kept), "{kept} files are kept\n{ran:?}");

    // The next run says that there is nothing to be had any more.
    place.fetch(&[]).expect(3).says("crashed with exit code 137");
}

/// The stream ends without a word. containerd's streaming server is the node's: nobody answers the second attempt.
#[test]
fn a_node_whose_containerd_is_killed_in_the_middle_of_a_copy_is_no_success() {
    let Some(service) = service() else { return };
    let Some(place) = Place::alone("killed-daemon") else { return };
    let stored = with_many_files(&place, service);
    let child = place.begin(&["--retries", "1"]);
    wait_until("the first of the copied files", || fs::read_dir(&stored).unwrap().count() > 50);
    place.cluster.kill_containerd().unwrap();
    let ran =
        place.end(child).expect(3).says("killed-daemon/library-0/app: the API server or the kubelet failed");
    let kept = fs::read_dir(&stored).unwrap().count();
    assert!((50..FILES).contains(&kept), "{kept} files are kept\n{ran:?}");
}

#[test]
fn a_restarted_container_has_its_older_counters_on_its_volume() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("restarted") else { return };
    let image = images::ordinary(&service.program);
    place.cluster.import(&image).unwrap();
    let ports = [("kept", true), ("lost", false)].map(|(name, on_volume)| {
        let port = Port::free();
        let container = port.container(&image);
        let container = if on_volume { container.volume("coverage", "/coverage") } else { container };
        let pod = Pod::new(place.namespace, name).label("app", "library").container(container);
        place.cluster.run(pod).unwrap();
        port.wait();
        (name, port)
    });
    place.fetch(&["--signal", "USR1"]).expect(0);
    for (name, port) in &ports {
        place.cluster.restart(place.namespace, name, "app").unwrap();
        port.wait();
    }
    let ran = place.fetch(&["--signal", "USR1"]).expect(0);
    for (name, files) in [("kept", 3), ("lost", 2)] {
        let record = place.site.record(name);
        assert_eq!(record["files"].as_array().unwrap().len(), files, "{record:#}");
        assert!(record["note"].as_str().unwrap().contains("restarted once"), "{record:#}\n{ran:?}");
    }
}

#[test]
fn a_completed_container_is_a_failure_unless_its_volume_is_read_elsewhere() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("completed") else { return };
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    let ends = |name: &str, script: &str| {
        Container::new(name, &image)
            .command(["/bin/sh", "-c", script])
            .env("GOCOVERDIR", "/coverage")
            .volume("coverage", "/coverage")
    };
    let alone = Pod::new(place.namespace, "alone").label("app", "library").container(ends("job", "exit 0"));
    let crashed =
        Pod::new(place.namespace, "crashed").label("app", "library").container(ends("job", "exit 2"));
    let port = Port::free();
    let sidecar = port.container(&image).volume("coverage", "/coverage");
    let beside = Pod::new(place.namespace, "beside").label("app", "library").container(ends("job", "exit 0"));
    for pod in [alone, crashed, beside.container(sidecar)] {
        place.cluster.run(pod).unwrap();
    }
    port.wait();
    for (pod, code) in [("alone", 0), ("crashed", 2), ("beside", 0)] {
        assert_eq!(place.cluster.wait(place.namespace, pod, "job").unwrap(), code);
    }
    let ran = place.fetch(&["--signal", "USR1"]).expect(3);
    let ran = ran.says("completed/alone/job: completed with exit code 0");
    let ran = ran.says("completed/crashed/job: crashed with exit code 2").says("2 of ");
    assert!(!ran.stderr.contains("completed/beside/job"), "{}", ran.stderr);
}
