//! Images with nothing to copy with, read through an ephemeral container: its user, its capabilities, links, its life.

use realcluster::{Container, Image, Pod, Rights, Standard};

use crate::cluster::Place;
use crate::images;
use crate::service::{Port, Service, percentages, profile, service};

/// What the option is given.
fn debugger(place: &Place) -> String {
    let image = images::debugger();
    place.cluster.import(&image).unwrap();
    image.reference().to_owned()
}

fn start(place: &Place, name: &str, container: Container, change: impl Fn(Pod) -> Pod) {
    let pod = Pod::new(place.namespace, name).label("app", "library").container(container);
    place.cluster.run(change(pod)).unwrap();
}

/// The four recorded pods, in images that hold nothing but the program.
fn give_the_recorded_numbers(place: &Place, service: &Service, image: &Image, users: [Rights; 4]) {
    place.cluster.import(image).unwrap();
    let debugger = debugger(place);
    let arguments = ["--signal", "USR1", "--debug-image", &debugger];
    let mut ports = Vec::new();
    for (number, rights) in users.into_iter().enumerate() {
        let port = Port::free();
        let mut container = port.container(image).rights(rights);
        // What is restricted can write to nothing else.
        if number % 2 == 1 || matches!(rights, Rights::Restricted(_)) {
            container = container.volume("coverage", "/coverage");
        }
        start(place, &format!("library-{number}"), container, |pod| pod);
        ports.push(port);
    }
    for (number, port) in ports.iter().enumerate() {
        port.wait();
        port.send(&service.rounds(number)[0]);
    }
    place.fetch(&arguments).expect(0);
    let first = place.site.record("library-3");
    let name = first["debug_container"].as_str().unwrap();
    assert!(name.starts_with("covfetch-"), "{first:#}");
    assert!(first["note"].as_str().unwrap().contains(name), "{first:#}");
    assert_eq!(first["flush"]["outcome"], "flushed", "{first:#}");
    assert_eq!(first["flush"]["pid"], 1, "{first:#}");
    ports[3].send(&service.rounds(3)[1]);
    for number in 0..3 {
        place.cluster.remove(place.namespace, &format!("library-{number}")).unwrap();
    }
    // The second run uses the same one: it cannot be removed.
    place.fetch(&arguments).expect(0);
    assert_eq!(place.site.record("library-3")["debug_container"], first["debug_container"]);
    assert_eq!(place.cluster.ephemeral(place.namespace, "library-3").unwrap().len(), 1);
    let fetched = profile(&place.site.store());
    assert_eq!(fetched, service.recorded());
    assert_eq!(percentages(&fetched), service.percentages());
}

#[test]
fn an_image_of_nothing_but_the_program_gives_the_recorded_numbers() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("debug-bare") else { return };
    let users = [Rights::Root, Rights::Nonroot(65532), Rights::Restricted(1000), Rights::Restricted(2000)];
    give_the_recorded_numbers(&place, service, &images::bare(&service.program), users);
    // What it may do is no more than it needs.
    let added = &place.cluster.ephemeral(place.namespace, "library-3").unwrap()[0];
    let context = &added["securityContext"];
    assert_eq!((&context["runAsUser"], &context["runAsGroup"]), (&2000.into(), &2000.into()), "{added:#}");
    assert_eq!(context["capabilities"], serde_json::json!({"drop": ["ALL"]}), "{added:#}");
    assert_eq!(added["command"], serde_json::json!(["sleep", "3600"]), "{added:#}");
}

/// The same for a shell without anything that copies.
#[test]
fn an_image_without_anything_that_copies_gives_the_recorded_numbers() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("debug-copyless") else { return };
    let users = [Rights::Restricted(1000), Rights::Root, Rights::Root, Rights::Nonroot(1000)];
    give_the_recorded_numbers(&place, service, &images::copyless(&service.program), users);
}

/// A user that only the image names: the pod's status tells, and where it does not the debug container is root.
#[test]
fn a_user_that_the_spec_does_not_name_is_found() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("debug-users") else { return };
    let image = Image::new("bare-user")
        .file("/app/library", &service.program)
        .directory("/coverage", 0o777)
        .user(65532);
    place.cluster.import(&image).unwrap();
    place.cluster.import(&images::bare(&service.program)).unwrap();
    let debugger = debugger(&place);
    let silent: fn(Pod) -> Pod = Pod::silent_on_users;
    let telling: fn(Pod) -> Pod = |pod| pod;
    for (name, rights, change, user) in [
        ("told", Rights::OfImage(65532), telling, 65532),
        ("untold", Rights::OfImage(65532), silent, 0),
        ("spec", Rights::Restricted(1000), silent, 1000),
        ("root", Rights::Root, silent, 0),
    ] {
        let port = Port::free();
        let container = match rights {
            Rights::OfImage(_) => port.container(&image),
            _ => port.container(&images::bare(&service.program)).volume("coverage", "/coverage"),
        };
        start(&place, name, container.rights(rights), change);
        port.wait();
        place
            .fetch(&[
                "--signal",
                "USR1",
                "--debug-image",
                &debugger,
                "--field-selector",
                &format!("metadata.name={name}"),
            ])
            .expect(0);
        let added = place.cluster.ephemeral(place.namespace, name).unwrap();
        assert_eq!(added[0]["securityContext"]["runAsUser"], user, "{name}: {added:#?}");
    }
}

/// Links mean places in the target, whoever reads them: the debug container has a `/coverage` of its own.
#[test]
fn links_lead_to_places_in_the_target() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("debug-links") else { return };
    let image = images::bare(&service.program)
        .directory("/data/real", 0o777)
        .link("/absolute", "/data/real")
        .link("/relative", "data/../data/./real")
        .link("/up", "../../../../data/real")
        .link("/chain", "/absolute/")
        .link("/circle", "/circle/x")
        .named("links");
    place.cluster.import(&image).unwrap();
    // Files that are there for those who follow a link into the wrong root.
    let trap = images::debugger().named("trap").directory("/data", 0o755).directory("/data/real", 0o777);
    place.cluster.import(&trap).unwrap();
    for (number, directory) in
        ["/absolute", "/relative", "/up", "/chain/.", "absolute"].into_iter().enumerate()
    {
        let port = Port::free();
        let container = port.container(&image).rights(Rights::Restricted(1000)).volume("real", "/data/real");
        start(&place, &format!("library-{number}"), container.env("GOCOVERDIR", directory), |pod| pod);
        port.wait();
    }
    let arguments = ["--signal", "USR1", "--debug-image", trap.reference()];
    place.fetch(&arguments).expect(0);
    for number in 0..5 {
        let record = place.site.record(&format!("library-{number}"));
        assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
        assert_eq!(record["flush"]["outcome"], "flushed", "{record:#}");
    }
    let port = Port::free();
    let container = port.container(&image).rights(Rights::Restricted(1000)).env("GOCOVERDIR", "/circle");
    start(&place, "circle", container, |pod| pod);
    port.wait();
    place.fetch(&arguments).expect(3).says("debug-links/circle/app: ").says("lead nowhere");
}

/// Processes that are numbered together: the container's own are found by its id.
#[test]
fn a_pod_that_shares_its_processes_is_read() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("debug-shared") else { return };
    let image = images::bare(&service.program);
    place.cluster.import(&image).unwrap();
    let debugger = debugger(&place);
    let ports = [Port::free(), Port::free()];
    let mut pod = Pod::new(place.namespace, "library-0").label("app", "library").shared_processes();
    for (name, port) in ["one", "two"].into_iter().zip(&ports) {
        // The same directory, each in its own file system.
        let container = port.container(&image).rights(Rights::Nonroot(1000)).named(name);
        pod = pod.container(container);
    }
    place.cluster.run(pod).unwrap();
    ports.iter().for_each(Port::wait);
    let ran = place.fetch(&["--debug-image", &debugger]).expect(3);
    ran.says("debug-shared/library-0/one: there is a meta file")
        .says("debug-shared/library-0/two: there is a meta");
    let run = place.site.run();
    let windows: Vec<_> =
        run["containers"].as_array().unwrap().iter().map(|one| &one["debug_container"]).collect();
    assert_ne!(windows[0], windows[1]);
    for (index, name) in ["one", "two"].into_iter().enumerate() {
        let pid = crate::signals::pid_of_service(&place, name);
        place.fetch(&["--debug-image", &debugger, "-c", name, "--signal", "USR1", "--pid", &pid]).expect(0);
        assert_eq!(&place.site.record("library-0")["debug_container"], windows[index]);
        assert_eq!(place.site.record("library-0")["files"].as_array().unwrap().len(), 2);
    }
}

/// In namespaces whose pods must meet a standard, the debug container meets it: also beside a root, whom nobody may trace.
#[test]
fn the_standards_of_pod_security_are_met() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("debug-standards") else { return };
    let bare = images::bare(&service.program);
    place.cluster.import(&bare).unwrap();
    let debugger = debugger(&place);
    let arguments = ["--signal", "USR1", "--debug-image", &debugger];
    for (name, rights, standard) in [
        ("root", Rights::Root, Standard::Baseline),
        ("nonroot", Rights::Nonroot(1000), Standard::Baseline),
        ("restricted", Rights::Restricted(1000), Standard::Restricted),
    ] {
        let port = Port::free();
        let container = port.container(&bare).rights(rights).volume("coverage", "/coverage");
        start(&place, name, container, |pod| pod.standard(standard));
        port.wait();
    }
    place.fetch(&arguments).expect(0);
    let added = place.cluster.ephemeral(place.namespace, "root").unwrap();
    assert!(added.len() == 1 && added[0]["securityContext"]["capabilities"].is_null(), "{added:#?}");

    // Who is not known can only be looked into by a root who traces.
    let port = Port::free();
    let container = port.container(&bare).rights(Rights::Root);
    start(&place, "unknown", container, |pod| pod.standard(Standard::Restricted).silent_on_users());
    port.wait();
    let ran = place.fetch(&arguments).expect(3).says("debug-standards/unknown/app: the image has no tar");
    ran.says("violates PodSecurity \"restricted:latest\"").says("set securityContext.runAsUser");
    assert_eq!(place.cluster.ephemeral(place.namespace, "unknown").unwrap().len(), 0);
}

/// What stops a debug container, each with its sentence; and nothing is signalled that cannot be fetched.
#[test]
fn a_debug_container_that_does_not_come_about_is_named() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("debug-fails") else { return };
    let image = images::bare(&service.program);
    place.cluster.import(&image).unwrap();
    let sleepless = Image::new("sleepless").busybox(&realcluster::busybox().unwrap(), &["sh"]);
    let shellless = Image::new("shellless-debugger").busybox(&realcluster::busybox().unwrap(), &["sleep"]);
    for image in [&sleepless, &shellless] {
        place.cluster.import(image).unwrap();
    }
    let port = Port::free();
    let container = port.container(&image).rights(Rights::Restricted(1000)).volume("coverage", "/coverage");
    start(&place, "library-0", container, |pod| pod);
    port.wait();
    for (image, words) in [
        ("images.invalid/nobody:1", "cannot start (ImagePullBackOff: Back-off pulling image"),
        (sleepless.reference(), "sleep"),
        (shellless.reference(), "the image of the debug container has no shell"),
    ] {
        let ran = place.fetch(&["--signal", "USR1", "--debug-image", image]).expect(3);
        let ran = ran.says("debug-fails/library-0/app: the image has no tar").says("; tried then: ");
        ran.says(words);
        assert_eq!(place.site.record("library-0")["failure"]["kind"], "helper");
    }
    let volume = place.cluster.volume(place.namespace, "library-0", "coverage").unwrap();
    assert_eq!(std::fs::read_dir(volume).unwrap().count(), 1);
    // The pod still serves.
    assert_eq!(port.request("GET", "/healthz", ""), 200);
}

/// The signal ends the debug container that sends it, together with its target; where processes are shared it lives on, and
/// sees a process of another number.
#[test]
fn a_program_that_is_told_to_end_is_read_after_its_restart() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("debug-ended") else { return };
    let image = images::bare(&service.program);
    place.cluster.import(&image).unwrap();
    let debugger = debugger(&place);
    for shared in [false, true] {
        let port = Port::free();
        let container =
            port.container(&image).rights(Rights::Restricted(1000)).volume("coverage", "/coverage");
        start(&place, "library-0", container, |pod| if shared { pod.shared_processes() } else { pod });
        port.wait();
        let pid = crate::signals::pid_of_service(&place, "app");
        let child = place.begin(&["--signal", "TERM", "--pid", &pid, "--debug-image", &debugger]);
        // The part of a kubelet.
        assert_eq!(place.cluster.wait(place.namespace, "library-0", "app").unwrap(), 0);
        place.cluster.restart(place.namespace, "library-0", "app").unwrap();
        place.end(child).expect(0);
        let record = place.site.record("library-0");
        assert_eq!(
            (&record["flush"]["signal"], &record["flush"]["outcome"]),
            (&"TERM".into(), &"flushed".into()),
            "{record:#}"
        );
        assert_eq!(record["flush"]["files"].as_array().unwrap().len(), 1, "{record:#}");
        let added = place.cluster.ephemeral(place.namespace, "library-0").unwrap();
        // A program that takes its time to end is read before it does, through the first one.
        let most = if shared { 1 } else { 2 };
        assert!((1..=most).contains(&added.len()), "{added:#?}");
        place.cluster.remove(place.namespace, "library-0").unwrap();
    }
}
