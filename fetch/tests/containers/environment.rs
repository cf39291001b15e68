//! A GOCOVERDIR that only the image sets: the process is asked, as whatever user it runs, in every kind of image.

use realcluster::{Container, Image, Pod, Rights, busybox, find_program};

use crate::cluster::Place;
use crate::images;
use crate::service::{Port, service};

/// Runs the service from an image that sets GOCOVERDIR, in a pod whose spec does not.
fn run(place: &Place, image: &Image, name: &str, rights: Rights) {
    let port = Port::free();
    let container = Container::new("app", image)
        .command(["/app/library", "-listen", &port.address()])
        .volume("coverage", "/coverage")
        .rights(rights);
    let pod = Pod::new(place.namespace, name).label("app", "library").container(container);
    place.cluster.run(pod).unwrap();
    port.wait();
}

fn check(namespace: &'static str, make: impl Fn(&std::path::Path) -> Image, value: &str, source: &str) {
    let Some(service) = service() else { return };
    let Some(place) = Place::new(namespace) else { return };
    let image = make(&service.program).env("GOCOVERDIR", value);
    place.cluster.import(&image).unwrap();
    let pods = [
        ("root", Rights::Root),
        ("nonroot", Rights::Nonroot(1000)),
        ("restricted", Rights::Restricted(1000)),
    ];
    for (name, rights) in pods {
        run(&place, &image, name, rights);
    }
    place.fetch(&["--signal", "USR1"]).expect(0);
    for (name, _) in pods {
        let record = place.site.record(name);
        assert_eq!((&record["state"], &record["source"]), (&"fetched".into(), &source.into()), "{record:#}");
        assert_eq!(record["flush"]["outcome"], "flushed", "{record:#}");
    }
    let ran = place.fetch(&["--dry-run"]).expect(0);
    assert_eq!(ran.stdout.matches("its spec does not set GOCOVERDIR").count(), 3, "{ran:#?}");
}

/// An image of its own name, because the variable is part of it.
fn image(name: &str, service: &std::path::Path) -> Image {
    Image::new(name).file("/app/library", service).directory("/coverage", 0o777)
}

/// Busybox.
fn small(name: &str, service: &std::path::Path, more: &[&str]) -> Image {
    let programs = [&["sh", "tar", "kill", "ls", "cat", "sleep", "date", "dd"], more].concat();
    image(name, service).busybox(&busybox().unwrap(), &programs)
}

#[test]
fn of_the_process() {
    let make = |service: &std::path::Path| small("env-process", service, &["tr", "sed"]);
    check("environment-process", make, "/coverage", "/coverage");
}

/// Relative to where the process is, not to where the exec starts.
#[test]
fn relative_to_the_process() {
    let make = |service: &std::path::Path| small("env-relative", service, &["tr", "sed"]);
    check("environment-relative", make, "coverage", "/proc/1/cwd/coverage");
}

/// An image without `tr` and `sed`: what the container was started with is the next best.
#[test]
fn of_the_container() {
    let make = |service: &std::path::Path| small("env-container", service, &[]);
    check("environment-container", make, "/coverage", "/coverage");
}

#[test]
fn without_a_shell_from_is_asked_for() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("environment-shellless") else { return };
    let shellless = ["ls", "cat", "wc", "kill", "tar"]
        .iter()
        .fold(image("env-shellless", &service.program), |image, name| {
            image.program(name, &find_program(name).unwrap()).unwrap()
        });
    let image = shellless.env("GOCOVERDIR", "/coverage");
    place.cluster.import(&image).unwrap();
    run(&place, &image, "mute", Rights::Nonroot(1000));
    let ran = place.fetch(&[]).expect(1);
    assert!(ran.stdout.contains("the image has no shell to ask its process with"), "{ran:#?}");
    place.fetch(&["-c", "app"]).expect(3).says("name the directory with --from");
    place.fetch(&["--from", "/coverage", "--signal", "USR1"]).expect(0);
    assert_eq!(place.site.record("mute")["state"], "fetched");
}

/// With an image of its own for the debug container, which has another value in its environment.
fn seen_from_beside(namespace: &'static str, value: &str, source: &str) {
    let Some(service) = service() else { return };
    let Some(place) = Place::new(namespace) else { return };
    let image = image(namespace, &service.program).env("GOCOVERDIR", value);
    let debugger = images::debugger().named("misleading").env("GOCOVERDIR", "/tmp");
    for image in [&image, &debugger] {
        place.cluster.import(image).unwrap();
    }
    let pods = [
        ("root", Rights::Root),
        ("nonroot", Rights::Nonroot(1000)),
        ("restricted", Rights::Restricted(2000)),
    ];
    for (name, rights) in pods {
        run(&place, &image, name, rights);
    }
    place.fetch(&["--signal", "USR1", "--debug-image", debugger.reference()]).expect(0);
    for (name, _) in pods {
        let record = place.site.record(name);
        assert_eq!((&record["state"], &record["source"]), (&"fetched".into(), &source.into()), "{record:#}");
        assert_eq!(record["flush"]["outcome"], "flushed", "{record:#}");
        assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
        assert_eq!(place.cluster.ephemeral(place.namespace, name).unwrap().len(), 1);
    }
}

#[test]
fn without_a_shell_a_debug_container_sees_it() {
    seen_from_beside("environment-beside", "/coverage", "/coverage");
}

#[test]
fn without_a_shell_a_debug_container_sees_a_relative_one() {
    seen_from_beside("environment-beside-relative", "coverage", "/proc/1/cwd/coverage");
}
