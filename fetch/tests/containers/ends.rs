//! Containers that end: before they are read, while they wait for their flush, while they are copied, and once before.

use std::fs;
use std::path::{Path, PathBuf};

use covfmt::ids::MetaHash;
use covfmt::layout::Flavor;
use covfmt::write::{CounterWriter, SegmentArgs};
use realcluster::{Container, Image, Pod, Rights};

use crate::cluster::{Place, wait_until};
use crate::images;
use crate::service::{Port, Service, service};
use crate::signals::{never_flushes, script_waits};

/// Files of a pod that is killed while it is copied.
const FILES: usize = 800;

/// Bytes of each of them.
const LENGTH: usize = 64 << 10;

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

/// A counter file that is as long as its command line, which has no counters.
fn long_file(hash: MetaHash) -> Vec<u8> {
    let argument = "a".repeat(LENGTH);
    let mut writer = CounterWriter::new(hash, Flavor::GO);
    writer.append_segment(&SegmentArgs::new(vec![("argv1".into(), argument.as_str().into())]), []).unwrap();
    writer.finish()
}

/// Writes more counter files of a build into a directory than fit into the pipes and sockets on the way.
fn fill(directory: &Path, hash: &str) {
    let bytes = long_file(MetaHash::from_hex(hash.as_bytes()).unwrap());
    for number in 1..=FILES {
        fs::write(directory.join(format!("covcounters.{hash}.7.{number}")), &bytes).unwrap();
    }
}

/// The same in a directory without a pod, with the recorded meta file; gives how many files there are then.
pub(crate) fn many_files(service: &Service, directory: &Path) -> usize {
    let meta = service.meta_file();
    let name = meta.file_name().unwrap().to_str().unwrap();
    fs::copy(&meta, directory.join(name)).unwrap();
    fill(directory, name.strip_prefix("covmeta.").unwrap());
    FILES + 1
}

/// A pod with more bytes than fit into the pipes and sockets on the way. Gives the directory of what is fetched of it,
/// where there are two files already.
fn with_many_files(place: &Place, image: &Image) -> PathBuf {
    place.cluster.import(image).unwrap();
    let port = Port::free();
    let container = port.container(image).rights(Rights::Nonroot(1000)).volume("coverage", "/coverage");
    let pod = Pod::new(place.namespace, "library-0").label("app", "library").container(container);
    place.cluster.run(pod).unwrap();
    port.wait();
    place.fetch(&["--signal", "USR1"]).expect(0);
    let record = place.site.record("library-0");
    let meta = record["files"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|file| file["name"].as_str().unwrap().strip_prefix("covmeta.").map(str::to_owned));
    let volume = place.cluster.volume(place.namespace, "library-0", "coverage").unwrap();
    fill(&volume, &meta.unwrap());
    place.site.store().join(place.namespace).join("library-0/app")
}

fn kill_while_copied(namespace: &'static str, image: impl Fn(&Path) -> Image) {
    let Some(service) = service() else { return };
    let Some(place) = Place::new(namespace) else { return };
    let stored = with_many_files(&place, &image(&service.program));
    let child = place.begin(&["--retries", "1"]);
    wait_until("the first of the copied files", || fs::read_dir(&stored).unwrap().count() > 20);
    place.cluster.kill(place.namespace, "library-0", "app").unwrap();
    let named = format!("{namespace}/library-0/app: the container is not running");
    let ran = place.end(child).expect(3).says(&named);
    let kept = fs::read_dir(&stored).unwrap().count();
    assert!((20..FILES).contains(&kept), "{kept} files are kept\n{ran:?}");

    // The next run says that there is nothing to be had any more.
    place.fetch(&[]).expect(3).says("crashed with exit code 137");
}

#[test]
fn a_pod_that_is_killed_while_it_is_copied_is_named_and_whole_files_are_kept() {
    kill_while_copied("killed-copying", images::small);
}

#[test]
fn so_is_one_without_tar() {
    kill_while_copied("killed-tarless", images::tarless);
}

/// The stream ends without a word. containerd's streaming server is the node's: nobody answers the second attempt.
#[test]
fn a_node_whose_containerd_is_killed_in_the_middle_of_a_copy_is_no_success() {
    let Some(service) = service() else { return };
    let Some(place) = Place::alone("killed-daemon") else { return };
    let stored = with_many_files(&place, &images::small(&service.program));
    let child = place.begin(&["--retries", "1"]);
    wait_until("the first of the copied files", || fs::read_dir(&stored).unwrap().count() > 20);
    place.cluster.kill_containerd().unwrap();
    let ran =
        place.end(child).expect(3).says("killed-daemon/library-0/app: the API server or the kubelet failed");
    let kept = fs::read_dir(&stored).unwrap().count();
    assert!((20..FILES).contains(&kept), "{kept} files are kept\n{ran:?}");
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
