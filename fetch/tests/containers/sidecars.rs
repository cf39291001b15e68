//! A sidecar among the init containers, as real containers.

use realcluster::{Container, Pod, Rights};

use crate::cluster::Place;
use crate::images;
use crate::service::{Port, service};

#[test]
fn a_sidecar_is_flushed_and_read_and_a_finished_init_container_is_named() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("sidecars") else { return };
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    let migrate = Container::new("migrate", &image)
        .command(["/bin/sh", "-c", "exit 0"])
        .env("GOCOVERDIR", "/coverage")
        .init();
    let ports = [Port::free(), Port::free()];
    let [sidecar, app] = ["mesh", "app"].map(|name| {
        let port = &ports[usize::from(name == "app")];
        port.container(&image).named(name).rights(Rights::Restricted(1000)).volume(name, "/coverage")
    });
    let pod = Pod::new(place.namespace, "library-0").label("app", "library");
    place.cluster.run(pod.container(migrate).container(sidecar.sidecar()).container(app)).unwrap();
    ports.iter().for_each(Port::wait);
    let ran = place.fetch(&["--signal", "USR1"]).expect(3);
    ran.says("sidecars/library-0/migrate: completed with exit code 0").says("1 of 3 containers failed");
    place.fetch(&["--signal", "USR1", "-c", "m*h", "-c", "app"]).expect(0);
    let run = place.site.run();
    for record in run["containers"].as_array().unwrap() {
        assert_eq!(record["flush"]["outcome"], "flushed", "{record:#}");
        assert_eq!(record["files"].as_array().unwrap().len(), 3, "{record:#}");
    }
    assert_eq!(run["containers"].as_array().unwrap().len(), 2, "{run:#}");
}
