//! The other means to make a program write: a request to a port, a command, a process by its name, an end and a restart.

use realcluster::{Image, Pod, Rights};

use crate::cluster::{Place, wait_until};
use crate::images;
use crate::service::{Port, flusher, profile, service};
use crate::signals::{never_flushes, pid_of_service};

/// Starts a pod `library-0` of an image's program.
fn start(place: &Place, image: &Image, rights: Rights) -> Port {
    place.cluster.import(image).unwrap();
    let port = Port::free();
    let container = port.container(image).rights(rights).volume("coverage", "/coverage");
    place
        .cluster
        .run(Pod::new(place.namespace, "library-0").label("app", "library").container(container))
        .unwrap();
    port.wait();
    port
}

#[test]
fn a_request_goes_through_the_port_forward_of_containerd() {
    let Some(program) = flusher() else { return };
    let Some(place) = Place::new("requested") else { return };
    let image = images::small(program).named("flusher");
    let port = start(&place, &image, Rights::Restricted(1000)).number();
    for files in 1..=2 {
        place.fetch(&["--flush-url", &format!(":{port}/flush")]).expect(0);
        let record = place.site.record("library-0");
        assert_eq!(record["flush"]["files"].as_array().unwrap().len(), 1, "{record:#}");
        assert_eq!(record["files"].as_array().unwrap().len(), 1 + files, "{record:#}");
    }
    // What ran before the first flush and between the two was counted.
    let profile = profile(&place.site.store());
    let package = profile.packages().iter().find(|package| package.path() == "example.com/flusher").unwrap();
    assert!(package.counts().contains(&2), "{:?}", package.counts());

    let url = |rest: &str| format!("http://localhost:{rest}");
    let ran = place.fetch(&["--flush-url", &url(&format!("{port}/moved"))]).expect(3);
    ran.says("redirects are not followed");
    let ran =
        place.fetch(&["--flush-url", &url(&format!("{port}/flush")), "--flush-method", "GET"]).expect(3);
    ran.says("405 Method Not Allowed").says("POST only");
    let nobody = Port::free().number();
    let ran = place.fetch(&["--flush-url", &url(&format!("{nobody}/flush"))]).expect(3);
    ran.says(&format!("port {nobody} of the pod cannot be reached")).says("connection refused");
    assert_eq!(place.site.record("library-0")["files"].as_array().unwrap().len(), 3);
}

#[test]
fn a_command_and_a_name_reach_the_process() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("commanded") else { return };
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    never_flushes(&place, &image);
    let pid = pid_of_service(&place, "app");
    place.fetch(&["--flush-exec", &format!("kill -USR1 {pid}")]).expect(0);
    place.fetch(&["--flush-exec", "nosuch"]).expect(3).says("the image has no nosuch");
    place.fetch(&["--signal", "USR1", "--process", "library"]).expect(0);
    let record = place.site.record("library-0");
    assert_eq!(record["flush"]["pid"].to_string(), pid);
    assert_eq!(record["files"].as_array().unwrap().len(), 3, "{record:#}");
    place.fetch(&["--signal", "USR1", "--process", "nosuch"]).expect(3).says("no process named nosuch");
    place.fetch(&["--signal", "USR1", "--process", "sh", "--flush-timeout", "1s"]).expect(3).says("--pid");
    // Of this one Go programs end, unless they handle it.
    let ran = place.fetch(&["--signal", "HUP", "--process", "library"]).expect(3);
    ran.says(&format!("process {pid} ended after signal HUP and wrote no counter file: it has no handler"));
    assert_eq!(place.site.record("library-0")["failure"]["kind"], "process-ended");
}

#[test]
fn a_program_that_is_told_to_end_is_read_after_its_restart() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("ended") else { return };
    let image = images::ordinary(&service.program);
    let port = start(&place, &image, Rights::Nonroot(1000));
    assert_eq!(port.request("GET", "/healthz", ""), 200);
    let child = place.begin(&["--signal", "TERM"]);
    // The part of a kubelet.
    let code = place.cluster.wait(place.namespace, "library-0", "app").unwrap();
    assert_eq!(code, 0);
    place.cluster.restart(place.namespace, "library-0", "app").unwrap();
    place.end(child).expect(0);
    let record = place.site.record("library-0");
    assert_eq!(
        (&record["flush"]["signal"], &record["flush"]["outcome"]),
        (&"TERM".into(), &"flushed".into())
    );
    assert_eq!(record["flush"]["files"].as_array().unwrap().len(), 1, "{record:#}");
    wait_until("the service", || std::net::TcpStream::connect(port.address()).is_ok());
}
