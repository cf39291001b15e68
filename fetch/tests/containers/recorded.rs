//! The main job: four pods with different rights get the recorded requests, and the numbers are the recorded ones.

use realcluster::{Image, Pod, Rights};

use crate::cluster::Place;
use crate::images;
use crate::service::{Port, Service, percentages, profile, service};

/// The rights of the four pods, and whether they write to a volume or into their own file system.
const PODS: [(Rights, bool); 4] = [
    (Rights::Root, false),
    (Rights::Nonroot(65532), true),
    (Rights::Restricted(1000), true),
    (Rights::Root, true),
];

/// Runs the four recorded pods with an image; each flush is one run of the program.
fn serve_and_fetch(place: &Place, service: &Service, image: &Image) {
    place.cluster.import(image).unwrap();
    let mut ports = Vec::new();
    for (number, (rights, on_volume)) in PODS.into_iter().enumerate() {
        let port = Port::free();
        let container = port.container(image).rights(rights);
        let container = if on_volume { container.volume("coverage", "/coverage") } else { container };
        let pod = Pod::new(place.namespace, &format!("library-{number}")).label("app", "library");
        place.cluster.run(pod.container(container)).unwrap();
        ports.push(port);
    }
    for (number, port) in ports.iter().enumerate() {
        port.wait();
        port.send(&service.rounds(number)[0]);
    }
    place.fetch(&["--signal", "USR1"]).expect(0);
    for number in 0..4 {
        let record = place.site.record(&format!("library-{number}"));
        assert_eq!(record["attempts"], 1, "{record:#}");
        assert_eq!(record["flush"]["outcome"], "flushed", "{record:#}");
        assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
    }
    // The fourth was flushed twice.
    ports[3].send(&service.rounds(3)[1]);
    for number in 0..3 {
        place.cluster.remove(place.namespace, &format!("library-{number}")).unwrap();
    }
    place.fetch(&["--signal", "USR1"]).expect(0);

    let fetched = profile(&place.site.store());
    assert_eq!(fetched, service.recorded());
    assert_eq!(percentages(&fetched), service.percentages());
}

#[test]
fn images_with_busybox_give_the_recorded_numbers() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("recorded-small") else { return };
    serve_and_fetch(&place, service, &images::small(&service.program));
}

#[test]
fn images_without_tar_give_the_recorded_numbers() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("recorded-tarless") else { return };
    serve_and_fetch(&place, service, &images::tarless(&service.program));
}

#[test]
fn images_without_a_shell_give_the_recorded_numbers() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("recorded-shellless") else { return };
    serve_and_fetch(&place, service, &images::shellless(&service.program));
}

#[test]
fn images_with_gnu_tar_give_the_recorded_numbers() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("recorded-ordinary") else { return };
    serve_and_fetch(&place, service, &images::ordinary(&service.program));
}
