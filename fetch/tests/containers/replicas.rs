//! Replicas whose files lie on one claim.

use realcluster::Pod;

use crate::cluster::Place;
use crate::images;
use crate::many::health_checks;
use crate::service::{Port, service};

#[test]
fn replicas_on_one_claim_are_stored_once_and_every_request_is_counted_once() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("replicas") else { return };
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    let mut ports = Vec::new();
    for number in 0..3_u32 {
        let port = Port::free();
        let container = port.container(&image).volume("cov", "/coverage");
        let pod = Pod::new(place.namespace, &format!("library-{number}")).label("app", "library");
        place.cluster.run(pod.claim("cov", "coverage").container(container)).unwrap();
        port.wait();
        for _ in 0..10_u32.pow(number) {
            assert_eq!(port.request("GET", "/healthz", ""), 200);
        }
        ports.push(port);
    }
    // Flushed in turn, then read through one of them.
    for arguments in [&["--signal", "USR1"][..], &[]] {
        place.fetch(arguments).expect(0);
        let stored = place.site.stored();
        let below = stored.iter().filter(|path| path.starts_with("replicas/library-0/app/")).count();
        assert_eq!((stored.len(), below), (5, 4), "{stored:?}");
        assert_eq!(health_checks(&place), 111);
    }
    for number in 0..3 {
        let record = place.site.record(&format!("library-{number}"));
        assert_eq!(record["files"].as_array().unwrap().len(), 4, "{record:#}");
        assert_eq!(record["directory"], "replicas/library-0/app");
    }
}
