//! Files that are sent through the gzip of an image: busybox's and GNU's; one image has none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use realcluster::{Image, Pod, Rights};

use crate::cluster::Place;
use crate::images;
use crate::service::{Port, service};

/// The files of a directory by name.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn the_gzip_of_busybox_and_of_gnu_serve_and_an_image_without_is_read_as_it_is() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("gzip") else { return };
    let images: [(&str, Image, Rights); 3] = [
        ("busybox", images::small_with_gzip(&service.program), Rights::Restricted(1000)),
        ("gnu", images::ordinary_with_gzip(&service.program), Rights::Root),
        ("without", images::tarless(&service.program), Rights::Root),
    ];
    for (name, image, rights) in &images {
        place.cluster.import(image).unwrap();
        let port = Port::free();
        let container = port.container(image).rights(*rights).volume("coverage", "/coverage");
        let pod = Pod::new(place.namespace, name).label("app", "library").container(container);
        place.cluster.run(pod).unwrap();
        port.wait();
    }
    for _ in 0..2 {
        let ran = place.fetch(&["--gzip", "--signal", "USR1", "-v"]).expect(0);
        // Only one of them has nothing to do it with.
        ran.says("--gzip: 1 of 3 containers");
        for (name, ..) in &images {
            let volume = place.cluster.volume(place.namespace, name, "coverage").unwrap();
            let stored = place.site.store().join(format!("gzip/{name}/app"));
            assert!(files(&volume) == files(&stored), "{name}");
            assert_eq!(place.site.record(name)["attempts"], 1);
        }
    }
}
