//! Coverage directories that cannot be read: each is named, in every kind of image.

use realcluster::{Image, Pod, Rights};

use crate::cluster::Place;
use crate::images;
use crate::service::{Port, service};

/// Not there, closed to the container's user, no directory; one that the user may not write to; and one that is as it should
/// be.
const DIRECTORIES: [&str; 5] = ["/missing", "/sealed", "/app/library", "/unwritable", "/tmp"];

fn check(namespace: &'static str, make: impl Fn(&std::path::Path) -> Image) {
    let Some(service) = service() else { return };
    let Some(place) = Place::new(namespace) else { return };
    let image = make(&service.program);
    place.cluster.import(&image).unwrap();
    for (number, directory) in DIRECTORIES.into_iter().enumerate() {
        let port = Port::free();
        let container = port.container(&image).rights(Rights::Nonroot(1000)).env("GOCOVERDIR", directory);
        let name = format!("library-{number}");
        let pod = Pod::new(place.namespace, &name).label("app", "library").container(container);
        place.cluster.run(pod).unwrap();
        port.wait();
    }
    let mut ran =
        place.fetch(&["--signal", "USR1", "--retries", "0"]).expect(3).says("4 of 5 containers failed");
    for number in 0..3 {
        let record = place.site.record(&format!("library-{number}"));
        assert_eq!(record["failure"]["kind"], "missing-dir", "{record:#}");
        ran = ran.says(&format!("{namespace}/library-{number}/app: the coverage directory "));
    }
    ran.says(&format!("{namespace}/library-3/app: no meta file in /unwritable, so nothing was signalled"))
        .says("or its user may not write there");
    assert_eq!(place.site.record("library-4")["state"], "fetched");
}

#[test]
fn with_busybox() {
    check("directories-small", images::small);
}

#[test]
fn without_tar() {
    check("directories-tarless", images::tarless);
}

#[test]
fn without_a_shell() {
    check("directories-shellless", images::shellless);
}
