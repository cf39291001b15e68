//! Which process gets the signal, and what is left of a flush that nobody waits for any more.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use realcluster::{Container, Image, Pod, Rights};

use crate::cluster::{Place, wait_until};
use crate::images;
use crate::service::{Port, service};

/// A pod `library-0` whose process 1 is a shell, which has no handler: a flush of it waits in vain.
pub(crate) fn never_flushes(place: &Place, image: &Image) {
    let port = Port::free();
    let script = format!("/app/library -listen {} & wait; while :; do sleep 1; done", port.address());
    let container = Container::new("app", image)
        .command(["/bin/sh", "-c", &script])
        .env("GOCOVERDIR", "/coverage")
        .volume("coverage", "/coverage");
    let pod = Pod::new(place.namespace, "library-0").label("app", "library").container(container);
    place.cluster.run(pod).unwrap();
    port.wait();
}

/// The processes of `library-0` whose command line has these words: where this machine shows them.
fn processes(place: &Place, container: &str, words: &str) -> Vec<PathBuf> {
    let name = place.cluster.container_cgroup(place.namespace, "library-0", container).unwrap();
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|entry| entry.path());
    all.filter(|path| fs::read_to_string(path.join("cgroup")).is_ok_and(|groups| groups.contains(&name)))
        .filter(|path| {
            fs::read(path.join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(words))
        })
        .collect()
}

/// Whether the script waits in the pod.
pub(crate) fn script_waits(place: &Place) -> bool {
    !processes(place, "app", "say waiting").is_empty()
}

/// The process id of the service in a container of `library-0`, as its own PID namespace counts.
pub(crate) fn pid_of_service(place: &Place, container: &str) -> String {
    let services = processes(place, container, "/app/library\0-listen");
    assert_eq!(services.len(), 1, "{services:?}");
    let status = fs::read_to_string(services[0].join("status")).unwrap();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap();
    numbers.split_whitespace().last().unwrap().to_owned()
}

#[test]
fn a_signal_that_nobody_hears_ends_in_time_and_says_what_may_be_wrong() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("unheard") else { return };
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    never_flushes(&place, &image);
    let begun = Instant::now();
    let ran = place.fetch(&["--signal", "USR1", "--flush-timeout", "1s"]).expect(3);
    assert!(begun.elapsed() < Duration::from_secs(10));
    ran.says("unheard/library-0/app: ").says("--pid");

    // Once the right process has been named, the wrong one is told from it.
    let pid = pid_of_service(&place, "app");
    place.fetch(&["--signal", "USR1", "--pid", &pid]).expect(0);
    assert_eq!(place.site.record("library-0")["flush"]["pid"].to_string(), pid);
    let ran = place.fetch(&["--signal", "USR1", "--flush-timeout", "1s"]).expect(3);
    ran.says(&format!("try --pid {pid}"));
}

#[test]
fn a_pod_that_shares_its_processes_is_flushed_by_pid() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("shared-processes") else { return };
    let image = images::ordinary(&service.program);
    place.cluster.import(&image).unwrap();
    let port = Port::free();
    let container = port.container(&image).rights(Rights::Restricted(1000)).volume("coverage", "/coverage");
    let pod = Pod::new(place.namespace, "library-0").label("app", "library").container(container);
    place.cluster.run(pod.shared_processes()).unwrap();
    port.wait();
    // Process 1 is the sandbox's, and another user's.
    place.fetch(&["--signal", "USR1", "--retries", "0"]).expect(3).says("shared-processes/library-0/app: ");
    let pid = pid_of_service(&place, "app");
    assert_ne!(pid, "1");
    place.fetch(&["--signal", "USR1", "--pid", &pid]).expect(0);
    assert_eq!(place.site.record("library-0")["files"].as_array().unwrap().len(), 2);
}

/// A command outlives its client; the script has a deadline of its own.
#[test]
fn an_interrupted_run_leaves_nothing_in_the_pod() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("interrupted") else { return };
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    never_flushes(&place, &image);
    let child = place.begin(&["--signal", "USR1", "--flush-timeout", "3s"]);
    wait_until("the script", || script_waits(&place));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    place.end(child).expect(130);
    wait_until("the end of the script", || !script_waits(&place));
}
