//! Images without tar and without what could stand in for it.

use std::fs;

use realcluster::{Image, Pod, Rights};

use crate::cluster::Place;
use crate::images;
use crate::service::{Port, service};

fn start(place: &Place, image: &Image) {
    place.cluster.import(image).unwrap();
    for (name, rights) in [("root", Rights::Root), ("restricted", Rights::Restricted(1000))] {
        let port = Port::free();
        let container = port.container(image).rights(rights).volume("coverage", "/coverage");
        let pod = Pod::new(place.namespace, name).label("app", "library").container(container);
        place.cluster.run(pod).unwrap();
        port.wait();
    }
}

/// Nothing was lost: no counters were written and cleared that could not be fetched.
fn assert_unsignalled(place: &Place) {
    for pod in ["root", "restricted"] {
        let volume = place.cluster.volume(place.namespace, pod, "coverage").unwrap();
        let names: Vec<_> = fs::read_dir(volume).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            matches!(names.as_slice(), [meta] if meta.to_str().unwrap().starts_with("covmeta.")),
            "{names:?}"
        );
    }
}

#[test]
fn an_image_with_a_shell_and_nothing_to_copy_with_is_named_before_anything_is_signalled() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("copyless") else { return };
    start(&place, &images::copyless(&service.program));
    let ran = place.fetch(&["--signal", "USR1"]).expect(3);
    let ran = ran.says("copyless/root/app: the image has no tar").says("2 of 2 containers failed");
    assert!(ran.says("copyless/restricted/app: the image has no tar").stdout.contains("failed"));
    assert_eq!(place.site.record("root")["failure"]["kind"], "no-tar");
    assert_unsignalled(&place);
}

#[test]
fn an_image_of_nothing_but_the_program_is_named() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("bare") else { return };
    start(&place, &images::bare(&service.program));
    let ran = place.fetch(&["--signal", "USR1"]).expect(3);
    ran.says("bare/root/app: the image has no tar").says("bare/restricted/app: the image has no tar");
    assert_unsignalled(&place);
}
